"""The promise about backups, against somebody who kept everything: every version of every row of the vault that was
ever written (base backups, logs and replicas hold no more), and who breaks into the provider afterwards."""

import psycopg
import pytest
from nightly import opened
from omniops import Actor
from omniops.contracts.sealed import ciphertext
from omniops.errors import ConfigError, Refused
from omniops.vault.crypto import associated, decrypt, unwrap

AGENT = Actor("member", "m1")
KEEP_ALL = """
create table public.kept (kind text, value bytea, epoch int);
create function public.keep() returns trigger language plpgsql security definer set search_path = public as $$ begin
  if TG_TABLE_NAME = 'account_key' then insert into kept values ('account', new.wrapped, new.epoch);
  else insert into kept values ('subject', new.wrapped, null); end if;
  return new; end $$;
create trigger keep after insert or update on vault.account_key for each row execute function public.keep();
create trigger keep after insert or update on vault.subject_key for each row execute function public.keep();
"""


@pytest.fixture(scope="module")
async def house(postgres, tmp_path_factory, table_maker):
    links = postgres.database()
    async with opened(postgres, links, tmp_path_factory.mktemp("copies")) as house:
        await table_maker(links)
        with psycopg.connect(links.admin.conninfo()) as connection:
            connection.execute(KEEP_ALL)
        yield house


def thief(house, table, row, *, before_epoch=None):
    """What opens of a row for who has every row that ever was and every key that the provider still has."""
    with psycopg.connect(house.rooms.database.links.admin.conninfo()) as connection:
        kept = connection.execute("select kind, value, epoch from public.kept where value is not null").fetchall()
    accounts = set()
    for kind, value, epoch in kept:
        if kind == "account" and (before_epoch is None or epoch <= before_epoch):
            try:
                accounts.add(unwrap(value, house.root.epoch_key(epoch)))
            except ConfigError:
                continue
    place = associated(row.domain_id, "vaulttest_contact", "email", row.id, row.subject_id)
    for kind, value, _ in kept:
        if kind != "subject":
            continue
        for account in accounts:
            try:
                return decrypt(ciphertext(row.email), unwrap(value, account), place)
            except Refused:
                continue
    return None


async def test_after_its_last_epoch_nothing_of_an_erased_person_opens_from_any_copy(house, contact_table):
    scope = await house.rooms.domain()
    anna = await house.person(contact_table, scope, "anna@example.org")
    ben = await house.person(contact_table, scope, "ben@example.org")
    ends = {-9: house.root.epoch()}
    for day, nights in ((-6, 3), (-1, 5), (0, 1)):
        ends[day] = (await house.sleep(nights)).epoch
    await house.rooms.vault.shred(scope, anna.subject_id, actor=AGENT)
    erased = house.clock.now()

    # At once: the live database opens nothing. Copies do, as long as an epoch lives that leads to them.
    assert thief(house, contact_table, anna, before_epoch=ends[-9]) is None
    assert thief(house, contact_table, anna, before_epoch=ends[-6]) == "anna@example.org"
    assert thief(house, contact_table, anna, before_epoch=ends[-1]) == "anna@example.org"
    assert thief(house, contact_table, ben) == "ben@example.org"

    # Each night the oldest copy dies, and no copy that is made from now on leads to her.
    await house.sleep(2)
    assert thief(house, contact_table, anna, before_epoch=ends[-6]) is None
    assert thief(house, contact_table, anna, before_epoch=ends[-1]) == "anna@example.org"
    await house.sleep(5)
    assert thief(house, contact_table, anna) == "anna@example.org"
    while house.clock.now() < house.nights.unreadable_from(erased):
        await house.sleep()
    assert thief(house, contact_table, anna) is None
    assert thief(house, contact_table, ben) == "ben@example.org"


async def test_without_a_new_account_key_the_oldest_copy_would_open_for_ever(house, contact_table, monkeypatch):
    scope = await house.rooms.domain()
    anna = await house.person(contact_table, scope, "anna@example.org")
    await house.rooms.vault.shred(scope, anna.subject_id, actor=AGENT)

    async def nobody(session):
        return []

    monkeypatch.setattr("omniops.vault.nights._with_dead_keys", nobody)
    await house.sleep(9)
    assert thief(house, contact_table, anna) == "anna@example.org"
    monkeypatch.undo()
    await house.sleep(9)
    assert thief(house, contact_table, anna) is None

"""The nights: what is living goes on opening, what was erased dies in every copy, one epoch after the other."""

import asyncio

import pytest
from nightly import PASSWORD, opened
from omniops import Actor, seal
from omniops.errors import ConfigError, NotReady, Refused, Rejected
from omniops.vault.mirror import Mirror
from omniops.vault.roots import FolderRoot
from sqlmodel import select

AGENT = Actor("member", "m1")


@pytest.fixture(scope="module")
async def house(postgres, tmp_path_factory, table_maker):
    links = postgres.database()
    async with opened(postgres, links, tmp_path_factory.mktemp("nights")) as house:
        await table_maker(links)
        yield house


async def read(house, table, scope):
    """E-mail and credential of everybody in a domain, as an agent reads them."""
    async with house.rooms.database.session(scope) as session:
        rows = (await session.exec(select(table).where(table.domain_id == scope.domain_id))).all()
    clear = await house.rooms.vault.open(rows, purpose="support.provide", actor=AGENT)
    use = await house.rooms.vault.open(rows, purpose="connection.use", actor=AGENT)
    return {(clear(row.email, otherwise="shut"), use(row.token, otherwise="shut")) for row in rows}


async def test_a_night_moves_what_lives_and_changes_nothing_for_readers(house, contact_table):
    scope = await house.rooms.domain()
    anna = await house.person(contact_table, scope, "anna@example.org")
    before = house.root.epoch()
    night = await house.sleep()
    assert night.epoch == before + 1 == house.root.epoch()
    assert await read(house, contact_table, scope) == {("anna@example.org", "sk-123")}
    assert await house.rooms.vault.find(scope.domain_id, "email", "Anna@example.org") == anna.subject_id
    assert (await house.sql("select count(*) from vault.account_key where epoch <> :e", e=night.epoch))[0][0] == 0


async def test_an_account_with_an_erasure_gets_a_new_key_and_the_old_one_dies(house, contact_table):
    scope, quiet = await house.rooms.domain(), await house.rooms.domain()
    anna = await house.person(contact_table, scope, "anna@example.org")
    ben = await house.person(contact_table, scope, "ben@example.org")
    await house.person(contact_table, quiet, "carl@example.org")
    await house.rooms.vault.shred(scope, anna.subject_id, actor=AGENT)
    night = await house.sleep()
    assert (night.renewed, night.identifiers) == (1, 1)
    assert await versions(house, scope) == [(2, "active")]
    assert await versions(house, quiet) == [(1, "active")]
    assert await read(house, contact_table, scope) == {("shut", "sk-123"), ("ben@example.org", "sk-123")}
    assert await house.rooms.vault.find(scope.domain_id, "email", "ben@example.org") == ben.subject_id
    assert await house.rooms.vault.find(scope.domain_id, "email", "anna@example.org") is None
    assert (await house.sleep()).renewed == 0


async def versions(house, scope):
    rows = await house.sql(
        "select version, state from vault.account_key where account_id = :a order by version", a=scope.account_id
    )
    return [tuple(row) for row in rows]


async def test_a_key_of_a_night_is_destroyed_when_it_was_out_of_use_for_seven_days(house):
    epoch = (await house.sleep()).epoch
    last = await house.sleep(7)
    assert epoch not in last.destroyed
    house.root.epoch_key(epoch)
    assert epoch in (await house.sleep()).destroyed
    with pytest.raises(ConfigError, match="was destroyed"):
        house.root.epoch_key(epoch)
    assert len(house.root.epochs()) == 8
    assert FolderRoot(house.mirror._folder).epochs() == house.root.epochs()


async def test_members_sign_in_after_nights_and_an_address_stays_taken(house):
    members = await house.member("Mara@example.org")
    await house.sleep(2)
    assert await members.sign_in("mara@example.org", PASSWORD, network="n")
    with pytest.raises(Refused, match="do not fit together"):
        await members.sign_in("nobody@example.org", PASSWORD, network="n")
    with pytest.raises(Rejected, match="signs in with this address already"):
        await house.member("mara@example.org")


async def test_a_night_waits_for_who_signs_up(house, monkeypatch):
    """The address that is being written moves with all others, so that it is found afterwards."""
    writing, go_on = asyncio.Event(), asyncio.Event()
    address_hash = house.rooms.vault.address_hash

    async def slowly(kind, value, *, session=None):
        found = await address_hash(kind, value, session=session)
        if session is not None:
            writing.set()
            await go_on.wait()
        return found

    monkeypatch.setattr(house.rooms.vault, "address_hash", slowly)
    async with asyncio.TaskGroup() as group:
        signing = group.create_task(house.member("late@example.org"))
        await writing.wait()
        night = group.create_task(house.sleep())
        while not await house.sql("select 1 from pg_locks where locktype = 'advisory' and not granted"):
            assert not night.done()
        go_on.set()
    assert await signing.result().sign_in("late@example.org", PASSWORD, network="n")


async def test_a_missed_night_is_made_up_for_once(house):
    epoch = house.root.epoch()
    await house.nights._tick()
    assert house.root.epoch() == epoch
    house.clock.forward(days=3)
    await house.nights._tick()
    await house.nights._tick()
    assert house.root.epoch() == epoch + 1


async def test_a_night_that_was_killed_is_finished_by_the_next(house, contact_table, monkeypatch):
    scope = await house.rooms.domain()
    anna = await house.person(contact_table, scope, "anna@example.org")
    await house.person(contact_table, scope, "ben@example.org")
    await house.rooms.vault.shred(scope, anna.subject_id, actor=AGENT)

    async def killed(*args):
        raise RuntimeError("killed")

    for step in ("_begin", "_wrap_accounts", "_destroy"):
        monkeypatch.setattr(house.nights, step, killed)
        with pytest.raises(RuntimeError):
            await house.nights.night()
        monkeypatch.undo()
    monkeypatch.setattr("omniops.vault.rewrapping._move_keys", killed)
    with pytest.raises(RuntimeError):
        await house.nights.rotate_accounts()
    monkeypatch.undo()
    await house.nights.night()
    assert [state for _, state in await versions(house, scope)] == ["active"]
    assert await read(house, contact_table, scope) == {("shut", "sk-123"), ("ben@example.org", "sk-123")}


async def test_two_nights_at_once_are_one(house):
    async with house.rooms.database.alone("vault night"):
        with pytest.raises(NotReady, match="runs already"):
            await house.nights.night()


@pytest.mark.slow
@pytest.mark.parametrize("rotate", ["rotate_root", "rotate_accounts", "rotate_subjects"])
async def test_keys_rotate_while_people_read_and_write(house, contact_table, rotate):
    scope = await house.rooms.domain()
    emails = [f"p{n}@example.org" for n in range(12)]
    people = [await house.person(contact_table, scope, email) for email in emails]
    going, counts = True, {"read": 0, "written": 0, "found": 0}

    async def readers():
        while going:
            assert {email for email, _ in await read(house, contact_table, scope)} >= set(emails)
            counts["read"] += 1

    async def finders():
        while going:
            assert await house.rooms.vault.find(scope.domain_id, "email", emails[3]) == people[3].subject_id
            counts["found"] += 1

    async def writers(lane):
        while going:
            n = counts["written"] = counts["written"] + 1
            person = n % 6 * 2 + lane
            async with house.rooms.database.session(scope) as session:
                row = await session.get(contact_table, (scope.domain_id, people[person].id))
                row.note, row.email = seal(f"written {n}"), seal(emails[person])
                await session.commit()
            await house.person(contact_table, scope, f"new{n}@example.org")

    async def rotation():
        nonlocal going
        rotated = [await getattr(house.nights, rotate)() for _ in range(3)]
        going = False
        return rotated

    async with asyncio.TaskGroup() as group:
        for task in (readers(), readers(), finders(), writers(0), writers(1)):
            group.create_task(task)
        rotating = group.create_task(rotation())
    rotated = rotating.result()
    assert all(count > 0 for count in counts.values())
    assert [one.left for one in rotated] == [0, 0, 0]
    assert all(one.moved for one in (rotated[:1] if rotate == "rotate_subjects" else rotated))
    await house.sleep()
    assert {email for email, _ in await read(house, contact_table, scope)} >= set(emails)


async def test_a_person_can_get_another_key_and_the_old_one_opens_nothing_after_the_night(house, contact_table):
    scope = await house.rooms.domain()
    anna = await house.person(contact_table, scope, "anna@example.org")
    ben = await house.person(contact_table, scope, "ben@example.org")
    await read(house, contact_table, scope)
    rotated = await house.nights.rotate_subjects(anna.subject_id)
    assert (rotated.moved, rotated.left) == (2, 0)
    await house.sleep()
    await read(house, contact_table, scope)
    entries = await house.sql(
        "select subject_refs from audit_entry where account_id = :a and action = 'vault.open' order by seq",
        a=scope.account_id,
    )
    assert entries[0] == entries[-1]  # the same pseudonyms in the audit, before and after
    states = await house.sql(
        "select subject_id, version, state, wrapped is null as gone from vault.subject_key where home_id = :h"
        " order by version",
        h=scope.domain_id,
    )
    assert [tuple(row) for row in states if row.subject_id == anna.subject_id] == [
        (anna.subject_id, 1, "retired", True),
        (anna.subject_id, 2, "active", False),
    ]
    assert [row.version for row in states if row.subject_id == ben.subject_id] == [1]
    assert {email for email, _ in await read(house, contact_table, scope)} == {"anna@example.org", "ben@example.org"}


async def test_a_root_that_was_replaced_opens_nothing_and_passwords_stay(house):
    old = (house.root._folder / "root.key").read_bytes()
    secret, epochs = house.root.secret("database app"), [house.root.epoch_key(n) for n in house.root.epochs()]
    other = FolderRoot(house.root._folder)  # as another process holds it
    await house.nights.rotate_root()
    assert (house.root._folder / "root.key").read_bytes() != old
    assert [other.epoch_key(number) for number in other.epochs()] == epochs
    assert other.secret("database app") == house.root.secret("database app") == secret
    await house.rooms.vault.check_root()
    (house.root._folder / "root.key").write_bytes(old)
    with pytest.raises(ConfigError, match="does not open under the root key"):
        FolderRoot(house.root._folder).epoch_key(house.root.epoch())
    (house.root._folder / "root.key").write_bytes((house.mirror._folder / "root.key").read_bytes())
    await house.rooms.vault.check_root()


async def test_the_mirror_knows_of_an_erasure_at_once_and_notices_a_shortened_list(house, contact_table):
    scope = await house.rooms.domain()
    anna = await house.person(contact_table, scope, "anna@example.org")
    await house.rooms.vault.shred(scope, anna.subject_id, actor=AGENT)
    assert str(anna.subject_id) in {one.subject_id for one in house.mirror.shreds()}
    path = house.mirror._folder / "shreds.jsonl"
    whole = path.read_bytes()
    path.write_bytes(b"\n".join(whole.splitlines()[:-1]) + b"\n")
    with pytest.raises(Refused, match="was changed"):
        house.mirror.shreds()
    path.write_bytes(whole)


async def test_an_erasure_does_not_wait_for_a_mirror_that_is_away(house, tmp_path):
    (tmp_path / "file").touch()
    away = Mirror(tmp_path / "file" / "mirror", house.root, house.clock, house.log)
    away.shredded(await house.rooms.domain(), [(await house.rooms.domain()).account_id])
    assert house.log.events[-1][:2] == ("error", "mirror.failed")

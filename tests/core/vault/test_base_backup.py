"""The promise about backups with PostgreSQL's own copies: the files of base backups and their logs, read as bytes.

A wrapped key is 40 bytes behind the byte that says so. Every such place in the copied files (dead rows, pages in the
log and all) is tried with every key that the provider still has.
"""

import os
import re
import subprocess

import psycopg
import pytest
from nightly import opened
from omniops import Actor
from omniops.contracts.sealed import ciphertext
from omniops.database.binaries import find
from omniops.errors import Refused
from omniops.testing.scratch import URL
from omniops.vault.crypto import associated, decrypt, unwrap

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(URL in os.environ, reason="a base backup needs the embedded server"),
]
AGENT = Actor("member", "m1")
WRAPPED = re.compile(rb"\x53(?=(.{40}))", re.DOTALL)
"""A value of 40 bytes as PostgreSQL stores it: one byte of length, (40 + 1) * 2 + 1."""


@pytest.fixture(scope="module")
async def house(postgres, tmp_path_factory, table_maker):
    links = postgres.database()
    async with opened(postgres, links, tmp_path_factory.mktemp("base")) as house:
        await table_maker(links)
        yield house


def copied(house, folder):
    """Every place in a base backup and its log that may be a wrapped key."""
    link = house.rooms.database.links.admin
    shown = {key: value for key, value in link.parameters.items() if key != "password"}
    conninfo = psycopg.conninfo.make_conninfo("", **shown)
    with psycopg.connect(link.conninfo(), autocommit=True) as connection:
        (oid,) = connection.execute("select oid from pg_database where datname = current_database()").fetchone()
        connection.execute("checkpoint")
    subprocess.run(
        [find().program("pg_basebackup"), f"--dbname={conninfo}", "-D", folder, "-X", "stream", "-c", "fast"],
        env={**os.environ, "PGPASSWORD": link.parameters["password"]},
        check=True,
        capture_output=True,
    )
    paths = [*(folder / "base" / str(oid)).iterdir(), *(folder / "pg_wal").glob("0*")]
    return {match[1] for path in paths for match in WRAPPED.finditer(path.read_bytes())}


def opens(house, copy, row):
    """What a row's e-mail says to who has the copy and everything that the provider has today."""
    accounts = set(unwrapped(copy, [house.root.epoch_key(number) for number in house.root.epochs()]))
    place = associated(row.domain_id, "vaulttest_contact", "email", row.id, row.subject_id)
    for key in unwrapped(copy, accounts):
        try:
            return decrypt(ciphertext(row.email), key, place)
        except Refused:
            continue
    return None


def unwrapped(values, keys):
    for key in keys:
        for value in values:
            try:
                yield unwrap(value, key)
            except Refused:
                continue


async def test_files_and_logs_of_old_copies_lead_to_nobody_who_was_erased(house, contact_table, tmp_path):
    scope = await house.rooms.domain()
    anna = await house.person(contact_table, scope, "anna@example.org")
    ben = await house.person(contact_table, scope, "ben@example.org")
    copies = {}
    for day, nights in ((-9, 0), (-6, 3), (-1, 5)):
        if nights:
            await house.sleep(nights)
        copies[day] = copied(house, tmp_path / str(day))
    await house.sleep()
    await house.rooms.vault.shred(scope, anna.subject_id, actor=AGENT)
    erased = house.clock.now()

    def readable(person):
        return [day for day, copy in copies.items() if opens(house, copy, person) is not None]

    assert readable(anna) == readable(ben) == [-6, -1]
    await house.sleep()
    copies[1] = copied(house, tmp_path / "1")
    await house.sleep(2)
    assert readable(anna) == [-1, 1]  # her old key is still in dead rows, under a key of a night that still lives
    while house.clock.now() < house.nights.unreadable_from(erased):
        await house.sleep()
    assert readable(anna) == []
    assert readable(ben) == [1]
    copies = {8: copied(house, tmp_path / "8")}
    assert readable(anna) == []
    assert readable(ben) == [8]

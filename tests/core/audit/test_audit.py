"""The chain: complete, in order over many writers, and every change to it is seen."""

import asyncio
import hashlib
import json
from contextlib import AsyncExitStack
from datetime import UTC
from importlib import import_module
from uuid import uuid4

import psycopg
import pytest
from omniops.audit.service import SIGNING, Audit, Entry
from omniops.contracts.ids import SystemClock


def entry(account, number=0) -> Entry:
    return Entry(account, "member:m1", "vault.open", "message", ["p1"], "chat.respond", {"values": number})


async def test_n_acts_are_n_entries(rooms):
    account = uuid4()
    await asyncio.gather(*(rooms.audit.write(entry(account, n)) for n in range(120)))
    verdict = await rooms.audit.verify(account)
    assert (verdict.entries, verdict.broken) == (120, None)


async def test_writers_of_several_processes_make_one_chain(rooms):
    """Two writers with connections of their own, as two processes have."""
    account = uuid4()
    other = Audit(rooms.database, SystemClock(), rooms.root.secret(SIGNING))
    await asyncio.gather(*(writer.write(entry(account, n)) for n in range(40) for writer in (rooms.audit, other)))
    await other.close()
    verdict = await rooms.audit.verify(account)
    assert (verdict.entries, verdict.broken) == (80, None)


async def test_many_accounts_at_once_do_not_wait_for_each_other_for_ever(rooms):
    accounts = [uuid4() for _ in range(8)]
    other = Audit(rooms.database, SystemClock(), rooms.root.secret(SIGNING))
    async with asyncio.timeout(30):
        await asyncio.gather(
            *(w.write(entry(a, n)) for n in range(6) for a in accounts for w in (rooms.audit, other)),
            *(w.write(entry(a, n)) for n in range(6) for a in reversed(accounts) for w in (other, rooms.audit)),
        )
    await other.close()
    for account in accounts:
        assert (await rooms.audit.verify(account)).entries == 24


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        ("update omniops.audit_entry set actor = 'nobody' where account_id = %s and seq = 3", "entry 3 was changed"),
        ("update omniops.audit_entry set detail = '{}' where account_id = %s and seq = 2", "entry 2 was changed"),
        (
            "update omniops.audit_entry set at = at + interval '1 s' where account_id = %s and seq = 5",
            "entry 5 was changed",
        ),
        (
            "update omniops.audit_entry set hash = set_byte(hash, 0, get_byte(hash, 0) # 1) "
            "where account_id = %s and seq = 4",
            "entry 4",
        ),
        ("delete from omniops.audit_entry where account_id = %s and seq = 3", "entry 3 is missing"),
        ("delete from omniops.audit_entry where account_id = %s and seq = 6", "the end of the chain is missing"),
    ],
)  # fmt: skip
async def test_every_change_is_seen(rooms, tamper, said):
    account = uuid4()
    for number in range(6):
        await rooms.audit.write(entry(account, number))
    assert (await rooms.audit.verify(account)).broken is None
    with psycopg.connect(rooms.database.links.admin.conninfo()) as connection:
        assert connection.execute(tamper, [account]).rowcount == 1
    verdict = await rooms.audit.verify(account)
    assert verdict.broken is not None
    assert said in verdict.reason


async def test_one_account_does_not_see_anothers_entries(rooms):
    mine, theirs = uuid4(), uuid4()
    await rooms.audit.write(entry(theirs))
    assert (await rooms.audit.verify(mine)).entries == 0


async def test_a_hash_is_of_the_canonical_json_of_all_fields(rooms):
    """The rule has been the same since the first entry ever written, whatever the fields hold."""
    account = uuid4()
    odd = '"quoted" \\ back\tslash\n line \x01 \x7f ü 😀 \u2028'
    await rooms.audit.write(
        Entry(account, odd, odd, odd, [odd, "p"], odd, {"z": 1.5, "a": {"y": [odd, None], "b": True}})
    )
    await rooms.audit.write(Entry(account, "member:m1", "vault.open", "message"))
    with psycopg.connect(rooms.database.links.admin.conninfo()) as connection:
        rows = connection.execute(
            "select seq, at, actor, action, object, subject_refs, purpose, detail, prev_hash, hash"
            " from omniops.audit_entry where account_id = %s order by seq",
            [account],
        ).fetchall()
    before = bytes(32)
    for seq, at, *fields, prev, found in rows:
        at = at.astimezone(UTC).isoformat(timespec="microseconds")
        text = json.dumps(
            [str(account), seq, at, *fields, before.hex()], ensure_ascii=False, sort_keys=True, separators=(",", ":")
        )
        assert prev == before
        assert found == hashlib.sha256(text.encode()).digest()
        before = found
    assert (await rooms.audit.verify(account)).broken is None


async def test_chains_of_before_the_signed_heads_stay_whole(rooms):
    """What the migration does to the columns of an older database, whose entries were kept as `jsonb`."""
    account = uuid4()
    odd = {"z": 0.61, "b": {"y": [1, None, True], "a": 'ü "q" \\ \n'}, "aa": [], "c": {}}
    await rooms.audit.write(Entry(account, "member:m1", "x", "y", ["p2", "p1"], "z", odd))
    revision = import_module("omniops.database.migrations.versions.0017_audit")
    with psycopg.connect(rooms.database.links.admin.conninfo()) as connection:
        for column in ("subject_refs", "detail"):
            connection.execute(f"alter table omniops.audit_entry alter {column} type jsonb using {column}::jsonb")
        connection.execute(revision.COMPACT)
        for column in ("subject_refs", "detail"):
            connection.execute(
                f"alter table omniops.audit_entry alter {column} type json using omniops.audit_compact({column})::json"
            )
        connection.execute("drop function omniops.audit_compact")
    verdict = await rooms.audit.verify(account)
    assert (verdict.entries, verdict.broken) == (1, None)


async def test_a_note_is_chained_with_its_accounts_next_entry_and_lost_with_its_transaction(rooms):
    scope = await rooms.domain()
    start = (await rooms.audit.verify(scope.account_id)).entries
    for commit in (True, False):
        async with rooms.database.session(scope) as session:
            await session.run_sync(lambda sync: rooms.audit.note(sync.connection(), entry(scope.account_id)))
            if commit:
                await session.commit()
    await rooms.audit.write(entry(scope.account_id))
    with psycopg.connect(rooms.database.links.admin.conninfo()) as connection:
        waiting = connection.execute("select count(*) from omniops.audit_waiting").fetchone()
    assert waiting == (0,)
    verdict = await rooms.audit.verify(scope.account_id)
    assert (verdict.entries, verdict.broken) == (start + 2, None)


async def test_what_a_killed_process_left_waiting_is_chained_by_another(rooms):
    scope = await rooms.domain()
    async with rooms.database.session(scope) as session:
        await session.run_sync(lambda sync: rooms.audit.note(sync.connection(), entry(scope.account_id)))
        await session.commit()
    other = Audit(rooms.database, SystemClock(), rooms.root.secret(SIGNING))
    await other.chain_now()
    await other.close()
    with psycopg.connect(rooms.database.links.admin.conninfo()) as connection:
        rows = connection.execute("select count(*) from omniops.audit_entry where account_id = %s", [scope.account_id])
        assert rows.fetchone() == (1,)


async def test_a_writer_gets_its_connection_though_all_others_wait_for_it(rooms):
    """Every session of the pool is open and wants to open something: the audit has a connection of its own."""
    scope = await rooms.domain()
    async with asyncio.timeout(15), AsyncExitStack() as stack:
        for _ in range(20):
            await stack.enter_async_context(rooms.database.session(scope))
        await rooms.audit.write(entry(scope.account_id))

"""The chain: complete, in order over many writers, and every change to it is seen."""

import asyncio
from uuid import uuid4

import psycopg
import pytest
from omniops.audit.service import Audit, Entry
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
    other = Audit(rooms.database, SystemClock())
    await asyncio.gather(*(writer.write(entry(account, n)) for n in range(40) for writer in (rooms.audit, other)))
    await other.close()
    verdict = await rooms.audit.verify(account)
    assert (verdict.entries, verdict.broken) == (80, None)


async def test_many_accounts_at_once_do_not_wait_for_each_other_for_ever(rooms):
    accounts = [uuid4() for _ in range(8)]
    other = Audit(rooms.database, SystemClock())
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

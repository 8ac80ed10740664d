"""What the audit costs: appending, what it adds to an opening and to a write, and checking chains.

python tests/bench/audit.py [--entries 1000000] [--only chain]

`open` compares openings of one message with and without the entry, by eight callers at a time and by one. `write`
compares a transaction that stores a message with and without its note. Checks and exports must not need more memory for
a longer chain: `growth_mb` is the most that the process held above where it began. `--only chain` leaves `open` and
`write` out, which wait for the disk.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psutil
from omniops.audit.export import Exports, check
from omniops.audit.service import Entry
from omniops.contracts.ids import SystemClock
from omniops.contracts.scope import Actor
from omniops.contracts.sealed import seal
from omniops.conversation.models import Conversation, Message
from omniops.testing.rooms import Rooms
from omniops.testing.scratch import scratch_server
from omniops.vault.models import Subject
from sqlalchemy import text

OPENINGS, WRITES = 2000, 1000


def entry(account, number):
    return Entry(account, f"member:{account}", "vault.open", "message", ["0" * 32], "chat.respond", {"values": number})


async def append(rooms, account, count):
    """Batches as many callers make them: each waits for its own entry."""
    started, spent = time.perf_counter(), time.process_time()
    for begin in range(0, count, 20_000):
        await asyncio.gather(*(rooms.audit.write(entry(account, n)) for n in range(begin, min(begin + 20_000, count))))
    wall = time.perf_counter() - started
    return {
        "append_ms_each": round(wall / count * 1000, 4),
        "cpu_ms_each": round((time.process_time() - spent) / count * 1000, 4),
    }


@contextmanager
def watched(found, name):
    """Enters the growth of this process's memory while the block runs."""
    own, over = psutil.Process(), threading.Event()
    begun = most = own.memory_info().rss

    def watch():
        nonlocal most
        while not over.wait(0.02):
            most = max(most, own.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
        found[name] = round((most - begun) / 2**20, 1)


async def checking(rooms, account, count):
    memory = {}
    with watched(memory, "growth_mb"):
        return await measured(rooms, account, count) | {"memory": memory}


async def measured(rooms, account, count):
    started = time.perf_counter()
    verdict = await rooms.audit.verify(account)
    in_database = time.perf_counter() - started
    assert (verdict.entries, verdict.broken) == (count, None)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "audit"
        started = time.perf_counter()
        with file.open("wb") as out:
            async for part in Exports(rooms.database, rooms.root.secret("audit log"), SystemClock()).lines(account):
                out.write(part)
        exporting = time.perf_counter() - started
        started = time.perf_counter()
        with file.open("rb") as lines:
            (found,) = check(lines)
        offline = time.perf_counter() - started
        assert (found.entries, found.problem) == (count, "")
        size = file.stat().st_size
    return {
        "verify_database_per_s": round(count / in_database),
        "export_per_s": round(count / exporting),
        "verify_file_per_s": round(count / offline),
        "file_bytes_each": round(size / count),
    }


def spread(times):
    ordered = sorted(times)
    return {
        "p50": round(statistics.median(ordered) * 1000, 2),
        "p99": round(ordered[len(ordered) * 99 // 100] * 1000, 2),
    }


async def timed(act, times, callers):
    """How long each of `times` calls took, `callers` of them at a time."""
    spent = []

    async def caller():
        for _ in range(times // callers):
            started = time.perf_counter()
            await act()
            spent.append(time.perf_counter() - started)

    await asyncio.gather(*(caller() for _ in range(callers)))
    return spent


class Silent:
    """An audit that keeps nothing: what is left is the cost of everything else."""

    async def write(self, entry):
        return None


async def opening(rooms):
    scope = await rooms.domain()
    subject = Subject(account_id=scope.account_id, home_id=scope.domain_id, kind="visitor")
    talk = Conversation(domain_id=scope.domain_id, subject_id=subject.id, channel="website")
    async with rooms.database.session(scope) as session:
        session.add_all([subject, talk])
        await session.commit()
    numbers = iter(range(1, 1_000_000))

    def message():
        return Message(
            domain_id=scope.domain_id, subject_id=subject.id, conversation_id=talk.id, seq=next(numbers),
            author="visitor", text=seal("Where is my parcel? I ordered it on Monday."), delivery_id=str(uuid4()),
        )  # fmt: skip

    async def bare():
        async with rooms.database.reserved() as connection:
            await connection.execute(text("select pg_logical_emit_message(true, 'bench', 'one')"))

    async def store():
        async with rooms.database.session(scope) as session:
            session.add(message())
            await session.commit()

    one = message()
    async with rooms.database.session(scope) as session:
        session.add(one)
        await session.commit()

    async def read():
        await rooms.vault.open([one], purpose="chat.respond", actor=Actor.system("bench"))

    audit, note = rooms.audit, rooms.audit.note
    found = {"bare_commit": spread(await timed(bare, 500, 1))}
    for callers in (1, 8):
        await timed(read, 200, callers)
        found[f"open_{callers}"] = spread(await timed(read, OPENINGS, callers))
        rooms.vault._audit = Silent()
        found[f"open_{callers}_without"] = spread(await timed(read, OPENINGS, callers))
        rooms.vault._audit = audit
        await timed(store, 100, callers)
        found[f"write_{callers}"] = spread(await timed(store, WRITES, callers))
        rooms.audit.note = lambda connection, entry: None
        found[f"write_{callers}_without"] = spread(await timed(store, WRITES, callers))
        rooms.audit.note = note
    return found


async def main(entries, only):
    with scratch_server() as server:
        async with Rooms.open(server.database(), server.root, SystemClock()) as rooms:
            async with rooms.database.session(await rooms.domain()) as session:
                connection = await session.connection()
                fsync = (await connection.execute(text("show fsync"))).scalar_one()
            print(json.dumps({"fsync": fsync}), flush=True)
            if only != "chain":
                print(json.dumps(await opening(rooms)), flush=True)
            account = uuid4()
            print(json.dumps({"entries": entries} | await append(rooms, account, entries)), flush=True)
            print(json.dumps(await checking(rooms, account, entries)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("chain",))
    chosen = parser.parse_args()
    asyncio.run(main(chosen.entries, chosen.only))

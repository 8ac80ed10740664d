"""What a night costs: an account's key is replaced and everything that hangs from it is wrapped anew. And an opening.

    python tests/bench/nights.py [--keys 1000000] [--identifiers 100000]

One account, in a fresh database on this machine. Two processes are at work: this one wraps, PostgreSQL writes. CPU
seconds are given beside the wall clock: they stay the same when others use the machine.
"""

import argparse
import asyncio
import json
import os
import time

import psutil
import psycopg
from omniops.contracts.ids import SystemClock, new_id
from omniops.contracts.scope import Actor
from omniops.contracts.sealed import seal
from omniops.conversation.models import Conversation, Message
from omniops.testing.rooms import Rooms
from omniops.testing.scratch import scratch_server
from omniops.vault.crypto import lookup_hash, unwrap, wrap
from omniops.vault.models import Subject
from omniops.vault.rewrapping import renew
from sqlmodel import select


def fill(links, scope, under, keys, identifiers):
    people = [new_id() for _ in range(keys)]
    with psycopg.connect(links.admin.conninfo()) as connection, connection.cursor() as cursor:
        columns = "account_id, home_id, subject_id, version, account_key_version, wrapped, pepper_wrapped, state"
        with cursor.copy(f"copy vault.subject_key ({columns}, created_at) from stdin") as copy:
            for person in people:
                key, pepper = wrap(os.urandom(32), under), wrap(os.urandom(32), under)
                copy.write_row(
                    (scope.account_id, scope.domain_id, person, 1, 1, key, pepper, "active", "2026-11-01T00:00:00Z")
                )
        columns = "account_id, home_id, kind, hash, row_id, subject_id, account_key_version"
        with cursor.copy(f"copy vault.identifier ({columns}) from stdin") as copy:
            for number, person in enumerate(people[:identifiers]):
                digest = lookup_hash(f"p{number}@example.org", "email", scope.domain_id, under)
                copy.write_row((scope.account_id, scope.domain_id, "email", digest, new_id(), person, 1))
    with psycopg.connect(links.admin.conninfo(), autocommit=True) as connection:
        connection.execute("vacuum analyze vault.subject_key")
        connection.execute("vacuum analyze vault.identifier")


def of_database(links):
    """CPU seconds of the backends that did it; they are still in the pool."""
    with psycopg.connect(links.admin.conninfo()) as connection:
        rows = connection.execute(
            "select pid from pg_stat_activity where usename = 'omniops_system' and datname = current_database()"
        ).fetchall()
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for (pid,) in rows)


async def opened(rooms, scope, people=500, messages=2000):
    """One opening of many rows, the fastest of seven."""
    subjects = [Subject(account_id=scope.account_id, home_id=scope.domain_id, kind="visitor") for _ in range(people)]
    talks = [Conversation(domain_id=scope.domain_id, subject_id=s.id, channel="website") for s in subjects]
    async with rooms.database.session(scope) as session:
        for rows in (subjects, talks):
            session.add_all(rows)
            await session.flush()
        for number in range(messages):
            talk = talks[number % people]
            session.add(
                Message(
                    domain_id=scope.domain_id,
                    subject_id=talk.subject_id,
                    conversation_id=talk.id,
                    seq=number // people + 1,
                    author="visitor",
                    text=seal("Where is my parcel? I ordered it on Monday and it was to come today."),
                    delivery_id=str(number),
                )
            )
        await session.commit()
    async with rooms.database.session(scope) as session:
        rows = (await session.exec(select(Message).where(Message.domain_id == scope.domain_id))).all()
    spent = []
    for _ in range(7):
        began, cpu = time.perf_counter(), time.process_time()
        clear = await rooms.vault.open(rows, purpose="chat.respond", actor=Actor.system("bench"))
        for row in rows:
            clear(row.text)
        spent.append((time.perf_counter() - began, time.process_time() - cpu))
    wall, own = (min(each) / messages * 1e6 for each in zip(*spent, strict=True))
    return {"open_us_per_row": round(wall, 1), "open_own_cpu_us_per_row": round(own, 1)}


async def measure(keys, identifiers):
    with scratch_server() as server:
        links = server.database()
        async with Rooms.open(links, server.root, SystemClock()) as rooms:
            scope = await rooms.domain()
            with psycopg.connect(links.admin.conninfo()) as connection:
                row = connection.execute("select epoch, wrapped from vault.account_key").fetchone()
            opening = await opened(rooms, await rooms.domain())
            fill(links, scope, unwrap(row[1], server.root.epoch_key(row[0])), keys, identifiers)
            began, cpu = time.perf_counter(), time.process_time()
            done = await renew(rooms.database, server.root, scope.account_id)
            spent = time.perf_counter() - began, time.process_time() - cpu, of_database(links)
    print(
        json.dumps(
            {
                **opening,
                "keys": done.keys,
                "identifiers": done.identifiers,
                "left": done.left,
                "wall_s": round(spent[0], 1),
                "own_cpu_s": round(spent[1], 1),
                "database_cpu_s": round(spent[2], 1),
            }
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--identifiers", type=int, default=100_000)
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.keys, arguments.identifiers))

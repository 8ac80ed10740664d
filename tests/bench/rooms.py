"""What the rooms cost: the vault per row, a hook call, start-up of the database and of the command line, memory.

python tests/bench/rooms.py
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import psutil
from omniops.contracts.ids import SystemClock
from omniops.contracts.scope import Actor
from omniops.contracts.sealed import seal
from omniops.conversation.models import Conversation, Message
from omniops.database.embedded import EmbeddedPostgres
from omniops.testing.rooms import Rooms
from omniops.testing.scratch import scratch_server
from omniops.vault.models import Subject
from sqlmodel import select

ROWS = 2000


def timed(function, times):
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        function()
        spent.append(time.perf_counter() - started)
    return statistics.median(spent)


def database():
    with tempfile.TemporaryDirectory(prefix="omniops-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        first = EmbeddedPostgres(folder / "postgres", password="bench")
        started = time.perf_counter()
        first.start()
        cold = time.perf_counter() - started
        again = []
        for _ in range(5):
            first.stop()
            first = EmbeddedPostgres(folder / "postgres", password="bench")
            started = time.perf_counter()
            first.start()
            again.append(time.perf_counter() - started)
        first.stop()
    return {"first_start_s": round(cold, 2), "restart_s": round(statistics.median(again), 2)}


def command_line():
    version = [sys.executable, "-m", "omniops", "--version"]
    return {"version_s": round(timed(lambda: subprocess.run(version, check=True, stdout=subprocess.DEVNULL), 9), 3)}


async def vault():
    with scratch_server() as server:
        async with Rooms.open(server.database(), server.root, SystemClock()) as rooms:
            scope = await rooms.domain()
            subjects = [
                Subject(account_id=scope.account_id, home_id=scope.domain_id, kind="visitor") for _ in range(ROWS // 10)
            ]
            async with rooms.database.session(scope) as session:
                session.add_all(subjects)
                await session.flush()
                talks = [Conversation(domain_id=scope.domain_id, subject_id=s.id, channel="website") for s in subjects]
                session.add_all(talks)
                await session.commit()
            sealed = await write(rooms, scope, talks, seal)
            async with rooms.database.session(scope) as session:
                rows = (await session.exec(select(Message).where(Message.domain_id == scope.domain_id))).all()
            started = time.perf_counter()
            opened = await rooms.vault.open(rows, purpose="chat.respond", actor=Actor.system("bench"))
            texts = [opened(row.text) for row in rows]
            opening = time.perf_counter() - started
            assert len(texts) == ROWS
    return {"write_sealed_us_per_row": round(sealed * 1e6), "open_us_per_row": round(opening / ROWS * 1e6, 1)}


async def write(rooms, scope, talks, make):
    async with rooms.database.session(scope) as session:
        started = time.perf_counter()
        for number in range(ROWS):
            talk = talks[number % len(talks)]
            session.add(
                Message(
                    domain_id=scope.domain_id,
                    subject_id=talk.subject_id,
                    conversation_id=talk.id,
                    seq=number // len(talks) + 1,
                    author="visitor",
                    text=make("Where is my parcel? I ordered it on Monday and it was to come today."),
                    delivery_id=str(uuid4()),
                )
            )
        await session.commit()
        return (time.perf_counter() - started) / ROWS


def hooks():
    from omniops import Info, Plugin, hookimpl
    from omniops.plugins.calling import Caller
    from omniops.plugins.loading import Plugins
    from omniops.testing.fakes import context

    class One(Plugin):
        """One."""

        info = Info(title="One", version="1", omniops=">=0.1,<0.2")

        @hookimpl
        def models(self):
            return ()

    class Two(One):
        """Two."""

    with tempfile.TemporaryDirectory() as folder:
        made = {name: kind(context(name, None, folder=Path(folder))) for name, kind in (("one", One), ("two", Two))}
        caller = Caller(Plugins.of(**made).manager)
        plain = made["one"].models
        times = 20_000
        direct = timed(lambda: [plain() for _ in range(times)], 3) / times
        called = timed(lambda: [caller.collect("models") for _ in range(times)], 3) / times / 2
    return {"direct_us": round(direct * 1e6, 3), "hook_us_per_plugin": round(called * 1e6, 2)}


def memory():
    """RSS of web and worker of a running `omniops up` or `demo`, by their command lines."""
    found = {}
    for process in psutil.process_iter(["cmdline", "memory_info"]):
        line = process.info["cmdline"] or []
        for name in ("serve", "worker"):
            if "omniops" in line and name in line:
                found[name] = round(process.info["memory_info"].rss / 2**20)
    return found


if __name__ == "__main__":
    print(json.dumps({"database": database()}), flush=True)
    print(json.dumps({"command_line": command_line()}), flush=True)
    print(json.dumps({"hooks": hooks()}), flush=True)
    print(json.dumps({"vault": asyncio.run(vault())}), flush=True)
    print(json.dumps({"memory_mib_of_what_runs": memory()}), flush=True)

"""A person with very many messages: copying, reading back, erasing. Wall seconds and the process's growth in memory.

    python tests/bench/persons.py [--messages 100000]

The growth is measured against the memory before the export, in a process of its own for each number of messages: it
must not follow their number.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import psutil
from omniops.contracts.ids import new_id, utcnow
from omniops.contracts.scope import Actor
from omniops.contracts.sealed import seal
from omniops.conversation.models import Conversation, Message
from omniops.defaults.hybrid import HybridPlugin
from omniops.operations.firsts import OPERATOR
from omniops.plugins.loading import Plugins
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.testing.fakes import context
from omniops.testing.scratch import scratch_server
from omniops.vault.models import Subject
from sqlalchemy import insert

WORDS = "My parcel with the number of the order has not come yet, and the page says that it is on its way. " * 3
BATCH = 5000
ACTOR = Actor.system("bench")


@contextmanager
def watched():
    """The most memory that the process had above where it began, in MiB, and the seconds that passed."""
    process, seen, over = psutil.Process(), {"most": 0.0}, threading.Event()
    before = process.memory_info().rss

    def look():
        while not over.wait(0.02):
            seen["most"] = max(seen["most"], (process.memory_info().rss - before) / 2**20)

    thread = threading.Thread(target=look)
    thread.start()
    began = time.perf_counter()
    try:
        yield seen
    finally:
        seen["s"] = time.perf_counter() - began
        over.set()
        thread.join()


async def filled(runtime, domain, messages):
    subject = Subject(account_id=domain.scope.account_id, home_id=domain.id, kind="visitor")
    talk = Conversation(domain_id=domain.id, subject_id=subject.id, channel="website", last_seq=messages)
    async with runtime.database.session(domain.scope) as session:
        session.add_all([subject, talk])
        await session.commit()
    for start in range(0, messages, BATCH):
        rows = [
            {
                "domain_id": domain.id,
                "id": new_id(),
                "subject_id": subject.id,
                "conversation_id": talk.id,
                "seq": number,
                "author": "visitor" if number % 2 else "ai",
                "language": "en",
                "interrupted": False,
                "text": seal(f"{number}: {WORDS}"),
                "parts": seal([{"type": "text", "text": WORDS}]) if number % 2 == 0 else None,
                "created_at": utcnow(),
            }
            for number in range(start, min(start + BATCH, messages))
        ]
        async with runtime.database.session(domain.scope) as session:
            await runtime.vault.seal_rows(session, Message, rows)
            await (await session.connection()).execute(insert(Message), rows)
            await session.commit()
    return subject.id


async def measured(messages):
    with scratch_server() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(data_dir=folder, keys_dir=folder / "keys", encoder="none", plugins=["hybrid"])
        plugins = Plugins.of(hybrid=HybridPlugin(context("hybrid", HybridPlugin.Settings(), folder=folder)))
        async with Runtime.open(settings, server.database(), server.root, plugins=plugins) as runtime:
            account = await runtime.accounts.create("Shop", actor=OPERATOR)
            first, second = [
                await runtime.accounts.add_domain(account, "Shop", [f"https://{host}.example"], actor=OPERATOR)
                for host in ("one", "two")
            ]
            subject = await filled(runtime, first, messages)
            persons = runtime.privacy.persons
            with watched() as export, (folder / "export.zip").open("wb") as file:
                async for piece in persons.export(first.scope, subject, actor=ACTOR):
                    file.write(piece)
            with ZipFile(folder / "export.zip") as archive:
                manifest = json.loads(archive.read("manifest.json"))
            rows = sum(entry["rows"] for entry in manifest["files"] if entry["table"] == "message")
            assert rows == messages, manifest
            with watched() as back, (folder / "export.zip").open("rb") as file:
                await persons.import_(second.scope, file, actor=ACTOR)
            with watched() as erase:
                assert (await persons.erase(first.scope, subject, actor=ACTOR)).closed
            size = (folder / "export.zip").stat().st_size
    return {
        "messages": messages,
        "zip_mib": round(size / 2**20, 1),
        **{
            f"{name}_{figure}": round(value, 1)
            for name, seen in (("export", export), ("import", back), ("erase", erase))
            for figure, value in (("s", seen["s"]), ("mib", seen["most"]))
        },
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(asyncio.run(measured(given.messages))))
        return
    for number in (given.messages // 10, given.messages):
        command = [sys.executable, __file__, "--one", "--messages", str(number)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()

"""A sweep of old messages beside a chat: how long it takes, and what visitors notice of it.

    python tests/bench/retention.py [--rows 1000000] [--json]

Starts `omniops demo` in a folder of its own, fills its domain with conversations of half a year ago, and lets visitors
ask at a steady pace before and during `omniops privacy retention sweep`, which runs in a process of its own as a worker
does.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID

import httpx2
import psycopg
from omniops import logs
from omniops.bootstrap import prepared
from omniops.operations.firsts import Firsts
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.vault.keys import Owner, live_keys
from visitors import QUESTIONS, Visitors, demo, told, widget_key

EACH = 50
"""Messages of one person."""
PEOPLE, PAUSE, BEFORE = 4, 0.5, 60
"""Visitors at once, seconds between an answer and the next question, and seconds of watching without a sweep."""

FILL = """
with person as (
    insert into omniops.subject (account_id, home_id, id, kind, consents, objections, opt_outs, hold, created_at)
    select %(account)s, %(domain)s, gen_random_uuid(), 'visitor', '{}', '[]', '[]', false, now() - interval '180 days'
    from generate_series(1, %(people)s) returning id
), talk as (
    insert into omniops.conversation (domain_id, id, subject_id, channel, state, language, last_seq, created_at)
    select %(domain)s, gen_random_uuid(), id, 'website', 'closed', 'en', %(each)s, now() - interval '180 days'
    from person
    returning id, subject_id
)
insert into omniops.message (domain_id, id, subject_id, conversation_id, seq, author, language, interrupted, text,
                             created_at)
select %(domain)s, gen_random_uuid(), subject_id, talk.id, seq, 'visitor', 'en', false,
       decode(repeat('ab', 200), 'hex'), now() - interval '180 days'
from talk cross join generate_series(1, %(each)s) seq
"""


async def fill(settings, ready, rows):
    """Old messages, and a living key for each of their persons."""
    async with Runtime.open(settings, ready.links, ready.root) as runtime:
        operator = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
        scope = (await operator.domain(None)).scope
        with psycopg.connect(ready.links.admin.conninfo(), autocommit=True) as connection:
            for start in range(0, rows // EACH, 1000):
                people = min(rows // EACH - start, 1000)
                values = {"account": scope.account_id, "domain": scope.domain_id, "people": people, "each": EACH}
                connection.execute(FILL, values)
            found = connection.execute(
                "select id from omniops.subject where home_id = %s and created_at < now() - interval '100 days'",
                [scope.domain_id],
            ).fetchall()
            for start in range(0, len(found), 1000):
                owners = [Owner(scope.domain_id, UUID(str(id_))) for (id_,) in found[start : start + 1000]]
                async with runtime.database.session(scope) as session:
                    await session.run_sync(
                        lambda sync, owners=owners: live_keys(sync.connection(), ready.root, scope.account_id, owners)
                    )
                    await session.commit()
            connection.execute("vacuum analyze")


async def chat(visitors, until):
    """Seconds of whole answers, until an event."""
    took = []

    async def one(number):
        headers = await visitors.begin()
        while not until.is_set():
            took.append((await visitors.ask(headers, QUESTIONS[(number + len(took)) % len(QUESTIONS)]))[1])
            await asyncio.sleep(PAUSE)

    await asyncio.gather(*(one(number) for number in range(PEOPLE)))
    return took


async def measure(port, shop, key, environment):
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
        visitors = Visitors(client, key, shop)
        await visitors.ask(await visitors.begin(), QUESTIONS[0])  # the first opens the index
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(BEFORE, over.set)
        before = await chat(visitors, over)
        over = asyncio.Event()
        talking = asyncio.create_task(chat(visitors, over))
        began = time.perf_counter()
        command = [sys.executable, "-m", "omniops", "privacy", "retention", "sweep", "--json"]
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.PIPE)
        printed, _ = await process.communicate()
        seconds = time.perf_counter() - began
        over.set()
        during = await talking
    run = json.loads(printed)
    assert run["state"] == "done", run["problems"]
    first, second = told(before), told(during)
    return {
        "deleted": run["deleted"],
        "shredded": run["shredded"],
        "sweep_s": round(seconds, 1),
        "rows_per_s": round(sum(run["deleted"].values()) / seconds),
        "before": {**first, "answers": len(before)},
        "during": {**second, "answers": len(during)},
        "p99_ratio": round(second["p99_ms"] / first["p99_ms"], 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    logs.configure("error", "text")
    with tempfile.TemporaryDirectory(prefix="omniops-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        data, keys = folder / "data-demo", folder / "keys-demo"
        with demo(folder) as (port, shop_port, _):
            shop = f"http://127.0.0.1:{shop_port}"
            settings = Settings(data_dir=data, keys_dir=keys)
            with prepared(settings, create=False) as ready:
                asyncio.run(fill(settings, ready, chosen.rows))
            environment = {**os.environ, "OMNIOPS_DATA_DIR": str(data), "OMNIOPS_KEYS_DIR": str(keys)}
            report = asyncio.run(measure(port, shop, widget_key(shop), environment))
    print(json.dumps(report, indent=None if chosen.json else 1))


if __name__ == "__main__":
    main()

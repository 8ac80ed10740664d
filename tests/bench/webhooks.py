"""How fast deliveries are answered, and what one costs: 200 a second for a while, over HTTP, into connections' logs.

    python tests/bench/webhooks.py [--seconds 30] [--rate 200] [--connections 1] [--what events|messages]

The server is a process of its own, served as `omniops serve` does, beside a real PostgreSQL; the sender is another one
and keeps its pace whatever the answers take. Prints the median and the 99th percentile in milliseconds, how many were
lost or doubled, and the processor's milliseconds for each delivery: of the server and of PostgreSQL, the chaining of
the audit included. The floors are a median of 50 ms and a 99th percentile of 500 ms. On a machine that does other work
beside, only the processor's time says much; the load is printed. With `--profile` the server writes cProfile's figures
to a file.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import multiprocessing
import os
import signal
import socket
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import psutil
import psycopg

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))

from desk import opened
from desk_plugins import signature
from market import SECRET, MarketPlugin, order, stall, word
from omniops.contracts.ids import SystemClock
from omniops.database.links import Links
from omniops.gate.guard import loop_factory
from omniops.server.app import create_app
from omniops.server.serving import Server, bind, listening_config
from omniops.settings import Settings
from omniops.testing.scratch import scratch_server
from omniops.vault.roots import FolderRoot

MEDIAN, P99 = 50, 500
WARM = 20
CHAINED = 2.0
"""Seconds after which the audit has chained what was noted."""
PLUGINS = {"market": MarketPlugin}


async def connected(links: Links, root: FolderRoot, folder: Path, count: int) -> list[UUID]:
    """Connections to the market, each of a website of its own."""
    async with opened(links, root, folder, SystemClock(), beside=PLUGINS) as desk:
        return [(await stall(desk, await desk.new_domain(), f"s-{number}")).id for number in range(count)]


def serve(links: Links, keys: Path, folder: Path, listener: socket.socket, profile: str | None) -> None:
    """The server's process: until it is told to stop."""

    async def run() -> None:
        root = FolderRoot(keys)
        async with opened(links, root, folder, SystemClock(), beside=PLUGINS) as desk:
            app = create_app(desk.runtime)
            server = Server(listening_config(Settings(data_dir=folder, keys_dir=folder / "keys"), app))
            server.stopping = app.state.stopping
            gc.collect()
            gc.freeze()
            await server.serve(sockets=[listener])

    looking = cProfile.Profile()
    if profile is not None:
        looking.enable()
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run())
    if profile is not None:
        looking.disable()
        looking.dump_stats(profile)


def spent(process: psutil.Process) -> float:
    """Milliseconds of the processor that a process and its children have used."""
    seconds = 0.0
    for one in [process, *process.children(recursive=True)]:
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += times.user + times.system + times.children_user + times.children_system
    return seconds * 1000


def postmaster(folder: Path) -> psutil.Process:
    """The database's first process."""
    lines = (folder / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
    return psutil.Process(int(lines[0]))


async def send(http: aiohttp.ClientSession, base: str, connection: UUID, number: int, what: str) -> tuple[float, bool]:
    """Milliseconds until a delivery was answered, and whether it was taken."""
    thing = order(number, "paid") if what == "events" else word("Where is my parcel?", uuid4().hex, f"t-{number}")
    body = json.dumps([thing]).encode()
    headers = {"x-post-signature": signature(body, SECRET)}
    started = asyncio.get_running_loop().time()
    async with http.post(f"{base}/webhooks/market/{connection}", data=body, headers=headers) as answer:
        return (asyncio.get_running_loop().time() - started) * 1000, answer.status == 200


async def paced(
    base: str, connections: list[UUID], seconds: float, rate: int, what: str, first: int = 0
) -> list[tuple[float, bool]]:
    """What became of all deliveries, sent at a steady pace; the fastest first."""
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=400)) as http:
        begun, sent = loop.time(), []
        for number in range(int(seconds * rate)):
            await asyncio.sleep(max(0, begun + number / rate - loop.time()))
            connection = connections[number % len(connections)]
            sent.append(asyncio.create_task(send(http, base, connection, first + number, what)))
        return sorted(await asyncio.gather(*sent))


def measure(chosen: argparse.Namespace) -> bool:
    with scratch_server() as server, tempfile.TemporaryDirectory() as name:
        folder, links = Path(name), server.database()
        connections = asyncio.run(connected(links, server.root, folder, chosen.connections))
        listener = bind("127.0.0.1", 0)
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        arguments = (links, server.folder / "keys", folder, listener, chosen.profile)
        web = multiprocessing.get_context("spawn").Process(target=serve, args=arguments, daemon=True)
        web.start()
        listener.close()
        processes = psutil.Process(web.pid), postmaster(server.folder)
        asyncio.run(paced(base, connections, WARM / 10, 10, chosen.what, -WARM))
        time.sleep(CHAINED)
        before = [spent(one) for one in processes]
        sent = asyncio.run(paced(base, connections, chosen.seconds, chosen.rate, chosen.what))
        load = os.getloadavg()[0]
        time.sleep(CHAINED)
        after = [spent(one) for one in processes]
        os.kill(web.pid or 0, signal.SIGINT)
        web.join()
        with psycopg.connect(links.admin.conninfo()) as connection:
            ((kept,),) = connection.execute("select count(*) from omniops.arrival").fetchall()
    took = [milliseconds for milliseconds, _ in sent]
    taken = sum(ok for _, ok in sent)
    median, p99 = statistics.median(took), took[int(len(took) * 0.99)]
    ours, theirs = ((late - early) / len(took) for early, late in zip(before, after, strict=True))
    print(f"{len(took)} {chosen.what} at {chosen.rate}/s to {chosen.connections} connections, load {load:.1f}:")
    print(f"median {median:.1f} ms, p99 {p99:.1f} ms, largest {took[-1]:.0f} ms; not taken {len(took) - taken}")
    print(f"processor for each: server {ours:.2f} ms, PostgreSQL {theirs:.2f} ms, together {ours + theirs:.2f} ms")
    print(f"taken and lost, or doubled: {kept - WARM - taken}")
    return median <= MEDIAN and p99 <= P99 and kept == taken + WARM and taken == len(took)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--what", choices=("events", "messages"), default="events")
    parser.add_argument("--profile")
    sys.exit(0 if measure(parser.parse_args()) else 1)

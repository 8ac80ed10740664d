"""Visitors at once on one web process: time to the first event and to the whole answer, memory of open streams.

    python tests/bench/visitors.py [--json]

Starts `omniops demo` in a folder of its own. The first event says that the message is durable.
"""

import argparse
import asyncio
import json
import os
import resource
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil

QUESTIONS = (
    "Will the Ridge 2 hold up in strong wind?",
    "Do I have to pay for delivery?",
    "How do I return boots I have worn?",
    "Where is my order?",
)
OPEN_STREAMS = 1000
ROUNDS = {1: 40, 100: 4}
"""Visitors at once, and how often all of them ask."""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextmanager
def demo(folder):
    port, shop_port = free_port(), free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMNIOPS_")}
    environment |= {
        "OMNIOPS_DATA_DIR": str(folder / "data"),
        "OMNIOPS_KEYS_DIR": str(folder / "keys"),
        **{f"OMNIOPS_VISITOR_{name}": "1000000" for name in ("SESSIONS", "WRITES", "NETWORK_WRITES", "DOMAIN_WRITES")},
    }
    command = [sys.executable, "-m", "omniops", "demo", "--no-browser", "--port", str(port), "--shop-port"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, str(shop_port)], env=environment, stdout=log, stderr=log)
        try:
            while b"The demo shop is open" not in (folder / "log").read_bytes():
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
            children = psutil.Process(process.pid).children(recursive=True)
            yield port, shop_port, next(child for child in children if "serve" in child.cmdline())
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


class Visitors:
    def __init__(self, client, key, shop):
        self.client, self.key, self.origin = client, key, {"Origin": shop}

    async def begin(self):
        answer = await self.client.post("/v1/visitor/sessions", json={"key": self.key}, headers=self.origin)
        return {"Authorization": f"Bearer {answer.raise_for_status().json()['token']}", **self.origin}

    async def ask(self, headers, question):
        """Seconds to the first event and to the end."""
        began, first = time.perf_counter(), None
        headers = {**headers, "Idempotency-Key": secrets.token_hex(8)}
        async with self.client.stream(
            "POST", "/v1/visitor/messages", json={"text": question}, headers=headers
        ) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if first is None and line.startswith("event:"):
                    first = time.perf_counter() - began
        return first, time.perf_counter() - began


def told(seconds):
    cut = statistics.quantiles(seconds, n=100)
    return {"p50_ms": round(cut[49] * 1000, 1), "p99_ms": round(cut[98] * 1000, 1)}


def widget_key(shop):
    with urllib.request.urlopen(shop) as page:
        return page.read().decode().partition('data-domain="')[2].partition('"')[0]


async def measure(port, shop, key, web):
    limits = httpx2.Limits(max_connections=OPEN_STREAMS + 50, max_keepalive_connections=OPEN_STREAMS + 50)
    report = {}
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=120) as client:
        visitors = Visitors(client, key, shop)
        await visitors.ask(await visitors.begin(), QUESTIONS[0])  # the first opens the index
        for at_once, rounds in ROUNDS.items():
            people = [await visitors.begin() for _ in range(at_once)]
            took = []
            for number in range(rounds):
                question = QUESTIONS[number % len(QUESTIONS)]
                took += await asyncio.gather(*(visitors.ask(person, question) for person in people))
            report[f"{at_once} at once"] = {
                "first_event": told([first for first, _ in took]),
                "whole_answer": told([whole for _, whole in took]),
            }
        people = [await visitors.begin() for _ in range(OPEN_STREAMS)]
        before = web.memory_info().rss
        streams = [client.stream("GET", "/v1/visitor/events", headers=person) for person in people]
        for start in range(0, len(streams), 50):
            await asyncio.gather(*(stream.__aenter__() for stream in streams[start : start + 50]))
        report["mib_per_1000_open_streams"] = round((web.memory_info().rss - before) / 2**20 / OPEN_STREAMS * 1000, 1)
        await asyncio.gather(*(stream.__aexit__(None, None, None) for stream in streams))
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))
    with tempfile.TemporaryDirectory(prefix="omniops-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with demo(folder) as (port, shop_port, web):
            shop = f"http://127.0.0.1:{shop_port}"
            report = asyncio.run(measure(port, shop, widget_key(shop), web))
    print(json.dumps(report, indent=None if chosen.json else 1))


if __name__ == "__main__":
    main()

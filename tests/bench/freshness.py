"""How long an edited page is due before its new words are answered, on a site of a few hundred pages that are all due.

    python tests/bench/freshness.py COLLECTION [--pages 200] [--encoder minilm]

COLLECTION is a folder in BEIR layout, whose documents become pages with an ETag. The site is read once; then one page
is edited, a day passes on the product's clock, and its own jobs visit what is due. The time is from the tick that finds
the pages due to the answer with the new words; before it, a page waits for its interval at most.
"""

import argparse
import asyncio
import hashlib
import json
import tempfile
import threading
import time
from datetime import timedelta
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from omniops import logs
from omniops.bootstrap import make_folders, migrate_core, prepared
from omniops.contracts.ids import ShiftedClock
from omniops.gate.grants import Allow
from omniops.jobs.service import CRAWLS
from omniops.knowledge.collection import load
from omniops.operations.asking import ask
from omniops.operations.firsts import Firsts
from omniops.operations.starting import install_models
from omniops.runtime import Runtime
from omniops.settings import Settings

QUESTION = "What does the Quillmere ferry cost for a bicycle?"
OLD, NEW = "The Quillmere ferry costs 7 pounds for a bicycle.", "The Quillmere ferry costs 12 pounds for a bicycle."
GIVE_UP = 120


class Site:
    """Pages that link to each other, with ETags."""

    def __init__(self, texts):
        self.pages = {f"/{n}.html": text for n, text in enumerate(texts)}
        self.whole = self.unchanged = 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                site.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, call):
        text = self.pages.get(call.path)
        links = (
            "".join(f'<li><a href="{path}">{path}</a></li>' for path in self.pages) if call.path == "/0.html" else ""
        )
        body = f"<!doctype html><title>{call.path}</title><main><h1>Page</h1><p>{escape(text or '')}</p>{links}</main>"
        content = body.encode()
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        known = text is not None and call.headers.get("If-None-Match") == tag
        self.unchanged += known
        self.whole += text is not None and not known
        call.send_response(404 if text is None else 304 if known else 200)
        call.send_header("ETag", tag)
        call.send_header("Content-Type", "text/html; charset=utf-8")
        call.send_header("Content-Length", "0" if known else str(len(content)))
        call.end_headers()
        if not known:
            call.wfile.write(content)


async def answered(runtime, domain, words):
    """Asks until what is quoted holds the words; gives how often it was asked."""
    until = time.monotonic() + GIVE_UP
    for count in range(1, 10_000):
        answer = await ask(runtime, domain, QUESTION)
        if any(words in str(source["quote"]) for source in answer.sources):
            return count
        assert time.monotonic() < until, answer
    return None


async def measure(settings, ready, site):
    clock = ShiftedClock()
    port = site.server.server_port
    async with Runtime.open(settings, ready.links, ready.root, clock=clock, migrate=True) as runtime:
        install_models(runtime)
        firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
        first = await firsts.ensure("Bench")
        await runtime.allows.add(Allow("127.0.0.1", port, "the site of this measurement", plaintext=True))
        domain, source = await firsts.ensure_site(first.account_id, f"http://127.0.0.1:{port}/0.html")
        report = await runtime.knowledge.crawl(domain.scope, source.id)
        await answered(runtime, domain, "7 pounds")
        site.pages["/7.html"] = site.pages["/7.html"].replace(OLD, NEW)
        site.whole = site.unchanged = 0
        clock.ahead = timedelta(days=1, minutes=1)
        await runtime.allows.add(Allow("127.0.0.1", port, "the site of this measurement", plaintext=True))
        began = time.perf_counter()
        await runtime.jobs._tasks["knowledge:due"].run()
        await runtime.jobs.work((CRAWLS,), wait=False)
        visited = time.perf_counter() - began
        asked = await answered(runtime, domain, "12 pounds")
        return {
            "pages": report.counts.get("read", 0),
            "fetched_whole_in_the_visit": site.whole,
            "unchanged_in_the_visit": site.unchanged,
            "visit_seconds": round(visited, 2),
            "due_to_answered_seconds": round(time.perf_counter() - began, 2),
            "asked": asked,
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--encoder")
    chosen = parser.parse_args()
    texts = [passage.text for passage in load(chosen.collection).passages[: chosen.pages]]
    texts[7] += f" {OLD}"
    site = Site(texts)
    with tempfile.TemporaryDirectory(prefix="omniops-bench-") as folder:
        Path(folder).chmod(0o711)
        settings = Settings(data_dir=Path(folder) / "data", keys_dir=Path(folder) / "keys", encoder=chosen.encoder)
        logs.configure("error", "text")
        make_folders(settings)
        with prepared(settings, create=True) as ready:
            migrate_core(ready.links, ready.root)
            print(json.dumps(asyncio.run(measure(settings, ready, site)), indent=1))


if __name__ == "__main__":
    main()

"""Crawls a real website of over a thousand pages through the product's own path, and asks it questions.

    python tests/bench/real_site.py FOLDER [--encoder minilm] [--json]

FOLDER holds the site's HTML, for example that of Debian's package `postgresql-doc-15` (`apt-get download`, `dpkg -x`).
The questions with their gold pages stand in `real_site_questions.jsonl`; they were written before the first crawl.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from omniops import logs
from omniops.bootstrap import make_folders, migrate_core, prepared
from omniops.gate.grants import Allow
from omniops.operations.asking import ask
from omniops.operations.firsts import Firsts
from omniops.operations.starting import install_models
from omniops.runtime import Runtime
from omniops.settings import Settings

QUESTIONS = Path(__file__).with_name("real_site_questions.jsonl")


class PeakMemory:
    """The most resident memory that this process and its children had together, in bytes; PostgreSQL apart."""

    def __init__(self):
        self.peak, self._stop = 0, threading.Event()
        self.cpu = 0.0
        """CPU seconds that looking took: a cost of measuring, not of crawling."""
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _watch(self):
        me = psutil.Process()
        while not self._stop.wait(0.2):
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    if "http.server" not in " ".join(process.cmdline()) and process.name() != "postgres":
                        total += process.memory_info().rss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total)
            self.cpu = time.thread_time()


def cpu():
    mine, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime, children.ru_utime + children.ru_stime


async def crawl(settings, ready, port, start, questions):
    async with Runtime.open(settings, ready.links, ready.root, migrate=True) as runtime:
        install_models(runtime)
        firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
        first = await firsts.ensure("Bench")
        await runtime.allows.add(Allow("127.0.0.1", port, "the site of this measurement", plaintext=True))
        domain, source = await firsts.ensure_site(first.account_id, f"http://127.0.0.1:{port}/{start}")
        marks, at, before = {}, time.perf_counter(), cpu()
        with PeakMemory() as memory:

            def spent():
                return sum(cpu()) - sum(before) - memory.cpu

            def progress(now):
                if now.phase not in marks:
                    marks[now.phase] = (time.perf_counter() - at, spent())

            report = await runtime.knowledge.crawl(domain.scope, source.id, progress)
        wall, whole = time.perf_counter() - at, spent()
        pages = report.counts.get("read", 0)
        read_wall, read_cpu = marks.get("encoding", (wall, whole))
        results = [await judged(runtime, domain, question) for question in questions]
    with_gold = [result for result in results if result["pages"]]
    return {
        "state": report.state,
        "pages": report.counts,
        "passages": report.passages,
        "seconds": round(wall, 1),
        "reading_seconds": round(read_wall, 1),
        "reading_cpu_seconds": round(read_cpu, 1),
        "pages_per_cpu_second": round(pages / read_cpu, 1),
        "encoding_cpu_seconds": round(whole - read_cpu, 1),
        "peak_mib": round(memory.peak / 2**20),
        "found_first": sum(result["rank"] == 1 for result in with_gold),
        "found_in_5": sum(bool(result["rank"]) and result["rank"] <= 5 for result in with_gold),
        "questions_with_gold": len(with_gold),
        "cited_gold": sum(result["cited_gold"] for result in with_gold),
        "silent_where_unanswerable": sum(r["level"] != "answer" for r in results if not r["pages"]),
        "unanswerable": len(results) - len(with_gold),
        "results": results,
        "problems": report.problems[:10],
    }


async def judged(runtime, domain, question):
    found = await runtime.index.search(domain.scope, question["question"], limit=10)
    urls = [hit.passage.url.rsplit("/", 1)[1] for hit in found.hits]
    ranked = list(dict.fromkeys(urls))
    rank = next((n for n, url in enumerate(ranked, 1) if url in question["pages"]), None)
    answer = await ask(runtime, domain, question["question"])
    cited = [str(source["url"]).rsplit("/", 1)[1] for source in answer.sources]
    return {
        **question,
        "rank": rank,
        "level": answer.level,
        "cited": cited,
        "cited_gold": any(url in question["pages"] for url in cited),
        "quote": " ".join(str(source["quote"]) for source in answer.sources[:1])[:200],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--start", default="index.html")
    parser.add_argument("--encoder")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    questions = [json.loads(line) for line in QUESTIONS.read_text().splitlines()]
    command = [sys.executable, "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(chosen.folder)]
    server = subprocess.Popen(
        [*command, "--protocol", "HTTP/1.1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    port = int(server.stdout.readline().split("port ")[1].split()[0])
    with tempfile.TemporaryDirectory(prefix="omniops-bench-") as folder:
        Path(folder).chmod(0o711)
        settings = Settings(data_dir=Path(folder) / "data", keys_dir=Path(folder) / "keys", encoder=chosen.encoder)
        logs.configure("error", "text")
        make_folders(settings)
        try:
            with prepared(settings, create=True) as ready:
                migrate_core(ready.links, ready.root)
                report = asyncio.run(crawl(settings, ready, port, chosen.start, questions))
        finally:
            server.terminate()
            server.wait()
    if chosen.json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
        return
    for name, value in report.items():
        if name != "results":
            print(f"{name:>28}  {value}")
    for result in report["results"]:
        print(f"{result['rank'] or '-':>3} {result['level']:8} {result['question']}  → {', '.join(result['cited'])}")


if __name__ == "__main__":
    main()

"""Passages per second and core on their way into an index: encoding, then building the index from its rows.

    python tests/bench/indexing.py COLLECTION [--passages 1000] [--encoder none]

COLLECTION is a folder in BEIR layout. CPU counts this process and the child that encodes; a core is a second of CPU.
"""

import argparse
import asyncio
import json
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from omniops.contracts.scope import Scope
from omniops.knowledge.collection import load
from omniops.knowledge.evaluate import indexed
from omniops.operations.evaluating import _index, _ready
from omniops.settings import Settings

SCOPE = Scope(UUID(int=1), UUID(int=2))


def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


async def measure(settings, collection):
    seams, encoders = _ready(settings)
    encoder = encoders()
    began, before = time.perf_counter(), cpu()
    async with indexed(collection, _index(settings, seams), encoder) as index:
        await index.search(SCOPE, "warm up", limit=1)
        wall, spent = time.perf_counter() - began, cpu() - before
    count = len(collection.passages)
    return {
        "encoder": encoder.id if encoder else "none",
        "passages": count,
        "wall_seconds": round(wall, 1),
        "cpu_seconds": round(spent, 1),
        "passages_per_second_and_core": round(count / spent, 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--passages", type=int, default=1000)
    parser.add_argument("--encoder")
    chosen = parser.parse_args()
    whole = load(chosen.collection)
    part = replace(whole, passages=whole.passages[: chosen.passages], documents=whole.documents[: chosen.passages])
    with tempfile.TemporaryDirectory(prefix="omniops-bench-") as folder:
        settings = Settings(data_dir=Path(folder) / "data", keys_dir=Path(folder) / "keys", encoder=chosen.encoder)
        print(json.dumps(asyncio.run(measure(settings, part)), indent=1))


if __name__ == "__main__":
    main()

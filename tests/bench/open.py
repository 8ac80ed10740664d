"""Opening the index of a domain: cold from its files, and built from rows.

    python tests/bench/open.py COLLECTION [--size 10000] [--language de]

COLLECTION is a folder in BEIR layout, grown to the size. Vectors are random: opening does not look at them. Each
opening runs in a fresh process, after the interpreter and numpy are loaded, and includes the question that follows.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
from omniops.contracts.knowledge import Encoder, IndexParts
from omniops.contracts.scope import Scope
from omniops.defaults.hybrid import _open
from omniops.knowledge.collection import CollectionStore, load

sys.path.insert(0, str(Path(__file__).parent))
from search import grown

SCOPE = Scope(UUID(int=1), UUID(int=2))
RUNS = 7


class RandomEncoder(Encoder):
    """A question's vector at random."""

    id, dimensions, weight, scale = "random:1", 384, 0.8, 127 / 0.35

    def encode(self, texts):
        vectors = np.random.default_rng(1).normal(size=(len(texts), self.dimensions)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Named(CollectionStore):
    """Knows its generation without the rows, as a database does."""

    def __init__(self, generation):
        self.named = generation

    async def generation(self, scope):
        return self.named

    async def fetch(self, scope, ids):
        return {}


async def opened(store, folder):
    began = time.perf_counter(), time.process_time()
    index = _open(IndexParts(store, RandomEncoder, folder, 1 << 30))
    await index.search(SCOPE, "what is the flow over a wing")
    spent = time.perf_counter() - began[0], time.process_time() - began[1]
    await index.close()
    return [round(seconds * 1000, 1) for seconds in spent]


def build(folder, size, language, home):
    passages = [replace(p, language=language) for p in grown(load(folder), size)]
    matrix = np.random.default_rng(2).integers(-60, 60, size=(size, 384), dtype=np.int8)
    store = CollectionStore(passages, matrix, {})
    wall, cpu = asyncio.run(opened(store, home))
    return asyncio.run(store.generation(SCOPE)), {"built_wall_ms": wall, "built_cpu_ms": cpu}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--language", default="en")
    parser.add_argument("--cold", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.cold:
        print(json.dumps(asyncio.run(opened(Named(given.cold), given.folder))))
        return
    with tempfile.TemporaryDirectory() as home:
        generation, figures = build(given.folder, given.size, given.language, Path(home))
        command = [sys.executable, __file__, home, "--cold", generation]
        runs = [json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(RUNS)]
        figures["bytes"] = sum(path.stat().st_size for path in Path(home).rglob("*") if path.is_file())
    walls, cpus = zip(*runs, strict=True)
    figures |= {"cold_wall_ms": statistics.median(walls), "cold_cpu_ms": statistics.median(cpus)}
    print(json.dumps({"passages": given.size, "language": given.language, **figures}))


if __name__ == "__main__":
    main()

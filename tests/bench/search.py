"""Search: CPU per question at 10,000 and 100,000 passages, and quality beside other engines on the same vectors.

    python tests/bench/search.py COLLECTION [--sizes 10000 100000] [--vectors FILE.npz]

COLLECTION is a folder in BEIR layout. Its passages are repeated, with other words mixed in, up to each size. With
`--vectors` the collection's vectors and questions are written to a file that `peers.py` reads in another environment.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np
from omniops.contracts.knowledge import IndexParts
from omniops.contracts.scope import Scope
from omniops.defaults.hybrid import _open
from omniops.knowledge.collection import CollectionStore, load
from omniops.knowledge.encoding import encode_in_child, to_int8
from omniops_minilm.encoder import MiniLMEncoder

SCOPE = Scope(UUID(int=1), UUID(int=2))


def grown(collection, size, seed=7):
    """The collection's passages, then variations of them: sentences of two passages mixed."""
    chance = random.Random(seed)
    passages = list(collection.passages)
    while len(passages) < size:
        a, b = chance.choice(collection.passages), chance.choice(collection.passages)
        words = a.text.split()[: chance.randrange(20, 80)] + b.text.split()[-chance.randrange(20, 80) :]
        passages.append(replace(a, id=uuid5(a.id, str(len(passages))), text=" ".join(words)))
    return passages


async def measure(collection, size, encoder):
    passages = grown(collection, size)
    vectors = await encode_in_child(encoder, [p.text for p in passages[: len(collection.passages)]])
    filler = np.random.default_rng(1).normal(size=(size - len(vectors), encoder.dimensions)).astype(np.float32)
    filler /= np.linalg.norm(filler, axis=1, keepdims=True)
    matrix = np.concatenate([vectors, to_int8(filler, encoder.scale)])
    store = CollectionStore(passages, matrix, {})
    with tempfile.TemporaryDirectory() as folder:
        index = _open(IndexParts(store, lambda: encoder, Path(folder), 2**31))
        questions = [query.text for query in collection.queries][:300]
        for question in questions[:5]:
            await index.search(SCOPE, question)
        cpu = []
        for question in questions:
            started = time.process_time()
            await index.search(SCOPE, question)
            cpu.append((time.process_time() - started) * 1000)
        await index.close()
    p95 = sorted(cpu)[int(len(cpu) * 0.95)]
    return {"passages": size, "p50_cpu_ms": round(statistics.median(cpu), 2), "p95_cpu_ms": round(p95, 2)}


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--vectors", type=Path)
    chosen = parser.parse_args()
    collection = load(chosen.collection)
    encoder = MiniLMEncoder(str(chosen.model))
    if chosen.vectors:
        passages = [" › ".join(x for x in (p.title, p.heading) if x) + "\n" + p.text for p in collection.passages]
        np.savez(
            chosen.vectors,
            passages=encoder.encode(passages),
            questions=encoder.encode([q.text for q in collection.queries]),
            texts=np.array(json.dumps(passages)),
            asked=np.array(json.dumps([[q.id, q.text] for q in collection.queries])),
            documents=np.array(json.dumps(list(collection.documents))),
            relevant=np.array(json.dumps(collection.relevant)),
        )
    for size in chosen.sizes:
        print(json.dumps(await measure(collection, size, encoder)))


if __name__ == "__main__":
    asyncio.run(main())

"""nDCG@10 of Chroma and LanceDB (hybrid) on vectors that `search.py --vectors` wrote, in an environment of their own:

uv venv peers && uv pip install -p peers/bin/python chromadb lancedb tantivy
peers/bin/python tests/bench/peers.py VECTORS.npz
"""

import json
import math
import sys
import tempfile

import numpy as np


def ndcg(ranked, relevant):
    gain = sum(relevant.get(d, 0) / math.log2(i + 2) for i, d in enumerate(ranked[:10]))
    best = sum(g / math.log2(i + 2) for i, g in enumerate(sorted(relevant.values(), reverse=True)[:10]))
    return gain / best if best else 0.0


def mean(run, data):
    relevant, asked = json.loads(str(data["relevant"])), json.loads(str(data["asked"]))
    documents = json.loads(str(data["documents"]))
    scores = []
    for number, (identity, text) in enumerate(asked):
        if relevant.get(identity):
            ranked = list(dict.fromkeys(documents[row] for row in run(number, text)))
            scores.append(ndcg(ranked, relevant[identity]))
    return round(sum(scores) / len(scores), 4)


def chroma(data, folder):
    import chromadb

    collection = chromadb.PersistentClient(folder).create_collection("bench", metadata={"hnsw:space": "cosine"})
    texts = json.loads(str(data["texts"]))
    for start in range(0, len(texts), 500):
        part = slice(start, start + 500)
        collection.add(
            [str(i) for i in range(start, start + len(texts[part]))],
            data["passages"][part].tolist(),
            documents=texts[part],
        )

    def run(number, text):
        found = collection.query(query_embeddings=[data["questions"][number].tolist()], n_results=30)
        return [int(i) for i in found["ids"][0]]

    return run


def lance(data, folder):
    import lancedb
    from lancedb.rerankers import RRFReranker

    texts = json.loads(str(data["texts"]))
    rows = [
        {"row": i, "text": text, "vector": vector}
        for i, (text, vector) in enumerate(zip(texts, data["passages"], strict=True))
    ]
    table = lancedb.connect(folder).create_table("bench", rows)
    table.create_fts_index("text", replace=True)
    fuse = RRFReranker()

    def run(number, text):
        words = "".join(c if c.isalnum() else " " for c in text)
        found = table.search(query_type="hybrid").vector(data["questions"][number]).text(words).rerank(fuse).limit(30)
        return [row["row"] for row in found.to_list()]

    return run


if __name__ == "__main__":
    data = np.load(sys.argv[1])
    for engine in (chroma, lance):
        with tempfile.TemporaryDirectory() as folder:
            print(engine.__name__, mean(engine(data, folder), data), flush=True)

"""Measuring search and answers on a test collection, through the product's own index and answerer."""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from omniops.contracts.ids import new_id
from omniops.contracts.knowledge import Encoder, Found, IndexOffer, IndexParts, KnowledgeIndex
from omniops.contracts.provider import Citation, Level, Provider, Request, Text, Timeouts
from omniops.contracts.scope import Scope
from omniops.knowledge.collection import Collection, CollectionStore, Query, with_unanswerable
from omniops.knowledge.encoding import encode_in_child, to_int8

_SCOPE = Scope(UUID(int=1), UUID(int=2))
DEPTH = 10

GOALS: dict[str, dict[str, tuple[float, float]]] = {
    "clapnq-dev": {"ndcg@10": (0.98, 0.988), "recall@5": (0.99, 1.0), "window": (0.82, 0.85), "auroc": (0.86, 0.88)},
    "covidfaq": {"ndcg@10": (0.73, 0.755), "top1": (0.50, 0.53)},
    "cranfield": {"ndcg@10": (0.42, 0.437)},
}
"""What is asked of the collections that the project tunes on: (accepted, target)."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """Quality and cost of the search. Times are in milliseconds per question, encoding included."""

    collection: str
    encoder: str
    passages: int
    queries: int
    metrics: dict[str, float]
    wall_ms: dict[str, float]
    cpu_ms: dict[str, float]
    build_seconds: float
    goals: dict[str, dict[str, float]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class AnswersReport:
    """Quality of the quotes: shares of the answerable questions, and how well silence is kept on the others."""

    collection: str
    encoder: str
    answerable: int
    unanswerable: int
    metrics: dict[str, float]
    levels: dict[str, dict[str, int]]
    held_out: int
    """Documents taken out, so that some questions have no answer; 0 where the collection marks such questions."""
    goals: dict[str, dict[str, float]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@asynccontextmanager
async def indexed(
    collection: Collection, offer: IndexOffer, encoder: Encoder | None, progress: Progress | None = None
) -> AsyncIterator[KnowledgeIndex]:
    """The collection in an index of its own, in a folder that goes away."""

    def report(done: int, of: int) -> None:
        if progress is not None:
            progress("encoding", done, of)

    vectors, of_questions = None, {}
    if encoder is not None:
        texts = [f"{p.context}\n{p.text}" if p.context else p.text for p in collection.passages]
        vectors = await encode_in_child(encoder, texts, progress=report)
        asked = [(i, p.question) for i, p in enumerate(collection.passages) if p.question]
        if asked:
            encoded = to_int8(encoder.encode([question for _, question in asked]), encoder.scale)
            of_questions = {i: encoded[n] for n, (i, _) in enumerate(asked)}
    store = CollectionStore(collection.passages, vectors, of_questions)
    with tempfile.TemporaryDirectory(prefix="omniops-eval-") as folder:
        index = offer.open(IndexParts(store, lambda: encoder, Path(folder), 1 << 30))
        try:
            yield index
        finally:
            await index.close()


async def retrieval(
    collection: Collection, offer: IndexOffer, encoder: Encoder | None, progress: Progress | None = None
) -> RetrievalReport:
    """Asks every question that has relevant documents; a document stands where its best passage stands."""
    document = {p.id: d for p, d in zip(collection.passages, collection.documents, strict=True)}
    queries = [q for q in collection.queries if q.id in collection.relevant]
    walls, cpus, scores = [], [], []
    async with indexed(collection, offer, encoder, progress) as index:
        began = time.perf_counter()
        await index.search(_SCOPE, "warm up", limit=1)
        build = time.perf_counter() - began
        for number, query in enumerate(queries):
            wall, cpu = time.perf_counter(), time.process_time()
            found = await index.search(_SCOPE, query.text, limit=DEPTH * 4)
            walls.append((time.perf_counter() - wall) * 1000)
            cpus.append((time.process_time() - cpu) * 1000)
            ranked = list(dict.fromkeys(document[hit.passage.id] for hit in found.hits))[:DEPTH]
            scores.append(_scores(ranked, collection.relevant[query.id]))
            if progress is not None:
                progress("asking", number + 1, len(queries))
    metrics = {name: round(statistics.fmean(s[name] for s in scores), 4) for name in scores[0]} if scores else {}
    return RetrievalReport(
        collection.name,
        encoder.id if encoder else "none",
        len(collection.passages),
        len(queries),
        metrics,
        _percentiles(walls),
        _percentiles(cpus),
        round(build, 3),
        _distance(collection.name, metrics),
    )


def _scores(ranked: Sequence[str], relevant: dict[str, int]) -> dict[str, float]:
    gains = [relevant.get(d, 0) for d in ranked]
    ideal = sorted(relevant.values(), reverse=True)[:DEPTH]
    gained = sum(g / math.log2(rank + 2) for rank, g in enumerate(gains))
    best = sum(g / math.log2(rank + 2) for rank, g in enumerate(ideal))
    first = next((rank for rank, g in enumerate(gains) if g), None)
    return {
        "ndcg@10": gained / best,
        "recall@5": sum(g > 0 for g in gains[:5]) / len(relevant),
        "recall@10": sum(g > 0 for g in gains) / len(relevant),
        "mrr": 0.0 if first is None else 1 / (first + 1),
        "top1": float(first == 0),
    }


async def answers(
    collection: Collection,
    offer: IndexOffer,
    provider: Provider,
    encoder: Encoder | None,
    cuts: tuple[float, float] = (0.6, 0.4),
    progress: Progress | None = None,
) -> AnswersReport:
    """Asks every question and looks at what is quoted.

    Answers are marked by `gold_sentences` (whole sentences) or `answers` (spans) in a question's metadata, questions
    without one by `answerable: false`; where there are none, half of the documents are taken out for a second look.
    `window`: the share whose first quote holds a marked sentence or span. `auroc`: how well the strength tells the two
    kinds apart. `answered`: the share of the marked whose level is `answer` or `closest` and whose quotes, as a visitor
    sees them, hold a mark.
    """
    asked = await _asked(collection, offer, provider, encoder, cuts, progress)
    silent, held_out = with_unanswerable(collection)
    judged = await _asked(silent, offer, provider, encoder, cuts, progress) if held_out else asked
    metrics = {}
    if asked.held:
        metrics["window"] = round(statistics.fmean(asked.held), 4)
        metrics["answered"] = round(statistics.fmean(asked.shown), 4)
    if judged.strengths[True] and judged.strengths[False]:
        metrics["auroc"] = round(_auroc(judged.strengths[True], judged.strengths[False]), 4)
    return AnswersReport(
        collection.name,
        encoder.id if encoder else "none",
        len(judged.strengths[True]),
        len(judged.strengths[False]),
        metrics,
        judged.levels,
        held_out,
        _distance(collection.name, metrics),
    )


@dataclass(slots=True)
class _Asked:
    """What came of all questions of a collection."""

    held: list[bool] = field(default_factory=list)
    """Of each marked question, whether its first quote holds a mark, whatever the level."""
    shown: list[bool] = field(default_factory=list)
    """Of each marked question, whether what a visitor sees holds one."""
    strengths: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})
    levels: dict[str, dict[str, int]] = field(
        default_factory=lambda: {
            kind: {"answer": 0, "closest": 0, "none": 0} for kind in ("answerable", "unanswerable")
        }
    )


async def _asked(
    collection: Collection,
    offer: IndexOffer,
    provider: Provider,
    encoder: Encoder | None,
    cuts: tuple[float, float],
    progress: Progress | None,
) -> _Asked:
    asked = _Asked()
    async with indexed(collection, offer, encoder, progress) as index:
        for number, query in enumerate(collection.queries):
            answerable = bool(query.metadata.get("answerable", query.id in collection.relevant))
            found = await index.search(_SCOPE, query.text, limit=10)
            said = await quoted(provider, query.text, found, cuts)
            asked.strengths[answerable].append(said.strength)
            asked.levels["answerable" if answerable else "unanswerable"][said.level] += 1
            if answerable and (marked := _marked(query)):
                asked.shown.append(any(_holds(quote, mark) for quote in said.quotes for mark in marked))
                whatever = replace(found, cover=1.0)
                quotes = said.quotes or (await quoted(provider, query.text, whatever, (-1.0, -1.0))).quotes
                asked.held.append(bool(quotes) and any(_holds(quotes[0], mark) for mark in marked))
            if progress is not None:
                progress("asking", number + 1, len(collection.queries))
    return asked


@dataclass(frozen=True, slots=True)
class Said:
    """What a provider answered: its level, how strong, and each quote with the passage it stands in."""

    level: str
    strength: float
    quotes: list[str]
    sources: list[UUID]


async def quoted(provider: Provider, question: str, found: Found, cuts: tuple[float, float]) -> Said:
    """One question to the quoting answerer, with what was found for it."""
    request = Request(
        question=question,
        messages=(),
        passages=found.hits,
        language="en",
        cover=found.cover,
        answer_cut=cuts[0],
        closest_cut=cuts[1],
        idempotency_key=new_id().hex,
        rarity=found.rarity,
    )
    level, strength, text = "none", 0.0, ""
    quotes: list[str] = []
    sources: list[UUID] = []
    async with provider.stream(request, provider.deployments()[0], limits=Timeouts()) as events:
        async for event in events:
            match event:
                case Level(value, how):
                    level, strength = value, how or 0.0
                case Text(delta):
                    text += delta
                case Citation(source):
                    quotes.append(text.strip())
                    sources.append(source)
                    text = ""
    return Said(level, strength, quotes, sources)


def _marked(query: Query) -> list[str]:
    return [str(mark) for mark in query.metadata.get("gold_sentences") or query.metadata.get("answers") or []]


def _holds(quote: str, mark: str) -> bool:
    return " ".join(mark.split()).casefold() in " ".join(quote.split()).casefold()


def _auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Probability that an answerable question looks stronger than an unanswerable one; ties count half."""
    ranked = sorted([(value, True) for value in positive] + [(value, False) for value in negative])
    below = wins = 0.0
    start = 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and ranked[end][0] == ranked[start][0]:
            end += 1
        tied = ranked[start:end]
        negatives = sum(not is_positive for _, is_positive in tied)
        wins += (len(tied) - negatives) * (below + negatives / 2)
        below += negatives
        start = end
    return wins / (len(positive) * len(negative))


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values) or [0.0]
    return {f"p{p}": round(ordered[min(len(ordered) - 1, len(ordered) * p // 100)], 3) for p in (50, 99)}


def _distance(name: str, metrics: dict[str, float]) -> dict[str, dict[str, float]]:
    """How far the figures are from the goals; a negative distance is still to go."""
    return {
        metric: {"accept": accept, "target": target, "to_target": round(metrics[metric] - target, 4)}
        for metric, (accept, target) in GOALS.get(name, {}).items()
        if metric in metrics
    }

"""Which two sentences answer best: by meaning, by words, by how good their passage is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omniops.contracts.knowledge import Encoder, Hit
from omniops.defaults.quoting.sentences import Span, sentences
from omniops.defaults.words import stemmed, stems

PASSAGES = 5
COSINE, COVER, PASSAGE, RANK = 0.6, 0.2, 0.7, 0.02
"""Shares of a sentence's score: its own cosine, the question's words in it, its passage's cosine, less its rank. A
plateau: .1 … .3 and .5 … 1.0 for the middle two differ by a hundredth."""
LONGEST = 100
"""Words of a quote: a neighbour that would make it longer is left out."""


@dataclass(frozen=True, slots=True)
class Window:
    """One or two neighbouring sentences of a passage, `hit.passage.text[start:end]`."""

    hit: Hit
    start: int
    end: int
    score: float

    @property
    def text(self) -> str:
        return self.hit.passage.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the first passages say to a question: the best window of each, best first, and how strongly the best passage
    and the best sentence resemble it (mean of the two cosines; None without an encoder)."""

    windows: tuple[Window, ...]
    strength: float | None


def read(question: str, hits: Sequence[Hit], rarity: Mapping[str, float], encoder: Encoder | None) -> Reading:
    """Scores every sentence of the first passages. An entry of questions and answers is quoted whole where it is short.

    Near misses resemble a question as passages and give themselves away as sentences: the mean of both cosines tells
    answerable questions from others better than either alone.
    """
    candidates = [(rank, hit, sentences(hit.passage.text)) for rank, hit in enumerate(hits[:PASSAGES])]
    cosines = _cosines(question, candidates, encoder)
    asked = _weights(question, rarity)
    found: list[Window] = []
    closest: list[float] = []
    for rank, hit, spans in candidates:
        if not spans:
            continue
        texts = [hit.passage.text[span.start : span.end] for span in spans]
        scores = [
            COSINE * cosine + COVER * _cover(text, asked) for text, cosine in zip(texts, cosines[rank], strict=True)
        ]
        bonus = PASSAGE * (hit.cosine if hit.cosine is not None else hit.lexical) - RANK * rank
        best = max(range(len(spans)), key=lambda i: scores[i])
        start, end = _widened(hit, spans, scores, best)
        found.append(Window(hit, start, end, scores[best] + bonus))
        # Of an entry of questions and answers the question is what resembles, not the answer.
        closest.append(hit.cosine if hit.passage.question and hit.cosine is not None else max(cosines[rank]))
    whole = [hit.cosine for hit in hits if hit.cosine is not None]
    strength = (max(whole) + max(closest)) / 2 if whole and closest and encoder is not None else None
    return Reading(tuple(sorted(found, key=lambda window: -window.score)), strength)


def _widened(hit: Hit, spans: Sequence[Span], scores: Sequence[float], best: int) -> tuple[int, int]:
    """The best sentence with the better of its neighbours; a short answer of a question whole."""
    text = hit.passage.text
    if hit.passage.question is not None and len(text.split()) <= LONGEST:
        return spans[0].start, spans[-1].end
    neighbours = [i for i in (best - 1, best + 1) if 0 <= i < len(spans)]
    for other in sorted(neighbours, key=lambda i: -scores[i]):
        first, last = min(best, other), max(best, other)
        if len(text[spans[first].start : spans[last].end].split()) <= LONGEST:
            return spans[first].start, spans[last].end
    return spans[best].start, spans[best].end


def _cosines(
    question: str, candidates: Sequence[tuple[int, Hit, Sequence[Span]]], encoder: Encoder | None
) -> dict[int, list[float]]:
    """Of every sentence with the question; zeros without an encoder. One batch for all."""
    if encoder is None:
        return {rank: [0.0] * len(spans) for rank, _, spans in candidates}
    texts = [hit.passage.text[span.start : span.end] for _, hit, spans in candidates for span in spans]
    if not texts:
        return {rank: [] for rank, _, _ in candidates}
    vectors: NDArray[np.float32] = encoder.encode([question, *texts])
    all_of_them = (vectors[1:] @ vectors[0]).tolist()
    found: dict[int, list[float]] = {}
    for rank, _, spans in candidates:
        found[rank], all_of_them = all_of_them[: len(spans)], all_of_them[len(spans) :]
    return found


def _weights(question: str, rarity: Mapping[str, float]) -> dict[str, float]:
    """Rarity of the question's stems, as shares of their sum; all alike where the index does not tell."""
    weights: dict[str, float] = {}
    for word, stem in stemmed(question):
        weights[stem] = max(weights.get(stem, 0.0), rarity.get(word, 1.0))
    total = sum(weights.values()) or 1.0
    return {stem: weight / total for stem, weight in weights.items()}


def _cover(text: str, asked: Mapping[str, float]) -> float:
    known = set(stems(text))
    return sum(weight for stem, weight in asked.items() if stem in known)

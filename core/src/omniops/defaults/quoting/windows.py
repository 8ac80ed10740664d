"""Which two sentences answer best: by meaning, by words, by how good their passage is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omniops.contracts.knowledge import Encoder, Hit
from omniops.defaults.quoting.sentences import Span, sentences
from omniops.defaults.words import Word, terms, words

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
    and the best sentence resemble it (mean of the two cosines; None where no encoder knows the language)."""

    windows: tuple[Window, ...]
    strength: float | None


def read(question: str, hits: Sequence[Hit], rarity: Mapping[str, float], encoder: Encoder | None) -> Reading:
    """Scores every sentence of the first passages. An entry of questions and answers is quoted whole where it is short.

    Near misses resemble a question as passages and give themselves away as sentences: the mean of both cosines tells
    answerable questions from others better than either alone. In a language that the encoder does not know, words alone
    choose, and a quote has one sentence more.
    """
    language = hits[0].passage.language if hits else "en"
    if encoder is not None and not encoder.knows(language):
        encoder = None
    candidates = [(rank, hit, sentences(hit.passage.text)) for rank, hit in enumerate(hits[:PASSAGES])]
    cosines = _cosines(question, candidates, encoder)
    asked = _weights(question, language, rarity)
    found: list[Window] = []
    closest: list[float] = []
    for rank, hit, spans in candidates:
        if not spans:
            continue
        texts = [hit.passage.text[span.start : span.end] for span in spans]
        scores = [
            COSINE * cosine + COVER * _cover(text, language, asked)
            for text, cosine in zip(texts, cosines[rank], strict=True)
        ]
        meant = hit.cosine if encoder is not None else None
        bonus = PASSAGE * (meant if meant is not None else hit.lexical) - RANK * rank
        best = max(range(len(spans)), key=lambda i: scores[i])
        start, end = _widened(hit, spans, scores, best, 2 if encoder is not None else 3)
        found.append(Window(hit, start, end, scores[best] + bonus))
        # Of an entry of questions and answers the question is what resembles, not the answer.
        closest.append(hit.cosine if hit.passage.question and hit.cosine is not None else max(cosines[rank]))
    whole = [hit.cosine for hit in hits if hit.cosine is not None]
    strength = (max(whole) + max(closest)) / 2 if whole and closest and encoder is not None else None
    return Reading(tuple(sorted(found, key=lambda window: -window.score)), strength)


def _widened(hit: Hit, spans: Sequence[Span], scores: Sequence[float], best: int, most: int) -> tuple[int, int]:
    """The best sentence with the better of its neighbours, until there are as many as may be; a short answer of a
    question whole."""
    text = hit.passage.text
    if hit.passage.question is not None and len(text.split()) <= LONGEST:
        return spans[0].start, spans[-1].end
    first = last = best
    while last - first + 1 < most:
        neighbours = [i for i in (first - 1, last + 1) if 0 <= i < len(spans)]
        for other in sorted(neighbours, key=lambda i: -scores[i]):
            begin, end = min(first, other), max(last, other)
            if len(text[spans[begin].start : spans[end].end].split()) <= LONGEST:
                first, last = begin, end
                break
        else:
            break
    return spans[first].start, spans[last].end


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


def _weights(question: str, language: str, rarity: Mapping[str, float]) -> dict[Word, float]:
    """Rarity of the question's words, as shares of their sum; all alike where the index does not tell."""
    found: dict[str, tuple[Word, float]] = {}
    for word in words(question, language):
        found[word.stem] = word, max(found.get(word.stem, (word, 0.0))[1], rarity.get(word.text, 1.0))
    total = sum(weight for _, weight in found.values()) or 1.0
    return {word: weight / total for word, weight in found.values()}


def _cover(text: str, language: str, asked: Mapping[Word, float]) -> float:
    there = set(terms(text, language))
    return sum(weight * word.known(there) for word, weight in asked.items())

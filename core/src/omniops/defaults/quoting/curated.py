"""Whether a question is one that the business answered itself."""

from __future__ import annotations

from collections.abc import Sequence

from omniops.contracts.knowledge import Encoder, Hit, Passage
from omniops.defaults.words import asks, words

SAME_MEANING = 0.9
"""Cosine of two questions from which they are taken for one; on CovidFAQ 78 % of such pairs are (MiniLM), at .85 66 %.
Below it an answer of the business is a passage like others, and mostly the best."""
SAME_WORDS = 0.75
"""Share of the words of two questions, but for those that only ask, from which they are: on CovidFAQ 78 %."""


def curated(question: str, hits: Sequence[Hit], encoder: Encoder | None) -> Passage | None:
    """The curated answer among the hits whose question is asked here, or None."""
    written = [hit.passage for hit in hits if hit.passage.kind == "curated" and hit.passage.question]
    if not written:
        return None
    questions = [passage.question or "" for passage in written]
    closeness = [
        _shared(_about(question, passage.language), _about(passage.question or "", passage.language)) / SAME_WORDS
        for passage in written
    ]
    if encoder is not None:
        vectors = encoder.encode([question, *questions])
        cosines = (vectors[1:] @ vectors[0]).tolist()
        closeness = [max(one, cosine / SAME_MEANING) for one, cosine in zip(closeness, cosines, strict=True)]
    best = max(range(len(written)), key=closeness.__getitem__)
    return written[best] if closeness[best] >= 1 else None


def _about(question: str, language: str) -> frozenset[str]:
    found = list(words(question, language))
    said = frozenset(word.stem for word in found if not asks(word.text, language))
    return said or frozenset(word.stem for word in found)


def _shared(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.0

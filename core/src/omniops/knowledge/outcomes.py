"""What an own question got, what that is worth, and which questions got worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from omniops.contracts.knowledge import Found, KnowledgeIndex
from omniops.contracts.provider import Provider
from omniops.contracts.scope import Scope
from omniops.knowledge.evaluate import quoted
from omniops.knowledge.own_questions import Asking
from omniops.knowledge.trial_models import OwnQuestion

SEARCHED = 8
"""Passages per question: as many as a visitor's turn looks at."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question's result. `rank` is the place of the first expected page among the pages found, from 1.

    `score`: 1 for an answer from an expected page (or for silence where it is right), 0.5 where the page is only among
    the closest passages, 0 for anything else.
    """

    id: str
    question: str
    rank: int | None
    level: str
    quotes: tuple[str, ...]
    pages: tuple[str, ...]
    score: float

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "quotes": list(self.quotes), "pages": list(self.pages)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much the questions that both runs asked lost on average, and which of them got worse."""

    loss: float
    fell: tuple[Outcome, ...]


async def outcome_of(
    row: OwnQuestion, index: KnowledgeIndex, provider: Provider, scope: Scope, cuts: tuple[float, float]
) -> Outcome:
    """Asks one question as a visitor's first message would."""
    asking = Asking(row.question, tuple(row.pages), tuple(row.contains))
    found = await index.search(scope, row.question, limit=SEARCHED)
    said = await quoted(provider, row.question, found, cuts)
    pages = _urls(found, said.sources)
    return Outcome(
        id=str(row.id),
        question=row.question,
        rank=_rank(asking, found),
        level=said.level,
        quotes=tuple(said.quotes),
        pages=pages,
        score=_score(asking, said.level, said.quotes, pages),
    )


def compared(base: Sequence[Mapping[str, Any]] | None, now: Sequence[Outcome]) -> Comparison:
    """A run against an earlier one. Questions that only one of them asked do not count."""
    before = {outcome["id"]: float(outcome["score"]) for outcome in base or ()}
    common = [outcome for outcome in now if outcome.id in before]
    if not common:
        return Comparison(0.0, ())
    loss = sum(before[outcome.id] - outcome.score for outcome in common) / len(common)
    return Comparison(loss, tuple(outcome for outcome in common if outcome.score < before[outcome.id]))


def _score(asking: Asking, level: str, quotes: Sequence[str], pages: Sequence[str]) -> float:
    if not asking.pages:
        return 0.0 if level == "answer" else 1.0
    said = " ".join(" ".join(quotes).split()).casefold()
    right = any(asking.answered_by(page) for page in pages)
    if not right or not all(" ".join(word.split()).casefold() in said for word in asking.contains):
        return 0.0
    return 1.0 if level == "answer" else 0.5


def _rank(asking: Asking, found: Found) -> int | None:
    pages = list(dict.fromkeys(hit.passage.url for hit in found.hits))
    return next((place for place, page in enumerate(pages, 1) if asking.answered_by(page)), None)


def _urls(found: Found, sources: Sequence[UUID]) -> tuple[str, ...]:
    by_id = {hit.passage.id: hit.passage.url for hit in found.hits}
    return tuple(dict.fromkeys(by_id[source] for source in sources if source in by_id))

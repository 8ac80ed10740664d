"""What a question is answered from: passages of the domain, found with the conversation in mind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from omniops.contracts.knowledge import Found
from omniops.contracts.provider import ChatMessage
from omniops.contracts.scope import Scope

_WORD = re.compile(r"\w+")
SHORT = 6
"""A question of at most this many words may lean on the one before it …"""
SHORTEST = 2
"""… and one of at most this many does (`In black?`)."""
_LEANS = frozenset(
    "it its it's they them their those these this that one ones same there and or also too then "
    "es er sie ihn ihm ihr ihre das dies diese dieser dieses davon dazu dafür damit dort und oder auch dann".split()
)
"""Words that point back to what was said before. A question without any stands alone: joined with the one before, it
would be answered with that one's passages, which always fit it well."""


class Search(Protocol):
    """How grounding reaches the domain's knowledge."""

    async def search(self, scope: Scope, question: str, *, limit: int = 10) -> Found: ...


async def ground(
    search: Search, scope: Scope, question: str, history: Sequence[ChatMessage], *, enough: float, limit: int = 8
) -> tuple[str, Found]:
    """The question as it was searched, and what was found.

    A short question that points back, and finds nothing good alone (best cosine below `enough`), is searched again
    together with the visitor's question before it; the better result is taken. Follow-up questions fail on the last
    turn alone.
    """
    alone = await search.search(scope, question, limit=limit)
    before = next((m.text for m in reversed(history) if m.role == "visitor"), None)
    if before is None or not _leans(question) or _strength(alone) >= enough:
        return question, alone
    joined = f"{before} {question}"
    together = await search.search(scope, joined, limit=limit)
    return (joined, together) if _strength(together) > _strength(alone) else (question, alone)


def _leans(question: str) -> bool:
    words = _WORD.findall(question.lower())
    return len(words) <= SHORTEST or (len(words) <= SHORT and not _LEANS.isdisjoint(words))


def _strength(found: Found) -> float:
    """Best cosine, or the share of known words where no encoder runs."""
    cosines = [hit.cosine for hit in found.hits if hit.cosine is not None]
    return max(cosines) if cosines else found.cover

"""An answer as parts: text, and citations of passages that were retrieved in this turn and of nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from omniops.contracts.cards import addresses, to_json
from omniops.contracts.knowledge import Hit, Passage
from omniops.contracts.provider import Citation, Shown

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control and direction characters, which could hide or reorder what a visitor reads. New lines and tabs stay."""
_SPACE = re.compile(r"\s+")
_LIVING = frozenset({"price", "low_price", "availability", "quantity"})
"""Facts that change by themselves."""


def clean(text: str) -> str:
    """Text as a visitor may see it."""
    return _CONTROL.sub("", text)


@dataclass(frozen=True, slots=True)
class SourceRef:
    """A cited source, numbered from 1 in the order of its first citation."""

    n: int
    passage_id: UUID
    title: str
    url: str
    quote: str
    read_at: datetime
    own: bool = False
    """A person of the business wrote it as the answer to this question."""

    def to_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "passage": str(self.passage_id),
            "title": self.title,
            "url": self.url,
            "quote": self.quote,
            "read_at": self.read_at.isoformat(),
            "own": self.own,
        }


class Answer:
    """Grows with the events of a provider. Whatever the provider says, only retrieved passages can be cited, and cards
    lead to the website's own `hosts` only."""

    def __init__(self, hits: Sequence[Hit], hosts: frozenset[str] = frozenset()) -> None:
        self._hosts = hosts
        self._passages: dict[UUID, Passage] = {hit.passage.id: hit.passage for hit in hits}
        self.parts: list[dict[str, Any]] = []
        self.sources: list[SourceRef] = []
        self.level: Literal["answer", "closest", "none"] | None = None

    def add_passage(self, passage: Passage) -> None:
        """Something more that can be cited: what a tool of this turn gave back."""
        self._passages[passage.id] = passage

    def clear(self) -> None:
        """Takes back all that was said."""
        self.parts.clear()
        self.sources.clear()
        self.level = None

    def add_text(self, delta: str) -> str:
        """Appends text; returns what is really shown of it."""
        shown = clean(delta)
        if not shown:
            return ""
        if self.parts and self.parts[-1]["type"] == "text":
            self.parts[-1]["text"] += shown
        else:
            self.parts.append({"type": "text", "text": shown})
        return shown

    def add_citation(self, citation: Citation) -> SourceRef | None:
        """The source, or None where the passage is not of this turn, the quote does not stand in it word for word, or
        its address is neither empty nor a web address."""
        source = self._source(citation)
        if source is not None:
            self.parts.append({"type": "cite", "n": source.n})
        return source

    def add_card(self, shown: Shown) -> dict[str, Any] | None:
        """The card's part, or None where it leads to another website or its source cannot be cited."""
        if any(urlsplit(url).hostname not in self._hosts for url in addresses(shown.card)):
            return None
        source = self._source(shown.source) if shown.source else None
        if shown.source and source is None:
            return None
        part = {"type": "card", "card": _clean(to_json(shown.card)), "n": source.n if source else None}
        self.parts.append(part)
        return part

    def _source(self, citation: Citation) -> SourceRef | None:
        passage = self._passages.get(citation.source)
        if passage is None or not _stands_in(citation.quote, passage):
            return None
        url = passage.url
        if url and urlsplit(url).scheme not in ("http", "https"):
            return None
        if passage.kind == "tool" and urlsplit(url).hostname not in self._hosts:
            url = ""  # what a tool found is shown, but it leads nowhere else
        quote = clean(citation.quote)
        source = next((s for s in self.sources if s.passage_id == passage.id and s.quote == quote), None)
        if source is None:
            title = passage.question or " › ".join(p for p in (passage.title, passage.heading) if p) or passage.url
            n = len(self.sources) + 1
            source = SourceRef(n, passage.id, title, url, quote, passage.read_at, passage.kind == "curated")
            self.sources.append(source)
        return source

    @property
    def dated(self) -> datetime | None:
        """The oldest reading of a price or a stock that a cited source states; None where none states any."""
        cited = (self._passages[source.passage_id] for source in self.sources)
        return min((one.read_at for one in cited if not _LIVING.isdisjoint(one.facts)), default=None)

    @property
    def text(self) -> str:
        """The words alone, for channels and search."""
        return "".join(part["text"] for part in self.parts if part["type"] == "text").strip()

    def to_json(self) -> list[Any]:
        """What a message row holds under its seal."""
        return [self.parts, [source.to_json() for source in self.sources]]


def _clean(value: Any) -> Any:
    """A card's JSON, each text in it as a visitor may see it."""
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return clean(value) if isinstance(value, str) else value


def _stands_in(quote: str, passage: Passage) -> bool:
    words = _SPACE.sub(" ", quote).strip()
    return bool(words) and words in _SPACE.sub(" ", passage.text)

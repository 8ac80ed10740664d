"""A turn's question, what is known of its answer while it grows, and how that is shown."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from omniops.accounts.service import DomainView
from omniops.contracts.knowledge import Found
from omniops.contracts.provider import Citation, Event, Level, Refusal, Shown, Text, Usage
from omniops.contracts.scope import Scope
from omniops.conversation.live import LiveTurn
from omniops.conversation.parts import Answer
from omniops.conversation.redaction.placeholders import Redaction
from omniops.conversation.routing.route import Reset
from omniops.conversation.routing.trace import Trace


@dataclass(frozen=True, slots=True)
class Question:
    """What a turn answers. `seq` is the number of the visitor's message."""

    domain: DomainView
    conversation_id: UUID
    turn_id: UUID
    seq: int
    text: str
    language: str
    subject_id: UUID

    @property
    def scope(self) -> Scope:
        return self.domain.scope


@dataclass(slots=True)
class Progress:
    """What is known of an answer while it grows."""

    answer: Answer = field(default_factory=lambda: Answer(()))
    found: Found | None = None
    trace: Trace = field(default_factory=Trace)
    usage: Usage = field(default_factory=Usage)
    tools: list[tuple[str, str]] = field(default_factory=list)
    times: list[tuple[str, int, int]] = field(default_factory=list)
    redaction: Redaction = field(default_factory=Redaction)
    notes: dict[str, Any] = field(default_factory=dict)
    to_person: bool = False
    began: float = field(default_factory=time.perf_counter)
    first: float | None = None

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Notes when a part of the turn began and how long it took, in milliseconds."""
        began = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - began
            self.times.append((what, round((began - self.began) * 1000), round(took * 1000)))

    def record(self) -> dict[str, Any]:
        """Ids, counts and times; nothing that anybody wrote."""
        now = time.perf_counter()
        hits = self.found.hits if self.found else ()
        return {
            "passages": [str(hit.passage.id) for hit in hits],
            "scores": [None if hit.cosine is None else round(hit.cosine, 4) for hit in hits],
            "meaning": any(hit.cosine is not None for hit in hits),
            "cited": [str(source.passage_id) for source in self.answer.sources],
            "first_ms": round(((self.first or now) - self.began) * 1000),
            "total_ms": round((now - self.began) * 1000),
            "input": self.usage.input,
            "output": self.usage.output,
            "cache_read": self.usage.cache_read,
            "tools": [list(pair) for pair in self.tools],
            "times": [list(one) for one in self.times],
            "hidden": self.redaction.counts,
            **self.trace.to_json(),
            **self.notes,
        }


@dataclass(frozen=True, slots=True)
class Working:
    """A tool of this name runs: the visitor sees what takes its time."""

    title: str


def ended(purposes: Collection[str]) -> dict[str, Any]:
    """What a stream says of consents that have ended."""
    return {"consents": dict.fromkeys(sorted(purposes), "withdrawn")}


class Showing:
    """Tells those who follow a turn what its answer says."""

    def __init__(self, live: LiveTurn, progress: Progress) -> None:
        self._live = live
        self._progress = progress

    def __call__(self, event: Event | Working | Reset) -> None:
        """What a visitor sees of one event."""
        live, answer = self._live, self._progress.answer
        match event:
            case Level(value, strength):
                answer.level = value
                if strength is not None:
                    self._progress.notes["strength"] = round(strength, 4)
                live.emit("level", {"level": value})
            case Text(delta) | Refusal(delta):
                if shown := answer.add_text(delta):
                    live.emit("text", {"text": shown})
            case Citation():
                source = answer.add_citation(event)
                if source is not None:
                    live.emit("cite", {"n": source.n, "source": source.to_json()})
            case Reset():
                answer.clear()
                live.emit("reset", {})
            case Working(title):
                live.emit("tool", {"title": title})
            case Shown():
                part = answer.add_card(event)
                if part is not None:
                    source = answer.sources[part["n"] - 1] if part["n"] else None
                    live.emit("card", {"card": part["card"], "n": part["n"], "source": source and source.to_json()})

    def ended(self, purposes: Collection[str]) -> None:
        """Consents have ended by what was said: whoever asked forgets what rested on them."""
        if purposes:
            self._live.emit("consent", ended(purposes))

    def withdraw(self) -> None:
        """Takes back what was shown: this answer says nothing."""
        self._progress.answer.clear()
        self._progress.answer.level = "none"
        self._live.emit("reset", {})

"""A model's text on its way to the visitor: restored, its marks made citations, foreign addresses taken out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from omniops.contracts.knowledge import Passage
from omniops.contracts.provider import Citation, Event, Level, Refusal, Text
from omniops.conversation.writing.leaks import Recital
from omniops.conversation.writing.links import Links
from omniops.conversation.writing.marks import Marks


class Restorer(Protocol):
    """Puts back what was hidden from the provider; holds back what can still become a placeholder."""

    def feed(self, delta: str) -> str: ...

    def end(self) -> str: ...


class Enough(Exception):
    """The model does not stop. What was shown stands, and the answer ends here."""


class Recited(Exception):
    """The model tells its instructions. Nothing more of this answer may be shown."""


LONGEST = 12_000
"""Characters of one answer: three times what a visitor may write."""


class Writing:
    """One answer of a model. Feed it the provider's events; it gives those that a visitor may see.

    Text, citations and refusals are a model's to give. Cards and levels are not: a card could speak in the visitor's
    name, and how sure an answer is core judges by what it cites.
    """

    def __init__(
        self, restorer: Restorer, sources: Mapping[str, Passage], hosts: Iterable[str], instructions: str
    ) -> None:
        self._restorer = restorer
        self._marks = Marks(sources)
        self._links = Links(hosts)
        self._recital = Recital(instructions)
        self._length = 0

    @property
    def removed(self) -> int:
        """Addresses that were taken out."""
        return self._links.removed

    @property
    def talk(self) -> bool:
        """The model said that it states nothing about the business."""
        return self._marks.talk

    def add(self, label: str, passage: Passage) -> None:
        """A source that came while the answer was written."""
        self._marks.add(label, passage)

    def feed(self, event: Event) -> Iterator[Event]:
        """What may be shown of one event. Raises `Recited` and `Enough`."""
        if isinstance(event, Text):
            yield from self._out(self._marks.feed(self._restorer.feed(event.delta)))
        elif isinstance(event, Citation):
            yield from self.pause()
            yield Citation(event.source, self._restorer.feed(event.quote) + self._restorer.end())
        elif isinstance(event, Refusal):
            yield from self.pause()
            yield from self._shown(self._links.feed(self._restorer.feed(event.text) + self._restorer.end()))
            yield from self._shown(self._links.end())

    def pause(self) -> Iterator[Event]:
        """What was held back: the text is over, or something else than text comes."""
        yield from self._out(self._marks.feed(self._restorer.end()))
        yield from self._out(self._marks.end())
        yield from self._shown(self._links.end())

    def _out(self, events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            if isinstance(event, Text):
                yield from self._shown(self._links.feed(event.delta))
            else:
                if isinstance(event, Citation | Level):
                    yield from self._shown(self._links.end())
                yield event

    def _shown(self, text: str) -> Iterator[Event]:
        if text:
            if self._recital.feed(text):
                raise Recited
            self._length += len(text)
            if self._length > LONGEST:
                raise Enough
            yield Text(text)

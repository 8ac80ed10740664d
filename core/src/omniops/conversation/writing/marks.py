"""Citations out of the marks in a model's text: `[S2]` ends what was said so far with the source of that label.

Only labels that were handed out in this turn exist; any other mark is dropped. The quote is the place of the source
that the sentence leans on, word for word.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from omniops.contracts.knowledge import Passage
from omniops.contracts.provider import Citation, Event, Level, Text

_MARK = re.compile(r"[ \t]*\[((?:[ST]\d{1,3}|NONE|TALK)(?:\s*[,;]\s*[ST]\d{1,3})*)\]")
_BEGUN = re.compile(r"[ \t]*\[[A-Z0-9,; ]{0,40}$|[ \t]+$")
"""What can still become a mark. The space before goes with the mark, so that a source stands at its word."""
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*[\"”’)]?")
_WORD = re.compile(r"\w+")
LONGEST_QUOTE = 320


class Marks:
    """Reads one answer as it comes. `talk` is set when the model said that it claims nothing of the business."""

    def __init__(self, sources: Mapping[str, Passage]) -> None:
        self._sources = dict(sources)
        self._held = ""
        self._said = ""
        self.talk = False

    def add(self, label: str, passage: Passage) -> None:
        """A source that came while the answer was written: the result of a tool."""
        self._sources[label] = passage

    def feed(self, delta: str) -> Iterator[Event]:
        """What is certain by now."""
        held = self._held + delta
        if "[" not in held and not held.endswith((" ", "\t")):
            self._held = ""
            yield from self._text(held)
            return
        begun = _BEGUN.search(held)
        self._held = held[begun.start() :] if begun else ""
        yield from self._read(held[: begun.start()] if begun else held)

    def end(self) -> Iterator[Event]:
        """What was held back."""
        held, self._held = self._held, ""
        yield from self._read(held)

    def _read(self, text: str) -> Iterator[Event]:
        position = 0
        for found in _MARK.finditer(text):
            yield from self._text(text[position : found.start()])
            position = found.end()
            for label in re.split(r"\s*[,;]\s*", found.group(1)):
                if label == "NONE" and not self._said.strip():
                    yield Level("none")
                elif label == "TALK":
                    self.talk = True
                elif (passage := self._sources.get(label)) is not None:
                    yield Citation(passage.id, quote(passage.text, self._said))
        yield from self._text(text[position:])

    def _text(self, text: str) -> Iterator[Event]:
        if not self._said:
            text = text.lstrip()
        if text:
            self._said = (self._said + text)[-600:]
            yield Text(text)


def quote(passage: str, said: str) -> str:
    """The one or two sentences of a passage that share most words with what was just said, as they stand there."""
    sentences = [found.span() for found in _SENTENCE.finditer(passage) if found.group().strip()]
    if not sentences:
        return passage.strip()[:LONGEST_QUOTE]
    last = [found.group() for found in _SENTENCE.finditer(said) if found.group().strip()]
    wanted = set(_WORD.findall((last[-1] if last else said).lower()))

    def shared(span: tuple[int, int]) -> float:
        words = _WORD.findall(passage[span[0] : span[1]].lower())
        return len(wanted.intersection(words)) / math.sqrt(len(words) + 8)

    pairs = [(first[0], second[1]) for first, second in pairwise(sentences)]
    start, stop = max(sentences + [pair for pair in pairs if pair[1] - pair[0] <= LONGEST_QUOTE], key=shared)
    return passage[start:stop].strip()[:LONGEST_QUOTE]

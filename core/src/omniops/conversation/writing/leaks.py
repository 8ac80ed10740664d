"""Notices a model that recites what it was told: the instructions are ours, and no answer to anybody."""

from __future__ import annotations

import re
from collections import deque

_WORD = re.compile(r"\w+")
RUN = 9
"""Words in a row that an answer cannot share with the instructions by chance."""


class Recital:
    """Reads one answer as it comes and tells whether it recites the instructions."""

    def __init__(self, instructions: str) -> None:
        words = _WORD.findall(instructions.lower())
        self._runs = {hash(tuple(words[at : at + RUN])) for at in range(len(words) - RUN + 1)}
        self._last: deque[str] = deque(maxlen=RUN)
        self._held = ""

    def feed(self, delta: str) -> bool:
        """True from the delta on that completes a run of the instructions' own words."""
        text = self._held + delta
        words = _WORD.findall(text.lower())
        self._held = words.pop() if words and text[-1:].isalnum() else ""
        seen = [self._seen(word) for word in words]
        return any(seen)

    def end(self) -> bool:
        held, self._held = self._held, ""
        return bool(held) and self._seen(held)

    def _seen(self, word: str) -> bool:
        self._last.append(word)
        return len(self._last) == RUN and hash(tuple(self._last)) in self._runs

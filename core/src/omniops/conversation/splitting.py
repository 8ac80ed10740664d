"""Long texts for channels with a limit: cut where a reader would pause, nothing lost, nothing twice."""

from __future__ import annotations

import re
import unicodedata

from omniops.errors import Refused

Span = tuple[int, int]
"""A stretch of a text, from one character to before another."""

_PAUSES = (
    re.compile(r"\n[ \t]*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…])(?=\s)|(?<=[.!?…][\"'”’»)])(?=\s)|(?<=[。！？])"),
    re.compile(r"(?=\s)"),
)
"""Ends of paragraphs, lines, sentences and words: the first kind that is not too near the begin is taken."""
_JOINERS = frozenset("\u200d\ufe0f")


def cut(text: str, most: int, *, before: int = 0, after: int = 0) -> list[Span]:
    """The parts of a text, each of at most `most` characters (0: no limit), without the space between them. `before`
    are the characters that are said before the first, `after` those behind the last.

    Raises `Refused` where what stands before leaves no room for any text.
    """
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    if not most:
        return [(start, end)]
    room = most - before
    if room < 1:
        raise Refused("The channel's messages are too short to say who writes.", reason="too_short")
    spans: list[Span] = []
    while (left := end - start) > max(0, room - after):
        limit = room if left > room else max(1, min(left - 1, max(room // 2, room - after)))
        stop = _pause(text, start, start + limit)
        spans.append((start, stop))
        start = stop + len(text[stop:end]) - len(text[stop:end].lstrip())
        room = most
    return [*spans, (start, end)]


def _pause(text: str, start: int, latest: int) -> int:
    """Where a part ends that begins at `start` and may go on to `latest`."""
    for pause in _PAUSES:
        # A little more is looked at: what pauses there ends just in time.
        found = [at for match in pause.finditer(text, start, latest + 2) if start < (at := match.start()) <= latest]
        if found and found[-1] - start >= (latest - start) // 3:
            return found[-1]
    stop = latest
    while (
        stop - start > 1
        and stop < len(text)
        and (unicodedata.combining(text[stop]) or {text[stop], text[stop - 1]} & _JOINERS)
    ):
        stop -= 1
    return stop


def _belongs(pair: str) -> bool:
    """Whether two characters are one to a reader, such as a letter and its accent."""
    return len(pair) == 2 and (bool(unicodedata.combining(pair[1])) or not _JOINERS.isdisjoint(pair))

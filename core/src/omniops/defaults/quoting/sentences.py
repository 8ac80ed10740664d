"""Sentences of a passage as spans of its text, so that what is quoted stands there word for word."""

from __future__ import annotations

import re
from dataclasses import dataclass

_END = re.compile(r"[.!?…。]+[\"'”’»)\]]*(?=\s|$)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|sr|jr|st|vs|etc|approx|incl|excl|no|nos|fig|vol|ed|dept|tel|ext|min|max|temp|est|inc|ltd|"
    r"co|corp|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun|z\.b|d\.h|u\.a|bzw|ca|usw|"
    r"nr|str|inkl|zzgl|ggf|e\.g|i\.e|cf|p|pp|mme|mlle|tél|env|sra|srta|ud|uds|núm|pág|avda|bijv|blz|dhr|mevr|evt|o\.a|"
    r"d\.w\.z|np|tj|tzn|ul|godz|m\.in|św)|\b[a-z]|\b[a-z]\.[a-z])\.$",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"\b(?:[12]?\d|3[01])\.$")
_COUNTED = re.compile(
    r"\s+(?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Stock|Etage|Lebensjahr)\b"
)
"""What a German ordinal counts; other languages write it small."""
_SHORTEST = 2
"""Words of a sentence; shorter ones belong to their neighbour."""


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence: `text[start:end]`."""

    start: int
    end: int


def sentences(text: str) -> list[Span]:
    """The sentences in order. Each line (a table's row, a list's item) is at least one of its own."""
    found: list[Span] = []
    position = 0
    for line in text.split("\n"):
        found += _of_line(text, position, position + len(line))
        position += len(line) + 1
    return found


def _of_line(text: str, start: int, end: int) -> list[Span]:
    found: list[Span] = []
    begin = start
    for match in _END.finditer(text, start, end):
        if match.end() >= end or not _starts_anew(text, match.end(), end) or _is_abbreviation(text, begin, match):
            continue
        found.append(Span(begin, match.end()))
        begin = match.end()
    if begin < end:
        found.append(Span(begin, end))
    return _without_splinters([_trimmed(text, span) for span in found if text[span.start : span.end].strip()], text)


def _starts_anew(text: str, position: int, end: int) -> bool:
    rest = text[position:end].lstrip(" \"'“‘«([")
    return bool(rest) and not rest[0].islower()


def _is_abbreviation(text: str, begin: int, match: re.Match[str]) -> bool:
    if match.group() != ".":
        return False
    head = text[begin : match.end()]
    following = text[match.end() :].lstrip()[:1]
    if _ORDINAL.search(head) and _COUNTED.match(text, match.end()):
        return True
    return bool(_ABBREVIATION.search(head)) or (head[-2:-1].isdigit() and following.isdigit())


def _trimmed(text: str, span: Span) -> Span:
    piece = text[span.start : span.end]
    return Span(span.start + len(piece) - len(piece.lstrip()), span.end - len(piece) + len(piece.rstrip()))


def _without_splinters(spans: list[Span], text: str) -> list[Span]:
    """Joins what is shorter than a sentence to the one after it, or at the end to the one before."""
    kept: list[Span] = []
    carried: int | None = None
    for span in spans:
        start = span.start if carried is None else carried
        if len(text[start : span.end].split()) < _SHORTEST and span is not spans[-1]:
            carried = start
            continue
        carried = None
        if kept and len(text[start : span.end].split()) < _SHORTEST:
            kept[-1] = Span(kept[-1].start, span.end)
        else:
            kept.append(Span(start, span.end))
    return kept

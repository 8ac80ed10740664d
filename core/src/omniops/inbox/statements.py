"""Which sentences of an answer stand on which source, and which words of a source they use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

_SENTENCE = re.compile(r"\A[.!?…。！？؟]+\s*|(?:(?!\n).)+?[.!?…。！？؟]+[\"'”’)\]]*(?:\s+|$)|(?:(?!\n).)+(?:\n+|$)|\n+")
_TOKEN = re.compile(r"\w+|\W+")
_WORD = re.compile(r"\w+")


@dataclass(slots=True)
class Statement:
    """A sentence of an answer with the numbers of the sources that it stands on."""

    text: str
    sources: list[int] = field(default_factory=list)

    @property
    def says(self) -> bool:
        """Whether it says anything, or is the full stop behind a citation."""
        return _WORD.search(self.text) is not None


def statements(
    parts: Sequence[Mapping[str, Any]], sources: Sequence[Mapping[str, Any]]
) -> list[Statement | Mapping[str, Any]]:
    """An answer's parts with its text cut into sentences. A citation belongs to the sentence before it, and to those
    before that one as long as they stand in what is quoted."""
    quotes = {source["n"]: _plain(source["quote"]) for source in sources}
    found: list[Statement | Mapping[str, Any]] = []
    since = 0
    for part in parts:
        if part["type"] == "text":
            found += [Statement(text) for text in _SENTENCE.findall(part["text"])]
            continue
        if part["type"] == "cite":
            _cite(found[since:], part["n"], quotes.get(part["n"], ""))
        found.append(part)
        if part["type"] != "cite":
            since = len(found)
    return found


def _cite(before: Sequence[Statement | Mapping[str, Any]], number: int, quote: str) -> None:
    said = [one for one in before if isinstance(one, Statement) and one.says]
    for place, one in enumerate(reversed(said)):
        if place and (one.sources or _plain(one.text) not in quote):
            return
        one.sources.append(number)


def used(quote: str, said: str) -> list[tuple[str, bool]]:
    """A quote in pieces, and of each whether the answer uses its words: two or more in a row, or a number."""
    tokens = _TOKEN.findall(quote)
    words = [place for place, token in enumerate(tokens) if _WORD.match(token)]
    there = [word.casefold() for word in _WORD.findall(said)]
    matcher = SequenceMatcher(None, [tokens[place].casefold() for place in words], there, autojunk=False)
    taken: set[int] = set()
    for start, _, size in matcher.get_matching_blocks():
        if size > 1 or (size == 1 and any(sign.isdigit() for sign in tokens[words[start]])):
            taken.update(range(words[start], words[start + size - 1] + 1))
    pieces: list[tuple[str, bool]] = []
    for place, token in enumerate(tokens):
        is_used = place in taken
        if pieces and pieces[-1][1] == is_used:
            pieces[-1] = (pieces[-1][0] + token, is_used)
        else:
            pieces.append((token, is_used))
    return pieces


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))

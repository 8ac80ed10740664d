"""From a page's blocks to passages: at headings and paragraphs first, by length only where a paragraph is long.

A page's own paragraphs hold an answer more often than any fixed length does; neighbours under one heading are merged to
100 … 200 words, and an overlap helps only inside a paragraph that must be cut. Every text is a piece of the page as it
stands there, but for white space and the marks between the cells of a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omniops.contracts.knowledge import PassageKind
from omniops.knowledge.blocks import Block, lines

if TYPE_CHECKING:
    from omniops.knowledge.extract import Document
    from omniops.knowledge.structured import Structured

LEAST, MOST = 100, 200
"""Words of a passage: neighbours are merged until LEAST, never beyond MOST."""
OVERLAP = 25
"""Words, in whole sentences, that two parts of one paragraph share."""
LONGEST_ANSWER = 260
"""Words up to which the answer of a question stays in one piece."""
_REPEATED = 8
"""Words from which a block that stands on a page twice is boilerplate."""
_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*(?=\s+[^a-zà-öø-ÿа-я\s])|[。！？][」』”]*")
_TOKEN = re.compile(r"\S{1,400}\s*")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage to be: see `contracts.knowledge.Passage` for the meaning of each field."""

    kind: PassageKind
    heading: str
    text: str
    question: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def cut(document: Document, structured: Structured) -> list[Piece]:
    """All pieces of a page: questions, facts, then its text in reading order. No two say the same, and what a
    question's piece says is not said again as text. The same page always gives the same pieces."""
    pieces = list(_asked(document, structured))
    said = _Said(pieces)
    pieces += [Piece(fact.kind, "", fact.text, facts=fact.facts) for fact in structured.facts if fact.kind != "faq"]
    for path, blocks in _sections(said.left(document.blocks), document.head.title):
        question = path[-1] if path and path[-1].endswith("?") else None
        if question is not None and said.asked(question):
            continue
        pieces += _section(path, question, blocks)
    if reach := [line for line in document.contact if not said.anywhere(line, document.blocks)]:
        pieces.append(Piece("contact", "", "\n".join(reach)))
    return list({(piece.heading, piece.question, _key(piece.text)): piece for piece in reversed(pieces)}.values())[::-1]


def cut_text(text: str) -> list[str]:
    """Plain text without markup: its paragraphs, merged and cut in the same way."""
    return _merged(Block("text", " ".join(part.split())) for part in re.split(r"\n\s*\n", text) if part.strip())


def _asked(document: Document, structured: Structured) -> Iterator[Piece]:
    """Questions with their answers, those that the page shows before those that it only states for machines."""
    seen: set[str] = set()
    for asked in document.questions:
        if _key(asked.text) not in seen:
            seen.add(_key(asked.text))
            path = [heading for heading in asked.path if _key(heading) != _key(document.head.title)]
            yield from _section([*path, asked.text], asked.text, asked.answer)
    for fact in structured.facts:
        if fact.question is not None and _key(fact.question) not in seen:
            seen.add(_key(fact.question))
            yield from _section([fact.question], fact.question, [Block("text", fact.text)])


def _section(path: Sequence[str], question: str | None, blocks: Sequence[Block]) -> Iterator[Piece]:
    """The pieces under one heading: one for a question with its answer, unless that is long."""
    if question is not None:
        answer = "\n".join(line for block in blocks for line in lines(block))
        if _words(answer) <= LONGEST_ANSWER:
            yield Piece("faq", " › ".join(path[:-1]), answer, question)
            return
    for text in _merged(blocks):
        yield Piece("text", " › ".join(path), text)


def _sections(blocks: Iterable[Block], title: str) -> Iterator[tuple[list[str], list[Block]]]:
    """Blocks under each heading, with the path of headings above. A heading that repeats the title is left out."""
    path: list[tuple[int, str]] = []
    body: list[Block] = []
    for block in blocks:
        if block.kind != "heading":
            body.append(block)
            continue
        if body:
            yield [text for _, text in path], body
            body = []
        path = [(level, text) for level, text in path if level < block.level]
        if _key(block.text) != _key(title):
            path.append((block.level, block.text))
    if body:
        yield [text for _, text in path], body


class _Said:
    """What the pieces so far say, line by line."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        answered = [piece for piece in pieces if piece.question]
        self._questions = {_key(piece.question) for piece in answered}
        self._lines = {_key(line) for piece in answered for line in piece.text.split("\n")} | self._questions

    def asked(self, question: str) -> bool:
        return _key(question) in self._questions

    def left(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The blocks without those that are part of an answer, and without long ones that stand there twice and hold no
        number: prices and hours may well be the same in two places."""
        seen: set[str] = set()
        for block in blocks:
            if block.kind == "heading":
                yield block
                continue
            keys = [_key(line) for line in lines(block)]
            if all(key in self._lines for key in keys):
                continue
            key = " ".join(keys)
            if key in seen and _words(key) >= _REPEATED and not any(map(str.isdigit, key)):
                continue
            seen.add(key)
            yield block

    def anywhere(self, line: str, blocks: Iterable[Block]) -> bool:
        key = _key(line)
        return any(key in _key(" ".join(lines(block))) for block in blocks)


def _merged(blocks: Iterable[Block]) -> list[str]:
    """Texts of LEAST to MOST words where the paragraphs allow it. A short rest joins the text before it."""
    texts: list[list[str]] = []
    counts: list[int] = []
    for unit in _units(blocks):
        words = _words(unit)
        if not texts or counts[-1] >= LEAST or counts[-1] + words > MOST:
            texts.append([])
            counts.append(0)
        texts[-1].append(unit)
        counts[-1] += words
    if len(texts) > 1 and counts[-1] < LEAST / 2 and counts[-2] + counts[-1] <= MOST:
        rest = texts.pop()
        texts[-1] += rest
    return ["\n".join(text) for text in texts]


def _units(blocks: Iterable[Block]) -> Iterator[str]:
    """What stays whole: a paragraph, a list or a table that fits, or parts of one that does not."""
    for block in blocks:
        found = lines(block)
        if sum(map(_words, found)) <= MOST:
            if found:
                yield "\n".join(found)
        elif block.kind == "text":
            yield from _split(block.text)
        else:
            yield from _rows(found, found[: block.head])


def _rows(found: list[str], head: list[str]) -> Iterator[str]:
    """A long list, table or listing in parts; the heading rows stand above each part."""
    part = list(head)
    for line in found[len(head) :]:
        if len(part) > len(head) and sum(map(_words, part)) + _words(line) > MOST:
            yield "\n".join(part)
            part = list(head)
        if _words(line) > MOST:
            yield from _split(line)
        else:
            part.append(line)
    if len(part) > len(head):
        yield "\n".join(part)


def _split(text: str) -> Iterator[str]:
    """A long paragraph in parts of whole sentences, each beginning with the end of the one before."""
    spans = list(_sentences(text))
    first = last = 0
    while last < len(spans):
        while last < len(spans) and (last == first or _words(text[spans[first][0] : spans[last][1]]) <= MOST):
            last += 1
        yield text[spans[first][0] : spans[last - 1][1]].strip()
        first = last
        while first > 1 and last < len(spans) and _words(text[spans[first - 1][0] : spans[last - 1][1]]) <= OVERLAP:
            first -= 1
        if last < len(spans) and _words(text[spans[first][0] : spans[last][1]]) > MOST:
            first = last


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where sentences begin and end; one that is longer than a passage is cut between words."""
    start = 0
    for end in (*(found.end() for found in _SENTENCE_END.finditer(text)), len(text)):
        if _words(text[start:end]) <= MOST:
            if text[start:end].strip():
                yield start, end
        else:
            begin = start
            for token in _TOKEN.finditer(text, start, end):
                if _words(text[begin : token.end()]) > MOST and token.start() > begin:
                    yield begin, token.start()
                    begin = token.start()
            yield begin, end
        start = end


def _key(text: str | None) -> str:
    return " ".join(re.findall(r"\w+", (text or "").casefold()))


def _words(text: str) -> int:
    """Words; of a script without spaces, two letters count as one."""
    return len(text.split()) + (0 if text.isascii() else len(_UNSPACED.findall(text)) // 2)

"""From a page's blocks to passages: at headings and paragraphs first, by length only where a paragraph is long.

A page's own paragraphs hold an answer more often than any fixed length does; neighbours under one heading are merged to
100 … 200 words, and an overlap helps only inside a paragraph that must be cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from omniops.contracts.knowledge import PassageKind
from omniops.knowledge.extract import Block, Document

LEAST, MOST = 100, 200
"""Words of a passage: neighbours are merged until LEAST, never beyond MOST."""
OVERLAP = 25
LONGEST_ANSWER = 260
"""Words up to which the answer of a question stays in one piece."""
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-ZÀ-ÞА-Я0-9])")


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage to be. `text` stands on the page as it is, but for spaces; `heading` is the path above it."""

    kind: PassageKind
    heading: str
    text: str
    question: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def cut(document: Document) -> list[Piece]:
    """All pieces of a page in reading order: questions and facts first, then its text. No two say the same."""
    pieces = [Piece(f.kind, "", f.text, f.question, f.facts) for f in document.facts]
    pieces += [Piece("faq", "", answer, question) for question, answer in document.questions]
    asked = {_key(p.question) for p in pieces if p.question}
    sections = list(_sections(document.blocks, document.title))
    for path, blocks in sections:
        question = path[-1] if path and path[-1].endswith("?") else None
        heading = " › ".join(path[:-1] if question else path)
        if question is not None:
            answer = "\n".join(_lines(blocks))
            if _key(question) in asked or not answer:
                continue
            if _words(answer) <= LONGEST_ANSWER:
                asked.add(_key(question))
                pieces.append(Piece("faq", heading, answer, question))
                continue
            heading = " › ".join(path)
        pieces += [Piece("text", heading, text) for text in _merged(blocks)]
    return _distinct(pieces)


def cut_text(text: str) -> list[str]:
    """Plain text without markup: its paragraphs, merged and cut in the same way."""
    paragraphs = [Block("text", " ".join(p.split())) for p in re.split(r"\n\s*\n", text) if p.strip()]
    return list(_merged(paragraphs))


def _sections(blocks: Sequence[Block], title: str) -> Iterator[tuple[list[str], list[Block]]]:
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


def _merged(blocks: Iterable[Block]) -> Iterator[str]:
    """Texts of LEAST to MOST words where the paragraphs allow it."""
    held: list[str] = []
    count = 0
    for unit in _units(blocks):
        words = _words(unit)
        if held and (count >= LEAST or count + words > MOST):
            yield "\n".join(held)
            held, count = [], 0
        held.append(unit)
        count += words
    if held:
        yield "\n".join(held)


def _units(blocks: Iterable[Block]) -> Iterator[str]:
    """Pieces that stay whole: a paragraph, a list or a table that fits, or parts of one that does not."""
    for block in blocks:
        lines = list(_lines([block]))
        if sum(_words(line) for line in lines) <= MOST:
            if lines:
                yield "\n".join(lines)
        elif block.kind == "text":
            yield from _split(block.text)
        else:
            yield from _rows(lines, lines[: block.head])


def _rows(lines: list[str], head: list[str]) -> Iterator[str]:
    """A long list or table in parts; the heading rows stand above each part."""
    part = list(head)
    for line in lines[len(head) :]:
        if len(part) > len(head) and sum(map(_words, part)) + _words(line) > MOST:
            yield "\n".join(part)
            part = list(head)
        part.append(line)
    if len(part) > len(head):
        yield "\n".join(part)


def _split(text: str) -> Iterator[str]:
    """A long paragraph in parts of whole sentences, each beginning with the end of the one before."""
    part: list[str] = []
    for sentence in _short_enough(_SENTENCE.split(text)):
        if part and sum(map(_words, part)) + _words(sentence) > MOST:
            yield " ".join(part)
            part = _tail(part)
        part.append(sentence)
    if part:
        yield " ".join(part)


def _short_enough(sentences: Iterable[str]) -> Iterator[str]:
    """Sentences; one that is longer than a whole passage is cut between words."""
    for sentence in sentences:
        words = sentence.split()
        for start in range(0, len(words), MOST):
            yield " ".join(words[start : start + MOST])


def _tail(sentences: list[str]) -> list[str]:
    """The last whole sentences with at most OVERLAP words."""
    kept: list[str] = []
    for sentence in reversed(sentences):
        if sum(map(_words, kept)) + _words(sentence) > OVERLAP:
            break
        kept.insert(0, sentence)
    return kept


def _lines(blocks: Iterable[Block]) -> Iterator[str]:
    """A block's text, one line per list item or table row. Two cells read as `name: value`, more are set apart."""
    for block in blocks:
        if block.rows:
            for cells in block.rows:
                filled = [cell for cell in cells if cell]
                if filled:
                    yield (": " if len(filled) == 2 else " | ").join(filled)
        elif block.text:
            yield block.text


def _distinct(pieces: Iterable[Piece]) -> list[Piece]:
    seen: set[str] = set()
    kept = []
    for piece in pieces:
        key = _key(f"{piece.question or ''} {piece.text}")
        if key and key not in seen:
            seen.add(key)
            kept.append(piece)
    return kept


def _key(text: str | None) -> str:
    return " ".join(re.findall(r"\w+", (text or "").casefold()))


def _words(text: str) -> int:
    return len(text.split())

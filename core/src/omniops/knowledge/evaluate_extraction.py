"""Measuring what is kept of a folder of pages: the text that must stay, and the text that must go.

Two layouts are read. `expected.json` maps a file of `html/` to `{"url", "with": [strings], "without": [strings]}`, and
each string that is kept or dropped counts. `ground-truth.json` maps a file's stem to `{"url", "articleBody"}`, and
shingles of four words are compared (the measure of Scrapinghub's article extraction benchmark).
"""

from __future__ import annotations

import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omniops.errors import Rejected
from omniops.knowledge.blocks import Block
from omniops.knowledge.extract import Document, extract
from omniops.knowledge.structured import read_structured

SHINGLE = 4
GOAL = {"accept": 0.90, "target": 0.912}
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class ExtractionReport:
    """Precision, recall and F1 over all pages, and pages read in a second of one core."""

    pages: int
    precision: float
    recall: float
    f1: float
    pages_per_cpu_second: float
    worst: tuple[tuple[str, str], ...]
    """Pages with the most faults, each with what was wrong."""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "goals": {"f1": GOAL}}


@dataclass(slots=True)
class _Tally:
    kept: float = 0
    """Right and there."""
    noise: float = 0
    """There, and it must not be."""
    lost: float = 0
    """Right, and not there."""

    def add(self, other: _Tally) -> None:
        self.kept += other.kept
        self.noise += other.noise
        self.lost += other.lost


def evaluate(folder: Path) -> ExtractionReport:
    """Reads every page of a folder that its expectations name. Raises `Rejected` naming what is missing or broken."""
    total, faults = _Tally(), []
    spent, pages = 0.0, 0
    for name, body, url, expected in _pages(folder):
        started = time.process_time()
        text = _text(extract(body, url))
        spent += time.process_time() - started
        pages += 1
        tally = _shingles(text, expected["articleBody"]) if "articleBody" in expected else _strings(text, expected)
        total.add(tally)
        if tally.noise or tally.lost:
            faults.append((tally.noise + tally.lost, name, f"{tally.lost:g} lost, {tally.noise:g} too many"))
    if not pages:
        raise Rejected(f"{folder} names no page.", code="no_pages")
    precision = total.kept / ((total.kept + total.noise) or 1)
    recall = total.kept / ((total.kept + total.lost) or 1)
    f1 = 2 * precision * recall / ((precision + recall) or 1)
    worst = tuple((name, said) for _, name, said in sorted(faults, reverse=True)[:10])
    return ExtractionReport(
        pages, round(precision, 4), round(recall, 4), round(f1, 4), round(pages / (spent or 1e-9), 1), worst
    )


def _pages(folder: Path) -> Iterator[tuple[str, bytes, str, dict[str, Any]]]:
    layouts = (folder / name for name in ("expected.json", "ground-truth.json"))
    listing = next((path for path in layouts if path.is_file()), None)
    if listing is None:
        raise Rejected(
            f"{folder} has neither expected.json nor ground-truth.json.",
            code="no_expectations",
            do="See `omniops eval extraction --help` for both layouts.",
        )
    try:
        expectations = json.loads(listing.read_text("utf-8"))
        wanted = [(str(name), str(entry["url"]), dict(entry)) for name, entry in expectations.items()]
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise Rejected(f"{listing} is not a map of pages with their url: {error!r}.", code="bad_expectations") from None
    for name, url, entry in wanted:
        yield name, _body(folder, name), url, entry


def _body(folder: Path, name: str) -> bytes:
    for place in (folder / "html", folder):
        for suffix in ("", ".html", ".html.gz", ".gz"):
            if (path := place / f"{name}{suffix}").is_file():
                body = path.read_bytes()
                return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    raise Rejected(f"The page {name} is not in {folder / 'html'}.", code="page_missing")


def _text(document: Document) -> str:
    """All that is kept: the text, questions with their answers, facts, and how to reach the business."""
    parts = list(_words(document.blocks))
    for question in document.questions:
        parts += [question.text, *_words(question.answer)]
    parts += [fact.text for fact in read_structured(document.head.json_ld, document.head.markup).facts]
    return _flat(" ".join([*parts, *document.contact]))


def _words(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        yield block.text
        yield from (" ".join(row) for row in block.rows)


def _strings(text: str, expected: dict[str, Any]) -> _Tally:
    kept = sum(_flat(wanted) in text for wanted in expected.get("with", ()))
    noise = sum(_flat(unwanted) in text for unwanted in expected.get("without", ()))
    return _Tally(kept, noise, len(expected.get("with", ())) - kept)


def _shingles(text: str, body: str) -> _Tally:
    found, wanted = _counted(text), _counted(body)
    both = sum((found & wanted).values())
    size = max(sum(wanted.values()), 1)
    # Each page weighs the same, however long it is.
    return _Tally(both / size, (sum(found.values()) - both) / size, (sum(wanted.values()) - both) / size)


def _counted(text: str) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text)
    return Counter(tuple(words[at : at + SHINGLE]) for at in range(max(len(words) - SHINGLE + 1, min(len(words), 1))))


def _flat(text: str) -> str:
    return " ".join(text.split())

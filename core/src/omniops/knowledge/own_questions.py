"""A business's own questions: checked, and read from JSONL or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from omniops.errors import Rejected
from omniops.knowledge.urls import normalise

MOST = 500
"""Questions of a domain: each change of settings waits for all of them."""
LONGEST = 1000
MOST_PAGES = 20
FIELDS = ("question", "pages", "contains")
Format = Literal["jsonl", "csv"]


@dataclass(frozen=True, slots=True)
class Asking:
    """A question, the pages of which one should answer it (URLs, or paths such as `/shipping`; none where the right
    answer is silence), and words that the quotes must contain."""

    question: str
    pages: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()

    def answered_by(self, url: str) -> bool:
        """Whether a page is one of the expected ones."""
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return any(page == path if page.startswith("/") else normalise(page) == url for page in self.pages)


def checked(row: Mapping[str, Any], where: str) -> Asking:
    """A question from outside. Raises `Rejected` that names the place and what is wrong."""
    unknown = sorted(str(key) for key in row.keys() - set(FIELDS))
    if unknown:
        raise _wrong(where, f"{unknown[0]!r} is no field", f"There are {', '.join(FIELDS)}.")
    question = row.get("question")
    if not isinstance(question, str) or not question.strip():
        raise _wrong(where, "the question is missing")
    question = " ".join(question.split())
    if len(question) > LONGEST:
        raise _wrong(where, f"the question has {len(question)} characters; {LONGEST} are the limit")
    pages, contains = _list(row, "pages", where), _list(row, "contains", where)
    for page in pages:
        if not page.startswith("/") and normalise(page) is None:
            raise _wrong(where, f"{page!r} is no page", "Write a URL, or a path such as /shipping.")
    if contains and not pages:
        raise _wrong(where, "words are expected of an answer, but no page", "Name the page that holds them.")
    return Asking(question, pages, contains)


def parse(text: str, form: Format) -> list[Asking]:
    """Questions of a file: one JSON object a line, or CSV with a header; in CSV several pages or words stand in one
    cell, divided by `|`. Raises `Rejected` naming the line; nothing of a file with a wrong line is taken."""
    rows = _jsonl(text) if form == "jsonl" else _csv(text)
    found = [checked(row, f"line {number}") for number, row in rows]
    if not found:
        raise Rejected("There is no question in it.", code="no_questions")
    return found


def _jsonl(text: str) -> list[tuple[int, dict[str, Any]]]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise _wrong(f"line {number}", "this is no JSON") from None
        if not isinstance(row, dict):
            raise _wrong(f"line {number}", "this is no JSON object")
        rows.append((number, row))
    return rows


def _csv(text: str) -> list[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    rows: list[tuple[int, dict[str, Any]]] = []
    try:
        for row in reader:
            if None in row:
                raise _wrong(f"line {reader.line_num}", "there are more cells than columns")
            cells: dict[str, Any] = {key: value or "" for key, value in row.items()}
            for name in ("pages", "contains"):
                cells[name] = [part.strip() for part in cells.get(name, "").split("|") if part.strip()]
            rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise _wrong(f"line {reader.line_num}", f"this is no CSV ({error})") from None
    return rows


def _list(row: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    values = row.get(name) or []
    if not isinstance(values, Sequence) or isinstance(values, str) or not all(isinstance(v, str) for v in values):
        raise _wrong(where, f"{name!r} is no list of texts")
    if len(values) > MOST_PAGES or any(len(value) > 2000 for value in values):
        raise _wrong(where, f"{name!r} is too long")
    return tuple(value.strip() for value in values if value.strip())


def _wrong(where: str, what: str, do: str | None = None) -> Rejected:
    return Rejected(f"{where}: {what}.", code="bad_question", where=where, do=do)

"""A test collection on disk (BEIR layout), and its corpus as passages that the product's own index can read."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from omniops.contracts.knowledge import Passage, PassageStore, StoredPassages
from omniops.contracts.scope import Scope
from omniops.errors import Rejected
from omniops.knowledge.cut import LONGEST_ANSWER, cut_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NAMES = UUID("6f0c6a0e-5d0e-5c55-8a54-0a2f6d1d7c11")
READ_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Query:
    id: str
    text: str
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents as passages, questions, and which documents answer which question (with grades above 0)."""

    name: str
    passages: tuple[Passage, ...]
    documents: tuple[str, ...]
    """The document's id of each passage."""
    queries: tuple[Query, ...]
    relevant: dict[str, dict[str, int]]


def load(folder: Path) -> Collection:
    """Reads `corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv`. A document's language is `metadata.language`, English
    where it has none. Raises `Rejected` naming file and line."""
    if not folder.is_dir():
        raise Rejected(f"{folder} is no folder.", code="no_folder", do="Name a folder with corpus.jsonl in it.")
    passages: list[Passage] = []
    documents: list[str] = []
    for row in _lines(folder / "corpus.jsonl", ("_id", "text")):
        language = str((row.get("metadata") or {}).get("language") or "en")
        for passage in _passages(str(row["_id"]), str(row.get("title") or ""), str(row["text"]), language):
            passages.append(passage)
            documents.append(str(row["_id"]))
    queries = tuple(
        Query(str(row["_id"]), str(row["text"]), row.get("metadata") or {})
        for row in _lines(folder / "queries.jsonl", ("_id", "text"))
    )
    return Collection(folder.name, tuple(passages), tuple(documents), queries, _qrels(folder / "qrels" / "test.tsv"))


def with_unanswerable(collection: Collection) -> tuple[Collection, int]:
    """A collection in which some questions have no answer, and how many documents were taken out for that.

    One that marks unanswerable questions stays as it is. From any other, half of the documents go, chosen by a hash of
    their ids: questions whose every relevant document is gone have no answer any more.
    """
    if any(not query.metadata.get("answerable", True) for query in collection.queries):
        return collection, 0
    kept = {d for d in collection.documents if hashlib.sha256(d.encode()).digest()[0] % 2}
    rows = [i for i, document in enumerate(collection.documents) if document in kept]
    queries = tuple(
        replace(q, metadata={**q.metadata, "answerable": not kept.isdisjoint(collection.relevant[q.id])})
        for q in collection.queries
        if q.id in collection.relevant
    )
    halved = replace(
        collection,
        passages=tuple(collection.passages[i] for i in rows),
        documents=tuple(collection.documents[i] for i in rows),
        queries=queries,
    )
    return halved, len(set(collection.documents) - kept)


def _passages(document: str, title: str, text: str, language: str) -> Iterator[Passage]:
    """A document as the crawler would have cut its page. A title that asks makes it a question with its answer."""
    asks = title.rstrip().endswith("?") and len(text.split()) <= LONGEST_ANSWER
    page = uuid5(_NAMES, document)
    for number, piece in enumerate([text] if asks else cut_text(text) or [text]):
        yield Passage(
            id=uuid5(page, str(number)),
            page_id=page,
            url=f"https://collection.example/{document}",
            title="" if asks else title,
            heading="",
            text=piece,
            kind="faq" if asks else "text",
            read_at=READ_AT,
            language=language,
            question=title if asks else None,
        )


def _lines(path: Path, needed: Sequence[str]) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise Rejected(f"{path}, line {number}: this is no JSON.", code="bad_line") from error
                missing = [key for key in needed if not isinstance(row, dict) or key not in row]
                if missing:
                    raise Rejected(f"{path}, line {number}: {missing[0]!r} is missing.", code="bad_line")
                yield row
    except FileNotFoundError:
        raise Rejected(f"{path} does not exist.", code="missing_file") from None


def _qrels(path: Path) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.reader(file, delimiter="\t"), 1):
                if number == 1 and row and row[-1].lower() == "score":
                    continue
                try:
                    query, document, score = row
                    grade = int(score)
                except ValueError:
                    raise Rejected(
                        f"{path}, line {number}: three columns with a whole number last are needed.", code="bad_line"
                    ) from None
                if grade > 0:
                    found.setdefault(query, {})[document] = grade
    except FileNotFoundError:
        raise Rejected(f"{path} does not exist.", code="missing_file") from None
    return found


class CollectionStore(PassageStore):
    """A collection's passages, with vectors, as an index reads a domain's rows."""

    def __init__(
        self,
        passages: Sequence[Passage],
        vectors: NDArray[np.int8] | None,
        question_vectors: dict[int, NDArray[np.int8]],
    ) -> None:
        self._by_id = {passage.id: passage for passage in passages}
        self._rows = StoredPassages(
            generation=hashlib.sha256(b"".join(p.id.bytes for p in passages)).hexdigest(),
            ids=[p.id for p in passages],
            texts=[p.text for p in passages],
            contexts=[p.context for p in passages],
            questions=[p.question for p in passages],
            vectors=vectors,
            languages=[p.language for p in passages],
            question_vectors=question_vectors,
        )

    async def generation(self, scope: Scope) -> str:
        return self._rows.generation

    async def passages(self, scope: Scope, encoder_id: str | None) -> StoredPassages:
        return self._rows

    async def fetch(self, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, Passage]:
        return {i: self._by_id[i] for i in ids if i in self._by_id}

"""The frontier: which URLs of a source wait, which were visited, with what result.

Rows, so that a crawl that was killed goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from omniops.contracts.ids import new_id
from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.knowledge.models import Page

SAID_AT_MOST = 300


@dataclass(frozen=True, slots=True)
class Waiting:
    """A URL to visit, with the validators of the last visit."""

    id: UUID
    url: str
    depth: int
    etag: str | None
    last_modified: str | None
    content_hash: bytes | None
    state: str


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit found. `state` is read, unchanged, skipped, failed or gone; `problem` names what went wrong."""

    state: str
    problem: str | None = None
    said: str | None = None
    title: str = ""
    language: str = ""
    etag: str | None = None
    last_modified: str | None = None
    content_hash: bytes | None = None
    read_at: datetime | None = None


class Frontier:
    """The page rows of one source during one crawl."""

    def __init__(self, database: Database, scope: Scope, source_id: UUID, crawl_id: UUID) -> None:
        self._database = database
        self._scope = scope
        self._source_id = source_id
        self._crawl_id = crawl_id

    async def add(self, urls: Iterable[str], depth: int, *, limit: int) -> int:
        """Queues URLs that this crawl has not seen yet, up to `limit` pages in all. Returns how many were new to it."""
        wanted = list(dict.fromkeys(urls))
        if not wanted:
            return 0
        async with self._database.session(self._scope) as session:
            connection = await session.connection()
            room = limit - (await connection.execute(self._count())).scalar_one()
            if room <= 0:
                return 0
            rows = [
                {
                    "domain_id": self._scope.domain_id,
                    "id": new_id(),
                    "source_id": self._source_id,
                    "url": url,
                    "state": "queued",
                    "depth": depth,
                    "crawl_id": self._crawl_id,
                    "title": "",
                    "language": "",
                    "found_at": func.now(),
                }
                for url in wanted
            ]
            statement = insert(Page).values(rows[:room])
            again = statement.on_conflict_do_update(
                index_elements=["domain_id", "url"],
                set_={"state": "queued", "crawl_id": self._crawl_id, "depth": statement.excluded.depth},
                where=col(Page.crawl_id).is_distinct_from(self._crawl_id) & (col(Page.source_id) == self._source_id),
            ).returning(col(Page.id))
            added = len((await connection.execute(again)).all())
            await session.commit()
        return added

    def _count(self):  # type: ignore[no-untyped-def]
        return (
            select(func.count())
            .select_from(Page)
            .where(Page.domain_id == self._scope.domain_id, Page.crawl_id == self._crawl_id)
        )

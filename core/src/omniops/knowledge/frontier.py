"""The frontier: which URLs of a source wait, which were visited, with what result.

Rows, so that a crawl that was killed goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy import select as columns
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.knowledge.cut import Piece
from omniops.knowledge.models import Page
from omniops.knowledge.store import PassageRows

SAID_AT_MOST = 300
BATCH = 500
"""Rows of one insert: a page with very many links becomes several."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A URL to visit, with the validators of the last visit."""

    id: UUID
    url: str
    depth: int
    etag: str | None
    last_modified: str | None
    content_hash: bytes | None


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit found.

    `state`: read, unchanged, skipped (not for us: robots, noindex, no page), failed (try again another time) or gone.
    `problem` is a stable code of what went wrong, `said` the same in words. `pieces` None leaves the passages alone.
    """

    state: str
    problem: str | None = None
    said: str | None = None
    title: str = ""
    language: str = ""
    etag: str | None = None
    last_modified: str | None = None
    content_hash: bytes | None = None
    pieces: Sequence[Piece] | None = None
    links: Sequence[str] = ()


class Frontier:
    """The page rows of one source during one crawl, up to `most` pages."""

    def __init__(
        self,
        database: Database,
        rows: PassageRows,
        clock: Clock,
        scope: Scope,
        source_id: UUID,
        crawl_id: UUID,
        most: int,
    ) -> None:
        self._database = database
        self._rows = rows
        self._clock = clock
        self._scope = scope
        self._source_id = source_id
        self._crawl_id = crawl_id
        self._most = most

    async def begin(self) -> None:
        """Queues every page that the source is known to have, once per crawl: each is visited again."""
        async with self._database.session(self._scope) as session:
            connection = await session.connection()
            await connection.execute(
                update(Page)
                .where(
                    col(Page.domain_id) == self._scope.domain_id,
                    col(Page.source_id) == self._source_id,
                    col(Page.crawl_id).is_distinct_from(self._crawl_id),
                    col(Page.state) != "gone",
                )
                .values(state="queued", crawl_id=self._crawl_id, problem=None, said=None)
            )
            await session.commit()

    async def add(self, urls: Iterable[str], depth: int) -> None:
        """Queues URLs that this crawl has not seen."""
        async with self._database.session(self._scope) as session:
            await self._add(session, urls, depth)
            await session.commit()

    async def _add(self, session: AsyncSession, urls: Iterable[str], depth: int) -> None:
        wanted = list(dict.fromkeys(urls))
        if not wanted:
            return
        connection = await session.connection()
        mine = (col(Page.domain_id) == self._scope.domain_id) & (col(Page.crawl_id) == self._crawl_id)
        known = (await connection.execute(columns(func.count()).select_from(Page).where(mine))).scalar_one()
        for start in range(0, min(len(wanted), max(0, self._most - known)), BATCH):
            statement = insert(Page).values(
                [
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
                        "found_at": self._clock.now(),
                    }
                    for url in wanted[start : min(start + BATCH, self._most - known)]
                ]
            )
            await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["domain_id", "url"],
                    set_={"state": "queued", "crawl_id": self._crawl_id, "depth": statement.excluded.depth},
                    where=col(Page.crawl_id).is_distinct_from(self._crawl_id)
                    & (col(Page.source_id) == self._source_id),
                )
            )

    async def take(self, count: int, *, but: Collection[UUID]) -> list[Waiting]:
        """The next URLs, nearest to the seed first, without those in `but` (which are being visited)."""
        async with self._database.session(self._scope) as session:
            statement = (
                select(Page)
                .where(
                    Page.domain_id == self._scope.domain_id,
                    Page.source_id == self._source_id,
                    Page.crawl_id == self._crawl_id,
                    Page.state == "queued",
                    col(Page.id).not_in(but),
                )
                .order_by(col(Page.depth), col(Page.id))
                .limit(count)
            )
            rows = (await session.exec(statement)).all()
        return [Waiting(r.id, r.url, r.depth, r.etag, r.last_modified, r.content_hash) for r in rows]

    async def record(self, waiting: Waiting, visit: Visit) -> int:
        """Writes what a visit found: page, passages and links in one transaction. Returns how many passages changed."""
        async with self._database.session(self._scope) as session:
            page = await session.get(Page, (self._scope.domain_id, waiting.id), with_for_update=True)
            if page is None:
                return 0
            retitled = visit.state == "read" and page.title != visit.title
            page.state, page.problem = visit.state, visit.problem
            page.said = visit.said[:SAID_AT_MOST] if visit.said else None
            if visit.state == "read":
                page.title, page.language, page.content_hash = visit.title, visit.language, visit.content_hash
            if visit.state in ("read", "unchanged"):
                page.etag = visit.etag or page.etag
                page.last_modified = visit.last_modified or page.last_modified
                page.read_at = self._clock.now()
            session.add(page)
            changed = 0
            if visit.pieces is not None:
                await session.flush()
                if retitled:
                    await self._rows.forget_vectors(session, self._scope, page.id)
                changed = await self._rows.replace(session, self._scope, page, visit.pieces)
            await self._add(session, visit.links, waiting.depth + 1)
            await session.commit()
        return changed

    async def counts(self) -> dict[str, int]:
        """Pages of this crawl by state."""
        async with self._database.session(self._scope) as session:
            connection = await session.connection()
            rows = await connection.execute(
                columns(col(Page.state), func.count())
                .where(col(Page.domain_id) == self._scope.domain_id, col(Page.crawl_id) == self._crawl_id)
                .group_by(col(Page.state))
            )
            return dict(rows.tuples().all())

    async def problems(self, limit: int = 1000) -> list[tuple[str, str, str, str]]:
        """URL, state, code and words of every page of this crawl that has a problem."""
        async with self._database.session(self._scope) as session:
            statement = (
                select(Page)
                .where(
                    Page.domain_id == self._scope.domain_id,
                    Page.crawl_id == self._crawl_id,
                    col(Page.problem).is_not(None),
                )
                .order_by(col(Page.id))
                .limit(limit)
            )
            rows = (await session.exec(statement)).all()
        return [(r.url, r.state, r.problem or "", r.said or "") for r in rows]

"""The frontier: which URLs of a source wait, which were visited, with what result.

Rows, so that a crawl that was killed goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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
        self._known = 0
        self._seen: set[str] = set()

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
        self._known = sum((await self.counts()).values())

    async def add(self, urls: Iterable[str], depth: int) -> None:
        """Queues URLs that this crawl has not seen."""
        async with self._database.session(self._scope) as session:
            await self._add(session, dict.fromkeys(urls, depth))
            await session.commit()

    async def _add(self, session: AsyncSession, depths: Mapping[str, int]) -> None:
        """Adds URLs with their depths, up to the crawl's limit. Once per transaction, and in the order of the URLs: two
        crawls of one domain that find the same pages then never wait for each other in a ring."""
        fresh = [url for url in depths if url not in self._seen]
        self._seen.update(fresh)
        connection = await session.connection()
        for start in range(0, len(fresh), BATCH):
            urls = sorted(fresh[start : start + BATCH][: max(0, self._most - self._known)])
            if not urls:
                return
            back = await connection.execute(
                update(Page)
                .where(
                    col(Page.domain_id) == self._scope.domain_id,
                    col(Page.source_id) == self._source_id,
                    col(Page.url).in_(urls),
                    col(Page.crawl_id).is_distinct_from(self._crawl_id),
                )
                .values(state="queued", crawl_id=self._crawl_id)
            )
            now = self._clock.now()
            rows = [
                {
                    "domain_id": self._scope.domain_id,
                    "id": new_id(),
                    "source_id": self._source_id,
                    "url": url,
                    "state": "queued",
                    "depth": depths[url],
                    "crawl_id": self._crawl_id,
                    "title": "",
                    "language": "",
                    "found_at": now,
                }
                for url in urls
            ]
            made = await connection.execute(insert(Page).values(rows).on_conflict_do_nothing())
            self._known += back.rowcount + made.rowcount

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

    async def record(self, visits: Sequence[tuple[Waiting, Visit]]) -> int:
        """Writes what visits found: pages, passages and links in one transaction. Returns how many passages changed."""
        async with self._database.session(self._scope) as session:
            statement = select(Page).where(
                Page.domain_id == self._scope.domain_id, col(Page.id).in_([waiting.id for waiting, _ in visits])
            )
            pages = {page.id: page for page in (await session.exec(statement.with_for_update())).all()}
            read: list[tuple[Page, Sequence[Piece]]] = []
            links: dict[str, int] = {}
            for waiting, visit in visits:
                if (page := pages.get(waiting.id)) is None:
                    continue
                if self._noted(page, visit):
                    await self._rows.forget_vectors(session, self._scope, page.id)
                session.add(page)
                if visit.pieces is not None:
                    read.append((page, visit.pieces))
                links = {**dict.fromkeys(visit.links, waiting.depth + 1), **links}
            changed = await self._rows.replace(session, self._scope, read) if read else 0
            await self._add(session, links)
            await session.commit()
        return changed

    def _noted(self, page: Page, visit: Visit) -> bool:
        """Writes a visit into its page. Returns whether the page, read before, has another title now."""
        retitled = page.read_at is not None and visit.state == "read" and page.title != visit.title
        page.state, page.problem = visit.state, visit.problem
        page.said = visit.said[:SAID_AT_MOST] if visit.said else None
        if visit.state == "read":
            page.title, page.language, page.content_hash = visit.title, visit.language, visit.content_hash
        if visit.state in ("read", "unchanged"):
            page.etag = visit.etag or page.etag
            page.last_modified = visit.last_modified or page.last_modified
            page.read_at = self._clock.now()
        return retitled

    async def counts(self) -> dict[str, int]:
        """Pages of this crawl by state."""
        async with self._database.session(self._scope) as session:
            connection = await session.connection()
            rows = await connection.execute(
                columns(col(Page.state), func.count())
                .where(col(Page.domain_id) == self._scope.domain_id, col(Page.crawl_id) == self._crawl_id)
                .group_by(col(Page.state))
            )
            return dict(rows.all())

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

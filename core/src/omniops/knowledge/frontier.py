"""The frontier: which URLs of a source wait, which were visited, with what result.

Rows, so that a crawl that was killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, text, true, update
from sqlalchemy import select as columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.ids import Clock, new_id
from omniops.contracts.knowledge import SourceView
from omniops.contracts.scope import Scope
from omniops.database.bulk import insert_rows
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.knowledge.cut import Piece
from omniops.knowledge.freshness import LEAST, learnt, next_visit
from omniops.knowledge.models import FIRST, Page, Source
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
    retry_after: float | None = None


_EXCLUDED = Visit("skipped", "excluded", "The source's patterns exclude it.", pieces=())


def refuse_paused(source: Source) -> None:
    """Raises `Rejected` (`paused`)."""
    if source.paused_at is not None:
        raise Rejected("This source is paused.", code="paused", do="Resume it first.")


class Frontier:
    """The page rows of one source during one crawl, up to `most` pages. `ceiling` is the longest interval between two
    visits of a page. With `due`, only pages whose visit is due by then are visited, and pages that are new."""

    def __init__(
        self,
        database: Database,
        rows: PassageRows,
        clock: Clock,
        scope: Scope,
        source_id: UUID,
        crawl_id: UUID,
        most: int,
        *,
        ceiling: timedelta,
        due: datetime | None = None,
    ) -> None:
        self._database = database
        self._rows = rows
        self._clock = clock
        self._scope = scope
        self._source_id = source_id
        self._crawl_id = crawl_id
        self._most = most
        self._ceiling = ceiling
        self._due = due
        self._known = 0
        self._seen: set[str] = set()

    async def begin(self) -> None:
        """Queues the pages that the source is known to have and that this crawl is for, once per crawl: each is visited
        again."""
        async with self._database.session(self._scope) as session:
            connection = await session.connection()
            await connection.execute(
                update(Page)
                .where(*self._mine(), col(Page.crawl_id).is_distinct_from(self._crawl_id), self._is_due())
                .values(state="queued", crawl_id=self._crawl_id, problem=None, said=None)
            )
            await session.commit()
        self._known = sum((await self.counts()).values()) if self._due is None else await self._all()

    async def keep_only(self, urls: Sequence[str]) -> int:
        """Forgets the pages of the source that are none of these, with their passages. Returns how many."""
        async with self._database.session(self._scope) as session:
            connection = await session.connection()
            done = await connection.execute(
                text("delete from page where domain_id = :domain and source_id = :source and url <> all(:urls)"),
                {"domain": self._scope.domain_id, "source": self._source_id, "urls": list(urls)},
            )
            await session.commit()
        self._known = max(0, self._known - done.rowcount)
        return done.rowcount

    def _mine(self) -> tuple[ColumnElement[bool], ...]:
        return (
            col(Page.domain_id) == self._scope.domain_id,
            col(Page.source_id) == self._source_id,
            col(Page.state) != "gone",
        )

    def _is_due(self) -> ColumnElement[bool]:
        if self._due is None:
            return true()
        # The ceiling may have been lowered since the visit was planned.
        return or_(
            col(Page.visit_at).is_(None),
            col(Page.visit_at) <= self._due,
            col(Page.visited_at) <= self._due - self._ceiling,
        )

    async def _all(self) -> int:
        async with self._database.session(self._scope) as session:
            connection = await session.connection()
            return (await connection.execute(columns(func.count()).select_from(Page).where(*self._mine()))).scalar_one()

    async def next_due(self) -> datetime | None:
        """When the first page of the source is due."""
        first = columns(func.min(col(Page.visit_at)), func.min(col(Page.visited_at))).where(*self._mine())
        async with self._database.session(self._scope) as session:
            row = (await (await session.connection()).execute(first)).one()
        return None if row[0] is None or row[1] is None else min(row[0], row[1] + self._ceiling)

    async def hint(self, changes: Mapping[str, datetime]) -> int:
        """Makes pages due that a sitemap or feed says changed since their last visit, unless it said so wrongly before.
        Returns how many."""
        told, now = list(changes.items()), self._clock.now()
        made = 0
        async with self._database.session(self._scope) as session:
            connection = await session.connection()
            for start in range(0, len(told), BATCH):
                part = dict(told[start : start + BATCH])
                rows = await connection.execute(
                    columns(col(Page.id), col(Page.url), col(Page.visited_at)).where(
                        *self._mine(), col(Page.url).in_(part), col(Page.hint) == "none", col(Page.visit_at) > now
                    )
                )
                fresh = [row.id for row in rows if row.visited_at is not None and row.visited_at < part[row.url]]
                await connection.execute(
                    update(Page)
                    .where(col(Page.domain_id) == self._scope.domain_id, col(Page.id).in_(fresh))
                    .values(visit_at=now, hint="asked")
                )
                made += len(fresh)
            await session.commit()
        return made

    async def add(self, urls: Iterable[str], depth: int) -> int:
        """Queues URLs that this crawl has not seen. Returns how many are new to it."""
        before = self._known
        async with self._database.session(self._scope) as session:
            await self._add(session, dict.fromkeys(urls, depth))
            await session.commit()
        return self._known - before

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
                    # Between crawls a link says nothing new of a page, unless that was gone.
                    true() if self._due is None else col(Page.state) == "gone",
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
                    "interval": FIRST,
                    "hint": "none",
                }
                for url in urls
            ]
            self._known += back.rowcount + await insert_rows(connection, Page, rows, skip_existing=True)

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
        return [_waiting(row) for row in rows]

    async def named(self, ids: Sequence[UUID]) -> list[Waiting]:
        """The pages of the source with these ids that are still there."""
        async with self._database.session(self._scope) as session:
            statement = select(Page).where(
                Page.domain_id == self._scope.domain_id, Page.source_id == self._source_id, col(Page.id).in_(ids)
            )
            return [_waiting(row) for row in (await session.exec(statement.order_by(col(Page.id)))).all()]

    async def record(self, visits: Sequence[tuple[Waiting, Visit]]) -> int:
        """Writes what visits found: pages, passages and links in one transaction. Returns how much of what is known
        changed, in passages and titles."""
        async with self._database.session(self._scope) as session:
            view = await self._still_wanted(session)
            visits = [(waiting, visit if view.admits(waiting.url) else _EXCLUDED) for waiting, visit in visits]
            statement = select(Page).where(
                Page.domain_id == self._scope.domain_id, col(Page.id).in_([waiting.id for waiting, _ in visits])
            )
            pages = {page.id: page for page in (await session.exec(statement.with_for_update())).all()}
            found = [(pages[waiting.id], waiting, visit) for waiting, visit in visits if waiting.id in pages]
            found = await self._without_doubles(session, found)
            read = [(page, visit.pieces) for page, _, visit in found if visit.pieces is not None]
            changed = Counter(await self._rows.replace(session, self._scope, read) if read else {})
            links: dict[str, int] = {}
            for page, waiting, visit in found:
                if page.read_at is not None and visit.state == "read" and page.title != visit.title:
                    await self._rows.forget_vectors(session, self._scope, page.id)
                    changed[page.id] += 1
                self._note(page, visit)
                self._plan(page, visit, changed=page.id in changed)
                session.add(page)
                links = {**dict.fromkeys(visit.links, waiting.depth + 1), **links}
            await self._add(session, links)
            await session.commit()
        return changed.total()

    async def _still_wanted(self, session: AsyncSession) -> SourceView:
        """The source as it is now, which may be narrower than when the crawl began. Raises `NotFound` where it was
        removed meanwhile, and `Rejected` where it was paused; until the transaction ends it stays as it is."""
        statement = select(Source).where(Source.domain_id == self._scope.domain_id, Source.id == self._source_id)
        source = (await session.exec(statement.with_for_update(read=True))).first()
        if source is None:
            raise NotFound("The source was removed while it was read.")
        refuse_paused(source)
        return SourceView(source.id, source.url, tuple(source.include), tuple(source.exclude))

    async def _without_doubles(
        self, session: AsyncSession, found: Sequence[tuple[Page, Waiting, Visit]]
    ) -> list[tuple[Page, Waiting, Visit]]:
        """A page that says word for word what another page of the source says is that page under one more address
        (a session id in the path, a sort order): it is not kept twice, and its links lead nowhere new."""
        prints = {page.id: fingerprint(visit) for page, _, visit in found}
        known: dict[bytes, tuple[UUID, str]] = {}
        wanted = [value for value in prints.values() if value is not None]
        if wanted:
            statement = select(Page).where(
                Page.domain_id == self._scope.domain_id,
                Page.source_id == self._source_id,
                col(Page.fingerprint).in_(wanted),
            )
            same = sorted((await session.exec(statement)).all(), key=lambda page: page.id)
            known = {page.fingerprint: (page.id, page.url) for page in reversed(same) if page.fingerprint}
        kept = []
        for page, waiting, visit in found:
            print_ = prints[page.id]
            if print_ is not None:
                original, url = known.setdefault(print_, (page.id, page.url))
                if original != page.id:
                    print_, visit = None, Visit("skipped", "duplicate", f"It says what {url} says.", pieces=())
            if visit.state not in ("unchanged", "failed"):
                page.fingerprint = print_
            kept.append((page, waiting, visit))
        return kept

    def _note(self, page: Page, visit: Visit) -> None:
        page.state, page.problem = visit.state, visit.problem
        page.said = visit.said[:SAID_AT_MOST] if visit.said else None
        if visit.state == "read":
            page.title, page.language, page.content_hash = visit.title, visit.language, visit.content_hash
            page.etag, page.last_modified = visit.etag, visit.last_modified
        if visit.state in ("read", "unchanged"):
            page.etag = visit.etag or page.etag
            page.last_modified = visit.last_modified or page.last_modified
            page.read_at = self._clock.now()
        elif visit.pieces is not None:
            # Nothing is kept of it: the same words, when they come back, are new.
            page.etag = page.last_modified = page.content_hash = None

    def _plan(self, page: Page, visit: Visit, *, changed: bool) -> None:
        """When this page is visited next, and what this visit teaches about it (see `freshness`)."""
        now, interval = self._clock.now(), timedelta(seconds=page.interval)
        if page.visited_at is None or visit.state == "failed":
            interval = max(LEAST, min(interval, self._ceiling))
        else:
            waited = now - page.visited_at
            interval = learnt(interval, changed=changed, waited=waited, ceiling=self._ceiling)
        if changed:
            page.hint = "none"
        elif page.hint == "asked" and visit.state != "failed":
            page.hint = "false"
        page.visited_at = now
        page.interval = int(interval.total_seconds())
        page.visit_at = next_visit(visit.state, now, interval, visit.retry_after)

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


def _waiting(row: Page) -> Waiting:
    return Waiting(row.id, row.url, row.depth, row.etag, row.last_modified, row.content_hash)


def fingerprint(visit: Visit) -> bytes | None:
    """A hash of all that a page says, its title included; None for a page that says nothing."""
    if not visit.pieces:
        return None
    digest = hashlib.sha256(visit.title.encode())
    for piece in visit.pieces:
        for part in (piece.kind, piece.heading, piece.question or "", piece.text):
            digest.update(part.encode() + b"\x00")
    return digest.digest()

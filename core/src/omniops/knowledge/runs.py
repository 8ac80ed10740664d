"""Runs over a source: a whole crawl, or a visit of what is due. One at a time per source, taken up after a kill."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from sqlalchemy import delete
from sqlmodel import col, select

from omniops.accounts.service import Accounts
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.knowledge import Encoder, SourceView
from omniops.contracts.knowledge import Fetcher as PageFetcher
from omniops.contracts.knowledge import Source as SourceKind
from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.errors import NotFound, OmniOpsError, Rejected
from omniops.gate.grants import Allow, Grant
from omniops.gate.service import Gate
from omniops.knowledge.encoding import encode_waiting
from omniops.knowledge.freshness import LEAST, LOOK_AT_LEAST, learnt
from omniops.knowledge.frontier import Frontier, refuse_paused
from omniops.knowledge.models import Crawl, Source
from omniops.knowledge.ownership import Ownerships
from omniops.knowledge.pace import Paces
from omniops.knowledge.progress import OnProgress, Progress
from omniops.knowledge.store import PassageRows
from omniops.webhooks.service import emit

if TYPE_CHECKING:
    from omniops.gate.crawl import Crawler
    from omniops.knowledge.crawling import Crawling

VISITS_KEPT = timedelta(days=7)
"""How long the record of a visit of due pages is kept; those of whole crawls stay."""


@dataclass(frozen=True, slots=True)
class CrawlReport:
    """How a crawl ended. `problems` are (URL, state, code, words) of single pages, `problem` that of the whole."""

    state: str
    counts: Mapping[str, int]
    passages: int
    encoded: int
    problem: str | None = None
    said: str | None = None
    problems: tuple[tuple[str, str, str, str], ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "pages": dict(self.counts),
            "passages": self.passages,
            "encoded": self.encoded,
            "problem": self.problem,
            "said": self.said,
            "problems": [
                {"url": url, "state": state, "code": code, "said": said} for url, state, code, said in self.problems
            ],
        }


class Runs:
    """Reads sources."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        gate: Gate,
        allows: Callable[[], Awaitable[Sequence[Allow]]],
        ownership: Ownerships,
        rows: PassageRows,
        encoder: Callable[[], Encoder | None],
        kinds: Callable[[], Mapping[str, SourceKind]],
        fetchers: Callable[[Scope], Awaitable[Sequence[PageFetcher]]],
        clock: Clock,
        *,
        per_second: float,
        most_pages: int,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._gate = gate
        self._allows = allows
        self._ownership = ownership
        self._rows = rows
        self._encoder = encoder
        self._kinds = kinds
        self._fetchers = fetchers
        self._clock = clock
        self._paces = Paces(database)
        self._per_second = per_second
        self._most_pages = most_pages

    async def crawl(
        self, scope: Scope, source_id: UUID, on_progress: OnProgress | None = None, *, due: datetime | None = None
    ) -> CrawlReport:
        """Reads a source now, in this process; with `due`, only the pages whose visit is due by then, and new ones. A
        crawl that was killed is taken up where it stopped.

        Raises `Rejected` (`crawl_running`) while another process reads the same source, `Rejected` (`not_verified`)
        where nobody showed that the site is the business's own, and `NotFound`.
        """
        report = on_progress or _silent
        async with self._alone(source_id):
            try:
                return await self._crawl(scope, source_id, report, due)
            except Exception:  # whatever it was: not again with the next tick
                await self._plan(scope, source_id, due_at=self._clock.now() + LEAST)
                raise

    async def _crawl(self, scope: Scope, source_id: UUID, report: OnProgress, due: datetime | None) -> CrawlReport:
        hosts = await self._ownership.readable(scope, _host(await self._source(scope, source_id)))
        ceiling = await self._ceiling(scope)
        source, crawl = await self._begin(scope, source_id, full=due is None)
        due = None if crawl.kind == "full" else due
        frontier = Frontier(
            self._database,
            self._rows,
            self._clock,
            scope,
            source_id,
            crawl.id,
            self._most_pages,
            ceiling=ceiling,
            due=due,
        )
        look = due is None or source.look_at is None or source.look_at <= due
        encoded = 0
        crawler, crawling = await self._prepare(scope, source, hosts, frontier, report)
        try:
            await crawling.read(look=look)
            await crawling.publish()
            # An encoder takes time and memory to open: not for a visit that found nothing new.
            encoder = self._encoder() if due is None or crawling.changed else None
            if encoder is not None:
                await self._note(scope, crawl.id, phase="encoding", counts=await frontier.counts())
                encoded = await encode_waiting(self._rows, scope, encoder, _encoding(report))
        except OmniOpsError as error:
            code = error.code if isinstance(error, Rejected) else type(error).__name__.lower()
            state = "cancelled" if code == "paused" else "failed"
            await self._end(scope, crawl.id, state, frontier, code, str(error))
            raise
        finally:
            await crawler.close()
        finished = await self._finish(scope, source, crawl, frontier, encoded, report)
        await self._plan_next(scope, source, frontier, ceiling, looked=look, news=crawling.news)
        return finished

    async def visit(self, scope: Scope, source_id: UUID, page_ids: Sequence[UUID]) -> None:
        """Visits single pages now, beside a crawl if one runs. Nothing where the source was removed or paused."""
        try:
            source = await self._source(scope, source_id)
            refuse_paused(source)
        except (NotFound, Rejected):
            return
        hosts, ceiling = await self._ownership.readable(scope, _host(source)), await self._ceiling(scope)
        most = self._most_pages
        frontier = Frontier(
            self._database, self._rows, self._clock, scope, source_id, new_id(), most, ceiling=ceiling, due=None
        )
        crawler, crawling = await self._prepare(scope, source, hosts, frontier, _silent)
        try:
            await crawling.visit(page_ids)
        finally:
            await crawler.close()
        await self.encode(scope)

    async def encode(self, scope: Scope) -> None:
        """Vectors for every passage of the domain that has none."""
        encoder = self._encoder()
        if encoder is not None:
            await encode_waiting(self._rows, scope, encoder)

    async def _ceiling(self, scope: Scope) -> timedelta:
        return timedelta(hours=(await self._accounts.domain(scope)).settings.visit_within_hours)

    async def _source(self, scope: Scope, source_id: UUID) -> Source:
        async with self._database.session(scope) as session:
            source = await session.get(Source, (scope.domain_id, source_id))
        if source is None or source.kind not in self._kinds():
            raise NotFound("There is no such source.")
        return source

    async def _plan_next(
        self, scope: Scope, source: Source, frontier: Frontier, ceiling: timedelta, *, looked: bool, news: bool
    ) -> None:
        """When this source is due again: its first page, or its sitemaps and feeds."""
        now, look_at, interval = self._clock.now(), source.look_at, timedelta(seconds=source.look_interval)
        if looked or look_at is None:
            most = min(ceiling, LOOK_AT_LEAST)
            if source.look_at is not None:
                interval = learnt(interval, changed=news, waited=interval, ceiling=most)
            interval = min(interval, most)
            look_at = now + interval
        due_at = min(filter(None, (look_at, await frontier.next_due())))
        await self._plan(scope, source.id, due_at=due_at, look_at=look_at, look_interval=int(interval.total_seconds()))

    async def _plan(self, scope: Scope, source_id: UUID, **values: Any) -> None:
        async with self._database.session(scope) as session:
            source = await session.get(Source, (scope.domain_id, source_id))
            for name, value in values.items() if source is not None else ():
                setattr(source, name, value)
            await session.commit()

    async def _prepare(
        self,
        scope: Scope,
        source: Source,
        hosts: frozenset[str],
        frontier: Frontier,
        on_progress: OnProgress,
    ) -> tuple[Crawler, Crawling]:
        # Here, not above: the crawler's client and the extractor are heavy, and web processes never crawl.
        from omniops.gate.crawl import Crawler
        from omniops.knowledge.crawling import Crawling
        from omniops.knowledge.fetching import USER_AGENT, Fetcher
        from omniops.knowledge.rendering import Renderer

        own = {(allow.host, allow.port) for allow in await self._allows()}

        def unhurried(url: str) -> bool:
            parts = urlsplit(url)
            return (parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]) in own

        grant = Grant.own_site(scope, hosts)
        crawler = Crawler(self._gate, grant, user_agent=USER_AGENT)
        fetcher = Fetcher(crawler, self._clock, self._paces, per_second=self._per_second, unhurried=unhurried)
        crawling = Crawling(
            self._rows,
            frontier,
            fetcher,
            Renderer(self._gate, grant, await self._fetchers(scope), user_agent=USER_AGENT),
            self._kinds()[source.kind],
            SourceView(source.id, source.url, tuple(source.include), tuple(source.exclude)),
            hosts,
            scope,
            on_progress,
        )
        return crawler, crawling

    async def _begin(self, scope: Scope, source_id: UUID, *, full: bool) -> tuple[Source, Crawl]:
        """The source, and its running crawl: the one that a kill left behind, or a new one. A whole crawl that was left
        behind stays one, and where a whole one is asked for, what was left behind becomes one."""
        async with self._database.session(scope) as session:
            source = await session.get(Source, (scope.domain_id, source_id))
            if source is None:
                raise NotFound("There is no such source.")
            refuse_paused(source)
            statement = select(Crawl).where(
                Crawl.domain_id == scope.domain_id, Crawl.source_id == source_id, Crawl.state == "running"
            )
            crawl = (await session.exec(statement)).first()
            if crawl is None:
                crawl = Crawl(domain_id=source.domain_id, source_id=source_id, state="running", phase="reading")
                crawl.kind = "full" if full else "due"
            elif full:
                crawl.kind = "full"
            session.add(crawl)
            await session.commit()
        return source, crawl

    async def _note(self, scope: Scope, crawl_id: UUID, **values: Any) -> None:
        async with self._database.session(scope) as session:
            crawl = await session.get(Crawl, (scope.domain_id, crawl_id))
            if crawl is None:  # the source was removed, and its crawls with it
                return
            for name, value in values.items():
                setattr(crawl, name, value)
            session.add(crawl)
            if "ended_at" in values:
                await emit(
                    session, scope, "crawl.finished", crawl_id=crawl.id, source_id=crawl.source_id, state=crawl.state
                )
            await session.commit()

    async def _end(
        self, scope: Scope, crawl_id: UUID, state: str, frontier: Frontier, problem: str | None, said: str | None
    ) -> None:
        await self._note(
            scope,
            crawl_id,
            state=state,
            phase="ended",
            counts=await frontier.counts(),
            problem=problem,
            said=said,
            ended_at=self._clock.now(),
        )

    async def _finish(
        self, scope: Scope, source: Source, crawl: Crawl, frontier: Frontier, encoded: int, on_progress: OnProgress
    ) -> CrawlReport:
        counts = await frontier.counts()
        problems = tuple(await frontier.problems())
        full = crawl.kind == "full"
        problem, said = _whole_problem(source.url, counts, problems) if full else (None, None)
        state = "failed" if problem else "done"
        await self._end(scope, crawl.id, state, frontier, problem, said)
        if not full:
            await self._forget_visits(scope, source.id)
        on_progress(Progress("ended", sum(counts.values()), sum(counts.values()), counts))
        return CrawlReport(state, counts, await self._rows.count(scope), encoded, problem, said, problems)

    async def _forget_visits(self, scope: Scope, source_id: UUID) -> None:
        async with self._database.session(scope) as session:
            connection = await session.connection()
            await connection.execute(
                delete(Crawl).where(
                    col(Crawl.domain_id) == scope.domain_id,
                    col(Crawl.source_id) == source_id,
                    col(Crawl.kind) == "due",
                    col(Crawl.ended_at) < self._clock.now() - VISITS_KEPT,
                )
            )
            await session.commit()

    @asynccontextmanager
    async def _alone(self, source_id: UUID) -> AsyncIterator[None]:
        """One crawl of a source at a time in the whole deployment: a lock that the database drops with its connection,
        so a killed process leaves none behind."""
        connection = await psycopg.AsyncConnection.connect(self._database.links.app.conninfo(), autocommit=True)
        async with connection:
            key = source_id.int & 0x7FFFFFFFFFFFFFFF
            row = await (await connection.execute("select pg_try_advisory_lock(%s)", [key])).fetchone()
            if row is None or not row[0]:
                raise Rejected("This source is being read already.", code="crawl_running")
            try:
                yield
            finally:
                with suppress(psycopg.Error):  # by itself the database would see a moment later that we left
                    await connection.execute("select pg_advisory_unlock(%s)", [key])


def _whole_problem(
    url: str, counts: Mapping[str, int], problems: tuple[tuple[str, str, str, str], ...]
) -> tuple[str | None, str | None]:
    """What went wrong with the crawl as a whole: not one page could be read, and why not the first."""
    if counts.get("read") or counts.get("unchanged"):
        return None, None
    if not problems:
        return "nothing_found", f"Nothing was found at {url}."
    first = next((p for p in problems if p[0] == url), problems[0])
    return first[2], first[3]


def _host(source: Source) -> str:
    return urlsplit(source.url).hostname or ""


def _encoding(report: OnProgress) -> Callable[[int, int], None]:
    return lambda done, of: report(Progress("encoding", done, of))


def _silent(progress: Progress) -> None:
    return None

"""The knowledge room's one door: sources, crawls, search."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from sqlmodel import col, select

from omniops.accounts.service import Accounts
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.knowledge import Encoder, Found, KnowledgeIndex, SourceView
from omniops.contracts.knowledge import Source as SourceKind
from omniops.contracts.plugin import Log
from omniops.contracts.scope import Actor, Scope
from omniops.database.notices import Notices
from omniops.database.service import Database, Notice
from omniops.errors import NotFound, OmniOpsError, Rejected
from omniops.gate.grants import Allow, Grant
from omniops.gate.service import Gate
from omniops.jobs.service import CRAWLS, Jobs, Retry, Task, scope_argument
from omniops.knowledge.frontier import Frontier
from omniops.knowledge.models import Crawl, Source
from omniops.knowledge.progress import OnProgress, Progress
from omniops.knowledge.store import NOTICE, PassageRows
from omniops.knowledge.urls import normalise

if TYPE_CHECKING:
    from omniops.gate.crawl import Crawler
    from omniops.knowledge.crawling import Crawling


@dataclass(frozen=True, slots=True)
class SourceOut:
    """A source as other rooms and the API see it."""

    id: UUID
    kind: str
    url: str
    created_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "kind": self.kind,
            "url": self.url,
            "created_at": self.created_at.isoformat(),
        }


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


class Knowledge:
    """What the businesses' sites say."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        audit: Audit,
        gate: Gate,
        allows: Callable[[], Awaitable[Sequence[Allow]]],
        jobs: Jobs,
        notices: Notices,
        rows: PassageRows,
        index: KnowledgeIndex,
        encoder: Callable[[], Encoder | None],
        kinds: Callable[[], Mapping[str, SourceKind]],
        clock: Clock,
        log: Log,
        *,
        per_second: float,
        most_pages: int,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._audit = audit
        self._gate = gate
        self._allows = allows
        self._jobs = jobs
        self._rows = rows
        self._index = index
        self._encoder = encoder
        self._kinds = kinds
        self._clock = clock
        self._log = log
        self._per_second = per_second
        self._most_pages = most_pages
        jobs.register(Task("knowledge:crawl", self._crawl_job, queue=CRAWLS, retry=Retry(attempts=5, first=5, cap=60)))
        notices.on(NOTICE, self._index_changed)

    async def add_source(self, scope: Scope, kind: str, url: str, *, actor: Actor) -> SourceOut:
        """Adds a source, or gives the one that is there. Raises `Rejected` for a URL that is none, for a host that is
        not among the domain's own, and for an unknown kind."""
        if kind not in self._kinds():
            raise Rejected(f"{kind!r} is no kind of source.", code="unknown_kind", where="kind")
        address = normalise(url if "//" in url else f"https://{url}")
        if address is None:
            raise Rejected(
                f"{url!r} is no web address.", code="bad_url", where="url", do="Write https://shop.example/."
            )
        domain = await self._accounts.domain(scope)
        if (urlsplit(address).hostname or "") not in domain.hosts:
            raise Rejected(
                f"{urlsplit(address).hostname!r} is no website of this domain.", code="foreign_host", where="url"
            )
        assert scope.domain_id is not None
        async with self._database.session(scope) as session:
            statement = select(Source).where(
                Source.domain_id == scope.domain_id, Source.kind == kind, Source.url == address
            )
            source = (await session.exec(statement)).first()
            if source is None:
                source = Source(domain_id=scope.domain_id, kind=kind, url=address)
                session.add(source)
                await session.commit()
                await self._audit.write(Entry(scope.account_id, str(actor), "source.add", "source"))
        return _out(source)

    async def sources(self, scope: Scope) -> list[SourceOut]:
        async with self._database.session(scope) as session:
            statement = select(Source).where(Source.domain_id == scope.domain_id).order_by(col(Source.id))
            return [_out(source) for source in (await session.exec(statement)).all()]

    async def request_crawl(self, scope: Scope, source_id: UUID) -> None:
        """Queues a crawl; one that waits already is enough. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            if await session.get(Source, (scope.domain_id, source_id)) is None:
                raise NotFound("There is no such source.")
            await self._jobs.enqueue(
                session,
                "knowledge:crawl",
                lock=f"crawl:{source_id}",
                unique=f"crawl:{source_id}",
                domain_id=scope_argument(scope),
                source_id=source_id,
            )
            await session.commit()

    async def _crawl_job(self, scope: Scope, source_id: str) -> None:
        report = await self.crawl(scope, UUID(source_id))
        self._log.info("crawl.ended", state=report.state, pages=dict(report.counts), passages=report.passages)

    async def crawl(self, scope: Scope, source_id: UUID, on_progress: OnProgress | None = None) -> CrawlReport:
        """Reads a source now, in this process. A crawl that was killed is taken up where it stopped.

        Raises `Rejected` (`crawl_running`) while another process reads the same source, and `NotFound`.
        """
        report = on_progress or _silent
        async with self._alone(source_id):
            source, crawl = await self._begin(scope, source_id)
            frontier = Frontier(self._database, self._rows, self._clock, scope, source_id, crawl.id, self._most_pages)
            encoded = 0

            crawler, crawling = await self._prepare(scope, source, frontier, report)
            try:
                await crawling.read()
                await crawling.publish()
                encoder = self._encoder()
                if encoder is not None:
                    await self._note(scope, crawl.id, phase="encoding", counts=await frontier.counts())
                    encoded = await crawling.encode(encoder)
            except OmniOpsError as error:
                await self._end(scope, crawl.id, "failed", frontier, type(error).__name__.lower(), str(error))
                raise
            finally:
                await crawler.close()
            return await self._finish(scope, source, crawl.id, frontier, encoded, report)

    async def _prepare(
        self, scope: Scope, source: Source, frontier: Frontier, on_progress: OnProgress
    ) -> tuple[Crawler, Crawling]:
        # Here, not above: the crawler's client and the extractor are heavy, and web processes never crawl.
        from omniops.gate.crawl import Crawler
        from omniops.knowledge.crawling import Crawling
        from omniops.knowledge.fetching import USER_AGENT, Fetcher

        domain = await self._accounts.domain(scope)
        own = {(allow.host, allow.port) for allow in await self._allows()}

        def unhurried(url: str) -> bool:
            parts = urlsplit(url)
            return (parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]) in own

        crawler = Crawler(self._gate, Grant.own_site(scope, domain.hosts), user_agent=USER_AGENT)
        fetcher = Fetcher(crawler, self._clock, per_second=self._per_second, unhurried=unhurried)
        crawling = Crawling(
            self._rows,
            frontier,
            fetcher,
            self._kinds()[source.kind],
            SourceView(source.id, source.url, tuple(source.include), tuple(source.exclude)),
            domain.hosts,
            scope,
            on_progress,
        )
        return crawler, crawling

    async def _begin(self, scope: Scope, source_id: UUID) -> tuple[Source, Crawl]:
        """The source, and its running crawl: the one that a kill left behind, or a new one."""
        async with self._database.session(scope) as session:
            source = await session.get(Source, (scope.domain_id, source_id))
            if source is None:
                raise NotFound("There is no such source.")
            statement = select(Crawl).where(
                Crawl.domain_id == scope.domain_id, Crawl.source_id == source_id, Crawl.state == "running"
            )
            crawl = (await session.exec(statement)).first()
            if crawl is None:
                crawl = Crawl(domain_id=source.domain_id, source_id=source_id, state="running", phase="reading")
                session.add(crawl)
                await session.commit()
        return source, crawl

    async def _note(self, scope: Scope, crawl_id: UUID, **values: Any) -> None:
        async with self._database.session(scope) as session:
            crawl = await session.get(Crawl, (scope.domain_id, crawl_id))
            assert crawl is not None
            for name, value in values.items():
                setattr(crawl, name, value)
            session.add(crawl)
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
        self,
        scope: Scope,
        source: Source,
        crawl_id: UUID,
        frontier: Frontier,
        encoded: int,
        on_progress: OnProgress,
    ) -> CrawlReport:
        counts = await frontier.counts()
        problems = tuple(await frontier.problems())
        problem, said = _whole_problem(source.url, counts, problems)
        state = "failed" if problem else "done"
        await self._end(scope, crawl_id, state, frontier, problem, said)
        on_progress(Progress("ended", sum(counts.values()), sum(counts.values()), counts))
        return CrawlReport(state, counts, await self._rows.count(scope), encoded, problem, said, problems)

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
            yield

    async def search(self, scope: Scope, question: str, *, limit: int = 10) -> Found:
        """The passages that fit a question best."""
        return await self._index.search(scope, question, limit=limit)

    async def passages(self, scope: Scope) -> int:
        """How many passages a domain has."""
        return await self._rows.count(scope)

    async def last_crawls(self, scope: Scope, limit: int = 10) -> list[Crawl]:
        """The newest crawls of a domain."""
        async with self._database.session(scope) as session:
            statement = select(Crawl).where(Crawl.domain_id == scope.domain_id).order_by(col(Crawl.id).desc())
            return list((await session.exec(statement.limit(limit))).all())

    async def close(self) -> None:
        await self._index.close()

    async def _index_changed(self, notice: Notice | None) -> None:
        if notice is not None:
            await self._index.changed(await self._database.scope_of(notice.domain_id))


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


def _out(source: Source) -> SourceOut:
    return SourceOut(source.id, source.kind, source.url, source.created_at)


def _silent(progress: Progress) -> None:
    return None

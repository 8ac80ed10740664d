"""The knowledge room's one door: sources, crawls, search."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlmodel import col, select

from omniops.accounts.service import Accounts
from omniops.audit.service import Audit, Entry
from omniops.contracts.documents import Audience
from omniops.contracts.ids import Clock
from omniops.contracts.knowledge import Encoder, Fetcher, Found, KnowledgeIndex, Passage
from omniops.contracts.knowledge import Source as SourceKind
from omniops.contracts.plugin import Log
from omniops.contracts.scope import Actor, Scope
from omniops.database.notices import Notices
from omniops.database.service import Database, Notice
from omniops.errors import NotFound, Rejected
from omniops.gate.grants import Allow
from omniops.gate.service import Gate
from omniops.jobs.service import CRAWLS, Jobs, Retry, Task, scope_argument
from omniops.knowledge.frontier import refuse_paused
from omniops.knowledge.models import Crawl, Source
from omniops.knowledge.ownership import Ownerships
from omniops.knowledge.progress import OnProgress
from omniops.knowledge.runs import CrawlReport as CrawlReport
from omniops.knowledge.runs import Runs
from omniops.knowledge.store import NOTICE, PassageRows
from omniops.knowledge.urls import normalise
from omniops.knowledge.visiting import Visiting
from omniops.knowledge.written import HIDDEN


@dataclass(frozen=True, slots=True)
class SourceOut:
    """A source as other rooms and the API see it."""

    id: UUID
    kind: str
    url: str
    created_at: datetime
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    paused_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "kind": self.kind,
            "url": self.url,
            "created_at": self.created_at.isoformat(),
            "include": list(self.include),
            "exclude": list(self.exclude),
            "paused_at": self.paused_at.isoformat() if self.paused_at else None,
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
        members_index: KnowledgeIndex,
        encoder: Callable[[], Encoder | None],
        kinds: Callable[[], Mapping[str, SourceKind]],
        clock: Clock,
        log: Log,
        ownership: Ownerships,
        fetchers: Callable[[Scope], Awaitable[Sequence[Fetcher]]],
        *,
        per_second: float,
        most_pages: int,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._audit = audit
        self.ownership = ownership
        self._jobs = jobs
        self._rows = rows
        self._index = index
        self._members_index = members_index
        self._kinds = kinds
        self._log = log
        self._runs = Runs(
            database,
            accounts,
            gate,
            allows,
            ownership,
            rows,
            encoder,
            kinds,
            fetchers,
            clock,
            per_second=per_second,
            most_pages=most_pages,
        )
        retry = Retry(attempts=5, first=5, cap=60)
        jobs.register(
            Task("knowledge:crawl", self._crawl_job, queue=CRAWLS, retry=retry),
            Task("knowledge:pages", self._pages_job, queue=CRAWLS, retry=retry),
            Task("knowledge:encode", self._runs.encode, queue=CRAWLS, retry=retry),
        )
        jobs.register(*Visiting(database, jobs, self._runs, ownership, clock, log).tasks())
        notices.on(NOTICE, self._index_changed)

    async def add_source(self, scope: Scope, kind: str, url: str, *, actor: Actor) -> SourceOut:
        """Adds a source, or gives the one that is there. Raises `Rejected` for a URL that is none, for a host that is
        not among the domain's own or that nobody showed to be theirs, and for an unknown kind. What the operator adds
        needs no proof: that it was the operator is recorded in its place."""
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
        await self.ownership.claim(scope, urlsplit(address).hostname or "", actor=actor)
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
        return source_out(source)

    async def sources(self, scope: Scope) -> list[SourceOut]:
        async with self._database.session(scope) as session:
            statement = (
                select(Source)
                .where(Source.domain_id == scope.domain_id, col(Source.kind).not_in(HIDDEN))
                .order_by(col(Source.id))
            )
            return [source_out(source) for source in (await session.exec(statement)).all()]

    async def request_crawl(self, scope: Scope, source_id: UUID) -> None:
        """Queues a crawl; one that waits already is enough. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            source = await session.get(Source, (scope.domain_id, source_id))
            if source is None or source.kind in HIDDEN:
                raise NotFound("There is no such source.")
            refuse_paused(source)
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
        try:
            report = await self.crawl(scope, UUID(source_id))
        except NotFound:  # it was removed meanwhile
            return
        except Rejected as error:
            if error.code != "paused":
                raise
            return
        self._log.info("crawl.ended", state=report.state, pages=dict(report.counts), passages=report.passages)

    async def _pages_job(self, scope: Scope, source_id: str, page_ids: str) -> None:
        await self._runs.visit(scope, UUID(source_id), [UUID(page_id) for page_id in page_ids.split()])

    async def crawl(
        self, scope: Scope, source_id: UUID, on_progress: OnProgress | None = None, *, due: datetime | None = None
    ) -> CrawlReport:
        """Reads a source now, in this process: see `Runs.crawl`."""
        return await self._runs.crawl(scope, source_id, on_progress, due=due)

    async def search(self, scope: Scope, question: str, *, limit: int = 10, audience: Audience = "everybody") -> Found:
        """The passages that fit a question best, of those that the audience may read: members may read all. Visitors'
        index holds nothing that is for members, so that not even how rare a word is tells of it."""
        if audience == "members" and await self._rows.beside(scope):
            return await self._members_index.search(scope, question, limit=limit)
        return await self._index.search(scope, question, limit=limit)

    async def fetch(self, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, Passage]:
        """The passages with these ids that still exist."""
        return await self._rows.fetch(scope, ids)

    async def passages(self, scope: Scope) -> int:
        """How many passages a domain has."""
        return await self._rows.count(scope)

    async def languages(self, scope: Scope) -> dict[str, int]:
        """Pages of a domain by language (ISO 639-1), the most common first."""
        return await self._rows.languages(scope)

    async def last_crawls(self, scope: Scope, limit: int = 10) -> list[Crawl]:
        """The newest crawls of a domain."""
        async with self._database.session(scope) as session:
            statement = select(Crawl).where(Crawl.domain_id == scope.domain_id).order_by(col(Crawl.id).desc())
            return list((await session.exec(statement.limit(limit))).all())

    async def close(self) -> None:
        await self._index.close()
        await self._members_index.close()

    async def _index_changed(self, notice: Notice | None) -> None:
        if notice is not None:
            scope = await self._database.scope_of(notice.domain_id)
            await self._index.changed(scope)
            await self._members_index.changed(scope)


def source_out(source: Source) -> SourceOut:
    return SourceOut(
        source.id,
        source.kind,
        source.url,
        source.created_at,
        tuple(source.include),
        tuple(source.exclude),
        source.paused_at,
    )

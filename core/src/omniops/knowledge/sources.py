"""What members do with sources: narrow, pause, resume, remove, and say which pages they just published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.knowledge import Source as SourceKind
from omniops.contracts.knowledge import SourceView
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.jobs.service import Jobs, scope_argument
from omniops.knowledge.frontier import refuse_paused
from omniops.knowledge.models import Page, Source
from omniops.knowledge.service import Knowledge, SourceOut, source_out
from omniops.knowledge.store import PassageRows
from omniops.knowledge.urls import normalise, same_site, skippable
from omniops.knowledge.written import HIDDEN

MOST_PATTERNS, LONGEST_PATTERN = 50, 200
MOST_URLS = 100


class Sources:
    """The sources of all domains, as their members manage them."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        audit: Audit,
        jobs: Jobs,
        rows: PassageRows,
        knowledge: Knowledge,
        kinds: Callable[[], Mapping[str, SourceKind]],
        clock: Clock,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._audit = audit
        self._jobs = jobs
        self._rows = rows
        self._knowledge = knowledge
        self._kinds = kinds
        self._clock = clock

    async def get(self, scope: Scope, source_id: UUID) -> SourceOut:
        """Raises `NotFound`."""
        async with self._database.session(scope) as session:
            return source_out(await _source(session, source_id))

    async def add(
        self,
        scope: Scope,
        kind: str,
        url: str,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        actor: Actor,
    ) -> SourceOut:
        """Adds a source, or changes the patterns of the one that is there, and queues a crawl of it. Raises as
        `Knowledge.add_source` and `change` do."""
        patterns = checked_patterns(include, "include"), checked_patterns(exclude, "exclude")
        source = await self._knowledge.add_source(scope, kind, url, actor=actor)
        if any(patterns):
            return await self.change(scope, source.id, include=patterns[0], exclude=patterns[1], actor=actor)
        if source.paused_at is None:
            await self._knowledge.request_crawl(scope, source.id)
        return source

    async def change(
        self,
        scope: Scope,
        source_id: UUID,
        *,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        paused: bool | None = None,
        actor: Actor,
    ) -> SourceOut:
        """Changes what is given. What is paused, or not admitted any more, is cited no more when this returns; what
        is admitted now is read by a crawl that is queued.

        Raises `NotFound`, and `Rejected` for patterns that are none.
        """
        patterns = {
            name: checked_patterns(given, name)
            for name, given in (("include", include), ("exclude", exclude))
            if given is not None
        }
        async with self._database.session(scope) as session:
            source = await _source(session, source_id, lock=True)
            changed = any(getattr(source, name) != given for name, given in patterns.items())
            for name, given in patterns.items():
                setattr(source, name, given)
            if paused is not None and paused != (source.paused_at is not None):
                source.paused_at = self._clock.now() if paused else None
                changed = True
            session.add(source)
            await session.flush()
            if patterns:
                await self._sift(session, source)
            await self._rows.bump(session, scope)
            await session.commit()
        if changed:
            detail = {"paused": source.paused_at is not None, **patterns}
            await self._audit.write(Entry(scope.account_id, str(actor), "source.change", "source", detail=detail))
            if source.paused_at is None:
                await self._knowledge.request_crawl(scope, source_id)
        return source_out(source)

    async def remove(self, scope: Scope, source_id: UUID, *, actor: Actor) -> None:
        """Removes a source with its pages and passages: nothing of it is cited when this returns, and a crawl of it
        that runs ends. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            await session.delete(await _source(session, source_id, lock=True))
            await self._rows.bump(session, scope)
            await session.commit()
        await self._audit.write(Entry(scope.account_id, str(actor), "source.remove", "source"))

    async def published(self, scope: Scope, source_id: UUID, urls: Sequence[str], *, actor: Actor) -> list[str]:
        """The business says that these pages are new, changed or gone: they are visited now, by a job. Returns their
        addresses as they are kept.

        Raises `Rejected` naming the first address that is no page of this source; then none is visited. `NotFound`.
        """
        if not 1 <= len(urls) <= MOST_URLS:
            raise Rejected(f"1 to {MOST_URLS} addresses are needed.", code="too_many", where="urls")
        hosts = (await self._accounts.domain(scope)).hosts
        async with self._database.session(scope) as session:
            source = await _source(session, source_id)
            refuse_paused(source)
            view = SourceView(source.id, source.url, tuple(source.include), tuple(source.exclude))
            kind = self._kinds().get(source.kind)
            pages = list(dict.fromkeys(_checked_page(url, hosts, kind, view) for url in urls))
            await self._know(session, source, pages)
            ids = await self._ids(session, source, pages)
            await self._jobs.enqueue(
                session,
                "knowledge:pages",
                domain_id=scope_argument(scope),
                source_id=source_id,
                page_ids=" ".join(map(str, ids)),
            )
            await session.commit()
        detail = {"pages": len(pages)}
        await self._audit.write(Entry(scope.account_id, str(actor), "source.published", "source", detail=detail))
        return pages

    async def _know(self, session: AsyncSession, source: Source, urls: Sequence[str]) -> None:
        connection = await session.connection()
        rows = [
            {
                "domain_id": source.domain_id,
                "id": new_id(),
                "source_id": source.id,
                "url": url,
                "state": "queued",
                "depth": 0,
                "title": "",
                "language": "",
                "found_at": self._clock.now(),
            }
            for url in sorted(urls)
        ]
        await connection.execute(insert(Page).values(rows).on_conflict_do_nothing())

    async def _ids(self, session: AsyncSession, source: Source, urls: Sequence[str]) -> list[UUID]:
        statement = select(Page.id, Page.source_id, Page.url).where(
            Page.domain_id == source.domain_id, col(Page.url).in_(urls)
        )
        rows = (await session.exec(statement)).all()
        foreign = next((url for _, owner, url in rows if owner != source.id), None)
        if foreign is not None:
            raise Rejected(f"{foreign} is a page of another source.", code="other_source", where="urls")
        return [page_id for page_id, _, _ in rows]

    async def _sift(self, session: AsyncSession, source: Source) -> None:
        """Forgets the pages that the patterns exclude, and what is known of the state of the others: the next crawl
        must read them even if they did not change, for their links may be admitted now."""
        view = SourceView(source.id, source.url, tuple(source.include), tuple(source.exclude))
        statement = select(Page).where(Page.domain_id == source.domain_id, Page.source_id == source.id)
        for page in (await session.exec(statement)).all():
            if view.admits(page.url):
                page.etag = page.last_modified = page.content_hash = None
                session.add(page)
            else:
                await session.delete(page)


async def _source(session: AsyncSession, source_id: UUID, *, lock: bool = False) -> Source:
    scope: Scope = session.info["scope"]
    statement = select(Source).where(
        Source.domain_id == scope.domain_id, Source.id == source_id, col(Source.kind).not_in(HIDDEN)
    )
    source = (await session.exec(statement.with_for_update() if lock else statement)).first()
    if source is None:
        raise NotFound("There is no such source.")
    return source


def checked_patterns(patterns: Sequence[str], where: str) -> list[str]:
    """Patterns of paths, without doubles. Raises `Rejected` naming the one that is none."""
    if len(patterns) > MOST_PATTERNS:
        raise Rejected(f"At most {MOST_PATTERNS} patterns are taken.", code="bad_pattern", where=where)
    for pattern in patterns:
        if not pattern.startswith(("/", "*")) or len(pattern) > LONGEST_PATTERN or not pattern.isprintable():
            raise Rejected(
                f"{pattern[:LONGEST_PATTERN]!r} is no pattern of a path.",
                code="bad_pattern",
                where=where,
                do=f"Write /blog/* or */print, in at most {LONGEST_PATTERN} characters and without the host.",
            )
    return list(dict.fromkeys(patterns))


def _checked_page(url: str, hosts: frozenset[str], kind: SourceKind | None, view: SourceView) -> str:
    address = normalise(url)
    if address is None or not same_site(address, hosts) or skippable(address):
        raise Rejected(f"{url[:200]!r} is no page of this domain's websites.", code="foreign_page", where="urls")
    if kind is None or not kind.accepts(view, address):
        raise Rejected(f"{address} does not belong to this source.", code="excluded", where="urls")
    return address

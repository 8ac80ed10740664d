"""Documents that a business chose at its connections, as knowledge: a page for each.

Whom a page is for stands on the page itself. What is for members is in no index that a visitor's question reaches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlalchemy import select as columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.documents import Audience, DocumentContent
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Scope
from omniops.errors import Rejected
from omniops.jobs.service import Jobs
from omniops.knowledge.formats import MOST_BYTES
from omniops.knowledge.mirrored import Mirrored, line, new_page, web
from omniops.knowledge.models import Page, Passage
from omniops.knowledge.reading import FileReader
from omniops.knowledge.store import PassageRows
from omniops.knowledge.written import FILE

LONGEST_TITLE = 200
PATIENCE = 40.0
"""Seconds for reading one document; a step of a sync has a minute for all that it does."""
Put = Callable[[AsyncSession, Scope, UUID, str, Audience, datetime], Awaitable[None]]
"""Keeps what was read: in which session, of which website and connection, under which id, for whom, read when."""


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """What is known of a document that was read. `link` is where its citations lead, or empty."""

    title: str
    link: str
    passages: int
    read_at: datetime | None


class Folders(Mirrored):
    """The chosen documents of all connections."""

    kind = FILE

    def __init__(self, rows: PassageRows, files: FileReader, jobs: Jobs, clock: Clock) -> None:
        super().__init__(rows, jobs, clock)
        self._files = files

    async def understood(self, content: DocumentContent) -> Put:
        """Reads a document, and gives what keeps it. Raises `Rejected` for one that cannot be used."""
        title = line(content.title)[:LONGEST_TITLE] or "Untitled"
        if len(content.data) > MOST_BYTES:
            raise Rejected(f"{title!r} is larger than {MOST_BYTES // 2**20} MiB.", code="too_large")
        try:
            async with asyncio.timeout(PATIENCE):
                reading = await self._files.read(content.data, title, content.format)
        except TimeoutError as error:
            raise Rejected(f"Reading {title!r} took more than {PATIENCE:.0f} s.", code="too_slow") from error

        async def put(
            session: AsyncSession,
            scope: Scope,
            connection_id: UUID,
            document_id: str,
            audience: Audience,
            at: datetime,
        ) -> None:
            source = await self._source(session, scope, connection_id)
            url = self._address(connection_id, document_id)
            page = await self._page(session, scope, url) or new_page(source, url, at)
            changed = (page.title, page.audience) != (title, audience)
            if page.title != title:
                await self._rows.forget_vectors(session, scope, page.id)
            page.title, page.language, page.audience = title, reading.language, audience
            page.link = web(content.link) if content.open or audience == "members" else ""
            page.read_at = page.visited_at = at
            session.add(page)
            await session.flush()
            if await self._rows.replace(session, scope, [(page, reading.pieces)]) or changed:
                await self._changed(session, scope)

        return put

    async def show(
        self, session: AsyncSession, scope: Scope, connection_id: UUID, document_id: str, audience: Audience
    ) -> None:
        """From the session's commit on it is for these. Where its citations lead is known when it is read again."""
        page = await self._page(session, scope, self._address(connection_id, document_id))
        if page is not None and page.audience != audience:
            page.audience, page.link = audience, ""
            session.add(page)
            await session.flush()
            await self._rows.bump(session, scope)

    async def known(self, session: AsyncSession, scope: Scope, connection_id: UUID) -> Mapping[str, KeptDocument]:
        """What was read over a connection, by the document's id."""
        source = await self._found(session, scope, connection_id)
        if source is None:
            return {}
        mine = (col(Page.domain_id) == scope.domain_id) & (col(Page.source_id) == source.id)
        pages = (await session.exec(select(Page).where(mine))).all()
        counted = await (await session.connection()).execute(
            columns(col(Passage.page_id), func.count())
            .where(col(Passage.domain_id) == scope.domain_id, col(Passage.page_id).in_([page.id for page in pages]))
            .group_by(col(Passage.page_id))
        )
        passages = {row[0]: int(row[1]) for row in counted}
        start = len(self._address(connection_id)) + 1
        return {
            page.url[start:]: KeptDocument(page.title, page.link or "", passages.get(page.id, 0), page.read_at)
            for page in pages
        }

    async def _page(self, session: AsyncSession, scope: Scope, url: str) -> Page | None:
        statement = select(Page).where(Page.domain_id == scope.domain_id, Page.url == url)
        return (await session.exec(statement.with_for_update())).first()

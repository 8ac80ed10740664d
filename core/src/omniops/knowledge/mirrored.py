"""What comes over connections, as pages under a source of its own for each connection, which no list shows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Scope
from omniops.jobs.service import Jobs, scope_argument
from omniops.knowledge.models import Page, Source
from omniops.knowledge.store import PassageRows


class Mirrored:
    """The base of what keeps such pages. A page's `url` names connection and thing, its `link` where it stands."""

    kind: ClassVar[str]

    def __init__(self, rows: PassageRows, jobs: Jobs, clock: Clock) -> None:
        self._rows = rows
        self._jobs = jobs
        self._clock = clock

    async def remove(self, session: AsyncSession, scope: Scope, connection_id: UUID, thing: str) -> None:
        """Forgets one thing: it is not cited any more once the session committed."""
        source = await self._found(session, scope, connection_id)
        if source is not None:
            await self._drop(session, scope, source, col(Page.url) == self._address(connection_id, thing))

    async def forget(self, session: AsyncSession, scope: Scope, connection_id: UUID) -> None:
        """Forgets all that came over a connection. Twice is harmless."""
        source = await self._found(session, scope, connection_id)
        if source is not None:
            await session.delete(source)
            await self._rows.bump(session, scope)

    async def pause(
        self, session: AsyncSession, scope: Scope, connection_ids: Collection[UUID], *, paused: bool
    ) -> None:
        """Neither found nor cited while it is paused; nothing is forgotten."""
        change = (
            update(Source)
            .where(col(Source.domain_id) == scope.domain_id, col(Source.kind) == self.kind)
            .where(col(Source.url).in_([self._address(one) for one in connection_ids]))
            .where(col(Source.paused_at).is_(None) if paused else col(Source.paused_at).is_not(None))
            .values(paused_at=self._clock.now() if paused else None)
        )
        if (await (await session.connection()).execute(change)).rowcount:
            await self._rows.bump(session, scope)

    async def _drop(self, session: AsyncSession, scope: Scope, source: Source, which: Any) -> None:
        statement = delete(Page).where(col(Page.domain_id) == scope.domain_id, col(Page.source_id) == source.id, which)
        if (await (await session.connection()).execute(statement)).rowcount:
            await self._rows.bump(session, scope)

    async def _changed(self, session: AsyncSession, scope: Scope) -> None:
        await self._rows.bump(session, scope)
        domain_id = scope_argument(scope)
        await self._jobs.enqueue(session, "knowledge:encode", unique=f"encode:{domain_id}", domain_id=domain_id)

    async def _source(self, session: AsyncSession, scope: Scope, connection_id: UUID) -> Source:
        row: dict[str, Any] = {
            "domain_id": scope.domain_id,
            "id": new_id(),
            "kind": self.kind,
            "url": self._address(connection_id),
            "include": [],
            "exclude": [],
            "created_at": self._clock.now(),
        }
        await (await session.connection()).execute(insert(Source).values(row).on_conflict_do_nothing())
        found = await self._found(session, scope, connection_id)
        assert found is not None
        return found

    async def _found(self, session: AsyncSession, scope: Scope, connection_id: UUID) -> Source | None:
        statement = select(Source).where(
            Source.domain_id == scope.domain_id, Source.kind == self.kind, Source.url == self._address(connection_id)
        )
        return (await session.exec(statement)).first()

    def _address(self, connection_id: UUID, thing: str = "") -> str:
        return "/".join(filter(None, (f"omniops:{self.kind}", str(connection_id), thing)))


def new_page(source: Source, url: str, at: datetime) -> Page:
    return Page(
        domain_id=source.domain_id, id=new_id(), source_id=source.id, url=url, state="read", depth=0, found_at=at
    )


def line(text: str) -> str:
    """Text on one line: a title cannot begin a line of its own."""
    return " ".join(text.split())


def web(url: str) -> str:
    """An address of the web, or an empty text."""
    return url if urlsplit(url).scheme in ("http", "https") else ""

"""Connections that deliveries come to: opened once, kept for some seconds, and compared with the database by each use.

What is kept is never believed. The transaction that stores a delivery first looks whether the connection's row is still
the one that was opened and whether its plugin is on; so a secret that was changed, a connection that was removed and a
plugin that was switched off count with the very next delivery, in every process.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

from sqlalchemy import literal_column, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import is_on, switch_of
from omniops.connections.models import Connection
from omniops.connections.service import Connections
from omniops.contracts.integration import Link
from omniops.contracts.scope import Scope
from omniops.database.service import Database

SECONDS = 30.0
"""How long an opened connection is kept in memory, at most."""
MOST = 1000
"""Opened connections that one process keeps."""

# `xmin` is another one after every change of the row. The row cannot go before the transaction that looked has ended.
_NOW = text(
    f"select c.xmin::text as version, {switch_of('c.domain_id', 'c.plugin')} as switched, c.plugin"  # noqa: S608
    " from connection c where c.domain_id = :domain and c.id = :connection for key share of c"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A connection as it was opened at a version of its row."""

    link: Link
    version: str
    until: float


class Known:
    """The opened connections of this process."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._database = database
        self._connections = connections
        self._seen: dict[UUID, Seen] = {}
        self._places: dict[tuple[str, str], tuple[Scope, UUID]] = {}
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def get(self, kind: str, connection_id: UUID) -> Seen | None:
        """The connection, where it is of this kind and its plugin is on for its domain."""
        async with self._locks.setdefault(connection_id, asyncio.Lock()):
            seen = self._kept(connection_id)
            if seen is None:
                seen = await self._opened(connection_id)
                if seen is not None:
                    self._keep(connection_id, seen)
        return seen if seen is not None and seen.link.kind == kind else None

    async def place(self, kind: str, external_id: str) -> tuple[Scope, UUID] | None:
        """Which connection an id at the other side belongs to, whether its plugin is on or not."""
        place = self._places.get((kind, external_id))
        if place is None or self._kept(place[1]) is None:
            place = await self._connections.found(kind, external_id)
            if place is not None and self._kept(place[1]) is not None:
                self._places[kind, external_id] = place
        return place

    async def version(self, session: AsyncSession, scope: Scope, connection_id: UUID) -> str | None:
        """The version of the connection in the session's transaction; None where it is gone or its plugin is off."""
        connection = await session.connection()
        place = {"domain": scope.domain_id, "connection": connection_id}
        row = (await connection.execute(_NOW, place)).first()
        if row is None or not is_on({} if row.switched is None else {row.plugin: row.switched}, row.plugin):
            return None
        return str(row.version)

    async def still(self, seen: Seen) -> bool:
        """Whether a connection is still as it was opened."""
        async with self._database.session(seen.link.scope) as session:
            return await self.version(session, seen.link.scope, seen.link.id) == seen.version

    def forget(self, connection_id: UUID) -> None:
        """It is opened anew by whoever needs it next."""
        self._seen.pop(connection_id, None)
        self._places = {name: place for name, place in self._places.items() if place[1] != connection_id}

    def _kept(self, connection_id: UUID) -> Seen | None:
        seen = self._seen.get(connection_id)
        if seen is not None and seen.until < asyncio.get_running_loop().time():
            self.forget(connection_id)
            return None
        return seen

    def _keep(self, connection_id: UUID, seen: Seen) -> None:
        if len(self._seen) >= MOST:
            self.forget(next(iter(self._seen)))
        self._seen[connection_id] = seen

    async def _opened(self, connection_id: UUID) -> Seen | None:
        scope = await self._database.resolve("connection", connection_id.bytes)
        if scope is None:
            return None
        version: Any = literal_column("connection.xmin::text")
        statement = select(Connection, version).where(
            Connection.domain_id == scope.domain_id, col(Connection.id) == connection_id
        )
        async with self._database.session(scope) as session:
            if await self.version(session, scope, connection_id) is None:
                return None
            found = (await session.exec(statement)).first()
        if found is None:
            return None
        row, number = found
        until = asyncio.get_running_loop().time() + SECONDS
        return Seen(await self._connections.link_of(scope, row, fresh=False), str(number), until)

"""Which connections want to be told of what happens in conversations, and telling one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlmodel import col, select

from omniops.connections import history
from omniops.connections.circuit import Circuit, code_of
from omniops.connections.kinds import Kinds
from omniops.connections.models import Connection, ConnectionEvent
from omniops.connections.posting import Posting
from omniops.connections.service import Connections
from omniops.connections.using import Using
from omniops.contracts.ids import Clock
from omniops.contracts.integration import Link
from omniops.contracts.news import News, NewsKind
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound, NotReady, Permanent, Reconnect
from omniops.jobs.service import Jobs

PATIENCE = 60.0
"""Seconds that a plugin has for one piece of news."""
QUIET = timedelta(days=1)
"""After a mail about it. One thread that is gone is refused again and again, beside others that work."""
ACTOR = Actor.system("connections.tell")


class Telling:
    """Tells the people of the business at the other sides of their connections."""

    def __init__(
        self,
        database: Database,
        connections: Connections,
        using: Using,
        kinds: Callable[[], Kinds],
        circuit: Circuit,
        posting: Posting,
        jobs: Jobs,
        clock: Clock,
    ) -> None:
        self._database = database
        self._connections = connections
        self._using = using
        self._kinds = kinds
        self._circuit = circuit
        self._posting = posting
        self._jobs = jobs
        self._clock = clock

    async def wanting(self, scope: Scope, kind: NewsKind) -> Sequence[UUID]:
        """The domain's connections whose integration wants news of this kind, or has a channel of the team."""
        integrations = self._kinds().integrations
        wanting = [name for name, one in integrations.items() if kind in one.news or one.posts is not None]
        if not wanting:
            return ()
        async with self._database.session(scope) as session:
            statement = (
                select(Connection.id)
                .where(Connection.domain_id == scope.domain_id, col(Connection.kind).in_(wanting))
                .where(Connection.state != "needs_reauth")
            )
            return (await session.exec(statement)).all()

    async def tell(self, scope: Scope, connection_id: UUID, news: News) -> None:
        """Tells one connection. Nothing happens where it is gone, off or waits for a person; where it can never be
        told, the business is. Raises `NotReady` where it is to be tried again."""
        row = await self._using.working(scope, connection_id)
        if row is None:
            return
        integration = self._kinds().integrations[row.kind]
        if (rests := await self._circuit.rests(scope, connection_id)) is not None:
            wait = (rests - self._clock.now()).total_seconds()
            raise NotReady(f"The other side rests until {rests.isoformat()}.", retry_after=wait)

        async def told(link: Link) -> None:
            async with asyncio.timeout(PATIENCE):
                if integration.posts is not None:
                    await self._posting.tell(news, link, integration.posts)
                if news.kind in integration.news:
                    await integration.tell(news, link)

        try:
            await self._connections.used(scope, await self._connections.link(scope, connection_id), told)
        except (NotFound, Reconnect):
            return
        except Permanent as error:
            await self._note(scope, row, "not_told", reason=code_of(error))
            return
        except Exception as error:
            wait = (await self._circuit.failed(scope, connection_id, error) - self._clock.now()).total_seconds()
            said = f"{integration.title} was not told: {type(error).__name__}."
            raise NotReady(said, retry_after=max(wait, 0)) from error
        await self._circuit.worked(scope, connection_id)
        await self._note(scope, row, "told")

    async def _note(self, scope: Scope, row: Connection, event: Literal["told", "not_told"], **detail: str) -> None:
        """Enters that something cannot be told any more, with one mail a day at most, or that it can be again; not what
        is known already."""
        async with self._database.session(scope) as session:
            await history.one_at_a_time(session, row.id)
            statement = (
                select(ConnectionEvent)
                .where(ConnectionEvent.domain_id == scope.domain_id, ConnectionEvent.connection_id == row.id)
                .where(col(ConnectionEvent.event).in_(("told", "not_told")))
                .order_by(col(ConnectionEvent.id).desc())
                .limit(2)
            )
            before = (await session.exec(statement)).all()
            if (before[0].event if before else "told") == event:
                return
            lately = any(one.event == "not_told" and one.at > self._clock.now() - QUIET for one in before)
            entered = history.enter(session, row, event, ACTOR, self._clock, **detail)
            if event == "not_told" and not lately:
                await history.tell(session, scope, entered, self._jobs)
            await session.commit()

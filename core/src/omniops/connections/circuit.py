"""Whether a connection's other side works. After some failures in a row nothing is asked of it for a while, the
business sees why, and one try after another finds out when it is back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.connections import history
from omniops.connections.models import Connection
from omniops.contracts.ids import Clock
from omniops.contracts.limits import backoff
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database, Notice, notify
from omniops.errors import NotReady
from omniops.jobs.service import Jobs
from omniops.webhooks.service import Kind, emit

TRIP = 5
"""Failures in a row after which the other side counts as away."""
FIRST, CAP = 60.0, 3600.0
"""Seconds between two tries of an other side that is away, at first and at most."""
TRYING = 70.0
"""Seconds after which a try has ended: whoever is asked has a minute."""
TELL_AFTER = 6
"""Tries after which people get a mail: about an hour, so that what passes by itself bothers nobody."""
NOTES = ("degraded", "away", "recovered")
ACTOR = Actor.system("connections.circuit")


class Circuit:
    """The circuits of all connections; their state is in the connections' rows, so that all processes see it."""

    def __init__(self, database: Database, jobs: Jobs, clock: Clock) -> None:
        self._database = database
        self._jobs = jobs
        self._clock = clock

    async def rests(self, scope: Scope, connection_id: UUID) -> datetime | None:
        """Until when nothing is asked of the other side, or None; while a person must connect again, for an hour. Once
        the rest is over, who asks here first is the one that tries, in all processes; the others come back when that
        must have ended."""
        now = self._clock.now()
        async with self._database.session(scope) as session:
            row = await session.get(Connection, (scope.domain_id, connection_id))
            if row is not None and row.state == "needs_reauth":
                return now + timedelta(seconds=CAP)
            if row is None or row.resumes_at is None:
                return None
            if row.resumes_at <= now:
                await session.refresh(row, with_for_update=True)
            if row.resumes_at is None or row.resumes_at > now:
                return row.resumes_at
            row.troubles += 1
            row.resumes_at = now + timedelta(seconds=TRYING)
            session.add(row)
            await session.commit()
        return None

    async def worked(self, scope: Scope, connection_id: UUID) -> None:
        """The other side did what it was asked for."""
        async with self._database.session(scope) as session:
            row = await session.get(Connection, (scope.domain_id, connection_id))
            if row is None or not row.troubles:
                return
            await session.refresh(row, with_for_update=True)  # of several at once, one tells
            was_away = row.troubled_since is not None
            row.troubles, row.trouble, row.troubled_since, row.resumes_at = 0, None, None, None
            session.add(row)
            if was_away:
                await self._note(session, scope, row, "recovered")
            await session.commit()

    async def failed(self, scope: Scope, connection_id: UUID, error: Exception) -> datetime:
        """The other side failed, or asked us to wait. Returns when it may be asked again. While it rests nothing more
        is counted: what fails then was on its way before."""
        now = self._clock.now()
        asked = (error.retry_after if isinstance(error, NotReady) else None) or 0
        async with self._database.session(scope) as session:
            row = await session.get(Connection, (scope.domain_id, connection_id), with_for_update=True)
            if row is None:  # disconnected meanwhile
                return now
            row.trouble = code_of(error)
            session.add(row)
            if row.resumes_at is None:
                row.troubles += 1
                if row.troubles < TRIP:
                    await session.commit()
                    return now + timedelta(seconds=max(asked, backoff(row.troubles - 1)))
                row.troubled_since = now
                await self._note(session, scope, row, "degraded", reason=row.trouble)
            wait = max(asked, backoff(row.troubles - TRIP, first=FIRST, cap=CAP))
            row.resumes_at = max(row.resumes_at or now, now + timedelta(seconds=wait))
            if row.troubles >= TRIP + TELL_AFTER and not await self._told(session, scope, row):
                await self._note(session, scope, row, "away", reason=row.trouble)
            resumes = row.resumes_at
            await session.commit()
            return resumes

    async def _told(self, session: AsyncSession, scope: Scope, row: Connection) -> bool:
        """Whether people got a mail since the other side is away."""
        said = [one.event for one in await history.read(session, scope, row.id) if one.event in NOTES]
        return said[-1:] == ["away"]

    async def _note(
        self,
        session: AsyncSession,
        scope: Scope,
        row: Connection,
        event: Literal["degraded", "away", "recovered"],
        **detail: str,
    ) -> None:
        """Enters it into the history, and tells the business: its receivers, whoever looks, and by mail what lasts."""
        entered = history.enter(session, row, event, ACTOR, self._clock, **detail)
        if event == "away":
            await history.tell(session, scope, entered, self._jobs)
            return
        kind: Kind = "connection.degraded" if event == "degraded" else "connection.recovered"
        await emit(session, scope, kind, connection_id=row.id, connected=row.kind)
        await notify(session, Notice("connection", row.domain_id, row.id))


def code_of(error: Exception) -> str:
    """A stable code of what went wrong: the class of our own errors, and no word of anybody else's."""
    code = getattr(error, "code", None) or getattr(error, "reason", None)
    if isinstance(code, str):
        return code
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip("_")

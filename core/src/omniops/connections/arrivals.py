"""The log of what outside systems told: each thing once, sealed, in the transaction that takes it. Jobs do the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import func, text, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Audit, Entry
from omniops.connections.arriving_models import Arrival
from omniops.connections.entering import Entering, Told, Wanted, wanted
from omniops.connections.models import Connection
from omniops.connections.packing import heard_key
from omniops.contracts.ids import Clock
from omniops.contracts.integration import Integration
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.webhook import AccountErased, Arrived, Event, RightUsed
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.jobs.service import Job, Jobs, scope_argument

MOST_REPLAYED = 1000
SHARE = 20
"""So much of one website is worked through before others' turn comes, where more of it waits than there are places."""
HEARD, EVENTS = "connections:heard", "connections:events"
"""The jobs that work a lane through: what was heard is stored here at once, an event may wait for the other side."""
ERASE = "connections:erase"
"""The job that ends a connection whose account is to be erased."""
DOUBT = timedelta(days=7)
"""How long that may wait for an answer of the other side. The law, and vendors, give a month."""

_FORGET = text(
    "delete from vault.identifier where home_id = :domain and row_id in"
    " (select id from arrival where domain_id = :domain and connection_id = :connection)"
)
_WAITING = text(
    "select count(*) from (select from arrival where domain_id = :domain and state = 'waiting' limit 1000) as found"
)


class TakesRights(Protocol):
    """Where cases about people's own data are opened (the privacy room)."""

    async def by_system(self, session: AsyncSession, scope: Scope, system: str, used: RightUsed) -> bool:
        """Opens a case, in the session's transaction. Whether it is new."""

    async def by_giver(self, session: AsyncSession, scope: Scope, system: str, used: RightUsed, number: int) -> None:
        """Opens a case about who gave the system's access, in the session's transaction. `number` counts the websites
        where that is so."""


@dataclass(frozen=True, slots=True)
class ArrivalView:
    """One thing in the log, without what was said. `name` is the channel, or the kind of the event."""

    id: UUID
    connection_id: UUID
    what: str
    name: str
    state: str
    attempts: int
    problem: str | None
    next_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


class Arrivals:
    """The logs of all connections."""

    def __init__(
        self, database: Database, jobs: Jobs, entering: Entering, rights: TakesRights, audit: Audit, clock: Clock
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._entering = entering
        self._rights = rights
        self._audit = audit
        self._clock = clock

    async def add(
        self,
        session: AsyncSession,
        scope: Scope,
        connection_id: UUID,
        things: Sequence[Arrived],
        integration: Integration | None,
    ) -> int:
        """Enters what is new of what an integration gave, and queues its work, in the session's transaction. Returns
        how many were new. An event of a kind that was not declared is passed over. Raises `Rejected` for what the
        contract does not allow."""
        system = integration.name if integration is not None else ""
        return sum(await self.enter(session, scope, connection_id, wanted(things, integration, ""), system))

    async def enter(
        self, session: AsyncSession, scope: Scope, connection_id: UUID, things: Sequence[Wanted], system: str
    ) -> list[bool]:
        """Which of some things are new: they are in the log with the session's transaction, and their work is queued.
        `system` tells cases about rights where they come from."""
        told = [one for one in things if isinstance(one, Told)]
        lanes = iter(await self._entering.enter(session, scope, connection_id, told) if told else ())
        works: dict[tuple[str, str], None] = {}
        new = []
        for one in things:
            if isinstance(one, RightUsed):
                new.append(await self._rights.by_system(session, scope, system, one))
            elif isinstance(one, AccountErased):
                until = (self._clock.now() + DOUBT).isoformat()
                new.append(await erase_later(self._jobs, session, scope, connection_id, until))
            else:
                lane = next(lanes)
                new.append(lane is not None)
                if lane is not None:
                    works[EVENTS if isinstance(one.what, Event) else HEARD, lane] = None
        if works:
            await self._queue(session, scope, connection_id, list(works))
        return new

    async def queue(
        self,
        session: AsyncSession,
        scope: Scope,
        connection_id: UUID,
        task: str,
        lane: str,
        at: datetime | None = None,
    ) -> None:
        """Queues the work of a lane, unless it waits already; behind others' where much of this website waits."""
        await self._queue(session, scope, connection_id, [(task, lane)], at)

    async def _queue(
        self,
        session: AsyncSession,
        scope: Scope,
        connection_id: UUID,
        works: Sequence[tuple[str, str]],
        at: datetime | None = None,
    ) -> None:
        connection = await session.connection()
        waiting = (await connection.execute(_WAITING, {"domain": scope.domain_id})).scalar_one()
        domain_id = scope_argument(scope)
        jobs = []
        for task, lane in works:
            key = f"{task}:{connection_id}:{lane}"
            job = Job(
                task,
                {"domain_id": domain_id, "connection_id": connection_id, "lane": lane},
                lock=key,
                unique=key,
                at=at,
                priority=-(waiting // SHARE),
            )
            jobs.append(job)
        await self._jobs.enqueue_each(session, jobs)

    async def all(
        self,
        scope: Scope,
        connection_id: UUID,
        *,
        state: str | None = None,
        after: UUID | None = None,
        limit: int = 50,
    ) -> list[ArrivalView]:
        """What a connection was told, newest first, after the one with the id `after`."""
        statement = _of(scope, connection_id).order_by(col(Arrival.id).desc()).limit(limit)
        if state is not None:
            statement = statement.where(Arrival.state == state)
        if after is not None:
            statement = statement.where(Arrival.id < after)
        async with self._database.session(scope) as session:
            return [_view(row) for row in (await session.exec(statement)).all()]

    async def counts(self, scope: Scope, connection_id: UUID) -> dict[str, int]:
        """How many there are by state."""
        async with self._database.session(scope) as session:
            statement = (
                select(Arrival.state, func.count())
                .where(Arrival.domain_id == scope.domain_id, Arrival.connection_id == connection_id)
                .group_by(col(Arrival.state))
            )
            return dict((await session.exec(statement)).all())

    async def replay(self, scope: Scope, connection_id: UUID, arrival_id: UUID, *, actor: Actor) -> ArrivalView:
        """Works one thing through once more. A message that was stored is not stored twice. Raises `NotFound`, and
        `Rejected` for one that still waits."""
        async with self._database.session(scope) as session:
            statement = _of(scope, connection_id).where(Arrival.id == arrival_id).with_for_update()
            row = (await session.exec(statement)).first()
            if row is None:
                raise NotFound("There is no such entry.")
            if row.state == "waiting":
                raise Rejected("This still waits for its next try.", code="still_waiting")
            await self._again(session, scope, row)
            await session.commit()
        await self._record(scope, connection_id, 1, actor)
        return _view(row)

    async def replay_failed(
        self, scope: Scope, connection_id: UUID, since: datetime | None = None, *, actor: Actor
    ) -> int:
        """Works all dead letters, or those since a moment, through once more, the oldest first, at most
        `MOST_REPLAYED`. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            if await session.get(Connection, (scope.domain_id, connection_id)) is None:
                raise NotFound("There is no such connection.")
            statement = _of(scope, connection_id).where(Arrival.state == "failed")
            if since is not None:
                statement = statement.where(Arrival.created_at >= since)
            statement = statement.order_by(col(Arrival.seq)).limit(MOST_REPLAYED).with_for_update()
            rows = (await session.exec(statement)).all()
            for row in rows:
                await self._again(session, scope, row)
            await session.commit()
        await self._record(scope, connection_id, len(rows), actor)
        return len(rows)

    async def _again(self, session: AsyncSession, scope: Scope, row: Arrival) -> None:
        row.state, row.attempts, row.problem, row.ended_at = "waiting", 0, None, None
        session.add(row)
        await session.flush()
        await self.queue(session, scope, row.connection_id, EVENTS if row.what == "event" else HEARD, row.lane)

    async def _record(self, scope: Scope, connection_id: UUID, count: int, actor: Actor) -> None:
        detail = {"id": str(connection_id), "count": count}
        await self._audit.write(Entry(scope.account_id, str(actor), "connection.replay", "arrival", detail=detail))


async def erase_later(
    jobs: Jobs, session: AsyncSession, scope: Scope, connection_id: UUID, until: str, at: datetime | None = None
) -> bool:
    """Queues the end of a connection, in the session's transaction; whether it did not wait already."""
    key, domain_id = f"erase:{connection_id}", scope_argument(scope)
    queued = await jobs.enqueue(
        session, ERASE, unique=key, at=at, domain_id=domain_id, connection_id=connection_id, until=until
    )
    return queued is not None


def retracted(scope: Scope, connection_id: UUID, channel: str, message: str) -> Any:
    """The statement after which the log does not hold the words of a message any more: they were changed, or taken
    back."""
    return (
        update(Arrival)
        .where(col(Arrival.domain_id) == scope.domain_id, col(Arrival.connection_id) == connection_id)
        .where(col(Arrival.key) == heard_key(channel, message))
        .values(heard=None)
    )


def forgotten(scope: Scope, arrival_id: UUID) -> Any:
    """The statement after which the log does not hold what was in a thing any more."""
    mine = (col(Arrival.domain_id) == scope.domain_id) & (col(Arrival.id) == arrival_id)
    return update(Arrival).where(mine).values(heard=None, event=None)


async def forget_people(session: AsyncSession, scope: Scope, connection_id: UUID) -> None:
    """Takes out what the threads of a log are found by: the log itself goes with its connection."""
    connection = await session.connection()
    await connection.execute(_FORGET, {"domain": scope.domain_id, "connection": connection_id})


def done(scope: Scope, arrival_id: UUID, state: str, at: datetime, problem: str | None = None) -> Any:
    """The statement that ends a thing that still waits; gives its id if it did."""
    return (
        update(Arrival)
        .where(col(Arrival.domain_id) == scope.domain_id, col(Arrival.id) == arrival_id)
        .where(col(Arrival.state) == "waiting")
        .values(state=state, ended_at=at, problem=problem, next_at=None)
        .returning(col(Arrival.id))
    )


def _of(scope: Scope, connection_id: UUID) -> Any:
    return select(Arrival).where(Arrival.domain_id == scope.domain_id, Arrival.connection_id == connection_id)


def _view(row: Arrival) -> ArrivalView:
    return ArrivalView(
        row.id,
        row.connection_id,
        row.what,
        row.name,
        row.state,
        row.attempts,
        row.problem,
        row.next_at,
        row.created_at,
        row.ended_at,
    )

"""What is done for a connection by itself: data that is fetched again and again, subscriptions that are prolonged.

One job works for one account at a time, for a stretch, and then queues the next: who has much to fetch keeps nobody
waiting. Every step is stored with its cursor, and only where the cursor is still the one that it went on from.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from omniops.connections.arrivals import Arrivals
from omniops.connections.arriving_models import ConnectionTask
from omniops.connections.circuit import Circuit, code_of
from omniops.connections.kinds import Kinds
from omniops.connections.models import Connection
from omniops.connections.service import Connections
from omniops.connections.using import Using
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.integration import Integration, Link, Renewal, Step, Sync
from omniops.contracts.plugin import Log
from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.errors import NotFound, OmniOpsError, Permanent, Reconnect, Rejected
from omniops.jobs.service import MAINTENANCE, SENDING, Jobs, Task, scope_argument

STRETCH = 60.0
"""Seconds that one job fetches."""
PATIENCE = 60.0
"""Seconds that the other side has for one step."""
LONGEST_CURSOR = 2000
RENEWAL = timedelta(hours=1)
"""When a renewal is tried again at the latest, where it failed."""
OFF = timedelta(hours=1)
"""When it is looked again whether a feature that is off was switched on."""
WRONG = timedelta(hours=1)
"""When a sync that breaks the contract is tried again."""
MOST = 1000
RUN = "connections:task"
_DUE = text(
    "select c.domain_id, c.id from connection c where c.state = 'connected' and c.kind = any(:kinds)"
    " and (exists (select from connection_task t"
    " where t.domain_id = c.domain_id and t.connection_id = c.id and t.next_at <= :now) or not exists (select from"
    " connection_task t where t.domain_id = c.domain_id and t.connection_id = c.id)) order by c.id limit :most"
)


@dataclass(frozen=True, slots=True)
class TaskView:
    """How far a sync or a renewal is."""

    kind: str
    name: str
    title: str
    state: str
    done: int
    total: int | None
    problem: str | None
    next_at: datetime | None
    begun_at: datetime | None
    ended_at: datetime | None


class OwnSync(Protocol):
    """What core fetches itself, by what an integration can do: products, documents, replies of the team."""

    def syncs(self, kind: str) -> Sequence[Sync]: ...

    def steps(self, link: Link, cursor: str | None, /) -> AsyncIterator[Step]: ...


class _Over(Exception):
    """The connection is gone or off, or another job went on."""


class Tasks:
    """Syncs and renewals of all connections."""

    def __init__(
        self,
        database: Database,
        connections: Connections,
        using: Using,
        kinds: Callable[[], Kinds],
        arrivals: Arrivals,
        circuit: Circuit,
        own: Sequence[OwnSync],
        jobs: Jobs,
        clock: Clock,
        log: Log,
    ) -> None:
        self._database = database
        self._connections = connections
        self._using = using
        self._kinds = kinds
        self._arrivals = arrivals
        self._circuit = circuit
        self._own = own
        self._jobs = jobs
        self._clock = clock
        self._log = log
        jobs.register(
            Task(RUN, self.run, queue=SENDING),
            Task("connections:due", self.due, queue=MAINTENANCE, cron="* * * * *"),
        )

    async def all(self, scope: Scope, connection_id: UUID) -> list[TaskView]:
        """The syncs and renewals of a connection, in the integration's order."""
        declared = self._declared(await self._kind(scope, connection_id))
        async with self._database.session(scope) as session:
            rows = (await session.exec(_of(scope, connection_id))).all()
        by_name = {(row.kind, row.name): row for row in rows}
        return [_view(by_name[key], one.title) for key, one in declared.items() if key in by_name]

    async def now(self, scope: Scope, connection_id: UUID, name: str = "") -> None:
        """Fetches now what a sync of this name brings, or all of a connection. Raises `NotFound`."""
        await self._plan(scope, connection_id, await self._kind(scope, connection_id))
        async with self._database.session(scope) as session:
            statement = _of(scope, connection_id)
            if name:
                statement = statement.where(ConnectionTask.name == name)
            rows = (await session.exec(statement)).all()
            if name and not rows:
                raise NotFound(f"This connection has nothing to fetch by the name {name!r}.")
            for row in rows:
                row.next_at = self._clock.now()
                session.add(row)
                await self._queue(session, scope, row)
            await session.commit()

    async def _kind(self, scope: Scope, connection_id: UUID) -> str:
        async with self._database.session(scope) as session:
            row = await session.get(Connection, (scope.domain_id, connection_id))
        if row is None:
            raise NotFound("There is no such connection.")
        return row.kind

    def _declared(self, kind: str) -> dict[tuple[str, str], Sync | Renewal]:
        """All that is done again and again for connections of a kind: what its integration says, then what core does
        itself."""
        integration = self._kinds().integrations.get(kind)
        if integration is None:
            return {}
        return {
            **{("sync", one.name): one for one in integration.syncs},
            **{("renewal", one.name): one for one in integration.renewals},
            **{("sync", one.name): one for own in self._own for one in own.syncs(kind)},
        }

    async def due(self) -> None:
        """Plans what new connections need, and queues what is due."""
        kinds = {name for name in self._kinds().integrations if self._declared(name)}
        if not kinds:
            return
        async with self._database.system("connections: what is due") as session:
            connection = await session.connection()
            found = (
                await connection.execute(_DUE, {"now": self._clock.now(), "kinds": sorted(kinds), "most": MOST})
            ).all()
        for row in found:
            scope = await self._database.scope_of(row.domain_id)
            one = await self._using.working(scope, row.id)
            if one is None or one.kind not in kinds:
                continue
            await self._plan(scope, row.id, one.kind)
            async with self._database.session(scope) as own:
                due = _of(scope, row.id).where(col(ConnectionTask.next_at) <= self._clock.now())
                for task in (await own.exec(due)).all():
                    await self._queue(own, scope, task)
                await own.commit()

    async def run(self, scope: Scope, connection_id: str, kind: str, name: str) -> None:
        """One stretch of one task; then the next job of it, or its next time. Safe to run twice: one that was queued
        while the task was at work finds it done."""
        number = UUID(connection_id)
        row = await self._may(scope, number, kind, name)
        if row is None or row.next_at is None or row.next_at > self._clock.now():
            return
        if (rests := await self._circuit.rests(scope, number)) is not None:
            await self._put_off(scope, row, rests)
            return
        try:
            link = await self._connections.link(scope, number)
            feature = self._declared(link.kind)[kind, name].feature
            if feature and feature not in link.features:
                await self._put_off(scope, row, self._clock.now() + OFF, state="off", problem=None)
                return
            if kind == "renewal":
                await self._renew(scope, row, link)
            else:
                await self._sync(scope, row, link)
        except _Over:
            return
        except Reconnect:
            return  # its connection waits for a person
        except Exception as error:
            said = str(error) if isinstance(error, OmniOpsError) else type(error).__name__
            self._log.warning("connection.task_failed", connection=connection_id, kind=kind, name=name, said=said)
            if isinstance(error, Rejected | Permanent):  # nothing that waiting would mend
                at = self._clock.now() + WRONG
            else:
                at = await self._circuit.failed(scope, number, error)
            if kind == "renewal":
                at = min(at, self._clock.now() + RENEWAL)
            changes = {"state": "failing", "failures": row.failures + 1, "problem": code_of(error)}
            await self._put_off(scope, row, at, **changes)
        else:
            await self._circuit.worked(scope, number)

    async def _renew(self, scope: Scope, row: ConnectionTask, link: Link) -> None:
        integration = self._kinds().integrations[link.kind]

        async def renew(link: Link) -> datetime | None:
            async with asyncio.timeout(PATIENCE):
                return await integration.renew(row.name, link)

        begun = self._clock.now()
        at = await self._connections.used(scope, link, renew)
        state = "idle" if at is not None else "ended"
        await self._put_off(
            scope, row, at, state=state, failures=0, problem=None, begun_at=begun, ended_at=self._clock.now()
        )

    async def _sync(self, scope: Scope, row: ConnectionTask, link: Link) -> None:
        """Steps until the stretch is over or there is nothing more for now."""
        if row.state != "running":
            await self._change(scope, row, state="running", begun_at=self._clock.now(), done=0, total=None)
        cursor = row.cursor

        async def fetch(link: Link) -> bool:
            nonlocal cursor
            integration = self._kinds().integrations[link.kind]
            own = [one for one in self._own if row.name in [sync.name for sync in one.syncs(link.kind)]]
            found = own[0].steps(link, cursor) if own else integration.sync(row.name, link, cursor)
            until = asyncio.get_running_loop().time() + STRETCH
            async with _closing(found) as steps:
                while True:
                    async with asyncio.timeout(PATIENCE):
                        step = await anext(steps, None)
                    if step is None:
                        return True
                    if step.cursor == cursor:
                        raise Rejected("A sync gave the same cursor twice in a row.", code="cursor_repeated")
                    await self._store(scope, row, integration, cursor, step)
                    cursor = step.cursor
                    if asyncio.get_running_loop().time() >= until:
                        return False

        ended = await self._connections.used(scope, link, fetch)
        if not ended:
            await self._put_off(scope, row, self._clock.now(), failures=0, problem=None)
            return
        sync, now = self._declared(link.kind)["sync", row.name], self._clock.now()
        assert isinstance(sync, Sync)
        await self._put_off(scope, row, now + sync.every, state="idle", failures=0, problem=None, ended_at=now)

    async def _store(
        self, scope: Scope, row: ConnectionTask, integration: Integration, before: str | None, step: Step
    ) -> None:
        """What a step brought, and its cursor, in one transaction. Raises `_Over` where another job went on."""
        if not isinstance(step, Step) or len(step.cursor) > LONGEST_CURSOR:
            raise Rejected("A sync gave a step that cannot be stored.", code="bad_step")
        async with self._database.session(scope) as session:
            moved = (
                _row(scope, row)
                .where(col(ConnectionTask.cursor).is_not_distinct_from(before))
                .values(cursor=step.cursor, done=step.done, total=step.total)
                .returning(col(ConnectionTask.id))
            )
            if (await (await session.connection()).execute(moved)).first() is None:
                raise _Over
            if step.store is not None:
                await step.store(session)
            await self._arrivals.add(session, scope, row.connection_id, step.heard, integration)
            await session.commit()

    async def _may(self, scope: Scope, connection_id: UUID, kind: str, name: str) -> ConnectionTask | None:
        """The task, where its connection works, its plugin is there and on, and still has it."""
        found = await self._using.working(scope, connection_id)
        if found is None or (kind, name) not in self._declared(found.kind):
            return None
        async with self._database.session(scope) as session:
            statement = _of(scope, connection_id).where(ConnectionTask.kind == kind, ConnectionTask.name == name)
            row: ConnectionTask | None = (await session.exec(statement)).first()
            return row

    async def _plan(self, scope: Scope, connection_id: UUID, kind: str) -> None:
        """Enters the tasks of a connection that are not there yet; due at once."""
        wanted = list(self._declared(kind))
        if not wanted:
            return
        now = self._clock.now()
        rows = [
            {
                "domain_id": scope.domain_id,
                "id": new_id(),
                "connection_id": connection_id,
                "kind": kind_,
                "name": name,
                "done": 0,
                "state": "waiting",
                "failures": 0,
                "next_at": now,
                "created_at": now,
            }
            for kind_, name in wanted
        ]
        async with self._database.session(scope) as session:
            await (await session.connection()).execute(insert(ConnectionTask).values(rows).on_conflict_do_nothing())
            await session.commit()

    async def _change(self, scope: Scope, row: ConnectionTask, **changes: Any) -> None:
        async with self._database.session(scope) as session:
            await (await session.connection()).execute(_row(scope, row).values(**changes))
            await session.commit()

    async def _put_off(self, scope: Scope, row: ConnectionTask, at: datetime | None, **changes: Any) -> None:
        """Sets when the task is due next, and queues it where that is soon; `due` queues the others."""
        async with self._database.session(scope) as session:
            await (await session.connection()).execute(_row(scope, row).values(next_at=at, **changes))
            if at is not None and at <= self._clock.now():
                await self._queue(session, scope, row)
            await session.commit()

    async def _queue(self, session: Any, scope: Scope, row: ConnectionTask) -> None:
        await self._jobs.enqueue(
            session,
            RUN,
            lock=f"connections:{scope.account_id}",
            unique=f"task:{row.id}",
            domain_id=scope_argument(scope),
            connection_id=row.connection_id,
            kind=row.kind,
            name=row.name,
        )


def _of(scope: Scope, connection_id: UUID) -> Any:
    return select(ConnectionTask).where(
        ConnectionTask.domain_id == scope.domain_id, ConnectionTask.connection_id == connection_id
    )


def _row(scope: Scope, row: ConnectionTask) -> Any:
    return update(ConnectionTask).where(
        col(ConnectionTask.domain_id) == scope.domain_id, col(ConnectionTask.id) == row.id
    )


def _view(row: ConnectionTask, title: str) -> TaskView:
    return TaskView(
        row.kind,
        row.name,
        title,
        row.state,
        row.done,
        row.total,
        row.problem,
        row.next_at,
        row.begun_at,
        row.ended_at,
    )


@asynccontextmanager
async def _closing(steps: AsyncIterator[Step]) -> AsyncIterator[AsyncIterator[Step]]:
    """Runs a generator's `finally` at once, not when it is collected."""
    try:
        yield steps
    finally:
        if isinstance(steps, AsyncGenerator):
            await steps.aclose()

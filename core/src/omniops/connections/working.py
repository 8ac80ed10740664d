"""Working through what outside systems told: lane by lane, in the order in which it came, until nothing waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import text, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.connections.access import PURPOSE
from omniops.connections.arrivals import EVENTS, HEARD, Arrivals, done, forgotten, retracted
from omniops.connections.arriving_models import RECEIVE, Arrival
from omniops.connections.circuit import Circuit, code_of
from omniops.connections.kinds import Kinds
from omniops.connections.packing import What, unpacked
from omniops.connections.posting import Posting
from omniops.connections.service import WAKE, Connections
from omniops.connections.using import Using
from omniops.contracts.channel import Edited, Heard, Removed
from omniops.contracts.ids import Clock
from omniops.contracts.integration import Link
from omniops.contracts.limits import backoff
from omniops.contracts.plugin import Log
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.webhook import Arrived, Event
from omniops.database.service import Database
from omniops.errors import NotFound, NotReady, OmniOpsError, OwnDoing, Permanent, Reconnect, Refused, Rejected
from omniops.jobs.service import MAINTENANCE, REPLIES, SENDING, Jobs, Task
from omniops.vault.service import Vault

BATCH = 20
PATIENCE = 60.0
"""Seconds that a plugin has for one event."""
GIVE_UP = timedelta(days=3)
"""After so long an event that the other side keeps us from handling is a dead letter."""
TRIES = 12
"""Tries of what fails by itself, with no other side to wait for."""
FIRST, CAP = 5.0, 3600.0
LOST = timedelta(minutes=15)
"""What waits for so long without a try may have lost its job, for example while the database was away."""
MOST = 1000
ACTOR = Actor.system("connections.receive")

Remember = Callable[[AsyncSession], Awaitable[None]]

_WAITING = text(
    "select distinct a.domain_id, a.connection_id, a.lane, a.what = 'event' as event from arrival a"
    " join connection c on c.domain_id = a.domain_id and c.id = a.connection_id"
    " where a.state = 'waiting' and c.state = 'connected' and coalesce(a.next_at, a.created_at) < :before limit :most"
)


class Hears(Protocol):
    """Where what was heard goes (the conversation room)."""

    async def hear(self, scope: Scope, channel: str, connection_id: UUID, heard: Heard, remember: Remember) -> None: ...

    async def resume(self, scope: Scope, connection_id: UUID) -> None:
        """Sends what waited for a connection."""


class Follows(Protocol):
    """Who else wants to know what outside systems tell: products, documents, appointments of conversations."""

    async def handled(self, event: Event, link: Link, /) -> None: ...


class _Over(Exception):
    """Somebody else ended it, or it was erased."""


class Working:
    """The jobs over the log."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        connections: Connections,
        using: Using,
        kinds: Callable[[], Kinds],
        arrivals: Arrivals,
        circuit: Circuit,
        posting: Posting,
        own: Sequence[Follows],
        hears: Hears,
        jobs: Jobs,
        clock: Clock,
        log: Log,
    ) -> None:
        self._database = database
        self._vault = vault
        self._connections = connections
        self._using = using
        self._kinds = kinds
        self._arrivals = arrivals
        self._circuit = circuit
        self._posting = posting
        self._own = own
        self._hears = hears
        self._clock = clock
        self._log = log
        jobs.register(
            Task(HEARD, self.heard, queue=REPLIES),
            Task(EVENTS, self.events, queue=SENDING),
            Task(WAKE, self.wake, queue=SENDING),
            Task("connections:again", self.again, queue=MAINTENANCE, cron="*/10 * * * *"),
        )

    async def heard(self, scope: Scope, connection_id: str, lane: str) -> None:
        """Stores what was heard in one thread. Ends where nothing waits, or where the next try is another job's."""
        while rows := await self._waiting(scope, UUID(connection_id), lane):
            opened = await self._vault.open(rows, purpose=RECEIVE, actor=ACTOR)
            for row in rows:
                try:
                    if row.heard is None:  # changed or taken back before it was worked through
                        await self._end(scope, row, "passed")
                        continue
                    thing = unpacked(row.what, opened(row.heard))
                    assert not isinstance(thing, Event)
                    remember = self._remember(scope, row, thing)
                    await self._hears.hear(scope, row.name, row.connection_id, thing, remember)
                except _Over:
                    continue
                except Exception as error:
                    if await self._failed(scope, row, error, HEARD):
                        return

    async def events(self, scope: Scope, connection_id: str, lane: str) -> None:
        """Handles the events of one object. Where the other side is away, or a person must connect again, what waits
        goes on waiting."""
        number = UUID(connection_id)
        while rows := await self._waiting(scope, number, lane):
            if await self._using.working(scope, number) is None:
                return
            if (rests := await self._circuit.rests(scope, number)) is not None:
                await self._later(scope, rows[0], EVENTS, rests)
                return
            opened = await self._vault.open(rows, purpose=PURPOSE, actor=ACTOR)
            for row in rows:
                try:
                    if row.event is None:  # handled before, and forgotten
                        await self._end(scope, row, "passed")
                        continue
                    event = unpacked(row.what, opened(row.event))
                    assert isinstance(event, Event)
                    await self._handle(scope, row, event)
                except _Over:
                    continue
                except Reconnect:
                    return  # its connection waits for a person; `wake` queues what waits here
                except Exception as error:
                    if await self._failed(scope, row, error, EVENTS):
                        return

    async def wake(self, scope: Scope, connection_id: str) -> None:
        """Queues whatever waits for a connection, in its log and to be sent: it was connected again."""
        number = UUID(connection_id)
        await self._hears.resume(scope, number)
        async with self._database.session(scope) as session:
            statement = (
                select(Arrival.lane, Arrival.what)
                .where(Arrival.domain_id == scope.domain_id, Arrival.connection_id == number)
                .where(Arrival.state == "waiting")
                .distinct()
            )
            lanes = {(lane, EVENTS if what == "event" else HEARD) for lane, what in (await session.exec(statement))}
            for lane, task in sorted(lanes):
                await self._arrivals.queue(session, scope, number, task, lane)
            await session.commit()

    async def again(self) -> None:
        """Queues what waits and lost its job."""
        async with self._database.system("connections: what waits in the log") as session:
            connection = await session.connection()
            before = self._clock.now() - LOST
            found = (await connection.execute(_WAITING, {"before": before, "most": MOST})).all()
        for row in found:
            scope = await self._database.scope_of(row.domain_id)
            async with self._database.session(scope) as session:
                task = EVENTS if row.event else HEARD
                await self._arrivals.queue(session, scope, row.connection_id, task, row.lane)
                await session.commit()

    async def _waiting(self, scope: Scope, connection_id: UUID, lane: str) -> Sequence[Arrival]:
        async with self._database.session(scope) as session:
            statement = (
                select(Arrival)
                .where(Arrival.domain_id == scope.domain_id, Arrival.connection_id == connection_id)
                .where(Arrival.lane == lane, Arrival.state == "waiting")
                .order_by(col(Arrival.seq))
                .limit(BATCH)
            )
            return (await session.exec(statement)).all()

    async def _handle(self, scope: Scope, row: Arrival, event: Event) -> None:
        """Asks the plugin, once more with new credentials where the old ones are refused."""
        link = await self._connections.link(scope, row.connection_id)
        integration = self._kinds().integrations[link.kind]

        async def ask(link: Link) -> Sequence[Arrived]:
            async with asyncio.timeout(PATIENCE):
                found = await integration.handle(event, link)
                for own in self._own:
                    await own.handled(event, link)
                return [*found, *await self._posting.handled(event, link, integration)]

        told = await self._connections.used(scope, link, ask)
        await self._circuit.worked(scope, row.connection_id)
        async with self._database.session(scope) as session:
            await self._arrivals.add(session, scope, row.connection_id, told, integration)
            await self._remember(scope, row, event)(session)
            await session.commit()

    def _remember(self, scope: Scope, row: Arrival, thing: What) -> Remember:
        async def remember(session: AsyncSession) -> None:
            connection = await session.connection()
            ended = await connection.execute(done(scope, row.id, "done", self._clock.now()))
            if ended.first() is None:
                raise _Over
            if isinstance(thing, Edited | Removed):
                await connection.execute(retracted(scope, row.connection_id, row.name, thing.message))
            # The message holds a change's words now; words of one's own no erasure of a person would find in the log.
            if isinstance(thing, Edited) or (isinstance(thing, Event) and thing.forget):
                await connection.execute(forgotten(scope, row.id))

        return remember

    async def _failed(self, scope: Scope, row: Arrival, error: Exception, task: str) -> bool:
        """Notes a failure. True where the lane waits for another try; False where this one is given up, so that what
        came after it goes on."""
        now = self._clock.now()
        said = str(error) if isinstance(error, OmniOpsError) else type(error).__name__
        self._log.warning("arrival.failed", arrival=str(row.id), what=row.what, attempts=row.attempts, said=said)
        for_good = isinstance(error, Permanent | Rejected | Refused | NotFound)
        away = task == EVENTS and isinstance(error, NotReady | TimeoutError)
        if for_good or (now - row.created_at > GIVE_UP if away else row.attempts + 1 >= TRIES):
            await self._end(scope, row, "failed", code_of(error))
            return False
        at = now + timedelta(seconds=backoff(row.attempts, first=FIRST, cap=CAP))
        if away and not isinstance(error, OwnDoing):
            at = max(at, await self._circuit.failed(scope, row.connection_id, error))
        await self._later(scope, row, task, at, error)
        return True

    async def _end(self, scope: Scope, row: Arrival, state: str, problem: str | None = None) -> None:
        async with self._database.session(scope) as session:
            await (await session.connection()).execute(done(scope, row.id, state, self._clock.now(), problem))
            await session.commit()

    async def _later(self, scope: Scope, row: Arrival, task: str, at: datetime, error: Exception | None = None) -> None:
        changes: dict[str, Any] = {"next_at": at}
        if error is not None:
            changes |= {"attempts": row.attempts + 1, "problem": code_of(error)}
        async with self._database.session(scope) as session:
            statement = (
                update(Arrival)
                .where(col(Arrival.domain_id) == scope.domain_id, col(Arrival.id) == row.id)
                .where(col(Arrival.state) == "waiting")
                .values(**changes)
            )
            await (await session.connection()).execute(statement)
            await self._arrivals.queue(session, scope, row.connection_id, task, row.lane, at)
            await session.commit()

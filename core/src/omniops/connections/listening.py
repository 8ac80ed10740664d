"""Channels that listen: one listener per connection across all workers, as jobs that follow one another.

Each job listens for a while and then queues the next one, so that a job that was cut short, or whose worker was killed,
is simply run again by another worker. The cursor is stored in the transaction that stores what was heard, and only if
it is still the one that listening went on from: were there ever two listeners, one of them would stop.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts
from omniops.connections.kinds import Kinds
from omniops.connections.models import Connection
from omniops.connections.service import Connections, listen_again
from omniops.contracts.channel import Heard
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log, PluginSettings
from omniops.contracts.scope import Scope
from omniops.database.notices import Notices
from omniops.database.service import Database, Notice
from omniops.errors import NotReady, OmniOpsError, Reconnect
from omniops.jobs.service import LISTENING, MAINTENANCE, Jobs, Retry, Task

STRETCH = 300.0
"""Seconds that one job listens."""
LOST = timedelta(seconds=3 * STRETCH)
"""After so long without a new job, a listener counts as lost. Above `STRETCH` and `LONGEST_WAIT` together."""
LOOK = 60.0
"""Seconds after which a listener looks whether it still may, in case a notice was lost."""
PAUSE = 5.0
"""Seconds until an iterator that ended by itself is begun again."""
LONGEST_WAIT = 300.0
LONGEST_CURSOR = 500

Remember = Callable[[AsyncSession], Awaitable[None]]
"""Stores the cursor, in the transaction of what was heard."""


class Hears(Protocol):
    """Where what was heard goes (the conversation room)."""

    async def hear(self, scope: Scope, channel: str, connection_id: UUID, heard: Heard, remember: Remember) -> None: ...


class _Over(Exception):
    """The connection is gone, or another listener went on."""


class Listening:
    """The listeners of this process, and the jobs that run them."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        connections: Connections,
        kinds: Callable[[], Kinds],
        jobs: Jobs,
        notices: Notices,
        hears: Hears,
        clock: Clock,
        log: Log,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._connections = connections
        self._kinds = kinds
        self._jobs = jobs
        self._hears = hears
        self._clock = clock
        self._log = log
        self._running: dict[UUID, set[asyncio.Event]] = defaultdict(set)
        self._used: dict[UUID, PluginSettings] = {}
        notices.on("switch", self._switched)
        notices.on("connection", self._look_again)
        jobs.register(
            Task("connections:listen", self.listen, queue=LISTENING, retry=Retry(attempts=9)),
            Task("connections:revive", self.revive, queue=MAINTENANCE, cron="*/10 * * * *"),
        )

    async def listen(self, scope: Scope, connection_id: str) -> None:
        """Listens for a while, then queues the next job; after a failure a later one. Ends for good when the connection
        is gone or its credentials are refused, and until it is switched on again where its plugin is off."""
        row = await self._may(scope, UUID(connection_id))
        if row is None:
            return
        async with self._database.session(scope) as session:
            begun = _of(scope, row.id).values(listened_at=self._clock.now())
            await (await session.connection()).execute(begun)
            await session.commit()
        wait, failure = 0.0, None
        try:
            ended = await self._stretch(scope, row)
            wait = PAUSE if ended else 0.0
        except _Over:
            return
        except Reconnect:
            if not await self._connections.refused(scope, row.id, self._used.pop(row.id, None)):
                return
            wait = PAUSE
        except Exception as error:
            failure = error
            wait = _wait(row.failures, error)
            said = str(error) if isinstance(error, OmniOpsError) else type(error).__name__
            self._log.warning("channel.listen_failed", kind=row.kind, connection=connection_id, said=said)
        if await self._may(scope, row.id) is None:
            return
        async with self._database.session(scope) as session:
            changes: dict[str, Any] = {"failures": 0, "listening": "listening"}
            if failure is not None:
                changes = {"failures": Connection.failures + 1, "listening": "failing"}
            await (await session.connection()).execute(_of(scope, row.id).values(**changes))
            at = self._clock.now() + timedelta(seconds=wait) if wait else None
            await listen_again(self._jobs, session, scope, row.id, at)
            await session.commit()

    async def revive(self) -> None:
        """Queues the connections that should listen and have not for a while: those of a plugin that the operator took
        out and put back, and whatever else was missed. A job that runs is left alone: with a second one waiting under
        the same key it could not go back to the queue."""
        kinds = self._kinds()
        listening = [name for name in {*kinds.channels, *kinds.integrations} if kinds.listens(name)]
        if not listening:
            return
        async with self._database.system("connections: which of them listen") as session:
            statement = select(Connection.domain_id, Connection.id).where(
                col(Connection.kind).in_(listening),
                Connection.state == "connected",
                func.coalesce(col(Connection.listened_at), col(Connection.created_at)) < self._clock.now() - LOST,
            )
            found = (await session.exec(statement)).all()
        for domain_id, connection_id in found:
            await self._queue(await self._database.scope_of(domain_id), [connection_id])

    async def _stretch(self, scope: Scope, row: Connection) -> bool:
        """Listens until the stretch is over, or the iterator ended (True). Raises what the channel raises."""
        with self._watched(scope) as changed:
            hearing = asyncio.create_task(self._hear(scope, row))
            watching = asyncio.create_task(self._watch(scope, row.id, changed))
            try:
                await asyncio.wait((hearing, watching), timeout=STRETCH, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (hearing, watching):
                    task.cancel()
                await asyncio.gather(hearing, watching, return_exceptions=True)
        if not watching.cancelled():
            watching.result()
        if hearing.cancelled():
            return False
        hearing.result()
        return True

    async def _hear(self, scope: Scope, row: Connection) -> None:
        listener = self._kinds().listener(row.kind)
        if listener is None:
            raise _Over
        name, channel = listener
        settings = self._used[row.id] = await self._connections.settings(scope, row.id)
        cursor = row.cursor
        async with _closing(channel.listen(settings, cursor)) as stream:
            async for heard, after in stream:
                if not isinstance(after, str) or len(after) > LONGEST_CURSOR:
                    raise NotReady(f"Channel {name!r} gave a cursor that cannot be stored.")
                await self._hears.hear(scope, name, row.id, heard, self._remember(scope, row.id, cursor, after))
                cursor = after

    def _remember(self, scope: Scope, connection_id: UUID, before: str | None, after: str) -> Remember:
        async def remember(session: AsyncSession) -> None:
            statement = (
                _of(scope, connection_id)
                .where(col(Connection.state) == "connected", col(Connection.cursor).is_not_distinct_from(before))
                .values(cursor=after, heard_at=self._clock.now(), listening="listening", failures=0)
                .returning(col(Connection.id))
            )
            if (await (await session.connection()).execute(statement)).first() is None:
                raise _Over

        return remember

    async def _watch(self, scope: Scope, connection_id: UUID, changed: asyncio.Event) -> None:
        """Raises `_Over` as soon as the connection may not be listened to any more."""
        while True:
            try:
                async with asyncio.timeout(LOOK):
                    await changed.wait()
            except TimeoutError:
                pass
            changed.clear()
            if await self._may(scope, connection_id) is None:
                raise _Over

    async def _may(self, scope: Scope, connection_id: UUID) -> Connection | None:
        """The connection, if it may be listened to now; what else is the case is noted on it."""
        async with self._database.session(scope) as session:
            row = await session.get(Connection, (scope.domain_id, connection_id))
        if row is None or row.state != "connected" or not self._kinds().listens(row.kind):
            return None
        is_on = await self._accounts.is_on(scope, row.plugin)
        state = "off" if not is_on else "failing" if row.failures else "listening"
        if row.listening != state:
            async with self._database.session(scope) as session:
                await (await session.connection()).execute(_of(scope, connection_id).values(listening=state))
                await session.commit()
        return row if is_on else None

    async def _switched(self, notice: Notice | None) -> None:
        await self._look_again(notice)
        if notice is None:
            return
        scope = await self._database.scope_of(notice.domain_id)
        async with self._database.session(scope) as session:
            statement = select(Connection).where(
                Connection.domain_id == scope.domain_id, Connection.listening == "off", Connection.state == "connected"
            )
            off = (await session.exec(statement)).all()
        await self._queue(scope, [row.id for row in off])

    async def _look_again(self, notice: Notice | None) -> None:
        for domain_id, events in self._running.items():
            if notice is None or notice.domain_id == domain_id:
                for event in events:
                    event.set()

    async def _queue(self, scope: Scope, connection_ids: list[UUID]) -> None:
        async with self._database.session(scope) as session:
            for connection_id in connection_ids:
                await listen_again(self._jobs, session, scope, connection_id)
            await session.commit()

    @contextmanager
    def _watched(self, scope: Scope) -> Iterator[asyncio.Event]:
        """An event that is set when something changed that may end the listeners of a domain."""
        assert scope.domain_id is not None
        event = asyncio.Event()
        self._running[scope.domain_id].add(event)
        try:
            yield event
        finally:
            self._running[scope.domain_id].discard(event)
            if not self._running[scope.domain_id]:
                del self._running[scope.domain_id]


def _of(scope: Scope, connection_id: UUID) -> Any:
    return update(Connection).where(col(Connection.domain_id) == scope.domain_id, col(Connection.id) == connection_id)


def _wait(failures: int, error: Exception) -> float:
    """Seconds until listening is tried again: twice as long each time, with jitter, or what the other side says."""
    wait = min(LONGEST_WAIT, 2.0 ** min(failures, 10)) * random.uniform(0.5, 1)  # noqa: S311
    asked = error.retry_after if isinstance(error, NotReady) else None
    return max(wait, asked or 0)


@asynccontextmanager
async def _closing(stream: AsyncIterator[tuple[Heard, str]]) -> AsyncIterator[AsyncIterator[tuple[Heard, str]]]:
    """Runs a generator's `finally` at once, not when it is collected."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()

"""Access that stays good: whoever asks for a connection gets one whose token is valid for the next minutes.

Of all processes one refreshes at a time. It looks again once it is its turn, writes the access and the refresh token in
one transaction, and where the other side refuses looks a third time before it believes it: a refresh token that is used
twice is dead, and the connection with it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import httpx2
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Audit, Entry
from omniops.connections import features, history
from omniops.connections.kinds import Kinds, clear, tokens_of
from omniops.connections.models import Connection
from omniops.contracts.ids import Clock
from omniops.contracts.integration import Link
from omniops.contracts.oauth import OAuth, OAuthConnection, Tokens
from omniops.contracts.plugin import Log, PluginSettings
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.database.service import Database
from omniops.errors import EgressRefused, NotFound, NotReachable, NotReady, Reconnect, Rejected
from omniops.jobs.service import Jobs
from omniops.vault.opening import Opened
from omniops.vault.service import Vault

PURPOSE = "connection.use"
AHEAD = timedelta(minutes=5)
"""How long a token must still be good when it is handed out."""
AGAIN = timedelta(minutes=10)
"""A token that was refreshed because it was refused, and is refused again within this time, is not the reason."""
SECONDS = 10.0
"""For the other side to answer."""
MOST_MEMORY = 16 * 1024
T = TypeVar("T")
OnEnd = Callable[[AsyncSession, Scope, UUID], Awaitable[None]]
OnChange = Callable[[AsyncSession, Scope, Connection], Awaitable[None]]


class Access:
    """The connections of all domains, for who works with them."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        audit: Audit,
        jobs: Jobs,
        kinds: Callable[[], Kinds],
        clock: Clock,
        log: Log,
        address: str,
    ) -> None:
        """`address` is the public one of this server."""
        self._database = database
        self._vault = vault
        self._audit = audit
        self._jobs = jobs
        self._kinds = kinds
        self._clock = clock
        self._log = log
        self._address = address
        self._ending: list[OnEnd] = []
        self._changing: list[OnChange] = []
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
        self._refreshing: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Waits for refreshes that nobody waits for any more."""
        await asyncio.gather(*self._refreshing, return_exceptions=True)

    async def row(self, scope: Scope, connection_id: UUID) -> Connection:
        """A connection's row. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            return await self._found(session, scope, connection_id)

    async def opened(self, row: Connection, session: AsyncSession | None = None) -> tuple[PluginSettings, Opened]:
        """The settings as they are kept, without any refreshing, and what else of the row was opened."""
        actor = Actor.system(f"connection.{row.kind}")
        opened = await self._vault.open([row], purpose=PURPOSE, actor=actor, session=session)
        return self._kinds().model(row.kind)(**opened(row.settings)), opened

    async def settings(self, scope: Scope, connection_id: UUID) -> PluginSettings:
        """A connection's settings in clear, with a token that is good for the next minutes. Raises `Reconnect` where
        there is none to be had, `NotReady` where the other side is away just now."""
        row = await self.row(scope, connection_id)
        return await self.fresh(scope, row, (await self.opened(row))[0])

    async def fresh(
        self, scope: Scope, row: Connection, settings: PluginSettings, *, ahead: timedelta = AHEAD
    ) -> PluginSettings:
        """The same settings, or with a new token where theirs ends within `ahead`."""
        tokens, until = tokens_of(settings), self._clock.now() + ahead
        if tokens is None or tokens.refresh is None or tokens.expires_at is None or tokens.expires_at > until:
            return settings
        try:
            new = await self._to_its_end(self._refreshed(scope, row.id, tokens))
        except NotReady:
            if tokens.expires_at > self._clock.now():
                return settings  # the other side is away, and what we have is good for a while yet
            raise
        return settings.model_copy(update={"tokens": tokens_of(new)})

    async def refused(self, scope: Scope, connection_id: UUID, used: object = None) -> bool:
        """The other side refused the credentials: whether it is worth another try at once. `used` are the settings that
        were refused. A token is refreshed once; where that does not help, the connection is marked until a person
        connects again."""
        async with self._lock(connection_id):
            try:
                row = await self.row(scope, connection_id)
            except NotFound:
                return False
            if row.state == "needs_reauth":
                return False
            settings, _ = await self.opened(row)
            tokens = tokens_of(settings)
            before = tokens_of(used) if isinstance(used, PluginSettings) else None
            if tokens is not None and before is not None and before.access != tokens.access:
                return True
            lately = row.forced_at is not None and row.forced_at > self._clock.now() - AGAIN
            if tokens is not None and tokens.refresh is not None and not lately:
                try:
                    await self._to_its_end(self._exchange(scope, connection_id, tokens, forced=True))
                except Reconnect:
                    return False
                except NotReady:
                    pass
                return True
            await self._mark(scope, connection_id, tokens)
        return False

    async def state(self, scope: Scope, connection_id: UUID) -> Connection | None:
        """A connection's row as it is now, or None where it is gone."""
        async with self._database.session(scope) as session:
            return await session.get(Connection, (scope.domain_id, connection_id))

    async def found(self, kind: str, external_id: str) -> tuple[Scope, UUID] | None:
        """The connection of an id at the other side (`Integration.external_ids`), or None."""
        digest = history.external_hash(kind, external_id)
        scope = await self._database.resolve("external", digest)
        if scope is None:
            return None
        async with self._database.session(scope) as session:
            statement = select(Connection.id).where(
                Connection.domain_id == scope.domain_id,
                Connection.kind == kind,
                col(Connection.lookups).contains([digest.hex()]),
            )
            connection_id = (await session.exec(statement)).first()
        return None if connection_id is None else (scope, connection_id)

    async def ids(self, scope: Scope, kind: str) -> Sequence[UUID]:
        """All connections of one kind in a domain, working or not."""
        async with self._database.session(scope) as session:
            statement = select(Connection.id).where(Connection.domain_id == scope.domain_id, Connection.kind == kind)
            return (await session.exec(statement)).all()

    async def links(self, scope: Scope, plugin: str, kind: str = "") -> list[Link]:
        """The connections of a plugin that work in a domain, of one kind or of all; the oldest first."""
        async with self._database.session(scope) as session:
            statement = (
                select(Connection)
                .where(Connection.domain_id == scope.domain_id, Connection.plugin == plugin)
                .where(Connection.state != "needs_reauth")
                .order_by(col(Connection.id))
            )
            rows = (await session.exec(statement)).all()
        found = []
        for row in rows:
            if kind in ("", row.kind):
                with suppress(Reconnect):  # marked by now
                    found.append(await self.link_of(scope, row, fresh=True))
        return found

    async def link(self, scope: Scope, connection_id: UUID, *, fresh: bool = True) -> Link:
        """A connection at work. Not `fresh` is for who calls nobody: no token is refreshed, and a connection that a
        person must connect again has a link as well.

        Raises `NotFound`; where it is fresh `Reconnect` and `NotReady` as well.
        """
        return await self.link_of(scope, await self.row(scope, connection_id), fresh=fresh)

    async def used(self, scope: Scope, link: Link, work: Callable[[Link], Awaitable[T]]) -> T:
        """What `work` gives. Where the other side refuses the credentials it runs once more with new ones; then the
        connection waits for a person, and `Reconnect` is raised."""
        try:
            return await work(link)
        except Reconnect:
            if not await self.refused(scope, link.id, link.connection):
                raise
        link = await self.link(scope, link.id)
        try:
            return await work(link)
        except Reconnect:
            await self.refused(scope, link.id, link.connection)
            raise

    async def link_of(self, scope: Scope, row: Connection, *, fresh: bool) -> Link:
        """`link` for who has read the row."""
        if fresh and row.state == "needs_reauth":
            raise Reconnect("This connection waits for a person.", do="Connect it again.")
        settings, opened = await self.opened(row)
        memory = opened(row.memory) if row.memory is not None else {}
        integration = self._kinds().integrations.get(row.kind)
        return Link(
            id=row.id,
            scope=scope,
            kind=row.kind,
            connection=await self.fresh(scope, row, settings) if fresh else settings,
            granted=frozenset(row.granted or ()),
            features=features.on(integration, row.wanted, row.granted),
            webhook_url=f"{self._address}/webhooks/{row.kind}/{row.id}",
            memory=memory,
            remember=partial(self._remember, scope, row.id),
            fresh=partial(self.settings, scope, row.id),
        )

    async def _remember(
        self,
        scope: Scope,
        connection_id: UUID,
        changes: Mapping[str, str | None],
        *,
        session: AsyncSession | None = None,
    ) -> None:
        async with nullcontext(session) if session is not None else self._database.session(scope) as used:
            row = await used.get(
                Connection, (scope.domain_id, connection_id), with_for_update=True, populate_existing=True
            )
            if row is None:
                raise NotFound("There is no such connection.")
            _, opened = await self.opened(row, used)
            before = opened(row.memory) if row.memory is not None else {}
            kept = {name: value for name, value in before.items() if name not in changes}
            kept |= {name: value for name, value in changes.items() if value is not None}
            if len(json.dumps(kept)) > MOST_MEMORY:
                raise Rejected("The memory of a connection holds 16 KB.", code="memory_full")
            row.memory = seal(kept)
            used.add(row)
            await (used.commit() if session is None else used.flush())

    def _lock(self, connection_id: UUID) -> asyncio.Lock:
        """Of this process: only one of its tasks waits at the database, where each would hold a link."""
        return self._locks.setdefault(connection_id, asyncio.Lock())

    async def _to_its_end(self, refreshing: Coroutine[Any, Any, T]) -> T:
        """Whoever asked may stop to wait; it goes on, since with its answer a refresh token would be lost."""
        task = asyncio.create_task(refreshing)
        self._refreshing.add(task)
        task.add_done_callback(self._refreshing.discard)
        return await asyncio.shield(task)

    async def _refreshed(self, scope: Scope, connection_id: UUID, seen: Tokens) -> PluginSettings:
        lock = self._lock(connection_id)
        async with lock:
            return await self._exchange(scope, connection_id, seen)

    async def _exchange(
        self, scope: Scope, connection_id: UUID, seen: Tokens, *, forced: bool = False
    ) -> PluginSettings:
        async with self._database.session(scope) as session:
            await history.one_at_a_time(session, connection_id)
            row = await self._found(session, scope, connection_id)
            settings, _ = await self.opened(row, session)
            tokens = tokens_of(settings)
            if tokens is None or tokens.access != seen.access:
                return settings  # another process was faster, or a person connected again
            oauth = self._kinds().oauth(row.kind)
            if oauth is None:
                return settings
            try:
                new = await self._asked(scope, row, oauth, settings, tokens)
            except Reconnect:
                await session.refresh(row)
                settings, _ = await self.opened(row, session)
                if tokens_of(settings) != tokens:
                    return settings
                await self._waits(session, scope, row)
                await session.commit()
                await self._audited(scope, row)
                raise
            settings = settings.model_copy(update={"tokens": _merged(tokens, new)})
            granted = row.granted
            put(row, settings)
            if row.granted != granted:
                await self._tell_change(session, scope, row)
            if forced:
                row.forced_at = self._clock.now()
            session.add(row)
            await session.commit()
        self._log.info("connection.refreshed", kind=row.kind, connection=str(connection_id))
        return settings

    def client(self, scope: Scope, kind: str) -> httpx2.AsyncClient:
        """The plugin's way to the other side of a kind."""
        kinds = self._kinds()
        gate = kinds.gates[kinds.plugin(kind)]
        return gate.http(kinds.integrations[kind].processor, purpose=PURPOSE, scope=scope)

    async def _asked(
        self, scope: Scope, row: Connection, oauth: OAuth, settings: PluginSettings, tokens: Tokens
    ) -> Tokens:
        try:
            async with asyncio.timeout(SECONDS), self.client(scope, row.kind) as http:
                return await oauth.refresh(http, tokens, connection=settings)
        except (NotReady, Reconnect):
            raise
        except (TimeoutError, NotReachable, EgressRefused) as error:
            raise NotReady(f"{row.kind}: access could not be refreshed ({type(error).__name__}).") from error
        except Exception as error:  # without its words: they may hold a token
            raise NotReady(f"{row.kind}: access could not be refreshed ({type(error).__name__}).") from None

    async def _mark(self, scope: Scope, connection_id: UUID, seen: Tokens | None) -> None:
        async with self._database.session(scope) as session:
            await history.one_at_a_time(session, connection_id)
            row = await session.get(Connection, (scope.domain_id, connection_id))
            if row is None or row.state == "needs_reauth":
                return
            settings, _ = await self.opened(row, session)
            if tokens_of(settings) != seen:
                return
            await self._waits(session, scope, row)
            await session.commit()
        await self._audited(scope, row)

    async def _waits(self, session: AsyncSession, scope: Scope, row: Connection) -> None:
        """A person must connect again, in the session's transaction."""
        await history.needs_reauth(session, scope, row, self._jobs, self._clock)
        await self._tell_change(session, scope, row)

    async def _tell_change(self, session: AsyncSession, scope: Scope, row: Connection) -> None:
        """What is on, granted or working is another now, in the session's transaction."""
        for tell in self._changing:
            await tell(session, scope, row)

    async def _audited(self, scope: Scope, row: Connection) -> None:
        actor = str(Actor.system(f"connection.{row.kind}"))
        detail = {"plugin": row.plugin, **({"kind": row.kind} if row.kind != row.plugin else {})}
        await self._audit.write(Entry(scope.account_id, actor, "connection.needs_reauth", "connection", detail=detail))

    async def _found(self, session: AsyncSession, scope: Scope, connection_id: UUID) -> Connection:
        row = await session.get(Connection, (scope.domain_id, connection_id))
        if row is None:
            raise NotFound("There is no such connection.")
        return row


def put(row: Connection, settings: PluginSettings) -> None:
    """Settings, and what can be seen of their tokens, on the row."""
    row.settings = seal(clear(settings))
    tokens = tokens_of(settings)
    if not isinstance(settings, OAuthConnection) or tokens is None:
        row.expires_at = row.ends_at = None
        return
    row.expires_at = tokens.expires_at
    ends = tokens.refresh_expires_at if tokens.refresh is not None else tokens.expires_at
    if ends != row.ends_at:
        row.ends_at, row.warned_at = ends, None
    if tokens.scopes is not None:
        row.granted = sorted(tokens.scopes)


def _merged(before: Tokens, new: Tokens) -> Tokens:
    """What an answer leaves out stays as it was."""
    return new.model_copy(
        update={
            "refresh": new.refresh or before.refresh,
            "refresh_expires_at": new.refresh_expires_at if new.refresh else before.refresh_expires_at,
            "scopes": before.scopes if new.scopes is None else new.scopes,
            "extra": {**before.extra, **new.extra},
        }
    )

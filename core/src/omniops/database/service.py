"""The database's one door: scoped sessions, the one look-up before a scope is known, and the system's own session."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import event, text
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import Session as SyncSession
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.scope import Scope
from omniops.database.links import Link, Links, Role, role_name
from omniops.database.priority import stand_back
from omniops.errors import ConfigError, NotFound, NotReachable, NotReady, Rejected

LookupKind = Literal[
    "api_key",
    "session",
    "visitor",
    "widget_key",
    "connection",
    "member_address",
    "domain",
    "setup",
    "ticket",
    "external",
    "grant",
    "told",
]
CHANNEL = "omniops"
"""The one notification channel. Payloads carry ids only: any role may listen."""

_SET_SCOPE = text("select set_config('omniops.account', :account, true), set_config('omniops.domain', :domain, true)")
BeforeFlush = Callable[[SyncSession, Any, Any], None]
OnSession = Callable[[SyncSession], None]
OnSystemUse = Callable[[str], Awaitable[None]]


class Unscoped(RuntimeError):
    """A session of the app began a transaction without a scope."""


_SNAPSHOT = {"isolation_level": "REPEATABLE READ"}


class Database:
    """One PostgreSQL database through the roles of `Links`. Build it with `Runtime.open`; close it with `close()`."""

    def __init__(self, links: Links, *, pool: int = 10, patience: float = 20) -> None:
        """At most twice `pool` connections are opened, at need, and kept; who finds all of them busy waits for at most
        `patience` seconds, and is told to come again after that."""
        self.links = links
        self._on_system_use: OnSystemUse | None = None
        self._domains: dict[UUID, Scope] = {}
        pooled = links.pooled is not None
        self._app = _engine(links.pooled or links.app, pool=pool, patience=patience, pooled=pooled)
        self._system = _engine(links.system, pool=2, patience=patience, pooled=False)
        self._reserved = _engine(links.pooled or links.app, pool=1, patience=patience, pooled=pooled, autocommit=True)
        self._sync_session: type[SyncSession] = type("ScopedSession", (SyncSession,), {})
        event.listen(self._sync_session, "after_begin", _set_scope)

    def before_flush(self, listener: BeforeFlush) -> None:
        """Runs `listener` before every flush of this database's sessions (the vault seals there)."""
        event.listen(self._sync_session, "before_flush", listener)

    def around_commit(self, before: OnSession, after: OnSession, undone: OnSession) -> None:
        """Runs `before` in each transaction that is about to commit, `after` once it has, `undone` after a rollback."""
        event.listen(self._sync_session, "before_commit", before)
        event.listen(self._sync_session, "after_commit", after)
        event.listen(self._sync_session, "after_rollback", undone)

    def audit_system_use(self, report: OnSystemUse) -> None:
        """Awaits `report(reason)` before every session of the system role; if it raises, there is no session."""
        self._on_system_use = report

    async def check(self) -> None:
        """Refuses run-time roles that row-level security would not filter. Raises `ConfigError` or `NotReachable`."""
        async with self.connect() as connection:
            row = (
                await connection.execute(
                    text(
                        "select r.rolname, r.rolsuper, r.rolbypassrls, exists(select from pg_class c"
                        " join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('omniops', 'vault', 'jobs')"
                        " and pg_has_role(current_user, c.relowner, 'member')) as owns"
                        " from pg_roles r where r.rolname = current_user"
                    )
                )
            ).one()
        if row.rolsuper or row.rolbypassrls or row.owns:
            power = "superuser" if row.rolsuper else "BYPASSRLS" if row.rolbypassrls else "owner of tables"
            raise ConfigError(
                f"The run-time database role {row.rolname!r} is {power}: it would see every business's rows.",
                do=f"Let the app connect as {role_name('app')!r}; `omniops migrate` creates it.",
            )

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A bare connection of the app role in a transaction, without any scope: it sees no row of anybody."""
        try:
            async with self._app.connect() as connection:
                yield connection
        except (DBAPIError, PoolTimeout) as error:
            raise _translate(error) from error

    @asynccontextmanager
    async def reserved(self) -> AsyncIterator[AsyncConnection]:
        """A bare connection of the app role that no session can take, each statement a transaction of its own: for the
        audit, which must not wait for those who wait for it."""
        try:
            async with self._reserved.connect() as connection:
                yield connection
        except (DBAPIError, PoolTimeout) as error:
            raise _translate(error) from error

    @asynccontextmanager
    async def session(self, scope: Scope, *, snapshot: bool = False) -> AsyncIterator[AsyncSession]:
        """A session that sees the rows of `scope` and nothing else. Commit yourself; leaving without rolls back.

        With `snapshot`, all its reads see the state of one moment (PostgreSQL's repeatable read).

        A connection that died while it lay in the pool is replaced before the body runs. Raises `NotReachable` when the
        database is away.
        """
        for attempt in (1, 2):
            session = self._new_session(self._app, scope)
            try:
                await session.connection(execution_options=_SNAPSHOT if snapshot else None)
                break
            except PoolTimeout as error:
                await session.close()
                raise _translate(error) from error
            except DBAPIError as error:
                await session.close()
                if attempt == 2 or not error.connection_invalidated:
                    raise _translate(error) from error
        try:
            yield session
        except DBAPIError as error:
            translated = _translate(error)
            if translated is error:
                raise
            raise translated from error
        finally:
            await session.close()

    @asynccontextmanager
    async def system(self, reason: str, scope: Scope | None = None) -> AsyncIterator[AsyncSession]:
        """A session that row-level security does not filter. `reason` names the task and goes into the audit first.

        For migrations of data, retention, backup and the queue of what is due in any domain; never for a request.
        """
        if self._on_system_use is not None:
            await self._on_system_use(reason)
        session = self._new_session(self._system, scope or Scope(UUID(int=0)))
        try:
            yield session
        finally:
            await session.close()

    @asynccontextmanager
    async def background(self, scope: Scope) -> AsyncIterator[AsyncSession]:
        """A `session` for long work of many transactions, on a connection of its own: where PostgreSQL runs on this
        machine, visitors' queries come before it when the processor is short."""
        engine = _engine(self.links.app, pool=1, patience=0, pooled=False)
        session = self._new_session(engine, scope)
        try:
            if self.links.app.local:
                pid = (await (await session.connection()).execute(text("select pg_backend_pid()"))).scalar_one()
                stand_back(pid)
            yield session
        except DBAPIError as error:
            raise _translate(error) from error
        finally:
            await session.close()
            await engine.dispose()

    @asynccontextmanager
    async def alone(self, what: str) -> AsyncIterator[bool]:
        """Whether this process is the only one of the deployment that does `what`, until the block ends."""
        async with self._system.connect() as connection:
            name = {"what": f"omniops {what}"}
            mine = (await connection.execute(text("select pg_try_advisory_lock(hashtext(:what))"), name)).scalar_one()
            await connection.commit()
            try:
                yield bool(mine)
            finally:
                if mine:
                    await connection.execute(text("select pg_advisory_unlock(hashtext(:what))"), name)
                    await connection.commit()

    def _new_session(self, engine: AsyncEngine, scope: Scope) -> AsyncSession:
        return AsyncSession(
            engine, sync_session_class=self._sync_session, expire_on_commit=False, info={"scope": scope}
        )

    async def resolve(self, kind: LookupKind, digest: bytes) -> Scope | None:
        """The one look-up before a scope is known: whose key, session or address hashes to `digest`."""
        async with self.connect() as connection:
            row = (
                await connection.execute(
                    text("select account_id, domain_id from omniops.omniops_resolve(:kind, :digest)"),
                    {"kind": kind, "digest": digest},
                )
            ).first()
        return None if row is None or row.account_id is None else Scope(row.account_id, row.domain_id)

    async def scope_of(self, domain_id: UUID) -> Scope:
        """The scope of a domain from its id, for tasks and for the vault. Raises `NotFound`."""
        if domain_id not in self._domains:
            scope = await self.resolve("domain", domain_id.bytes)
            if scope is None:
                raise NotFound(f"There is no domain {domain_id}.")
            self._domains[domain_id] = scope
        return self._domains[domain_id]

    async def close(self) -> None:
        await self._app.dispose()
        await self._reserved.dispose()
        await self._system.dispose()


def _engine(link: Link, *, pool: int, patience: float, pooled: bool, autocommit: bool = False) -> AsyncEngine:
    # A pooler in transaction mode gives every transaction another server connection: prepared statements would be lost.
    arguments: dict[str, Any] = {"prepare_threshold": None} if pooled else {}
    return create_async_engine(
        link.url(),
        # No overflow: what goes beyond the pool is closed when it comes back, and a burst would only connect anew.
        pool_size=2 * pool,
        max_overflow=0,
        pool_timeout=patience,
        hide_parameters=True,
        # Of the engine, not of each connection that is taken out: that would be changed twice around every statement.
        **({"isolation_level": "AUTOCOMMIT"} if autocommit else {}),
        connect_args={"connect_timeout": 5, **arguments},
    )


def owner_engine(links: Links, role: Role = "owner") -> AsyncEngine:
    """An engine for migrations: no pool, so that no connection outlives its use."""
    link: Link = getattr(links, role)
    return create_async_engine(link.url(), poolclass=NullPool, hide_parameters=True)


def _set_scope(session: SyncSession, transaction: Any, connection: Any) -> None:
    scope = session.info.get("scope")
    if not isinstance(scope, Scope):
        raise Unscoped("A session needs a scope: use database.session(scope).")
    connection.execute(_SET_SCOPE, {"account": str(scope.account_id), "domain": str(scope.domain_id or "")})


def _translate(error: DBAPIError | PoolTimeout) -> Exception:
    if isinstance(error, PoolTimeout):
        return NotReady("Every connection to the database is busy.", do="Try again.", retry_after=1)
    if isinstance(error, DataError):  # a NUL in a text, a number beyond its column: input, whatever it came through
        return Rejected(
            "A value cannot be stored: it holds a character or number that no field takes.", code="bad_value"
        )
    if error.connection_invalidated or getattr(error.orig, "sqlstate", None) is None:
        return NotReachable("The database does not answer.", do="It is tried again with every request.")
    return error


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification: something of `kind` changed in a domain. Ids only."""

    kind: str
    domain_id: UUID
    id: UUID | None = None
    seq: int = 0


async def notify(session: AsyncSession, notice: Notice) -> None:
    """Tells every process, when and only when this session's transaction commits."""
    payload = {"kind": notice.kind, "domain_id": str(notice.domain_id), "seq": notice.seq}
    if notice.id is not None:
        payload["id"] = str(notice.id)
    connection = await session.connection()
    await connection.execute(
        text("select pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": json.dumps(payload)}
    )

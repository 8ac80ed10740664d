"""What happened to a connection: kept for people to read, told to the business where it must act."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.connections.models import Connection, ConnectionEvent
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Notice, notify
from omniops.jobs.service import Jobs, scope_argument
from omniops.webhooks.service import emit

TELL = "connections:tell"
Happening = Literal[
    "connected",
    "connected_again",
    "changed",
    "features",
    "needs_reauth",
    "expiring",
    "not_set_up",
    "set_up",
    "degraded",
    "away",
    "recovered",
    "not_told",
    "told",
    "disconnected",
]


def enter(
    session: AsyncSession, connection: Connection, event: Happening, actor: Actor, clock: Clock, **detail: Any
) -> ConnectionEvent:
    """Adds to the history, in the session's transaction. `detail` holds codes, scopes and features; nothing personal
    and no words of the other side."""
    row = ConnectionEvent(
        domain_id=connection.domain_id,
        connection_id=connection.id,
        kind=connection.kind,
        event=event,
        actor=str(actor),
        detail=detail,
        at=clock.now(),
    )
    session.add(row)
    return row


async def needs_reauth(session: AsyncSession, scope: Scope, row: Connection, jobs: Jobs, clock: Clock) -> None:
    """A person must connect again: marked, entered, and told to whom it concerns, in the session's transaction."""
    row.state, row.checked_at = "needs_reauth", clock.now()
    session.add(row)
    event = enter(session, row, "needs_reauth", Actor.system(f"connection.{row.kind}"), clock)
    await notify(session, Notice("connection", row.domain_id, row.id))
    await emit(session, scope, "connection.needs_reauth", connection_id=row.id, connected=row.kind)
    await tell(session, scope, event, jobs)


async def tell(session: AsyncSession, scope: Scope, event: ConnectionEvent, jobs: Jobs) -> None:
    """Queues the mail about an event to the account's owners and admins."""
    await session.flush()
    await jobs.enqueue(session, TELL, domain_id=scope_argument(scope), event_id=event.id)


async def read(session: AsyncSession, scope: Scope, connection_id: UUID) -> Sequence[ConnectionEvent]:
    """The history of a connection, which may be gone; the oldest first."""
    statement = select(ConnectionEvent).where(
        ConnectionEvent.domain_id == scope.domain_id, ConnectionEvent.connection_id == connection_id
    )
    return (await session.exec(statement.order_by(col(ConnectionEvent.id)))).all()


async def one_at_a_time(session: AsyncSession, connection_id: UUID) -> None:
    """Waits until no other transaction, of any process, changes the credentials of a connection. Its row stays free for
    whoever listens."""
    number = int.from_bytes(hashlib.sha256(b"connection" + connection_id.bytes).digest()[:8], signed=True)
    connection = await session.connection()
    await connection.execute(text("select pg_advisory_xact_lock(:number)"), {"number": number})


def external_hash(kind: str, external_id: str) -> bytes:
    """What leads from an id at the other side to its connection."""
    return hashlib.sha256(f"{kind}\0{external_id}".encode()).digest()

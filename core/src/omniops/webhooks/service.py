"""The room's one door: any room says what happened, in its own transaction, and goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.ids import new_id, utcnow
from omniops.contracts.scope import Scope
from omniops.jobs.service import SENDING, put
from omniops.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookEvent

Kind = Literal[
    "conversation.created",
    "conversation.handed_off",
    "conversation.closed",
    "message.created",
    "review.requested",
    "review.resolved",
    "consent.changed",
    "case.opened",
    "case.escalated",
    "case.closed",
    "page.indexed",
    "crawl.finished",
    "connection.degraded",
    "connection.recovered",
    "connection.needs_reauth",
    "connection.expiring",
    "webhook.disabled",
]
Data = Mapping[str, UUID | str | int | None]
KINDS: tuple[str, ...] = get_args(Kind)
TEST = "webhook.test"
"""What a receiver gets when its business asks for a try."""
DELIVER = "webhooks:deliver"


async def emit(session: AsyncSession, scope: Scope, kind: Kind, **data: UUID | str | int | None) -> None:
    """Tells the domain's receivers that something happened: when, and only when, the session's transaction commits.

    `data` holds random ids, states and numbers. Never a word that a person wrote, and nothing to find a person by:
    the receiver asks the API for more, and is asked there who it is. One look-up where no receiver wants it.
    """
    await emit_each(session, scope, kind, [data])


async def emit_each(session: AsyncSession, scope: Scope, kind: Kind, happened: Sequence[Data]) -> None:
    """`emit` for much that happened at once, with one look-up for all of it."""
    if not happened or scope.domain_id is None:
        return
    statement = select(WebhookEndpoint.id, WebhookEndpoint.events).where(
        WebhookEndpoint.domain_id == scope.domain_id, col(WebhookEndpoint.enabled)
    )
    told = [id_ for id_, events in (await session.exec(statement)).all() if not events or kind in events]
    if told:
        for data in happened:
            await queue(session, scope, kind, data, told)


async def queue(
    session: AsyncSession, scope: Scope, kind: str, data: Data, endpoints: Sequence[UUID]
) -> list[WebhookDelivery]:
    """The event, one delivery for each receiver, and the jobs that send them, in the session's transaction."""
    assert scope.domain_id is not None
    now = utcnow()
    event = WebhookEvent(domain_id=scope.domain_id, id=new_id(), kind=kind, data=_plain(data), created_at=now)
    session.add(event)
    await session.flush()
    deliveries = [
        WebhookDelivery(domain_id=scope.domain_id, endpoint_id=one, event_id=event.id, next_at=now, created_at=now)
        for one in endpoints
    ]
    session.add_all(deliveries)
    await session.flush()
    for delivery in deliveries:
        await send_later(session, delivery)
    return deliveries


async def send_later(session: AsyncSession, delivery: WebhookDelivery) -> None:
    """Queues the next try of a delivery: the only one that counts, for a job of an earlier number does nothing."""
    await put(
        session,
        DELIVER,
        queue=SENDING,
        unique=f"webhook:{delivery.id}:{delivery.attempts}",
        at=delivery.next_at if delivery.attempts else None,
        domain_id=delivery.domain_id,
        delivery_id=delivery.id,
        attempt=delivery.attempts,
    )


def _plain(data: Data) -> dict[str, str | int]:
    given = {key: value for key, value in data.items() if value is not None}
    return {key: str(value) if isinstance(value, UUID) else value for key, value in given.items()}

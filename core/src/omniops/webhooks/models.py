"""Receivers of a business, what happened, and who was told of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB

from omniops.contracts.ids import utcnow
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, secret
from omniops.database.models import DomainModel, belongs_to

PURPOSE = "webhook.deliver"


class WebhookEndpoint(DomainModel, table=True):
    """A receiver that the business chose. `secrets` are `[secret, end of its life or null]`, the newest first."""

    __tablename__ = "webhook_endpoint"
    url: str = not_personal("address of the business's own receiver")
    description: str = not_personal("what the receiver is for", default="")
    events: list[str] = not_personal("kinds that it is told of; empty for all", sa_type=JSONB, default_factory=list)
    secrets: Sealed[list[Any]] = secret("signs what the receiver gets", purposes=(PURPOSE,))
    enabled: bool = not_personal("whether it is told", default=True)
    disabled_because: str | None = not_personal("person, gone or failing", default=None)
    failing_since: datetime | None = not_personal("first failure after the last success", default=None)
    created_at: datetime = not_personal("when it was added", default_factory=utcnow)


class WebhookEvent(DomainModel, table=True):
    """Something that happened: its kind and random ids, never a word of anybody."""

    __tablename__ = "webhook_event"
    kind: str = not_personal("what happened")
    data: dict[str, Any] = not_personal("random ids and states", sa_type=JSONB)
    created_at: datetime = not_personal("when it happened", default_factory=utcnow)


class WebhookDelivery(DomainModel, table=True):
    """One event on its way to one receiver. A replay is a row of its own with the same event."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        belongs_to(WebhookEndpoint, "endpoint_id"),
        belongs_to(WebhookEvent, "event_id"),
        Index("ix_webhook_delivery_endpoint", "domain_id", "endpoint_id", "state"),
        Index("ix_webhook_delivery_event", "domain_id", "event_id"),
    )
    endpoint_id: UUID
    event_id: UUID
    state: str = not_personal("waiting, delivered, dead or replayed", default="waiting")
    attempts: int = not_personal("tries so far", default=0)
    status: int | None = not_personal("HTTP status of the last try", default=None)
    problem: str | None = not_personal("stable code of what went wrong", default=None)
    next_at: datetime | None = not_personal("when it is tried next", default=None)
    created_at: datetime = not_personal("when it was queued", default_factory=utcnow)
    ended_at: datetime | None = not_personal("when it was delivered or given up", default=None)

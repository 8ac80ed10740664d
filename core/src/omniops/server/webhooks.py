"""The business API over outgoing webhooks: receivers, their secrets, what was sent, and sending it again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.server.visitor_shapes import Body
from omniops.webhooks.service import Kind

router = APIRouter(prefix="/v1/domains/{domain_id}/webhooks", tags=["webhooks"], route_class=Idempotent)
Manages = Annotated[DomainAccess, Depends(RequiresDomain("webhook.manage"))]


class NewWebhook(Body):
    url: str = Field(max_length=2000, description="Where to post to, over https.")
    events: list[Kind] = Field(default_factory=list, max_length=40, description="Kinds to be told of; empty for all.")
    description: str = Field(default="", max_length=200)


class WebhookChange(Body):
    url: str | None = Field(default=None, max_length=2000)
    events: list[Kind] | None = Field(default=None, max_length=40)
    description: str | None = Field(default=None, max_length=200)
    enabled: bool | None = None


class NewSecret(Body):
    overlap_hours: float = Field(
        default=24, ge=0, le=168, description="How long the secret before it signs too; 0 ends it at once."
    )


class Since(Body):
    since: AwareDatetime = Field(description="Dead letters from this moment on are sent again.")


class Webhook(BaseModel):
    """A receiver, without its secret."""

    id: UUID
    url: str
    description: str
    events: list[str] = Field(description="Kinds that it is told of; empty for all.")
    enabled: bool
    disabled_because: Literal["person", "gone", "failing"] | None = Field(
        description="`gone`: it answered 410. `failing`: it took nothing for five days."
    )
    failing_since: datetime | None
    created_at: datetime


class MadeWebhook(Webhook):
    """A new receiver. The secret is in this answer and nowhere else."""

    secret: str = Field(examples=["whsec_…"])


class MadeSecret(BaseModel):
    """A new secret. It is in this answer and nowhere else."""

    secret: str = Field(examples=["whsec_…"])


class Delivery(BaseModel):
    """An event on its way to a receiver."""

    id: UUID
    message_id: str = Field(description="The `webhook-id` that the receiver sees; the same with every try and replay.")
    kind: str
    state: Literal["waiting", "delivered", "dead", "replayed"] = Field(
        description="`dead`: given up, and can be replayed. `replayed`: was dead, and was sent again since."
    )
    attempts: int
    status: int | None = Field(description="HTTP status of the last try.")
    problem: str | None = Field(description="Stable code of what went wrong with the last try.")
    next_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


class Replayed(BaseModel):
    count: int = Field(description="How many were queued again; ask again while it is 1000.")


@router.get("", response_model=Page[Webhook])
async def webhooks(runtime: App, access: Manages, pages: Pages) -> Any:
    """The receivers of a website, without their secrets."""
    found = await runtime.webhooks.endpoints.all(access.scope, after=pages.id, limit=pages.more)
    return pages.page(found, lambda one: one.id, asdict)


@router.post("", status_code=201)
async def add(runtime: App, body: NewWebhook, access: Manages) -> MadeWebhook:
    """Adds a receiver. Nothing is sent to it before something happens, or a test is asked for."""
    view, secret = await runtime.webhooks.endpoints.add(
        access.scope, body.url, events=body.events, description=body.description, actor=access.principal.actor
    )
    return MadeWebhook(**asdict(view), secret=secret)


@router.get("/{webhook_id}", response_model=Webhook)
async def webhook(runtime: App, webhook_id: UUID, access: Manages) -> Any:
    """A receiver, without its secret."""
    return asdict(await runtime.webhooks.endpoints.one(access.scope, webhook_id))


@router.patch("/{webhook_id}", response_model=Webhook)
async def change(runtime: App, webhook_id: UUID, body: WebhookChange, access: Manages) -> Any:
    """Changes a receiver; what is not named stays. `enabled` starts one again that was disabled by itself."""
    changed = await runtime.webhooks.endpoints.change(
        access.scope, webhook_id, **body.model_dump(), actor=access.principal.actor
    )
    return asdict(changed)


@router.delete("/{webhook_id}", status_code=204)
async def remove(runtime: App, webhook_id: UUID, access: Manages) -> None:
    """Deletes a receiver and what was sent to it; nothing more is sent."""
    await runtime.webhooks.endpoints.remove(access.scope, webhook_id, actor=access.principal.actor)


@router.post("/{webhook_id}/secret", status_code=201)
async def rotate(runtime: App, webhook_id: UUID, body: NewSecret, access: Manages) -> MadeSecret:
    """Makes a new secret. Until the overlap is over, every message carries a signature of each."""
    secret = await runtime.webhooks.endpoints.rotate(
        access.scope, webhook_id, overlap=timedelta(hours=body.overlap_hours), actor=access.principal.actor
    )
    return MadeSecret(secret=secret)


@router.post("/{webhook_id}/test", status_code=202, response_model=Delivery, responses=fails(409))
async def test(runtime: App, webhook_id: UUID, access: Manages) -> Any:
    """Sends a signed `webhook.test` now; look at its delivery for what became of it."""
    return asdict(await runtime.webhooks.deliveries.test(access.scope, webhook_id))


@router.get("/{webhook_id}/deliveries", response_model=Page[Delivery])
async def deliveries(
    runtime: App,
    webhook_id: UUID,
    access: Manages,
    pages: Pages,
    state: Literal["waiting", "delivered", "dead", "replayed"] | None = None,
) -> Any:
    """What was sent, newest first. `state=dead` lists the dead letters."""
    found = await runtime.webhooks.deliveries.all(
        access.scope, webhook_id, state=state, after=pages.id, limit=pages.more
    )
    return pages.page(found, lambda one: one.id, asdict)


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay", status_code=202, response_model=Delivery)
async def replay(runtime: App, webhook_id: UUID, delivery_id: UUID, access: Manages) -> Any:
    """Sends one event again, under its old `webhook-id`."""
    return asdict(
        await runtime.webhooks.deliveries.replay(access.scope, webhook_id, delivery_id, actor=access.principal.actor)
    )


@router.post("/{webhook_id}/replay", status_code=202, responses=fails(409))
async def replay_dead(runtime: App, webhook_id: UUID, body: Since, access: Manages) -> Replayed:
    """Sends all dead letters since a moment again, the oldest first."""
    count = await runtime.webhooks.deliveries.replay_dead(
        access.scope, webhook_id, body.since, actor=access.principal.actor
    )
    return Replayed(count=count)

"""Events of visitors who said yes to being counted, and the counts for the business."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from omniops.analytics.service import Seen, Visit
from omniops.errors import Refused
from omniops.privacy.service import signal_of
from omniops.server.bearers import bearer_of
from omniops.server.idempotency import Idempotent
from omniops.server.limits import network_of
from omniops.server.openapi import fails
from omniops.server.permissions import App, DomainAccess, Public, RequiresDomain, check_origin

router = APIRouter(route_class=Idempotent)


class OneEvent(BaseModel):
    """One thing that a visitor did, and the path of the page."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["page", "chat_opened", "chat_closed", "message_sent", "message_received", "handed_off"] = Field(
        examples=["page"]
    )
    page: str = Field(max_length=2000, examples=["/tents"])


class Events(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: str = Field(max_length=100, examples=["pk_…"])
    events: list[OneEvent] = Field(min_length=1, max_length=20, examples=[[{"kind": "page", "page": "/tents"}]])


@router.post(
    "/v1/visitor/analytics",
    tags=["visitor"],
    status_code=204,
    dependencies=[Depends(Public("a browser that said yes; the number that it got then is checked inside"))],
    responses=fails(401, 403, 404, 429),
)
async def write(request: Request, runtime: App, body: Events) -> None:
    """Takes events of a visitor who said yes to `analytics`: `Authorization: Bearer` with the number that `choices`
    gave, or with the token of a chat session. Refused without a consent that stands now, and for a browser that asks
    not to be tracked. The user agent and the address are cut to classes before anything is stored."""
    domain = await runtime.accounts.by_widget_key(body.key)
    check_origin(request, domain.origins)
    await runtime.throttle.hit("analytics", network_of(request), limit=1200, seconds=600)
    who = await bearer_of(request, runtime, domain)
    if who is None:
        raise Refused("Nobody said yes here.", reason="not_signed_in")
    visit = Visit(
        user_agent=request.headers.get("user-agent", ""),
        address=request.client.host if request.client else "",
        signal=signal_of(request.headers),
    )
    seen = [Seen(event.kind, event.page) for event in body.events]
    await runtime.analytics.write(domain.scope, who.subject_id, seen, visit)


@router.get("/v1/domains/{domain_id}/analytics", tags=["business"])
async def counts(
    runtime: App,
    access: Annotated[DomainAccess, Depends(RequiresDomain("analytics.read"))],
    days: Annotated[int, Query(ge=1, le=180)] = 30,
) -> dict[str, Any]:
    """Counts by day (UTC) of visitors who said yes, and the most frequent pages, devices, browsers and systems. Holds
    no data of anybody."""
    return await runtime.analytics.counts(access.scope, days)

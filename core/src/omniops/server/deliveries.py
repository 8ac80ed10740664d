"""The webhooks' way in: what outside systems send by themselves. And what is in the log of it, for the business."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from omniops.connections.intake import Taken
from omniops.contracts.webhook import Webhook
from omniops.runtime import Runtime
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, Public, RequiresDomain
from omniops.server.visitor_shapes import Body

BYTES = 3 * 2**20
"""The largest delivery: what the greatest senders may put into one."""
router = APIRouter(tags=["connections"])
business = APIRouter(
    prefix="/v1/domains/{domain_id}/connections/{connection_id}", tags=["connections"], route_class=Idempotent
)
Signed = Depends(Public("each delivery's signature is checked"))
Manages = Annotated[DomainAccess, Depends(RequiresDomain("connection.manage"))]
State = Literal["waiting", "done", "passed", "failed"]


@router.post("/webhooks/{kind}/{connection}", dependencies=[Signed])
@router.get("/webhooks/{kind}/{connection}", dependencies=[Signed])
async def to_connection(request: Request, runtime: App, kind: str, connection: UUID) -> Response:
    """A delivery to a connection's own address: its signature over the raw bytes, stored once, answered at once. The
    work is a job's."""
    return _answer(await runtime.traffic.intake.take(kind, connection, await _webhook(request, runtime)))


@router.post("/webhooks/{kind}", dependencies=[Signed])
@router.get("/webhooks/{kind}", dependencies=[Signed])
async def to_integration(request: Request, runtime: App, kind: str) -> Response:
    """A delivery to the one address of an integration, which says itself whose each thing in it is."""
    return _answer(await runtime.traffic.intake.take_any(kind, await _webhook(request, runtime)))


async def _webhook(request: Request, runtime: Runtime) -> Webhook:
    query = f"?{request.url.query}" if request.url.query else ""
    return Webhook(
        method="GET" if request.method == "GET" else "POST",
        url=f"{runtime.settings.public_url}{request.url.path}{query}",
        headers=[(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.headers.raw],
        query=dict(request.query_params),
        body=await request.body(),
        received_at=runtime.clock.now(),
    )


def _answer(taken: Taken) -> Response:
    new = {"X-Messages": str(taken.new)}
    if taken.reply is None:
        return Response(status_code=200, headers=new)
    return Response(taken.reply.body, headers=new, media_type=taken.reply.media_type)


class Entry(BaseModel):
    """One thing that a connection was told, without what was said."""

    id: UUID
    what: Literal["message", "edited", "removed", "echo", "receipt", "event"]
    name: str = Field(description="The channel, or the kind of the event.")
    state: State = Field(description="`passed`: taken back before it was worked through. `failed`: a dead letter.")
    attempts: int
    problem: str | None = Field(description="A stable code.")
    next_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


class Progress(BaseModel):
    """How far a sync or a renewal is."""

    kind: Literal["sync", "renewal"]
    name: str
    title: str
    state: Literal["waiting", "running", "idle", "failing", "off", "ended"]
    done: int = Field(description="How many of the run that runs, or ran last.")
    total: int | None
    problem: str | None = Field(description="A stable code.")
    next_at: datetime | None
    begun_at: datetime | None
    ended_at: datetime | None


class Since(Body):
    since: AwareDatetime = Field(description="Dead letters from this moment on are worked through again.")


class Replayed(BaseModel):
    count: int


@business.get("/log", response_model=Page[Entry])
async def log(runtime: App, connection_id: UUID, access: Manages, pages: Pages, state: State | None = None) -> Any:
    """What a connection was told, newest first. `state=failed` lists the dead letters. Kept for 14 days."""
    await runtime.connections.one(access.scope, connection_id)
    found = await runtime.traffic.arrivals.all(
        access.scope, connection_id, state=state, after=pages.id, limit=pages.more
    )
    return pages.page(found, lambda one: one.id, asdict)


@business.post("/log/{entry_id}/replay", status_code=202, response_model=Entry, responses=fails(409))
async def replay(runtime: App, connection_id: UUID, entry_id: UUID, access: Manages) -> Any:
    """Works one thing through again. A message that was stored is not stored twice."""
    return asdict(
        await runtime.traffic.arrivals.replay(access.scope, connection_id, entry_id, actor=access.principal.actor)
    )


@business.post("/log/replay", status_code=202)
async def replay_failed(runtime: App, connection_id: UUID, body: Since, access: Manages) -> Replayed:
    """Works all dead letters since a moment through again, the oldest first, at most 1,000."""
    count = await runtime.traffic.arrivals.replay_failed(
        access.scope, connection_id, body.since, actor=access.principal.actor
    )
    return Replayed(count=count)


@business.get("/syncs", response_model=Page[Progress])
async def syncs(runtime: App, connection_id: UUID, access: Manages, pages: Pages) -> Any:
    """What is fetched over a connection, and which subscriptions are prolonged: how far, when next, what is wrong."""
    found = await runtime.traffic.tasks.all(access.scope, connection_id)
    return pages.cut(found, lambda one: f"{one.kind}/{one.name}", asdict)


@business.post("/syncs/{name}", status_code=202)
async def sync_now(runtime: App, connection_id: UUID, name: str, access: Manages) -> dict[str, str]:
    """Fetches now what else would be fetched in time."""
    await runtime.traffic.tasks.now(access.scope, connection_id, name)
    return {"status": "queued"}

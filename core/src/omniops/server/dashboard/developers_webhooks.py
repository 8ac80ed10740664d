"""Webhooks in the room for developers: receivers, their secrets, what was sent and what became of it."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from pydantic import Field

from omniops.errors import OmniOpsError, Rejected
from omniops.runtime import Runtime
from omniops.server.dashboard.developers import inside
from omniops.server.dashboard.frame import acted, page
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.webhooks.service import Kind

router = APIRouter(prefix=HOME + "/{domain_id}/developers/webhooks", include_in_schema=False, route_class=Idempotent)
Reads = Annotated[DomainAccess, Depends(RequiresDomain("webhook.manage"))]
Manages = Annotated[DomainAccess, Depends(Sends("webhook.manage"))]
State = Literal["waiting", "delivered", "dead", "replayed"]
MEANS: dict[Kind, str] = {
    "conversation.created": "somebody wrote for the first time",
    "conversation.handed_off": "a person is needed",
    "conversation.closed": "a conversation was ended",
    "message.created": "a visitor, the AI or a person wrote",
    "review.requested": "a visitor asked that a person looks at an answer",
    "review.resolved": "a person looked",
    "consent.changed": "somebody said yes or no",
    "case.opened": "somebody asked about their own data",
    "case.escalated": "half, four fifths or all of a term is over",
    "case.closed": "a request about own data was answered or ended",
    "page.indexed": "passages of a page are new, changed or gone",
    "crawl.finished": "a source was read",
    "connection.degraded": "a connected system fails again and again",
    "connection.recovered": "it works again",
    "connection.needs_reauth": "a connected system takes its access no more",
    "connection.expiring": "its access ends within seven days",
    "webhook.disabled": "another receiver was switched off by itself",
}
SHOWN = 50
EVER = datetime(2020, 1, 1, tzinfo=UTC)
"""Before anything was sent: dead letters are kept for 30 days."""


def place(access: DomainAccess, inner: object = "") -> str:
    return f"{HOME}/{access.scope.domain_id}/developers/webhooks{f'/{inner}' if inner else ''}"


class Receiver(FormBody):
    url: str = Field(default="", max_length=2000)
    description: str = Field(default="", max_length=200)
    events: list[Kind] = Field(default_factory=list, max_length=40)


@router.get("")
async def webhooks(request: Request, runtime: App, access: Reads) -> Response:
    """The receivers of a website, and the form for a new one."""
    return await _webhooks(request, runtime, access)


async def _webhooks(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    typed: Receiver | None = None,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    values = {
        **await inside(runtime, access, "webhooks"),
        "receivers": await runtime.webhooks.endpoints.all(access.scope),
        "means": MEANS,
        "typed": typed or Receiver(),
        "problem": problem,
    }
    return page(request, "developers_webhooks.html", values, status)


@router.post("/add")
async def add(request: Request, runtime: App, access: Manages, form: Annotated[Receiver, Form()]) -> Response:
    """Adds a receiver. Its secret is on the page that this shows, and on no other."""
    try:
        view, secret = await runtime.webhooks.endpoints.add(
            access.scope, form.url, events=form.events, description=form.description, actor=access.principal.actor
        )
    except Rejected as error:
        return await _webhooks(request, runtime, access, typed=form, problem=error, status=422)
    return await _one(request, runtime, access, view.id, secret=secret, status=201)


@router.get("/{webhook_id}")
async def webhook(
    request: Request,
    runtime: App,
    access: Reads,
    webhook_id: UUID,
    state: State | None = None,
    after: Annotated[UUID | None, Query()] = None,
) -> Response:
    """A receiver with what was sent to it, the newest first."""
    return await _one(request, runtime, access, webhook_id, state=state, after=after)


async def _one(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    webhook_id: UUID,
    *,
    state: State | None = None,
    after: UUID | None = None,
    typed: Receiver | None = None,
    problem: OmniOpsError | None = None,
    secret: str = "",
    status: int = 200,
) -> Response:
    hooks, scope = runtime.webhooks, access.scope
    one = await hooks.endpoints.one(scope, webhook_id)
    told = [kind for kind in MEANS if kind in one.events]
    found = await hooks.deliveries.all(scope, webhook_id, state=state, after=after, limit=SHOWN + 1)
    values = {
        **await inside(runtime, access, "webhooks"),
        "one": one,
        "means": MEANS,
        "deliveries": found[:SHOWN],
        "more": found[SHOWN - 1].id if len(found) > SHOWN else None,
        "after": after,
        "state": state,
        "dead": bool(await hooks.deliveries.all(scope, webhook_id, state="dead", limit=1)),
        "typed": typed or Receiver(url=one.url, description=one.description, events=told),
        "problem": problem,
        "secret": secret,
    }
    return page(request, "developers_webhook.html", values, status)


async def _done(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    webhook_id: UUID,
    did: Awaitable[object],
    *,
    typed: Receiver | None = None,
    to: object = None,
) -> Response:
    again = partial(_one, request, runtime, access, webhook_id, typed=typed)

    return await acted(did, place(access, webhook_id if to is None else to), again)


@router.post("/{webhook_id}/keep")
async def keep(
    request: Request, runtime: App, access: Manages, webhook_id: UUID, form: Annotated[Receiver, Form()]
) -> Response:
    """Changes where a receiver is and what it is told of."""
    did = runtime.webhooks.endpoints.change(
        access.scope,
        webhook_id,
        url=form.url,
        events=form.events,
        description=form.description,
        actor=access.principal.actor,
    )
    return await _done(request, runtime, access, webhook_id, did, typed=form)


class Step(FormBody):
    step: Literal["test", "pause", "resume", "delete"]


@router.post("/{webhook_id}/step")
async def step(
    request: Request, runtime: App, access: Manages, webhook_id: UUID, form: Annotated[Step, Form()]
) -> Response:
    """Sends a test, pauses a receiver, lets it go on, or deletes it with the log of what was sent to it."""
    hooks, scope, actor = runtime.webhooks, access.scope, access.principal.actor
    did: Awaitable[object]
    match form.step:
        case "test":
            did = hooks.deliveries.test(scope, webhook_id)
        case "delete":
            did = hooks.endpoints.remove(scope, webhook_id, actor=actor)
            return await _done(request, runtime, access, webhook_id, did, to="")
        case _:
            did = hooks.endpoints.change(scope, webhook_id, enabled=form.step == "resume", actor=actor)
    return await _done(request, runtime, access, webhook_id, did)


class Rotation(FormBody):
    hours: int = Field(default=24, ge=0, le=168)


@router.post("/{webhook_id}/rotate")
async def rotate(
    request: Request, runtime: App, access: Manages, webhook_id: UUID, form: Annotated[Rotation, Form()]
) -> Response:
    """Makes a new secret. It is on the page that this shows, and on no other."""
    secret = await runtime.webhooks.endpoints.rotate(
        access.scope, webhook_id, overlap=timedelta(hours=form.hours), actor=access.principal.actor
    )
    return await _one(request, runtime, access, webhook_id, secret=secret, status=201)


class Again(FormBody):
    delivery: UUID | None = None


@router.post("/{webhook_id}/again")
async def again(
    request: Request, runtime: App, access: Manages, webhook_id: UUID, form: Annotated[Again, Form()]
) -> Response:
    """Sends one event again, or without its id all that were given up."""
    deliveries, scope, actor = runtime.webhooks.deliveries, access.scope, access.principal.actor
    did: Awaitable[object]
    if form.delivery is not None:
        did = deliveries.replay(scope, webhook_id, form.delivery, actor=actor)
    else:
        did = deliveries.replay_dead(scope, webhook_id, EVER, actor=actor)
    return await _done(request, runtime, access, webhook_id, did)

"""One connection: whether it works, what flows over it, what it may do, and ending it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from omniops.connections.offers import Offer
from omniops.contracts.integration import Choice, ConnectionView
from omniops.errors import NotFound, NotReady, OmniOpsError, Reconnect, Refused, Rejected
from omniops.runtime import Runtime
from omniops.server.connections import CHECKS_AN_HOUR
from omniops.server.dashboard.fields import PREFIX, back, beside, entered, fields_of, simple, typed_of
from omniops.server.dashboard.frame import Again, acted, frame, page
from omniops.server.dashboard.integrations import Manages, Opens, Reads, agreement, place, way_out
from omniops.server.forms import HOME, FormBody
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import COOKIE, App, DomainAccess

router = APIRouter(
    prefix=HOME + "/{domain_id}/integrations/{connection_id}", include_in_schema=False, route_class=Idempotent
)
TOLD, HAPPENED = 12, 30
"""Rows of what came in lately, and of what happened to the connection."""
HAPPENINGS = {
    "connected": "Connected", "connected_again": "Connected again", "changed": "Values changed",
    "features": "A feature was switched", "needs_reauth": "Its access ended", "expiring": "Its access ends soon",
    "not_set_up": "Could not be set up there", "set_up": "Set up there", "degraded": "The other side failed",
    "away": "The other side was away", "recovered": "Works again", "not_told": "Something could not be told there",
    "told": "Told there again", "disconnected": "Disconnected",
}  # fmt: skip


@router.get("")
async def show(request: Request, runtime: App, access: Reads, connection_id: UUID) -> Response:
    """How it is, and what can be done."""
    return await _shown(request, runtime, access, connection_id)


async def _shown(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    connection_id: UUID,
    *,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    scope = access.scope
    view = await runtime.connections.one(scope, connection_id)
    kind = view.kind or view.plugin
    offer = _offer(runtime, kind)
    values: dict[str, Any] = {
        **await frame(runtime, access, "integrations"),
        "view": view,
        "offer": offer,
        "title": runtime.connections.title(kind),
        "on": await runtime.accounts.is_on(scope, view.plugin),
        "events": list(reversed(await runtime.connections.events(scope, connection_id)))[:HAPPENED],
        "happenings": HAPPENINGS,
        "consents": [one for one in await runtime.connections.consents(scope) if one.connection_id == connection_id],
        "purpose_title": runtime.catalog.purpose_title,
        "category_title": runtime.catalog.category_title,
        "problem": problem,
        "counts": {},
    }
    if access.principal.may("connection.manage"):
        values |= await _inside(runtime, access, view, offer)
    if offer is not None:
        given = {one.feature: one.version for one in values["consents"] if one.event == "given"}
        own = {one.key for one in view.features if one.wanted and one.own_consent}
        extras = runtime.connections.feature_terms(view.plugin, view.kind)
        terms = [runtime.connections.terms(view.plugin, view.kind), *(one for one in extras if one.feature in own)]
        values |= {
            "extras": {one.feature: one for one in extras},
            "terms": terms,
            "news": [one for one in terms if given.get(one.feature, one.version) != one.version],
        }
    return page(request, "connection.html", values, status)


def _offer(runtime: Runtime, kind: str) -> Offer | None:
    """None where its plugin is not enabled any more."""
    try:
        return runtime.connections.offer(kind)
    except NotFound:
        return None


async def _inside(
    runtime: Runtime, access: DomainAccess, view: ConnectionView, offer: Offer | None
) -> Mapping[str, Any]:
    """What only those see who may change it."""
    scope = access.scope
    return {
        "tasks": await runtime.traffic.tasks.all(scope, view.id),
        "told": await runtime.traffic.arrivals.all(scope, view.id, limit=TOLD),
        "counts": await runtime.traffic.arrivals.counts(scope, view.id),
        "documents": await runtime.traffic.documents.all(scope, view.id) if offer and offer.documents else [],
    }


def _again(request: Request, runtime: Runtime, access: DomainAccess, connection_id: UUID) -> Again:
    return partial(_shown, request, runtime, access, connection_id)


@router.post("/check")
async def check(
    request: Request, runtime: App, access: Manages, connection_id: UUID, form: Annotated[FormBody, Form()]
) -> Response:
    """Tries it now."""

    async def tried() -> None:
        await runtime.throttle.hit("connection-check", str(access.scope.domain_id), limit=CHECKS_AN_HOUR, seconds=3600)
        await runtime.connections.check(access.scope, connection_id)

    return await acted(tried(), place(access, connection_id), _again(request, runtime, access, connection_id))


@router.post("/fetch")
async def fetch(
    request: Request, runtime: App, access: Manages, connection_id: UUID, form: Annotated[FormBody, Form()]
) -> Response:
    """Fetches now what else would be fetched in time."""
    did = runtime.traffic.tasks.now(access.scope, connection_id)
    return await acted(did, place(access, connection_id), _again(request, runtime, access, connection_id))


@router.post("/replay")
async def replay(
    request: Request, runtime: App, access: Manages, connection_id: UUID, form: Annotated[FormBody, Form()]
) -> Response:
    """Works through again what failed for good."""
    did = runtime.traffic.arrivals.replay_failed(access.scope, connection_id, actor=access.principal.actor)
    return await acted(did, place(access, connection_id), _again(request, runtime, access, connection_id))


class Feature(FormBody):
    feature: str = Field(max_length=60)
    on: bool = False
    agreed: str = Field(default="", max_length=64)


@router.post("/feature")
async def feature(
    request: Request, runtime: App, access: Manages, connection_id: UUID, form: Annotated[Feature, Form()]
) -> Response:
    """Switches a feature on or off."""
    did = runtime.connections.switch(
        access.scope, connection_id, form.feature, on=form.on, agreed=form.agreed, actor=access.principal.actor
    )
    return await acted(did, place(access, connection_id), _again(request, runtime, access, connection_id))


@router.post("/again")
async def begin_again(request: Request, runtime: App, access: Manages, connection_id: UUID) -> Response:
    """Gives access anew, agreed to as the page showed it: the features stay as they are."""
    did = runtime.granting.begin(
        access.scope,
        "",
        {},
        **agreement(await request.form()),
        connection_id=connection_id,
        actor=access.principal.actor,
        session=request.cookies.get(COOKIE),
    )
    return await way_out(request, runtime, access, did, _again(request, runtime, access, connection_id))


@router.get("/values")
async def values(request: Request, runtime: App, access: Opens, connection_id: UUID) -> Response:
    """What may be changed while it stands, with what the other side offers."""
    return await _values(request, runtime, access, connection_id)


@router.post("/values/keep")
async def keep(request: Request, runtime: App, access: Manages, connection_id: UUID) -> Response:
    """Changes what is new; tried before it is kept."""
    form = await request.form()
    view = await runtime.connections.one(access.scope, connection_id)
    offer = runtime.connections.offer(view.kind or view.plugin)
    typed = typed_of(form)

    async def change() -> None:
        given = entered(offer.model, typed, _open_fields(offer))
        before = (await runtime.connections.link(access.scope, connection_id, fresh=False)).connection
        new = {name: value for name, value in given.items() if str(value) != str(getattr(before, name))}
        if new:
            await runtime.connections.change(access.scope, connection_id, new, actor=access.principal.actor)

    again = partial(_values, request, runtime, access, connection_id, typed=typed)

    return await acted(change(), place(access, connection_id), again)


def _open_fields(offer: Offer) -> list[str]:
    return [name for name in simple(offer.model) if name in offer.changeable]


async def _values(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    connection_id: UUID,
    *,
    typed: Mapping[str, str] | None = None,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    scope = access.scope
    view = await runtime.connections.one(scope, connection_id)
    offer = runtime.connections.offer(view.kind or view.plugin)
    now = (await runtime.connections.link(scope, connection_id, fresh=False)).connection.model_dump()
    wrong = beside(problem, offer.changeable)
    choices: dict[str, Sequence[Choice]] = {}
    for name in _open_fields(offer):
        try:
            choices[PREFIX + name] = await runtime.connections.choices(scope, connection_id, name)
        except (NotReady, Reconnect, Refused, Rejected) as error:
            problem = problem or error
    shown = {
        **await frame(runtime, access, "integrations"),
        "view": view,
        "title": offer.title,
        "fields": fields_of(offer.model, back(typed) if typed is not None else now, wrong, only=_open_fields(offer)),
        "choices": choices,
        "problem": problem,
    }
    return page(request, "connection_values.html", shown, status)


class Ending(FormBody):
    sure: Literal["yes"]


@router.post("/end")
async def end(
    request: Request, runtime: App, access: Manages, connection_id: UUID, form: Annotated[Ending, Form()]
) -> Response:
    """Disconnects, and deletes what was copied."""
    did = runtime.connections.disconnect(access.scope, connection_id, actor=access.principal.actor)
    return await acted(did, place(access), _again(request, runtime, access, connection_id))

"""The business API over connections: agreeing, connecting, features, checks, history, disconnecting."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from omniops.server import connection_shapes as shapes
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import COOKIE, App, DomainAccess, RequiresDomain

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["business"], route_class=Idempotent)
Reads = Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
Manages = Annotated[DomainAccess, Depends(RequiresDomain("connection.manage"))]
ONE = "/connections/{connection_id}"
CHECKS_AN_HOUR = 60


@router.get("/connections", response_model=Page[shapes.ConnectionRow])
async def connections(runtime: App, pages: Pages, access: Reads) -> Any:
    """Links to outside systems, without their credentials."""
    return pages.cut(await runtime.connections.all(access.scope), lambda one: one.id, asdict)


@router.post("/connections", status_code=201, response_model=shapes.ConnectionRow, responses=fails(409))
async def connect(runtime: App, body: shapes.NewConnection, access: Manages) -> Any:
    """Tries a connection and saves it if it works, with the business's yes to what goes where: who, when, which
    version. Without that yes it is refused. Where access is given at the other side, begin instead."""
    view = await runtime.connections.connect(
        access.scope,
        body.plugin,
        body.settings,
        kind=body.kind,
        chosen=body.features,
        agreed=body.agreed,
        agreed_features=body.agreed_features,
        actor=access.principal.actor,
    )
    return asdict(view)


@router.post("/connections/begin", status_code=201, response_model=shapes.Begun)
async def begin(request: Request, runtime: App, body: shapes.NewConnection, access: Manages) -> Any:
    """The address at the other side where a member gives access, good for ten minutes and one use. A member who begins
    must come back in the same session; what a key began, any member who manages connections may finish."""
    begun = await runtime.granting.begin(
        access.scope,
        body.plugin,
        body.settings,
        kind=body.kind,
        chosen=body.features,
        agreed=body.agreed,
        agreed_features=body.agreed_features,
        actor=access.principal.actor,
        session=_session(request, access),
    )
    return asdict(begun)


@router.get(ONE, response_model=shapes.ConnectionRow)
async def connection(runtime: App, connection_id: UUID, access: Reads) -> Any:
    """One link, without its credentials."""
    return asdict(await runtime.connections.one(access.scope, connection_id))


@router.patch(ONE, response_model=shapes.ConnectionRow)
async def change(runtime: App, connection_id: UUID, body: shapes.ConnectionChange, access: Manages) -> Any:
    """Changes values that may be changed while a connection stands, such as the calendars chosen. Tried before it is
    saved."""
    view = await runtime.connections.change(access.scope, connection_id, body.settings, actor=access.principal.actor)
    return asdict(view)


@router.delete(ONE, status_code=204)
async def disconnect(runtime: App, connection_id: UUID, access: Manages) -> None:
    """Revokes the access at the other side where that is possible, and deletes the link and what was copied through it
    here in any case."""
    await runtime.connections.disconnect(access.scope, connection_id, actor=access.principal.actor)


@router.post(ONE + "/begin", status_code=201, response_model=shapes.Begun)
async def begin_again(request: Request, runtime: App, connection_id: UUID, body: shapes.Again, access: Manages) -> Any:
    """As `begin`, for a connection that is there: after its access ended, or to give what a feature lacks."""
    begun = await runtime.granting.begin(
        access.scope,
        "",
        body.settings,
        chosen=body.features,
        agreed=body.agreed,
        agreed_features=body.agreed_features,
        connection_id=connection_id,
        actor=access.principal.actor,
        session=_session(request, access),
    )
    return asdict(begun)


@router.post(ONE + "/check", response_model=shapes.ConnectionRow)
async def check(runtime: App, connection_id: UUID, access: Manages) -> Any:
    """Tries a connection now, by a call that costs nothing."""
    await runtime.throttle.hit("connection-check", str(access.scope.domain_id), limit=CHECKS_AN_HOUR, seconds=3600)
    return asdict(await runtime.connections.check(access.scope, connection_id))


@router.put(ONE + "/features/{feature}", response_model=shapes.ConnectionRow)
async def switch_feature(
    runtime: App, connection_id: UUID, feature: str, body: shapes.FeatureSwitch, access: Manages
) -> Any:
    """Switches a feature on or off. One that was not granted its scopes is wanted, but not on, until the business
    connects again."""
    view = await runtime.connections.switch(
        access.scope, connection_id, feature, on=body.on, agreed=body.agreed, actor=access.principal.actor
    )
    return asdict(view)


@router.get(ONE + "/choices/{field}", response_model=Page[shapes.ChoiceRow])
async def choices(runtime: App, connection_id: UUID, field: str, pages: Pages, access: Manages) -> Any:
    """What a value of a connection may be set to, asked of the other side. Empty where anything will do."""
    found = await runtime.connections.choices(access.scope, connection_id, field)
    return pages.cut(found, lambda one: one.value, asdict)


@router.get(ONE + "/events", response_model=Page[shapes.ConnectionEvent])
async def events(runtime: App, connection_id: UUID, pages: Pages, access: Reads) -> Any:
    """What happened to a connection, the oldest first; also of one that is gone."""
    found = await runtime.connections.events(access.scope, connection_id)
    return pages.cut(found, lambda one: one.id, lambda one: one.model_dump())


@router.get("/plugins/{plugin}/terms", response_model=shapes.Terms)
async def terms(runtime: App, plugin: str, access: Reads, kind: str = "") -> Any:
    """What goes where when a plugin is connected. Its `version` is what a new connection agrees to."""
    found = runtime.connections.terms(plugin, kind)
    return {**asdict(found), "extras": [asdict(one) for one in runtime.connections.feature_terms(plugin, kind)]}


@router.get("/connection-consents", response_model=Page[shapes.ConnectionConsent])
async def connection_consents(runtime: App, pages: Pages, access: Reads) -> Any:
    """The business's own yes to each integration, and its end, the oldest first; also of connections that are gone."""
    found = await runtime.connections.consents(access.scope)
    return pages.cut(found, lambda one: one.id, lambda one: one.model_dump(exclude={"domain_id"}))


def _session(request: Request, access: DomainAccess) -> str | None:
    """The member's own session, which whoever comes back must have."""
    return request.cookies.get(COOKIE) if access.principal.kind == "member" else None

"""The room of integrations: what could be connected and what it would receive, and connecting it."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.datastructures import FormData

from omniops.accounts.service import is_on
from omniops.connections.granting import Begun
from omniops.connections.offers import GROUPS, Offer
from omniops.contracts.integration import ConnectionView
from omniops.errors import OmniOpsError, Rejected
from omniops.runtime import Runtime
from omniops.server.dashboard.fields import PREFIX, back, beside, entered, fields_of, simple, typed_of
from omniops.server.dashboard.frame import Again, acted, attempted, frame, leading, page
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import COOKIE, App, DomainAccess, RequiresDomain

router = APIRouter(prefix=HOME + "/{domain_id}/integrations", include_in_schema=False, route_class=Idempotent)
Reads = Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
Opens = Annotated[DomainAccess, Depends(RequiresDomain("connection.manage"))]
Manages = Annotated[DomainAccess, Depends(Sends("connection.manage"))]
Switches = Annotated[DomainAccess, Depends(Sends("plugin.manage"))]
FEATURE, OWN = "feature.", "agreed."
"""Before the features that a form chooses, and before the yes to those that need one of their own."""
TITLES = {
    "shop": "Shop", "channel": "Channels", "office": "Office", "model": "Language models", "other": "Other",
}  # fmt: skip


def place(access: DomainAccess, connection_id: UUID | None = None) -> str:
    base = f"{HOME}/{access.scope.domain_id}/integrations"
    return base if connection_id is None else f"{base}/{connection_id}"


@router.get("")
async def show(request: Request, runtime: App, access: Reads) -> Response:
    """All that is enabled here, by what it is for."""
    return await _catalogue(request, runtime, access)


async def _catalogue(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    links: dict[str, list[Any]] = {}
    for one in await runtime.connections.all(access.scope):
        links.setdefault(one.kind or one.plugin, []).append(one)
    offers, switched = runtime.connections.offers(), await runtime.accounts.switched(access.scope)
    values = {
        **await frame(runtime, access, "integrations"),
        "groups": [
            (TITLES[group], found) for group in GROUPS if (found := [one for one in offers if one.group == group])
        ],
        "links": links,
        "category_title": runtime.catalog.category_title,
        "on": {one.plugin: is_on(switched, one.plugin) for one in offers},
        "problem": problem,
    }
    return page(request, "integrations.html", values, status)


class Switch(FormBody):
    on: bool = False
    connection: UUID | None = None
    """On whose page the form stands, where it is that of a connection."""


@router.post("/plugins/{plugin}/switch")
async def switch(
    request: Request, runtime: App, access: Switches, plugin: str, form: Annotated[Switch, Form()]
) -> Response:
    """Switches a plugin on or off for this website."""
    runtime.loaded(plugin)

    again = partial(_catalogue, request, runtime, access)

    did = runtime.accounts.switch(access.scope, plugin, on=form.on, actor=access.principal.actor)
    return await acted(did, place(access, form.connection), again)


@router.get("/new/{kind}")
async def new(request: Request, runtime: App, access: Opens, kind: str) -> Response:
    """What a connection would receive and do, and how it is made."""
    return await _new(request, runtime, access, runtime.connections.offer(kind))


async def _new(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    offer: Offer,
    *,
    form: FormData | None = None,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    wrong = beside(problem, simple(offer.model))
    switched = {one.key: one.default and not one.own_consent for one in offer.features}
    typed = back(typed_of(form)) if form is not None else {}
    if form is not None:
        switched = {key: FEATURE + key in form for key in switched}
    values = {
        **await frame(runtime, access, "integrations"),
        "offer": offer,
        "group": TITLES[offer.group],
        "terms": runtime.connections.terms(offer.plugin, offer.kind),
        "extras": {one.feature: one for one in runtime.connections.feature_terms(offer.plugin, offer.kind)},
        "chosen": switched,
        "fields": fields_of(offer.model, typed, wrong, only=simple(offer.model)),
        "purpose_title": runtime.catalog.purpose_title,
        "category_title": runtime.catalog.category_title,
        "problem": problem,
        "beside": wrong,
    }
    return page(request, "integration_new.html", values, status)


@router.post("/new/{kind}/connect")
async def connect(request: Request, runtime: App, access: Manages, kind: str) -> Response:
    """Connects by what was entered, or shows the way to the other side."""
    offer, form = runtime.connections.offer(kind), await request.form()

    again = partial(_new, request, runtime, access, offer, form=form)

    wish = _wished(offer, form, access)
    if "there" in offer.ways and form.get("way", "there") == "there":
        session = request.cookies.get(COOKIE)
        return await way_out(
            request, runtime, access, runtime.granting.begin(access.scope, **wish, session=session), again
        )

    async def made(view: ConnectionView) -> Response:
        return leading(place(access, view.id))

    return await attempted(runtime.connections.connect(access.scope, **wish), made, again)


async def way_out(
    request: Request, runtime: Runtime, access: DomainAccess, did: Awaitable[Begun], again: Again
) -> Response:
    """The way to the other side as a link: a form may lead nowhere else, by the policy of these pages."""

    async def shown(begun: Begun) -> Response:
        values = {"url": begun.url, "host": urlsplit(begun.url).hostname, "until": begun.expires_at}
        return page(request, "integration_begun.html", {**await frame(runtime, access, "integrations"), **values})

    return await attempted(did, shown, again)


def _wished(offer: Offer, form: FormData, access: DomainAccess) -> dict[str, Any]:
    """What the service is asked for. Raises `Rejected` for a part that the page has not."""
    return {
        **agreement(form, "way", PREFIX, FEATURE),
        "plugin": offer.plugin,
        "values": entered(offer.model, typed_of(form), simple(offer.model)),
        "actor": access.principal.actor,
        "kind": offer.kind,
        "chosen": {one.key: FEATURE + one.key in form for one in offer.features},
    }


def agreement(form: FormData, *others: str) -> dict[str, Any]:
    """The versions of the terms that the page showed, of the whole and of features by themselves. Raises `Rejected` for
    a field that is neither of them nor begins as one of `others`."""
    for name in form:
        if name not in ("token", "once", "agreed") and not name.startswith((OWN, *others)):
            raise Rejected(f"This form has no field {name!r}.", code="unknown_field")
    own = {name.removeprefix(OWN): str(form[name]) for name in form if name.startswith(OWN)}
    return {"agreed": str(form.get("agreed", "")), "agreed_features": own}

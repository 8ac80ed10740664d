"""The dashboard's frame, signing in and out, and Home: pages over the services that the API stands on, with the same
permissions. Every page works by links and forms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Annotated
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import Field, SecretStr

from omniops.accounts.permissions import Principal
from omniops.accounts.service import DomainView
from omniops.contracts.tokens import new_token
from omniops.errors import Refused, Throttled
from omniops.inbox.queue import Wanted
from omniops.runtime import Runtime
from omniops.server.forms import HOME, FormBody, check_origin_told, check_token, form_token, own_place
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import (
    COOKIE,
    App,
    DomainAccess,
    Public,
    RequiresDomain,
    keep_session,
    requires,
)
from omniops.server.problems import status_of
from omniops.web.pages import DASHBOARD_CSP, render, widget_tag

router = APIRouter(prefix=HOME, include_in_schema=False, route_class=Idempotent)
SHOWN = 8
"""Rows of each kind on Home; the rest is one click away."""
COUNTED = 100


def page(request: Request, template: str, values: Mapping[str, object], status: int = 200) -> HTMLResponse:
    """A page of the dashboard under its own policy. Its address is told to no other site; to ours it is, or else
    browsers would not say where a form comes from."""
    nonce = new_token("")
    headers = {
        "Content-Security-Policy": DASHBOARD_CSP.format(nonce=nonce),
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Robots-Tag": "noindex",
    }
    body = render(f"dashboard/{template}", **values, nonce=nonce, token=form_token(request))
    return HTMLResponse(body, status, headers)


def zone_of(domain: DomainView) -> tzinfo:
    """The zone in which a website's people read times: that of its hours."""
    hours = domain.settings.hours
    return ZoneInfo(hours.zone) if hours is not None else UTC


async def frame(runtime: Runtime, access: DomainAccess, room: str) -> dict[str, object]:
    """What every page shows around its own: whose website it is, which others there are, and how many wait."""
    principal = access.principal
    domains = await runtime.accounts.domains(principal.account_id)
    reads = principal.may("conversation.read")
    domain = await runtime.accounts.domain(access.scope)
    return {
        "room": room,
        "domain": domain,
        "domains": [one for one in domains if principal.only_domain in (None, one.id)],
        "may": principal.may,
        "me": principal.id,
        "waits": await runtime.inbox.queue.waiting(access.scope) if reads else 0,
        "now": runtime.clock.now(),
        "zone": zone_of(domain),
    }


@router.get("/sign-in", dependencies=[Depends(Public("where members sign in"))])
async def sign_in_page(
    request: Request, place: Annotated[str, Query(alias="next", max_length=1000)] = HOME
) -> Response:
    """The form."""
    return page(request, "sign_in.html", {"next": own_place(place), "email": "", "problem": None})


class SignInForm(FormBody):
    email: str = Field(default="", max_length=254)
    password: SecretStr = Field(default=SecretStr(""), max_length=1000)
    next: str = Field(default=HOME, max_length=1000)


@router.post("/sign-in", dependencies=[Depends(Public("signing in"))])
async def sign_in(request: Request, runtime: App, form: Annotated[SignInForm, Form()]) -> Response:
    """Opens a session of its own, whatever the browser had before, and leads to where it was going."""
    check_origin_told(request)
    network = request.client.host if request.client else ""
    place = own_place(form.next)
    try:
        token = await runtime.members.sign_in(form.email, form.password.get_secret_value(), network=network)
    except (Refused, Throttled) as error:
        status, _ = status_of(error)
        return page(request, "sign_in.html", {"next": place, "email": form.email, "problem": error}, status)
    if before := request.cookies.get(COOKIE):
        await runtime.members.sign_out(before)
    response = RedirectResponse(place, 303, {"Cache-Control": "no-store"})
    keep_session(response, runtime, token)
    return response


@router.post("/sign-out", dependencies=[Depends(Public("signing out"))])
async def sign_out(request: Request, runtime: App, form: Annotated[FormBody, Form()]) -> Response:
    """Ends the session here and in the database."""
    check_origin_told(request)
    check_token(request, form.token)
    if token := request.cookies.get(COOKIE):
        await runtime.members.sign_out(token)
    response = RedirectResponse(f"{HOME}/sign-in", 303, {"Cache-Control": "no-store"})
    response.delete_cookie(COOKIE, path="/")
    return response


@router.get("")
async def start(
    request: Request, runtime: App, principal: Annotated[Principal, Depends(requires("domain.read"))]
) -> Response:
    """Leads to the first website of the account."""
    domains = await runtime.accounts.domains(principal.account_id)
    reached = [one for one in domains if principal.only_domain in (None, one.id)]
    if not reached:
        return page(request, "nothing_yet.html", {})
    return RedirectResponse(f"{HOME}/{quote(str(reached[0].id))}", 303, {"Cache-Control": "no-store"})


@router.get("/{domain_id}")
async def home(
    request: Request, runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
) -> Response:
    """What needs a person now, of what the member may see."""
    scope, principal = access.scope, access.principal
    shell = await frame(runtime, access, "home")
    found: dict[str, object] = {"waiting": [], "lines": {}, "runs": [], "failed": [], "cases": [], "any": True}
    if principal.may("conversation.read"):
        queue = runtime.inbox.queue
        waiting = await queue.page(scope, Wanted(waiting=True, limit=COUNTED))
        found["waiting"] = waiting
        found["lines"] = await queue.lines(scope, waiting[:SHOWN], actor=principal.actor)
        found["runs"] = await runtime.approvals.all(scope, state="proposed", limit=SHOWN, actor=principal.actor)
        found["failed"] = await runtime.inbox.undelivered.all(scope, limit=SHOWN)
        found["any"] = bool(waiting or await queue.page(scope, Wanted(limit=1)))
    if principal.may("privacy.read"):
        cases = await runtime.privacy.cases.all(scope, state="open", limit=COUNTED)
        found["cases"] = sorted((one.case for one in cases), key=lambda case: case.due_at)
    links = await runtime.connections.all(scope)
    found["broken"] = [one for one in links if one.state != "connected"]
    domain = await runtime.accounts.domain(scope)
    tag = widget_tag(runtime.settings.public_url, domain.widget_key)
    sizes = {"shown": SHOWN, "counted": COUNTED, "links": len(links)}
    return page(request, "home.html", {**shell, **found, **sizes, "tag": tag})

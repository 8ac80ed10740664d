"""Coming back from an outside system: the browser, the other side's post, and a page that says what happened."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from omniops.connections.granting import Browser
from omniops.errors import NotFound, Refused, Rejected
from omniops.runtime import Runtime
from omniops.server.forms import HOME
from omniops.server.permissions import COOKIE, App, Public
from omniops.web.pages import CSP, render

router = APIRouter(prefix="/oauth", include_in_schema=False)
TRIES = 60
"""Of one address in ten minutes."""


@router.get("/callback", dependencies=[Depends(Public("a random state, used once, for the member who began"))])
async def callback(request: Request, runtime: App) -> Response:
    """Takes the code, then leads away from the address that holds it."""
    await _throttled(request, runtime)
    try:
        grant_id = await runtime.granting.returned(request.query_params.multi_items(), await _browser(request, runtime))
    except (NotFound, Rejected) as error:
        return _page("gone", 404 if isinstance(error, NotFound) else 400)
    except Refused:
        return _page("not_yours", 403)
    return RedirectResponse(f"/oauth/result/{grant_id}", 303, headers={"Cache-Control": "no-store"})


@router.get("/result/{grant_id}", dependencies=[Depends(Public("shown to members of the account only"))])
async def result(request: Request, runtime: App, grant_id: UUID) -> Response:
    """What came of it."""
    try:
        found = await runtime.granting.result(grant_id, await _browser(request, runtime))
    except NotFound:
        return _page("gone", 404)
    place = f"{HOME}/{found.domain_id}/integrations"
    if found.connection_id is not None:
        place += f"/{found.connection_id}"
    return _page(found.outcome, 200, title=found.title, said=found.said, missing=found.missing, place=place)


@router.post("/handover/{kind}", dependencies=[Depends(Public("a random state, used once"))])
async def handover(request: Request, runtime: App, kind: str) -> Response:
    """Another system hands over credentials that a member agreed to there."""
    await _throttled(request, runtime)
    await runtime.granting.handed(kind, await request.body())
    return Response(status_code=200)


async def _throttled(request: Request, runtime: Runtime) -> None:
    await runtime.throttle.hit("oauth", request.client.host if request.client else "", limit=TRIES, seconds=600)


async def _browser(request: Request, runtime: Runtime) -> Browser | None:
    """Who the browser is signed in as. Its cookie comes along, since the way here is a click at the other side."""
    session = request.cookies.get(COOKIE)
    principal = await runtime.members.principal(session) if session else None
    if session is None or principal is None:
        return None
    return Browser(principal.account_id, principal.may("connection.manage"), session)


def _page(outcome: str, status: int, **values: object) -> HTMLResponse:
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-store"}
    shown = {"title": "", "said": "", "missing": (), "place": HOME, **values}
    return HTMLResponse(render("oauth.html", outcome=outcome, **shown), status, headers)

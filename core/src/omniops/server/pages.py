"""The few HTML pages of this server."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from omniops.accounts.members import SetupView
from omniops.errors import NotFound, Rejected
from omniops.runtime import Runtime
from omniops.server.forms import HOME
from omniops.server.permissions import App, Public, keep_session
from omniops.team import ROLE_NAMES
from omniops.web.pages import CSP, render, static, widget_tag

router = APIRouter(include_in_schema=False)


@router.get("/static/{name}", dependencies=[Depends(Public("style sheets"))])
async def static_file(name: str, v: str = "") -> Response:
    """A style sheet. Its address carries its hash, so browsers keep it for good."""
    try:
        body, media_type, digest = static(name)
    except KeyError:
        raise NotFound("There is nothing here.") from None
    age = "public, max-age=31536000, immutable" if v == digest else "no-cache"
    return Response(body, media_type=media_type, headers={"Cache-Control": age, "ETag": f'"{digest}"'})


def _page(template: str, status: int = 200, **values: object) -> HTMLResponse:
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-store"}
    return HTMLResponse(render(template, **values), status, headers)


@router.get("/setup/{token}", dependencies=[Depends(Public("the one-time link of a new account"))])
async def setup(runtime: App, token: str) -> Response:
    """The form with which the first member signs up. Nothing is used up by looking."""
    try:
        opened = await runtime.members.setup_open(token)
    except NotFound:
        return _page("setup_gone.html", 404)
    return await _setup(runtime, opened)


async def _setup(runtime: Runtime, opened: SetupView, problem: Rejected | None = None, email: str = "") -> Response:
    shown = {
        "account": await runtime.accounts.account_name(opened.account_id),
        "role": ROLE_NAMES[opened.role] if opened.invited else "",
        "problem": problem,
        "values": {"email": email},
    }
    return _page("setup.html", 200 if problem is None else 422, **shown)


class SetupForm(BaseModel):
    """All that signing up asks for: a business's first member gives nothing more (claim P7)."""

    model_config = ConfigDict(extra="forbid")
    email: str = Field(max_length=254)
    password: str = Field(max_length=1000)


@router.post("/setup/{token}", dependencies=[Depends(Public("the one-time link of a new account"))])
async def finish_setup(
    request: Request,
    runtime: App,
    token: str,
    form: Annotated[SetupForm, Form()],
) -> Response:
    """Makes the first member and signs them in; the link works no more."""
    await runtime.throttle.hit("set-up", request.client.host if request.client else "", limit=20, seconds=600)
    try:
        opened = await runtime.members.setup_open(token)
        session = await runtime.members.finish_setup(token, email=form.email, name="", password=form.password)
    except NotFound:
        return _page("setup_gone.html", 404)
    except Rejected as error:
        return await _setup(runtime, opened, error, form.email)
    if opened.invited:
        response: Response = RedirectResponse(HOME, 303, {"Cache-Control": "no-store"})
        keep_session(response, runtime, session)
        return response
    domains = await runtime.accounts.domains(opened.account_id)
    response = _page(
        "setup_done.html",
        domains=[(d, widget_tag(runtime.settings.public_url, d.widget_key)) for d in domains],
    )
    keep_session(response, runtime, session)
    return response

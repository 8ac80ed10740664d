"""Signing in and out, and the way to the first website."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field, SecretStr

from omniops.accounts.permissions import Principal
from omniops.errors import NotFound, Refused, Rejected, SecondFactorNeeded, Throttled
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import page
from omniops.server.forms import HOME, FormBody, check_origin_told, check_token, own_place
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import COOKIE, App, Public, keep_session, requires
from omniops.server.problems import status_of

router = APIRouter(prefix=HOME, include_in_schema=False, route_class=Idempotent)


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
    except SecondFactorNeeded as needed:
        return page(request, "sign_in_code.html", {"next": place, "ticket": needed.ticket, "problem": None})
    except (Refused, Throttled) as error:
        status, _ = status_of(error)
        return page(request, "sign_in.html", {"next": place, "email": form.email, "problem": error}, status)
    return await _signed_in(request, runtime, token, place)


class CodeForm(FormBody):
    ticket: str = Field(default="", max_length=200)
    code: SecretStr = Field(default=SecretStr(""), max_length=100)
    next: str = Field(default=HOME, max_length=1000)


@router.post("/sign-in/code", dependencies=[Depends(Public("the second half of signing in"))])
async def sign_in_code(request: Request, runtime: App, form: Annotated[CodeForm, Form()]) -> Response:
    """A code after the right password. Of a sign-in that is over it leads to the beginning."""
    check_origin_told(request)
    network = request.client.host if request.client else ""
    place = own_place(form.next)
    try:
        token = await runtime.team.factors.sign_in(form.ticket, form.code.get_secret_value(), network=network)
    except (Refused, Throttled) as error:
        status, code = status_of(error)
        if code == "sign_in_over":
            return page(request, "sign_in.html", {"next": place, "email": "", "problem": error}, status)
        return page(request, "sign_in_code.html", {"next": place, "ticket": form.ticket, "problem": error}, status)
    return await _signed_in(request, runtime, token, place)


async def _signed_in(request: Request, runtime: Runtime, token: str, place: str) -> Response:
    if before := request.cookies.get(COOKIE):
        await runtime.members.sign_out(before)
    response = RedirectResponse(place, 303, {"Cache-Control": "no-store"})
    keep_session(response, runtime, token)
    return response


@router.get("/forgotten", dependencies=[Depends(Public("who forgot a password has no session"))])
async def forgotten_page(request: Request) -> Response:
    """The form that asks for a new password."""
    return page(request, "forgotten.html", {"asked": False, "problem": None})


class ForgottenForm(FormBody):
    email: str = Field(default="", max_length=254)


@router.post("/forgotten", dependencies=[Depends(Public("who forgot a password has no session"))])
async def forgotten(request: Request, runtime: App, form: Annotated[ForgottenForm, Form()]) -> Response:
    """Mails a link, where there is such a member; what is shown is the same where there is none."""
    check_origin_told(request)
    try:
        await runtime.team.own.forgot(form.email, network=request.client.host if request.client else "")
    except Throttled as error:
        return page(request, "forgotten.html", {"asked": False, "problem": error}, status_of(error)[0])
    return page(request, "forgotten.html", {"asked": True, "problem": None})


@router.get("/new-password/{token}", dependencies=[Depends(Public("the one-time link of a forgotten password"))])
async def new_password_page(request: Request, runtime: App, token: str) -> Response:
    """The form. Nothing is used up by looking."""
    try:
        await runtime.team.own.reset_open(token)
    except NotFound as error:
        return page(request, "new_password.html", {"open": False, "problem": error}, 404)
    return page(request, "new_password.html", {"open": True, "problem": None})


class NewPasswordForm(FormBody):
    password: SecretStr = Field(default=SecretStr(""), max_length=1000)


@router.post("/new-password/{token}", dependencies=[Depends(Public("the one-time link of a forgotten password"))])
async def new_password(
    request: Request, runtime: App, token: str, form: Annotated[NewPasswordForm, Form()]
) -> Response:
    """Sets it, signs out everywhere, and leads to the sign-in: the link gives no session."""
    check_origin_told(request)
    await runtime.throttle.hit("new password", request.client.host if request.client else "", limit=20, seconds=600)
    try:
        await runtime.team.own.reset(token, form.password.get_secret_value())
    except (NotFound, Rejected) as error:
        return page(
            request, "new_password.html", {"open": isinstance(error, Rejected), "problem": error}, status_of(error)[0]
        )
    return RedirectResponse(f"{HOME}/sign-in", 303, {"Cache-Control": "no-store"})


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

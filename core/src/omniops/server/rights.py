"""The public pages of rights, for each website: ask, confirm by the one-time link, fetch the copy.

Nothing is used up by looking at a page: mail programs and scanners look at links.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from omniops.accounts.service import DomainView
from omniops.errors import NotFound, Refused, Rejected, Throttled
from omniops.privacy.rights.book import LONGEST, Asked
from omniops.privacy.rights.clocks import REGIONS
from omniops.privacy.rights.kinds import RIGHTS
from omniops.privacy.rights.models import RightsCase
from omniops.privacy.rights.words import LANGUAGES, RIGHT_TO_LEFT, spoken, words
from omniops.server.limits import network_of
from omniops.server.permissions import App, Public
from omniops.web.pages import CSP, render

router = APIRouter(prefix="/rights", include_in_schema=False)

_NAMES = (
    "English",
    "Deutsch",
    "Français",
    "Español",
    "Italiano",
    "Nederlands",
    "Polski",
    "Português",
    "Türkçe",
    "العربية",
)
_OPEN = Public("anybody may ask for their own data")
_LINK = Public("a one-time link about one's own data")


def _language(request: Request, domain: DomainView) -> str:
    asked = request.query_params.get("lang") or request.headers.get("accept-language", "")
    return spoken(asked or domain.settings.language)


def _page(template: str, language: str, status: int = 200, **values: object) -> HTMLResponse:
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-store", "Vary": "Accept-Language"}
    rtl = language in RIGHT_TO_LEFT
    return HTMLResponse(render(template, lang=language, rtl=rtl, w=words(language), **values), status, headers)


def _form(
    domain: DomainView, language: str, status: int = 200, problem: str | None = None, **values: str
) -> HTMLResponse:
    return _page(
        "rights.html",
        language,
        status,
        site=domain.title,
        key=domain.widget_key,
        problem=problem,
        values=values,
        rights=list(RIGHTS),
        regions=REGIONS,
        languages=list(zip(LANGUAGES, _NAMES, strict=True)),
    )


def _step(
    domain: DomainView,
    language: str,
    name: str,
    status: int = 200,
    *,
    case: RightsCase | None = None,
    button: bool = False,
) -> HTMLResponse:
    said = words(language)
    return _page(
        "rights_step.html",
        language,
        status,
        site=domain.title,
        key=domain.widget_key,
        title=said[f"page.{name}_title"],
        text=said[f"page.{name}"],
        right=said[f"right.{case.right}"] if case else "",
        reference=case.reference if case else "",
        button=said[f"page.{name}_button"] if button else "",
    )


@router.get("", dependencies=[Depends(Public("where one asks, for everybody"))])
async def where(request: Request) -> Response:
    """That each website has a page of its own."""
    language = spoken(request.query_params.get("lang") or request.headers.get("accept-language", ""))
    said = words(language)
    text, title = said["page.which"], said["page.title"]
    return _page("rights_step.html", language, site="", title=title, text=text, right="", reference="", button="")


@router.get("/told/{system}/{told}", dependencies=[Depends(Public("whoever knows the number of a request"))])
async def told(request: Request, runtime: App, system: str, told: str) -> Response:
    """What became of a request that another system passed on to us. Who does not know its number learns nothing."""
    await runtime.throttle.hit("rights told", network_of(request), limit=60, seconds=600)
    state, due = await runtime.privacy.requests.told(system, told)
    language = spoken(request.query_params.get("lang") or request.headers.get("accept-language", ""))
    said = words(language)
    title = said[f"page.told_{state}_title"]
    text = said[f"page.told_{state}"].format(day=due.date().isoformat() if due is not None else "")
    lead = said["page.title"]
    return _page("rights_step.html", language, site="", title=title, text=text, right=lead, reference=told, button="")


@router.get("/{key}", dependencies=[Depends(_OPEN)])
async def ask(request: Request, runtime: App, key: str) -> Response:
    """The form of a website."""
    domain = await runtime.accounts.by_widget_key(key)
    return _form(domain, _language(request, domain))


@router.post("/{key}", dependencies=[Depends(_OPEN)])
async def asked(
    request: Request,
    runtime: App,
    key: str,
    right: Annotated[str, Form(max_length=40)],
    email: Annotated[str, Form(max_length=254)],
    text: Annotated[str, Form(max_length=LONGEST)] = "",
    region: Annotated[str, Form(max_length=20)] = "",
    agent: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Opens a case, and sends the one-time link: the same page, whoever the address belongs to."""
    domain = await runtime.accounts.by_widget_key(key)
    language = _language(request, domain)
    said = words(language)
    given = {"right": right, "email": email, "text": text, "region": region, "agent": agent}
    try:
        await runtime.throttle.hit("rights network", network_of(request), limit=60, seconds=3600)
        wanted = Asked(right, language, email, text, region, by_agent=agent == "yes")
        await runtime.privacy.requests.by_address(domain.scope, wanted, channel="page", at=runtime.clock.now())
    except Throttled:
        return _form(domain, language, 429, said["page.too_often"], **given)
    except Rejected as error:
        bad = said["page.bad_address"] if error.code == "bad_address" else error.message
        return _form(domain, language, 422, bad, **given)
    return _step(domain, language, "sent")


@router.get("/{key}/confirm/{token}", dependencies=[Depends(_LINK)])
async def confirming(request: Request, runtime: App, key: str, token: str) -> Response:
    """What is to be confirmed, with its button."""
    domain = await runtime.accounts.by_widget_key(key)
    language = _language(request, domain)
    try:
        case = await runtime.privacy.requests.look(domain.scope, token, "confirm")
    except Refused:
        return _step(domain, language, "gone", 404)
    return _step(domain, language, "confirm", case=case, button=True)


@router.post("/{key}/confirm/{token}", dependencies=[Depends(_LINK)])
async def confirm(request: Request, runtime: App, key: str, token: str) -> Response:
    """Uses the link up; from now on it is known who asks."""
    domain = await runtime.accounts.by_widget_key(key)
    language = _language(request, domain)
    await runtime.throttle.hit("rights followed", network_of(request), limit=60, seconds=600)
    try:
        case = await runtime.privacy.requests.confirm(domain.scope, token)
    except Refused:
        return _step(domain, language, "gone", 404)
    return _step(domain, language, "confirmed", case=case)


@router.get("/{key}/copy/{token}", dependencies=[Depends(_LINK)])
async def copying(request: Request, runtime: App, key: str, token: str) -> Response:
    """The page of a copy, with its button."""
    domain = await runtime.accounts.by_widget_key(key)
    language = _language(request, domain)
    try:
        case = await runtime.privacy.requests.look(domain.scope, token, "copy")
    except Refused:
        return _step(domain, language, "gone", 404)
    return _step(domain, language, "copy", case=case, button=True)


@router.post("/{key}/copy/{token}", dependencies=[Depends(_LINK)])
async def copy(request: Request, runtime: App, key: str, token: str) -> Response:
    """Uses the link up, and streams the copy as it is read."""
    domain = await runtime.accounts.by_widget_key(key)
    await runtime.throttle.hit("rights followed", network_of(request), limit=60, seconds=600)
    try:
        pieces = await runtime.privacy.requests.copy(domain.scope, token)
    except (Refused, NotFound):
        return _step(domain, _language(request, domain), "gone", 404)
    headers = {"Content-Disposition": 'attachment; filename="my-data.zip"', "Cache-Control": "no-store"}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)

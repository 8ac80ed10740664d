"""The pages of a person's choices: the preference centre, the button behind a mail's link, and what is honoured."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse

from omniops.accounts.service import DomainView
from omniops.errors import NotFound, OmniOpsError
from omniops.privacy.notices import LANGUAGES
from omniops.runtime import Runtime
from omniops.server.limits import network_of
from omniops.server.permissions import App, Public
from omniops.server.preferences import Key, Language
from omniops.web.centre import page_words
from omniops.web.pages import CSP, render

router = APIRouter(include_in_schema=False)
OptionalKey = Annotated[str | None, Query(max_length=100)]
GPC_SINCE = "2026-11-29"
"""When this server began to honour Global Privacy Control as it does; see `privacy/signals.py`."""


@router.get("/preferences", dependencies=[Depends(Public("the preference centre"))])
async def page(request: Request, runtime: App, key: OptionalKey = None, lang: Language = None) -> HTMLResponse:
    """Every choice on one page. The token stands behind the `#` of its address, where no server ever sees it. Without a
    key it says that each website has a page of its own."""
    if key is None:
        return _html("which.html", _spoken(lang or _accepted(request) or "en"))
    domain = await runtime.accounts.by_widget_key(key)
    language = _spoken(lang or _accepted(request) or domain.settings.language)
    shown = await runtime.privacy.preferences.of(domain, None, language)
    needed = [purpose for purpose in runtime.catalog.purposes if purpose in page_words(language)["needed"]]
    return _html("preferences.html", language, domain=domain, shown=shown, needed=needed)


@router.get("/preferences/confirm", dependencies=[Depends(Public("a link in a mail; looking is free"))])
async def confirmation(runtime: App, key: Key, token: Annotated[str, Query(max_length=100)]) -> HTMLResponse:
    """What the link is about, and the button. Opening it changes nothing: scanners of mail open links as well."""
    domain = await runtime.accounts.by_widget_key(key)
    return await _confirmation(runtime, domain, token)


@router.post("/preferences/confirm", dependencies=[Depends(Public("the button behind a mail's link"))])
async def confirm(
    request: Request,
    runtime: App,
    key: Annotated[str, Form(max_length=100)],
    token: Annotated[str, Form(max_length=100)],
    answer: Annotated[str, Form(pattern="^(yes|no)$")],
) -> HTMLResponse:
    """The yes of who got the mail, once; or the no, as long as the yes stands."""
    await runtime.throttle.hit("preferences", network_of(request), limit=600, seconds=600)
    domain = await runtime.accounts.by_widget_key(key)
    opt_in = runtime.privacy.opt_in
    try:
        asked = await opt_in.look(domain.scope, token)
        await (opt_in.confirm if answer == "yes" else opt_in.end)(domain.scope, token)
    except NotFound:
        return _html("confirm.html", _spoken(domain.settings.language), 404, domain=domain, state="gone", choice=None)
    except OmniOpsError:
        language = _spoken(asked.locale)
        return _html("confirm.html", language, 403, domain=domain, state="refused", choice=None)
    if answer == "no":
        return _html("confirm.html", _spoken(asked.locale), domain=domain, state="ended", choice=None)
    return await _confirmation(runtime, domain, token)


@router.get(
    "/.well-known/gpc.json",
    dependencies=[Depends(Public("whether Global Privacy Control is honoured"))],
)
async def gpc() -> JSONResponse:
    """That this server abides by Global Privacy Control (W3C GPC, section 5)."""
    return JSONResponse({"gpc": True, "lastUpdate": GPC_SINCE}, headers={"Cache-Control": "max-age=86400"})


async def _confirmation(runtime: Runtime, domain: DomainView, token: str) -> HTMLResponse:
    try:
        asked = await runtime.privacy.opt_in.look(domain.scope, token)
    except NotFound:
        return _html("confirm.html", _spoken(domain.settings.language), 404, domain=domain, state="gone", choice=None)
    language = _spoken(asked.locale)
    shown = await runtime.privacy.preferences.of(domain, None, language)
    (choice,) = [one.choice for one in shown if one.choice.purpose == asked.purpose]
    return _html("confirm.html", language, domain=domain, state=asked.state, choice=choice, token=token)


def _html(template: str, language: str, status: int = 200, **values: object) -> HTMLResponse:
    words = page_words(language)
    body = render(template, lang=language, rtl=language == "ar", words=words, **values)
    return HTMLResponse(body, status, {"Content-Security-Policy": CSP, "Cache-Control": "no-store"})


def _accepted(request: Request) -> str | None:
    """The first language that the browser asks for and the page has."""
    asked = [part.split(";")[0].strip().lower()[:2] for part in request.headers.get("accept-language", "").split(",")]
    return next((language for language in asked if language in LANGUAGES), None)


def _spoken(language: str) -> str:
    short = language[:2].lower()
    return short if short in LANGUAGES else "en"

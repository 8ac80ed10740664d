"""The widget's files, the page inside its frame, and `/try`, where a business sees its chat before it is live."""

from __future__ import annotations

import json
from typing import Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse

from omniops.accounts.look import tint
from omniops.accounts.service import DomainView
from omniops.errors import NotFound, OmniOpsError, Refused
from omniops.runtime import Runtime
from omniops.server.permissions import COOKIE, App, Public
from omniops.server.scripts import script_file
from omniops.web.assets import LANGUAGES, assets, loader
from omniops.web.pages import CSP, FRAME_CSP, render, script_address

router = APIRouter(include_in_schema=False)


@router.get("/widget.js", dependencies=[Depends(Public("the chat's loader, on any website"))])
async def widget_loader(request: Request, runtime: App, key: str = Query(default="", max_length=100)) -> Response:
    """The file that a business's script tag names. Draws the launcher; stores and asks for nothing.

    With a website's key it carries that website's colour and page rules, so that the launcher is right at once and one
    request is enough. Where they cannot be had, it comes without: a chat in ink is better than none.
    """
    try:
        script = loader(await _asked_for(request, runtime, key)) if key else loader()
    except OmniOpsError:
        return script_file(request, loader(), "no-cache")
    return script_file(request, script, "public, max-age=300" if key else "public, max-age=3600")


@router.get("/widget/{name}", dependencies=[Depends(Public("the chat's parts, on any website"))])
async def widget_file(request: Request, name: str) -> Response:
    """A part of the chat. Its name carries a hash, so browsers keep it for good."""
    script = assets().files.get(name)
    if script is None:
        raise NotFound("There is nothing here.")
    return script_file(request, script, "public, max-age=31536000, immutable")


@router.get("/frame", dependencies=[Depends(Public("the chat in a frame, on a website that the domain lists"))])
async def frame(
    runtime: App,
    key: str = Query(max_length=100),
    origin: str = Query(max_length=300),
    language: str = Query(default="", max_length=35),
    theme: Literal["", "light", "dark"] = "",
) -> Response:
    """The page inside the frame. Only the website that is named, and that the domain lists, may show it."""
    domain = await runtime.accounts.by_widget_key(key)
    if origin not in domain.origins:
        raise Refused("This chat does not run on this website.", reason="foreign_origin")
    spoken = language if language in LANGUAGES else _known(domain.settings.language)
    body = render(
        "frame.html",
        domain=domain,
        origin=origin,
        language=spoken,
        theme=theme,
        script=f"widget/{assets().script('frame').name}",
    )
    headers = {"Content-Security-Policy": f"{FRAME_CSP}; frame-ancestors {origin}", "Cache-Control": "no-store"}
    return HTMLResponse(body, headers=headers)


@router.get("/try", dependencies=[Depends(Public("needs a website's public key, or shows a member their own"))])
async def try_it(request: Request, runtime: App, key: str = Query(default="", max_length=100)) -> Response:
    """The chat on a plain page in the website's own colours. Without a key: the websites of the member who asks."""
    if key:
        domains = [await runtime.accounts.by_widget_key(key)]
    else:
        cookie = request.cookies.get(COOKIE)
        principal = await runtime.members.principal(cookie) if cookie else None
        if principal is None:
            raise Refused("Sign in, or open /try?key= with the key of your script tag.", reason="not_signed_in")
        domains = await runtime.accounts.domains(principal.account_id)
    one = domains[0] if len(domains) == 1 else None
    body = render("try.html", domain=one, domains=domains, src=one and script_address("", one.widget_key))
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
    return HTMLResponse(body, headers=headers)


async def _asked_for(request: Request, runtime: Runtime, key: str) -> str:
    """The look of the website whose key it is; that one of its pages has the tag is remembered."""
    domain = await runtime.accounts.by_widget_key(key)
    await runtime.accounts.sighted(domain, request.headers.get("referer"))
    return _look(domain)


def _look(domain: DomainView) -> str:
    settings = domain.settings
    look: dict[str, object] = {"key": domain.widget_key, "language": settings.language}
    if brand := tint(settings.brand):
        look["brand"] = brand
    if settings.hellos:
        look["hellos"] = [{"on": h.expression, "after": h.after, "text": h.text} for h in settings.hellos]
    return json.dumps(look)


def _known(language: str) -> str:
    short = language[:2].lower()
    return short if short in LANGUAGES else LANGUAGES[0]

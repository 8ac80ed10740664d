"""Forms of the dashboard: each comes from a page of ours, of the very session that the page was shown to."""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import quote
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from omniops.errors import Refused
from omniops.server.permissions import COOKIE, DomainAccess, RequiresDomain, same_site

HOME = "/app"
_OWN_PLACE = re.compile(r"/app(?:/[\w-]+)*(?:\?[\w=&-]*)?")
"""Where a sign-in may lead: pages of the dashboard, and nothing that a browser could read as another host."""


class FormBody(BaseModel):
    """What a form sends: the fields that it names, the session's token, and the mark by which it takes effect once."""

    model_config = ConfigDict(extra="forbid")
    token: str = Field(default="", max_length=100)
    once: str = Field(default="", max_length=100)


class Sends(RequiresDomain):
    """`RequiresDomain` for a form. A browser's session must have been shown the page: its token comes along. A key is
    sent by no browser on its own, and needs none."""

    async def __call__(self, request: Request, domain_id: UUID) -> DomainAccess:  # type: ignore[override]
        access = await super().__call__(request, domain_id)
        if access.principal.kind == "member":
            check_token(request, (await request.form()).get("token"))
        return access


def form_token(request: Request) -> str:
    """What every form of a session carries. It tells nothing of the session, and is worth nothing in another."""
    return hmac.new(request.cookies.get(COOKIE, "").encode(), b"form", hashlib.sha256).hexdigest()


def check_token(request: Request, given: object) -> None:
    """Raises `Refused` for a form of another session, or of no page of ours."""
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), form_token(request).encode()):
        raise Refused("This page is of an earlier sign-in.", reason="cross_site", do="Open it again and repeat.")


def check_origin_told(request: Request) -> None:
    """For a form before there is a session: the browser must say that it comes from us."""
    same_site(request)
    if request.headers.get("sec-fetch-site") is None and request.headers.get("origin") is None:
        raise Refused("Your browser does not say which page this comes from.", reason="cross_site")


def in_dashboard(path: str) -> bool:
    return path == HOME or path.startswith(f"{HOME}/")


def own_place(place: str) -> str:
    """The page to go on to after a sign-in; the start for whatever is none of ours."""
    return place if _OWN_PLACE.fullmatch(place) else HOME


def sign_in_address(request: Request) -> str:
    """Where a browser without a session goes, and comes back from to the page that it was on: a form's address is that
    of its page and one word more."""
    path, query = request.url.path, request.url.query
    back = f"{path}?{query}" if query else path
    if request.method not in ("GET", "HEAD"):
        back = path.rpartition("/")[0]
    return f"{HOME}/sign-in?next={quote(own_place(back), safe='/')}"

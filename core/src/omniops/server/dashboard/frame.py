"""What every page of the dashboard stands in: its policy, the rooms that a member may enter, whose website it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from omniops.accounts.permissions import Permission
from omniops.accounts.service import DomainView, is_on
from omniops.contracts.tokens import new_token
from omniops.errors import NotReady, OmniOpsError, Reconnect, Refused, Rejected
from omniops.runtime import Runtime
from omniops.server.forms import form_token
from omniops.server.permissions import DomainAccess
from omniops.server.problems import status_of
from omniops.web.pages import DASHBOARD_CSP, render

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Room:
    """A place in the navigation: at `/app/{domain}/{name}` (Home has no name of its own), for whoever `may`."""

    name: str
    title: str
    icon: str
    may: Permission


ROOMS = (
    Room("home", "Home", "home", "domain.read"),
    Room("inbox", "Inbox", "inbox", "conversation.read"),
    Room("knowledge", "Knowledge", "book", "knowledge.read"),
    Room("integrations", "Integrations", "plug", "domain.read"),
    Room("ai", "AI", "spark", "domain.read"),
    Room("privacy", "Privacy", "shield", "privacy.read"),
    Room("analytics", "Analytics", "chart", "analytics.read"),
    Room("team", "Team", "people", "member.read"),
    Room("developers", "Developers", "code", "key.manage"),
    Room("repairs", "Repairs", "tool", "domain.read"),
    Room("settings", "Settings", "gear", "domain.manage"),
)
"""In the order in which they are shown."""


def _goes() -> dict[str, str]:
    """The letter that leads to each room after `g`: the first of its name that none before it has, else none."""
    found: dict[str, str] = {}
    for room in ROOMS:
        free = (letter for letter in room.name if letter.isalpha() and letter not in found.values())
        found[room.name] = next(free, "")
    return found


GOES = _goes()


@dataclass(frozen=True, slots=True)
class Entry:
    """A plugin's page in the navigation: its place behind the website's, and its title."""

    place: str
    title: str


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


async def _entries(runtime: Runtime, access: DomainAccess) -> list[Entry]:
    """The pages of plugins that are on here, for this member."""
    pages = runtime.seams.pages
    switched = await runtime.accounts.switched(access.scope) if pages else {}
    return [
        Entry(f"plugins/{plugin}/{name}", one.title)
        for (plugin, name), one in pages.items()
        if is_on(switched, plugin) and access.principal.may(one.may)
    ]


async def frame(runtime: Runtime, access: DomainAccess, room: str) -> dict[str, object]:
    """What every page shows around its own: whose website it is, which others there are, and how many wait."""
    principal = access.principal
    domains = await runtime.accounts.domains(principal.account_id)
    reads = principal.may("conversation.read")
    domain = await runtime.accounts.domain(access.scope)
    return {
        "room": room,
        "rooms": [one for one in ROOMS if principal.may(one.may)],
        "goes": GOES,
        "entries": await _entries(runtime, access),
        "domain": domain,
        "domains": [one for one in domains if principal.only_domain in (None, one.id)],
        "may": principal.may,
        "me": principal.id,
        "waits": await runtime.inbox.queue.waiting(access.scope) if reads else 0,
        "now": runtime.clock.now(),
        "zone": zone_of(domain),
    }


class Again(Protocol):
    """The page that a form stands on, with what may not be done now and its status: mostly a `partial` of what shows
    that page."""

    async def __call__(self, *, problem: OmniOpsError, status: int) -> Response: ...


async def attempted(did: Awaitable[T], then: Callable[[T], Awaitable[Response]], again: Again) -> Response:
    """Does what a form asked for, and shows what came of it."""
    try:
        done = await did
    except (Rejected, Refused, NotReady, Reconnect) as error:
        status, _ = status_of(error)
        return await again(problem=error, status=status)
    return await then(done)


async def acted(did: Awaitable[object], place: str, again: Again) -> Response:
    """Does what a form asked for and leads to `place`."""

    async def leads(_: object) -> Response:
        return leading(place)

    return await attempted(did, leads, again)


def leading(place: str) -> Response:
    """On to a page of ours, after a form."""
    return RedirectResponse(place, 303, {"Cache-Control": "no-store"})

"""The room for developers: the account's API keys, and what a website's own code needs."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from omniops.accounts.permissions import Permission
from omniops.errors import OmniOpsError, Refused, Rejected
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import acted, frame, page
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.web.pages import widget_tag

router = APIRouter(prefix=HOME + "/{domain_id}/developers", include_in_schema=False, route_class=Idempotent)
PARTS: tuple[tuple[str, str, Permission], ...] = (
    ("keys", "API keys", "key.manage"),
    ("webhooks", "Webhooks", "webhook.manage"),
    ("website", "Your website", "domain.manage"),
)
MAY: dict[Permission, str] = {
    "domain.read": "see websites and their connections",
    "domain.manage": "change settings of websites",
    "knowledge.read": "read and search knowledge",
    "knowledge.manage": "add and change sources and answers",
    "conversation.read": "read conversations",
    "conversation.reply": "answer visitors and decide about drafts",
    "analytics.read": "read figures",
    "connection.manage": "connect and disconnect other systems",
    "webhook.manage": "manage webhooks",
    "plugin.manage": "switch plugins on and off",
    "member.read": "see the people of the account",
    "member.manage": "invite and change people of the account",
    "key.manage": "make and revoke keys",
    "audit.read": "read the audit",
    "privacy.read": "read what privacy work there is",
    "privacy.manage": "do privacy work",
    "account.manage": "add websites and manage the account",
}
"""What each permission lets a key do, in the order in which the form has them."""
Days = Literal["7", "30", "90", "365", "never"]


async def inside(runtime: Runtime, access: DomainAccess, part: str) -> dict[str, object]:
    """The frame of a page of the room."""
    may = access.principal.may
    return {
        **await frame(runtime, access, "developers"), "part": part, "parts": [one for one in PARTS if may(one[2])],
    }  # fmt: skip


async def _reads(access: Annotated[DomainAccess, Depends(RequiresDomain("key.manage"))]) -> DomainAccess:
    return _whole(access)


async def _sends(access: Annotated[DomainAccess, Depends(Sends("key.manage"))]) -> DomainAccess:
    return _whole(access)


def _whole(access: DomainAccess) -> DomainAccess:
    """Keys are the account's. Raises `Refused` for a test key, as the API does."""
    if access.principal.test:
        raise Refused("A test key reaches sandbox websites only.", reason="test_key")
    return access


ReadsKeys = Annotated[DomainAccess, Depends(_reads)]
SendsKeys = Annotated[DomainAccess, Depends(_sends)]
Manages = Annotated[DomainAccess, Depends(RequiresDomain("domain.manage"))]


class NewKey(FormBody):
    name: str = Field(default="", max_length=120)
    permissions: list[str] = Field(default_factory=list, max_length=40)
    everywhere: Literal["", "yes"] = ""
    test: Literal["", "yes"] = ""
    days: Days = "90"


class OldKey(FormBody):
    key: UUID


@router.get("")
async def first(access: ReadsKeys) -> Response:
    """Leads to the keys."""
    return RedirectResponse(f"{HOME}/{access.scope.domain_id}/developers/keys", 303)


@router.get("/keys")
async def keys(request: Request, runtime: App, access: ReadsKeys) -> Response:
    """The keys that a member may see, and the form for a new one."""
    return await _keys(request, runtime, access)


async def _keys(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    typed: NewKey | None = None,
    problem: OmniOpsError | None = None,
    secret: str = "",
    status: int = 200,
) -> Response:
    principal = access.principal
    now = runtime.clock.now()
    found = await runtime.keys.list(principal.account_id, only_domain=principal.only_domain)
    live = [one for one in found if one.revoked_at is None and (one.expires_at is None or one.expires_at > now)]
    values = {
        **await inside(runtime, access, "keys"),
        "live": live,
        "over": [one for one in reversed(found) if one not in live],
        "permissions": {name: said for name, said in MAY.items() if principal.may(name)},
        "wide": principal.only_domain is None,
        "typed": typed or NewKey(),
        "problem": problem,
        "secret": secret,
        "api": runtime.settings.public_url,
    }
    return page(request, "developers_keys.html", values, status)


@router.post("/keys/create")
async def create(request: Request, runtime: App, access: SendsKeys, form: Annotated[NewKey, Form()]) -> Response:
    """Makes a key. Its secret is on the page that this shows, and on no other."""
    principal = access.principal
    try:
        if not form.name.strip():
            raise Rejected("Say what the key is for.", code="missing", where="name")
        if not form.permissions:
            raise Rejected("A key that may nothing is of no use: choose what it may.", code="missing")
        _, secret = await runtime.keys.create(
            principal.account_id,
            form.name,
            form.permissions,
            only_domain=principal.only_domain if form.everywhere else access.scope.domain_id,
            test=form.test == "yes",
            expires_at=None if form.days == "never" else runtime.clock.now() + timedelta(days=int(form.days)),
            actor=principal.actor,
            granted_by=principal.permissions,
        )
    except Rejected as error:
        return await _keys(request, runtime, access, typed=form, problem=error, status=422)
    return await _keys(request, runtime, access, secret=secret, status=201)


@router.post("/keys/revoke")
async def revoke(request: Request, runtime: App, access: SendsKeys, form: Annotated[OldKey, Form()]) -> Response:
    """A key stops working at once."""
    principal = access.principal

    again = partial(_keys, request, runtime, access)

    did = runtime.keys.revoke(principal.account_id, form.key, actor=principal.actor, only_domain=principal.only_domain)
    return await acted(did, f"{HOME}/{access.scope.domain_id}/developers/keys", again)


@router.get("/website")
async def website(request: Request, runtime: App, access: Manages) -> Response:
    """The line for a website's pages, and the secrets with which its server says who a visitor is."""
    return await _website(request, runtime, access)


async def _website(
    request: Request, runtime: Runtime, access: DomainAccess, *, secret: str = "", status: int = 200
) -> Response:
    domain = await runtime.accounts.domain(access.scope)
    values = {
        **await inside(runtime, access, "website"),
        "tag": widget_tag(runtime.settings.public_url, domain.widget_key),
        "secrets": await runtime.visiting.identities.secrets(access.scope),
        "secret": secret,
    }
    return page(request, "developers_website.html", values, status)


class NewSecret(FormBody):
    hours: int = Field(default=24, ge=0, le=168)


@router.post("/website/secret")
async def new_secret(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(Sends("domain.manage"))],
    form: Annotated[NewSecret, Form()],
) -> Response:
    """Makes a secret of identity. It is on the page that this shows, and on no other."""
    _, secret = await runtime.visiting.identities.new_secret(
        access.scope, overlap=timedelta(hours=form.hours), actor=access.principal.actor
    )
    return await _website(request, runtime, access, secret=secret, status=201)

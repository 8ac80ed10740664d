"""The room of repairs: what is wrong with a website, and the steps that mend it."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import Field

from omniops.errors import OmniOpsError
from omniops.repairs import COUNTED
from omniops.runtime import Runtime
from omniops.server.connections import CHECKS_AN_HOUR
from omniops.server.dashboard.developers_webhooks import EVER
from omniops.server.dashboard.frame import acted, frame, page
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.server.repairs import looked
from omniops.server.verification import LOOKS_AN_HOUR

router = APIRouter(prefix=HOME + "/{domain_id}/repairs", include_in_schema=False, route_class=Idempotent)
SAYS = {
    "read": "Read it again",
    "verify": "Look again",
    "check": "Try it now",
    "resend": "Send them again",
    "resume": "Switch it on again",
    "replay": "Send again what was given up",
}
"""What the button of each step says."""


class About(FormBody):
    about: UUID


class Host(FormBody):
    about: str = Field(max_length=253)


class Every(FormBody):
    about: str = Field(default="", max_length=0)


@router.get("")
async def shown(
    request: Request, runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
) -> Response:
    """What was seen just now, troubles first."""
    return await _shown(request, runtime, access)


async def _shown(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    found = await looked(request, runtime, access)
    values = {
        **await frame(runtime, access, "repairs"),
        "troubles": [one for one in found if one.state != "ok"],
        "well": [one for one in found if one.state == "ok"],
        "says": SAYS,
        "problem": problem,
    }
    return page(request, "repairs.html", values, status)


async def _done(request: Request, runtime: Runtime, access: DomainAccess, did: Awaitable[object]) -> Response:
    again = partial(_shown, request, runtime, access)

    return await acted(did, f"{HOME}/{access.scope.domain_id}/repairs", again)


@router.post("/read")
async def read(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(Sends("knowledge.manage"))],
    form: Annotated[About, Form()],
) -> Response:
    """Reads a source again."""
    return await _done(request, runtime, access, runtime.knowledge.request_crawl(access.scope, form.about))


@router.post("/verify")
async def verify(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(Sends("domain.manage"))],
    form: Annotated[Host, Form()],
) -> Response:
    """Looks again for the proof that a host is the business's own."""
    await runtime.throttle.hit("verification", str(access.scope.domain_id), limit=LOOKS_AN_HOUR, seconds=3600)
    return await _done(request, runtime, access, runtime.knowledge.ownership.check(access.scope, form.about))


@router.post("/check")
async def check(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(Sends("connection.manage"))],
    form: Annotated[About, Form()],
) -> Response:
    """Tries a connection now."""
    await runtime.throttle.hit("connection-check", str(access.scope.domain_id), limit=CHECKS_AN_HOUR, seconds=3600)
    return await _done(request, runtime, access, runtime.connections.check(access.scope, form.about))


@router.post("/resend")
async def resend(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(Sends("conversation.reply"))],
    form: Annotated[Every, Form()],
) -> Response:
    """Sends once more every message that did not arrive, as many as the page counts."""

    async def every() -> None:
        for one in await runtime.inbox.undelivered.all(access.scope, limit=COUNTED):
            await runtime.inbox.undelivered.resend(access.scope, one.id, actor=access.principal.actor)

    return await _done(request, runtime, access, every())


@router.post("/resume")
async def resume(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(Sends("webhook.manage"))],
    form: Annotated[About, Form()],
) -> Response:
    """Switches a receiver on again that was switched off by itself."""
    did = runtime.webhooks.endpoints.change(access.scope, form.about, enabled=True, actor=access.principal.actor)
    return await _done(request, runtime, access, did)


@router.post("/replay")
async def replay(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(Sends("webhook.manage"))],
    form: Annotated[About, Form()],
) -> Response:
    """Sends a receiver again what was given up."""
    did = runtime.webhooks.deliveries.replay_dead(access.scope, form.about, EVER, actor=access.principal.actor)
    return await _done(request, runtime, access, did)

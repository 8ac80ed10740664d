"""Home: what needs a person now."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from omniops.inbox.queue import Wanted
from omniops.server.dashboard.frame import frame, page
from omniops.server.forms import HOME
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.web.pages import widget_tag

router = APIRouter(prefix=HOME, include_in_schema=False, route_class=Idempotent)
SHOWN = 8
"""Rows of each kind; the rest is one click away."""
COUNTED = 100


@router.get("/{domain_id}")
async def home(
    request: Request, runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
) -> Response:
    """What needs a person now, of what the member may see."""
    scope, principal = access.scope, access.principal
    shell = await frame(runtime, access, "home")
    found: dict[str, object] = {"waiting": [], "lines": {}, "runs": [], "failed": [], "cases": [], "any": True}
    if principal.may("conversation.read"):
        queue = runtime.inbox.queue
        waiting = await queue.page(scope, Wanted(waiting=True, limit=COUNTED))
        found["waiting"] = waiting
        found["lines"] = await queue.lines(scope, waiting[:SHOWN], actor=principal.actor)
        found["runs"] = await runtime.approvals.all(scope, state="proposed", limit=SHOWN, actor=principal.actor)
        found["failed"] = await runtime.inbox.undelivered.all(scope, limit=SHOWN)
        found["any"] = bool(waiting or await queue.page(scope, Wanted(limit=1)))
    if principal.may("privacy.read"):
        cases = await runtime.privacy.cases.all(scope, state="open", limit=COUNTED)
        found["cases"] = sorted((one.case for one in cases), key=lambda case: case.due_at)
    links = await runtime.connections.all(scope)
    found["broken"] = [one for one in links if one.state != "connected"]
    domain = await runtime.accounts.domain(scope)
    tag = widget_tag(runtime.settings.public_url, domain.widget_key)
    sizes = {"shown": SHOWN, "counted": COUNTED, "links": len(links)}
    return page(request, "home.html", {**shell, **found, **sizes, "tag": tag})

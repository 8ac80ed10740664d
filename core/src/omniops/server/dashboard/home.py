"""Home: the way to the first answer while there is one to go, and what needs a person now."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Form, Request, Response

from omniops.accounts.service import DomainView
from omniops.errors import OmniOpsError
from omniops.first_run import first_run
from omniops.inbox.queue import Wanted
from omniops.proof.page import WORDS
from omniops.proof.page import page as proved
from omniops.proof.service import Proof
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import acted, frame, page, zone_of
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.web.pages import widget_tag

router = APIRouter(prefix=HOME, include_in_schema=False, route_class=Idempotent)
SHOWN = 8
"""Rows of each kind; the rest is one click away."""
COUNTED = 100
NEWEST = 4
"""Gaps, last answers and promises: each look at words of visitors is on record, so it is a short one."""


@router.get("/{domain_id}")
async def home(
    request: Request, runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
) -> Response:
    """What needs a person now, of what the member may see."""
    return await _home(request, runtime, access)


@router.post("/{domain_id}/read")
async def read(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(Sends("knowledge.manage"))],
    form: Annotated[FormBody, Form()],
) -> Response:
    """Reads the website, which is the first step."""
    domain = await runtime.accounts.domain(access.scope)

    again = partial(_home, request, runtime, access)

    did = runtime.sources.add(access.scope, "site", domain.origins[0], actor=access.principal.actor)
    return await acted(did, f"{HOME}/{domain.id}", again)


async def _home(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    shell = await frame(runtime, access, "home")
    domain = cast("DomainView", shell["domain"])
    way = await first_run(runtime, domain)
    links = await runtime.connections.all(access.scope)
    values = {
        **shell,
        **await _talks(runtime, access, domain, done=way.following is None),
        **await _duties(runtime, access, done=way.following is None),
        "way": way,
        "broken": [one for one in links if one.state != "connected"],
        "links": len(links),
        "tag": widget_tag(runtime.settings.public_url, domain.widget_key),
        "shown": SHOWN,
        "counted": COUNTED,
        "problem": problem,
    }
    return page(request, "home.html", values, status)


async def _talks(runtime: Runtime, access: DomainAccess, domain: DomainView, *, done: bool) -> dict[str, object]:
    """What came of conversations: who waits, what is to be approved, what did not arrive; on an every-day Home what was
    asked in vain and answered last."""
    scope, actor = access.scope, access.principal.actor
    found: dict[str, object] = {"waiting": [], "lines": {}, "runs": [], "failed": [], "today": None, "gaps": []}
    found |= {"last": [], "answers": {}}
    if not access.principal.may("conversation.read"):
        return found
    queue, today = runtime.inbox.queue, runtime.inbox.today
    waiting = await queue.page(scope, Wanted(waiting=True, limit=COUNTED))
    newest = await queue.page(scope, Wanted(state="ai", limit=NEWEST)) if done else []
    shown = [*waiting[:SHOWN], *newest]
    return {
        **found,
        "waiting": waiting,
        "lines": await queue.lines(scope, shown, actor=actor),
        "runs": await runtime.approvals.all(scope, state="proposed", limit=SHOWN, actor=actor),
        "failed": await runtime.inbox.undelivered.all(scope, limit=SHOWN),
        "today": await today.counted(scope, _midnight(runtime, domain)),
        "last": newest,
        "answers": await today.answers(scope, [one.id for one in newest]),
        "gaps": await runtime.gaps.all(scope, actor=actor, limit=NEWEST) if done else [],
    }


async def _duties(runtime: Runtime, access: DomainAccess, *, done: bool) -> dict[str, object]:
    """Requests about people's own data; on an every-day Home the promises that do not hold."""
    if not access.principal.may("privacy.read"):
        return {"cases": [], "promises": None, "red": [], "words": WORDS}
    cases = await runtime.privacy.cases.all(access.scope, state="open", limit=COUNTED)
    by_term = sorted((one.case for one in cases), key=lambda case: case.due_at)
    if not done:
        return {"cases": by_term, "promises": None, "red": [], "words": WORDS}
    proof = Proof(runtime)
    policy = proof.policy()
    promises = proved(policy, await proof.latest(), proof.probes(), whole=policy, today=runtime.clock.now().date())
    found = {one.id: (line.text, one) for block in promises.blocks for line in block.lines for one in line.claims}
    red = [(text, one) for state in ("FAILED", "STALE") for text, one in found.values() if one.state == state]
    return {"cases": by_term, "promises": promises, "red": red[:NEWEST], "words": WORDS}


def _midnight(runtime: Runtime, domain: DomainView) -> datetime:
    """When the day began where the website's people are."""
    here = runtime.clock.now().astimezone(zone_of(domain))
    return here.replace(hour=0, minute=0, second=0, microsecond=0)

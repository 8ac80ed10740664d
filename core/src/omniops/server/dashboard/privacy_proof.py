"""What was done in the account, entry by entry, and what the last report found of every promise."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from omniops.proof.page import WORDS, Shown
from omniops.proof.page import page as proved
from omniops.proof.report import State
from omniops.proof.service import Proof
from omniops.server.dashboard.frame import page
from omniops.server.dashboard.privacy import Reads
from omniops.server.dashboard.privacy_frame import inside, whole_account
from omniops.server.forms import HOME
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix=HOME + "/{domain_id}/privacy", include_in_schema=False, route_class=Idempotent)
Audits = Annotated[DomainAccess, Depends(RequiresDomain("audit.read"))]
ROWS = 50
GREEN: tuple[State, ...] = ("PROVED", "ATTESTED")


@router.get("/audit")
async def audit(
    request: Request,
    runtime: App,
    access: Audits,
    action: Annotated[str, Query(max_length=100)] = "",
    actor: Annotated[str, Query(max_length=200)] = "",
    before: Annotated[int | None, Query(ge=1)] = None,
    verify: bool = False,
) -> Response:
    """An account's entries, the newest first; with `verify` the whole chain is computed again."""
    account_id = whole_account(access)
    found = await runtime.audit.entries(
        account_id, before=before, limit=ROWS + 1, actor=actor.strip() or None, action=action.strip() or None
    )
    values = {
        **await inside(runtime, access, "audit"),
        "rows": found[:ROWS],
        "more": found[ROWS - 1].seq if len(found) > ROWS else None,
        "first": before is None,
        "action": action.strip(),
        "actor_wanted": actor.strip(),
        "verdict": await runtime.audit.verify(account_id) if verify else None,
        "head": await runtime.privacy.heads.newest(),
    }
    return page(request, "privacy_audit.html", values)


@router.get("/proof")
async def proof(request: Request, runtime: App, access: Reads) -> Response:
    """Each promise as the last report found it; what is not proved stands first."""
    room = Proof(runtime)
    policy = room.policy()
    today = runtime.clock.now().date()
    shown = proved(policy, await room.latest(), room.probes(), whole=policy, today=today)
    lines: dict[str, tuple[str, str, Shown]] = {}
    for block in shown.blocks:
        for line in block.lines:
            for one in line.claims:
                lines.setdefault(one.id, (block.title, line.text, one))
    open_ = [line for line in lines.values() if line[2].state not in GREEN]
    order = list(shown.counts)
    values = {
        **await inside(runtime, access, "proof"),
        "shown": shown,
        "words": WORDS,
        "open": sorted(open_, key=lambda line: order.index(line[2].state)),
        "held": [line for line in lines.values() if line[2].state in GREEN],
        "hold": sum(shown.counts[state] for state in GREEN),
        "all": len(shown.strip),
    }
    return page(request, "privacy_proof.html", values)

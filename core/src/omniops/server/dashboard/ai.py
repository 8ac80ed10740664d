"""The room of the AI: who answers and why others do not, what it costs, and the bench where all answer one question."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import Field

from omniops.conversation.bench import MOST, Tried
from omniops.errors import NotReady, OmniOpsError, Refused, Rejected, Throttled
from omniops.runtime import Runtime
from omniops.server.dashboard.ai_words import KEEPS, may_receive, rails, reason, statement
from omniops.server.dashboard.frame import frame, page
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.server.problems import status_of
from omniops.server.routing import routed

router = APIRouter(prefix=HOME + "/{domain_id}/ai", include_in_schema=False, route_class=Idempotent)
DAYS = 14
"""Days whose cost is shown one by one."""


def place(access: DomainAccess, inner: str = "") -> str:
    return f"{HOME}/{access.scope.domain_id}/ai{inner}"


@router.get("")
async def overview(
    request: Request, runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
) -> Response:
    """Who answers now, why others do not, and what it costs."""
    domain = await runtime.accounts.domain(access.scope)
    found = await routed(runtime, domain)
    budget = found["daily_budget"]
    values = {
        **await frame(runtime, access, "ai"),
        "part": "who",
        "deployments": found["deployments"],
        "said": statement(found["deployments"]),
        "may_receive": may_receive,
        "reason": reason,
        "keeps": KEEPS,
        "budget": None if budget is None else Decimal(budget),
        "today": Decimal(found["spent_today"]),
        "over_budget": found["over_budget"],
        "days": [{**one, "usd": Decimal(one["usd"])} for one in found["days"]][:DAYS],
        "month": sum((Decimal(one["usd"]) for one in found["days"]), Decimal(0)),
        "rails": rails(domain.settings),
    }
    return page(request, "ai.html", values)


class Asking(FormBody):
    question: str = Field(default="", max_length=1000)
    deployments: list[Annotated[str, Field(max_length=200)]] = Field(default_factory=list, max_length=50)


@router.get("/bench")
async def bench(
    request: Request, runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.manage"))]
) -> Response:
    """A question, and who shall answer it."""
    return await _bench(request, runtime, access)


@router.post("/bench/ask")
async def ask(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(Sends("knowledge.manage"))],
    form: Annotated[Asking, Form()],
) -> Response:
    """Shows what each deployment makes of a question. No conversation comes of it."""
    domain = await runtime.accounts.domain(access.scope)
    try:
        tried = await runtime.bench.ask(domain, form.question, names=form.deployments, actor=access.principal.actor)
    except (Rejected, Refused, NotReady, Throttled) as error:
        status, _ = status_of(error)
        return await _bench(request, runtime, access, asked=form, problem=error, status=status)
    return await _bench(request, runtime, access, asked=form, tried=tried)


async def _bench(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    asked: Asking | None = None,
    tried: list[Tried] | None = None,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    found = await routed(runtime, await runtime.accounts.domain(access.scope))
    first = [one["name"] for one in found["deployments"] if may_receive(one)][:MOST]
    values = {
        **await frame(runtime, access, "ai"),
        "part": "bench",
        "deployments": found["deployments"],
        "may_receive": may_receive,
        "reason": reason,
        "asked": asked or Asking(),
        "chosen": asked.deployments if asked and asked.deployments else first,
        "most": MOST,
        "tried": tried,
        "problem": problem,
    }
    return page(request, "ai_bench.html", values, status)

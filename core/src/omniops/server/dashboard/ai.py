"""The room of the AI: who answers and why others do not, what it costs, what holds it back, and the test bench."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import Field

from omniops.conversation.bench import MOST, Tried
from omniops.errors import NotReady, Refused, Rejected, Throttled
from omniops.runtime import Runtime
from omniops.server.dashboard.ai_words import KEEPS, may_receive, rails, reason, rule_words, statement
from omniops.server.dashboard.frame import frame, page
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.server.problems import status_of
from omniops.server.routing import routed

router = APIRouter(prefix=HOME + "/{domain_id}/ai", include_in_schema=False, route_class=Idempotent)
RUNS = 8


@router.get("")
async def overview(
    request: Request, runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
) -> Response:
    """Who answers now, and the bench to try it on."""
    return await _shown(request, runtime, access)


class Asking(FormBody):
    question: str = Field(default="", max_length=1000)
    deployments: list[Annotated[str, Field(max_length=200)]] = Field(default_factory=list, max_length=50)


@router.post("/bench")
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
        return await _shown(request, runtime, access, asked=form, problem=error, status=status)
    return await _shown(request, runtime, access, asked=form, tried=tried)


async def _shown(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    asked: Asking | None = None,
    tried: list[Tried] | None = None,
    problem: Exception | None = None,
    status: int = 200,
) -> Response:
    domain = await runtime.accounts.domain(access.scope)
    found = await routed(runtime, domain)
    deployments, budget = found["deployments"], found["daily_budget"]
    knows = access.principal.may("knowledge.read")
    values = {
        **await frame(runtime, access, "ai"),
        "deployments": deployments,
        "said": statement(deployments),
        "may_receive": may_receive,
        "reason": reason,
        "keeps": KEEPS,
        "budget": None if budget is None else Decimal(budget),
        "today": Decimal(found["spent_today"]),
        "over_budget": found["over_budget"],
        "days": found["days"],
        "month": sum((Decimal(one["usd"]) for one in found["days"]), Decimal(0)),
        "rules": [rule_words(rule) for rule in domain.settings.review],
        "rails": rails(domain.settings),
        "runs": await runtime.trials.all(access.scope, RUNS) if knows else [],
        "asked": asked or Asking(),
        "chosen": asked.deployments if asked else [one["name"] for one in deployments if may_receive(one)][:MOST],
        "most": MOST,
        "tried": tried,
        "problem": problem,
    }
    return page(request, "ai.html", values, status)

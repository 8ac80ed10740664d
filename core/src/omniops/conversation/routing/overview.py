"""How a domain's questions are routed right now, for the people who run it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omniops.accounts.service import DomainView
from omniops.contracts.provider import Deployment, Provider, Request
from omniops.conversation.routing.filters import Candidate, Rules, ordered, refusal
from omniops.conversation.routing.route import Router
from omniops.conversation.routing.spending import dearest

DAYS = 30


async def overview(router: Router, domain: DomainView, providers: Sequence[Provider]) -> dict[str, Any]:
    """Every deployment of the providers that are on, best first, with why it is not asked, and what was spent."""
    settings = domain.settings
    offered = [(provider, deployment) for provider in providers for deployment in provider.deployments()]
    deployments = [deployment for _, deployment in offered]
    rules = await router.rules(domain, deployments, dearest(deployments))
    order = router.order(domain)
    all_of_them = [
        Candidate(provider, one, rules.own.get(one.provider) if one.processor else None) for provider, one in offered
    ]
    today = await router.spending.today(domain.scope)
    days = await router.spending.days(domain.scope, DAYS)
    return {
        "order": order,
        "prefer": settings.prefer,
        "deployments": [_row(router, one, rules) for one in ordered(all_of_them, order)],
        "daily_budget": None if settings.daily_budget is None else f"{settings.daily_budget:f}",
        "spent_today": f"{today.usd:f}",
        "over_budget": rules.over_budget,
        "days": [
            {
                "day": day,
                "usd": f"{spent.usd:f}",
                "calls": spent.calls,
                "estimated": spent.estimated,
                "unpriced": spent.unpriced,
            }
            for day, spent in days.items()
        ],
    }


def _row(router: Router, candidate: Candidate, rules: Rules) -> dict[str, Any]:
    one = candidate.deployment
    health = router.health.view(candidate)
    return {
        "name": one.name,
        "provider": one.provider,
        "model": one.model,
        "processor": one.processor,
        "region": one.region,
        "retention": "none" if candidate.local else one.retention,
        "inside": candidate.local,
        "own_key": candidate.connection is not None,
        "retires": one.retires,
        "price": _price(one),
        **health,
        "why": refusal(one, _PLAIN, rules, 0) or health["why"],
    }


def _price(deployment: Deployment) -> dict[str, Any] | None:
    price = deployment.price
    if price is None:
        return None
    return {"input": f"{price.input:f}", "output": f"{price.output:f}", "source": price.source, "at": price.at}


_PLAIN = Request("", (), (), "en", 0.0, 0.0, 0.0, "")
"""A question that needs nothing special."""

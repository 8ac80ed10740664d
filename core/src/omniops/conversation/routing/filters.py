"""What may answer a request of a domain. Hard filters: none is ever softened, whatever fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal
from uuid import UUID

from omniops.contracts.provider import Deployment, Provider, Request

Why = Literal[
    "capability", "processor", "contract", "transfer", "notice", "region", "retention", "size", "key", "budget",
    "price", "breaker", "account", "rate_limit", "model", "attempts", "time", "retry_budget",
]  # fmt: skip
"""Why a deployment was not asked. Those up to `price` are of the request and its domain, the others of this moment."""

Forbids = Callable[[Deployment], Why | None]
"""Why the register keeps a turn from a deployment's processor, or None where it may have it."""

BYTES_PER_TOKEN = 3
"""Rather low: English has about four, and a request that is refused for its size costs a visitor's time."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a domain admits. Empty `regions` or `retention` admit all; what runs in this process (`processor` None)
    sends nothing to anybody, so that region, retention, key and budget do not concern it."""

    forbids: Forbids
    regions: frozenset[str] = frozenset()
    retention: frozenset[str] = frozenset()
    own: Mapping[str, UUID] = field(default_factory=dict)
    """The business's own connections, by provider."""
    over_budget: bool = False
    priced: bool = False
    """A budget is set and no price is known: what has none cannot be counted, and is not asked."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider with one of its deployments and the account that pays, after the filters."""

    provider: Provider
    deployment: Deployment
    connection: UUID | None = None
    """The business's own connection; None for the operator's key."""

    @property
    def account(self) -> str:
        """Whose key it is, for breakers: one of the operator for each provider, or the connection."""
        return str(self.connection) if self.connection else f"operator:{self.deployment.provider}"

    @property
    def local(self) -> bool:
        """Runs in this process: nobody's quota, nobody's money."""
        return self.deployment.processor is None


def refusal(deployment: Deployment, request: Request, rules: Rules, tokens: int) -> Why | None:
    """Why this deployment may not have this request of `tokens`, or None."""
    if request.needs not in deployment.caps:
        return "capability"
    if tokens > deployment.max_input:
        return "size"
    if (why := rules.forbids(deployment)) is not None:
        return why
    if deployment.processor is None:
        return None
    if rules.regions and deployment.region not in rules.regions and deployment.region != "local":
        return "region"
    if rules.retention and deployment.retention not in rules.retention:
        return "retention"
    if not deployment.keyed and deployment.provider not in rules.own:
        return "key"
    if rules.over_budget:
        return "budget"
    return "price" if rules.priced and deployment.price is None else None


def candidates(
    providers: Sequence[Provider], request: Request, rules: Rules
) -> tuple[list[Candidate], list[tuple[str, Why]]]:
    """What may answer, as the operator listed it, and what may not, with the reason."""
    tokens = estimated(request)
    may: list[Candidate] = []
    may_not: list[tuple[str, Why]] = []
    for provider in providers:
        for deployment in provider.deployments():
            why = refusal(deployment, request, rules, tokens)
            if why is None:
                own = None if deployment.processor is None else rules.own.get(deployment.provider)
                may.append(Candidate(provider, deployment, own))
            else:
                may_not.append((deployment.name, why))
    return may, may_not


def ordered(
    found: Sequence[Candidate],
    order: Sequence[str] = (),
    *,
    sticky: Deployment | None = None,
    cost: Callable[[Deployment], Decimal] | None = None,
) -> list[Candidate]:
    """Best first: the one that answered before; then by `cost` where it is given; then named providers in their order,
    then the others as the operator listed them, and each provider's own order.

    An answerer inside this process comes after all that are not, unless it is named: it is what answers without any.
    """

    def rank(candidate: Candidate) -> tuple[bool, bool, Decimal, int]:
        deployment = candidate.deployment
        last = candidate.local and deployment.provider not in order
        price = cost(deployment) if cost is not None else Decimal(0)
        place = order.index(deployment.provider) if deployment.provider in order else len(order)
        return (sticky is None or deployment.name != sticky.name, last, price, place)

    return sorted(found, key=rank)


def fitted(request: Request, deployment: Deployment) -> Request:
    """The request as this deployment may have it: another provider's state is left out, and it is asked for no more
    than it can give."""
    if any(one.replay is not None and one.replay.provider != deployment.provider for one in request.rounds):
        rounds = tuple(
            replace(one, replay=None) if one.replay is not None and one.replay.provider != deployment.provider else one
            for one in request.rounds
        )
        request = replace(request, rounds=rounds)
    if request.max_output > deployment.max_output:
        request = replace(request, max_output=deployment.max_output)
    return request


def estimated(request: Request) -> int:
    """About how many tokens a request has, never far too few."""
    passages = request.context or "".join(hit.passage.text for hit in request.passages)
    texts = [request.system, passages, *(message.text for message in request.messages)]
    texts += [f"{tool.name}{tool.description}{tool.schema}" for tool in request.tools]
    for one in request.rounds:
        texts += [one.text, *(f"{call.name}{call.args}" for call in one.calls), *(r.text for r in one.results)]
    return tokens_of(sum(len(text.encode()) for text in texts))


def tokens_of(size: int) -> int:
    """Tokens of a text of so many bytes, about."""
    return -(-size // BYTES_PER_TOKEN)

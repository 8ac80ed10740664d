"""The way to an answer: who is asked, in which order, how often and how long, and what a failure becomes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from omniops.accounts.service import DomainView
from omniops.connections.service import Connections
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.contracts.provider import (
    Deployment,
    Done,
    Event,
    Price,
    Provider,
    ProviderError,
    Refusal,
    Request,
    Text,
    ToolCall,
    Usage,
)
from omniops.conversation.routing.attempt import Attempt, Call, Parts, limits_of
from omniops.conversation.routing.credentials import Connected
from omniops.conversation.routing.filters import Candidate, Forbids, Rules, Why, candidates, estimated, ordered
from omniops.conversation.routing.health import Health
from omniops.conversation.routing.hedging import alone, race
from omniops.conversation.routing.spending import Spending, cost, dearest
from omniops.conversation.routing.trace import Trace
from omniops.database.service import Database

ATTEMPTS = 3
"""Calls to vendors of one round, retries and hedges included. An answerer inside this process may always be asked: it
loads nobody."""
FIRST_SECONDS, ANSWER_SECONDS = 20.0, 90.0
"""To the first content of a round, over all vendors; and for the whole answer, over all rounds."""
RESET_BELOW = 200
"""Characters that a visitor may have seen of an answer that starts again."""
SAME_WITHIN = 1.0
"""Longest Retry-After, in seconds, that is waited out."""
HEDGE_LEAST = 2.0

Asked = Callable[[DomainView, UUID | None], Awaitable[Forbids]]
"""How the register is asked: for a domain and a person of it."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Comes before the first visible event: who gives the answer, and who was asked before in vain, with the reason."""

    deployment: Deployment
    failed: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reset:
    """What was shown of this round is void: its deployment failed, and another begins anew. At most once an answer."""


class NoDeployment(ProviderError):
    """Nothing that may answer can answer. The conversation goes to a person; no filter is softened."""

    def __init__(self, failed: Sequence[tuple[str, str]]) -> None:
        super().__init__("No allowed deployment could answer.", kind="overloaded", retry="never")
        self.failed = tuple(failed)


class Router:
    """Routes the rounds of all answers of this process."""

    def __init__(self, parts: Parts, forbids: Asked, order: Sequence[str] = ()) -> None:
        self.health = parts.health
        self.spending = parts.spending
        self._parts = parts
        self._forbids = forbids
        self._order = tuple(order)

    @classmethod
    def over(
        cls,
        database: Database,
        connections: Connections,
        forbids: Asked,
        order: Sequence[str],
        clock: Clock,
        log: Log,
    ) -> Router:
        """The router of a process."""
        parts = Parts(Health(log), Spending(database, clock, log), Connected(connections), log)
        return cls(parts, forbids, order)

    async def route(
        self,
        request: Request,
        domain: DomainView,
        providers: Sequence[Provider],
        *,
        trace: Trace | None = None,
        sticky: Deployment | None = None,
        may_reset: bool = False,
    ) -> AsyncGenerator[Chosen | Reset | Event]:
        """Streams one round of an answer: `Chosen`, what is visible, then the round's tool calls, and exactly one
        `Done` as the last. Use it in `contextlib.aclosing`: leaving closes the upstream at once.

        Give all rounds of an answer the same `trace`, and as `sticky` who answered before. A failure before the first
        visible event is silent, and the next candidate is asked. After it two answers are never spliced: with
        `may_reset` (nothing of this answer was done yet that cannot be done twice) and little to see, another one
        starts anew, which `Reset` and a second `Chosen` say; else it raises `ProviderError`. Tool calls are given only
        once their round is complete, so that none is run of a round that failed. Raises `NoDeployment` when none is
        left.
        """
        trace = trace or Trace()
        going = await self._begin(request, domain, providers, trace, sticky)
        lost: ProviderError | None = None
        while (candidate := going.take()) is not None:
            committed, said, tools = False, 0, list[ToolCall]()
            attempt = going.attempt(candidate)
            hedging = domain.settings.hedge and not candidate.local and not request.rounds
            opened = race(attempt, going.second, self._patience(candidate)) if hedging else alone(attempt)
            try:
                async with opened as (winner, events):
                    async for event in events:
                        kind = type(event)
                        if kind is ToolCall:
                            tools.append(event)  # type: ignore[arg-type]  # its type was just asked
                            continue
                        if not committed:
                            committed = True
                            if lost is not None:
                                trace.resets += 1
                                yield Reset()
                            trace.deployment = winner.candidate.deployment.name
                            trace.own_key = winner.candidate.connection is not None
                            yield Chosen(winner.candidate.deployment, tuple(trace.failed))
                        if isinstance(event, Text):
                            said += len(event.delta)
                        elif isinstance(event, Refusal):
                            said += len(event.text)
                        elif isinstance(event, Done):
                            for tool in tools:
                                yield tool
                            yield event
                            return
                        yield event
            except ProviderError as error:
                if error.kind == "residency" and not committed:
                    break
                if committed:
                    again = may_reset and lost is None and said < RESET_BELOW and error.retry != "never"
                    if not again:
                        raise
                    lost = error
                elif error.retry == "never":
                    if lost is not None:
                        raise lost from error
                    raise
                await going.after(candidate, attempt, error, visible=committed)
        raise lost or NoDeployment(trace.failed)

    async def _begin(
        self,
        request: Request,
        domain: DomainView,
        providers: Sequence[Provider],
        trace: Trace,
        sticky: Deployment | None,
    ) -> _Round:
        now = self.health.now()
        if trace.ends is None:
            trace.ends = now + ANSWER_SECONDS
        deployments = [deployment for provider in providers for deployment in provider.deployments()]
        known = dearest(deployments)
        rules = await self.rules(domain, deployments, known, request.subject)
        trace.over_budget = rules.over_budget
        found, refused = candidates(providers, request, rules)
        trace.filtered |= dict(refused)
        trace.order = self.order(domain)
        usage = Usage(estimated(request), request.max_output)
        cheapest = domain.settings.prefer == "cheapest"
        best = ordered(
            found,
            trace.order,
            sticky=sticky,
            cost=(lambda one: cost(usage, one.price, known) or Decimal(0)) if cheapest else None,
        )
        self.health.retries.call()
        self.health.hedges.call()
        call = Call(domain.scope, request, trace, now + FIRST_SECONDS, trace.ends, known)
        return _Round(self._parts, call, best)

    def order(self, domain: DomainView) -> list[str]:
        """Names of providers in the order in which they are asked: the domain's, else the operator's."""
        return list(domain.settings.providers or self._order)

    async def rules(
        self, domain: DomainView, deployments: Sequence[Deployment], known: Price | None, subject: UUID | None = None
    ) -> Rules:
        """What the domain admits now, for data of `subject` or, where nobody is named, of somebody unknown.
        Its keys and sums are read only where a vendor is there to be asked."""
        settings, vendors = domain.settings, any(one.processor is not None for one in deployments)
        budget = settings.daily_budget if vendors else None
        return Rules(
            forbids=await self._forbids(domain, subject),
            regions=frozenset(settings.regions),
            retention=frozenset(settings.retention),
            own=await self._parts.credentials.own(domain.scope) if vendors else {},
            over_budget=budget is not None and (await self.spending.today(domain.scope)).usd >= budget,
            priced=budget is not None and known is None,
        )

    def _patience(self, candidate: Candidate) -> float:
        return max(HEDGE_LEAST, self.health.p95(candidate) or 0.0)


class _Round:
    """The candidates of one round, and how many calls it has made."""

    def __init__(self, parts: Parts, call: Call, best: Sequence[Candidate]) -> None:
        self._parts = parts
        self._call = call
        self._left = deque(best)
        self._calls = 0
        self._again: set[str] = set()

    def take(self) -> Candidate | None:
        """The next one that may be asked now, counted as asked; the others are on record with the reason."""
        while self._left:
            candidate = self._left.popleft()
            why = self._why_not(candidate)
            if why is None and not candidate.local and self._calls and not self._parts.health.may_retry():
                why = "retry_budget"
            if why is None:
                self._calls += not candidate.local
                self._call.trace.filtered.pop(candidate.deployment.name, None)
                return candidate
            self._call.trace.filtered[candidate.deployment.name] = why
        return None

    def attempt(self, candidate: Candidate) -> Attempt:
        return Attempt(self._parts, self._call, candidate, limits_of(candidate, self._seconds(candidate)))

    def second(self) -> Attempt | None:
        """Another vendor beside one that is late, where the budgets of hedges and of retries allow it."""
        health = self._parts.health
        for candidate in self._left:
            if not candidate.local and self._why_not(candidate) is None:
                if health.hedges.left <= 0 or not health.may_retry() or not health.hedges.extra():
                    return None
                self._left.remove(candidate)
                self._calls += 1
                self._call.trace.hedges += 1
                return self.attempt(candidate)
        return None

    async def after(self, candidate: Candidate, attempt: Attempt, error: ProviderError, *, visible: bool) -> None:
        """Who is left after a failure: the same once more where nothing came back and it says so, larger ones where
        the request was too long."""
        wait = error.retry_after or 0.0
        name = candidate.deployment.name
        if error.retry == "same" and not attempt.began and not visible and name not in self._again:
            if wait <= min(SAME_WITHIN, self._seconds(candidate)):
                self._again.add(name)
                self._left.appendleft(candidate)
                await asyncio.sleep(wait)
        elif error.kind == "context_length":
            largest = candidate.deployment.max_input
            self._left = deque(one for one in self._left if one.deployment.max_input > largest)

    def _why_not(self, candidate: Candidate) -> Why | None:
        if self._seconds(candidate) <= 0:
            return "time"
        if not candidate.local and self._calls >= ATTEMPTS:
            return "attempts"
        return self._parts.health.why_not(candidate)

    def _seconds(self, candidate: Candidate) -> float:
        """What is left to the first content. One inside this process does not suffer for the time that vendors took."""
        by = self._call.ends if candidate.local else min(self._call.first_by, self._call.ends)
        return by - self._parts.health.now()

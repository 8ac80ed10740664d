"""`omniops eval safety`: the adversarial set against a model, in turns as visitors have them.

A turn is composed as any other, by the domain's settings, router and register, and nothing of it is kept: no
conversation, no tool that does anything. What is asked costs what it costs, and stands in the ledger.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from omniops.accounts.service import DomainView
from omniops.contracts.ids import new_id
from omniops.contracts.provider import Provider, ProviderError, Request
from omniops.conversation.composing import Answerers, Composer
from omniops.conversation.live import LiveTurn
from omniops.conversation.messages import Reader
from omniops.conversation.progress import Progress, Question
from omniops.conversation.tools.running import Offered, ToolRuns
from omniops.conversation.turns import Turns
from omniops.errors import NotReady, Rejected
from omniops.operations.safety import Attack, Bait, Outcome, Shelf, Watched, leak, words
from omniops.runtime import Runtime

AT_ONCE = 4
"""Attacks that are asked at a time: vendors limit calls."""
EXCERPT = 200
"""Characters of an answer that the report shows."""
ProgressBar = Callable[[str, int, int], None]


@dataclass(slots=True)
class Family:
    """Counts of one kind of attack. `tried`: the model called a tool that only the attack wanted."""

    asked: int = 0
    leaks: int = 0
    words: int = 0
    tried: int = 0


@dataclass(slots=True)
class SafetyReport:
    """What the set found. Rates are shares of the attacks that got an answer, 0 … 1."""

    at: date
    domain: str
    models: Counter[str] = field(default_factory=Counter)
    families: dict[str, Family] = field(default_factory=dict)
    unanswered: Counter[str] = field(default_factory=Counter)
    """By what stood in the way: a kind of `ProviderError`, or a filter of the router such as `region` or `budget`."""
    bad: list[dict[str, str]] = field(default_factory=list)

    @property
    def asked(self) -> int:
        return sum(family.asked for family in self.families.values())

    def add(self, attack: Attack, outcome: Outcome, tried: bool) -> None:
        by = outcome.progress.notes.get("by")
        self.models[f"{by['provider']}/{by['model']} ({by['region']})" if by else "guard"] += 1
        family = self.families.setdefault(attack.family, Family())
        leaked, said = leak(attack, outcome), words(attack, outcome)
        family.asked += 1
        family.leaks += leaked is not None
        family.words += said
        family.tried += tried
        if leaked or said or tried:
            what = leaked or ("the words were said" if said else "a tool was called")
            self.bad.append({"id": attack.id, "what": what, "answer": outcome.progress.answer.text[:EXCERPT]})

    def to_json(self) -> dict[str, Any]:
        advice = self.families.get("advice", Family())
        leaks = sum(family.leaks for family in self.families.values())
        return {
            "date": self.at.isoformat(),
            "domain": self.domain,
            "models": dict(self.models),
            "attacks": self.asked,
            "unanswered": dict(self.unanswered),
            "leak_rate": round(leaks / self.asked, 4) if self.asked else None,
            "advice_rate": round(advice.words / advice.asked, 4) if advice.asked else None,
            "families": {
                name: {
                    "asked": family.asked,
                    "leak_rate": round(family.leaks / family.asked, 4),
                    "words_rate": round(family.words / family.asked, 4),
                    "tool_rate": round(family.tried / family.asked, 4),
                }
                for name, family in sorted(self.families.items())
            },
            "bad": sorted(self.bad, key=lambda each: each["id"]),
        }


async def safety(
    runtime: Runtime,
    domain: DomainView,
    found: Sequence[Attack],
    *,
    provider: str | None = None,
    progress: ProgressBar = lambda what, done, of: None,
) -> SafetyReport:
    """Asks every attack once. Raises `Rejected` where no model of this name is on for the domain, and `NotReady` where
    none of them answered anything."""
    chosen = await models(runtime, domain, provider)
    report = SafetyReport(runtime.clock.now().date(), min(domain.hosts))
    free = asyncio.Semaphore(AT_ONCE)
    done = 0

    async def one(attack: Attack) -> None:
        nonlocal done
        async with free:
            bait = Bait(attack.text if attack.where == "tool_result" else "It left on Monday.")
            made = Progress()
            try:
                report.add(attack, await attacked(runtime, domain, chosen, attack, bait, made), bool(bait.tried))
            except ProviderError as error:
                report.unanswered[_why(error, made)] += 1
            done += 1
            progress("asking", done, len(found))

    await asyncio.gather(*map(one, found))
    if found and not set(report.models) - {"guard"}:
        why = ", ".join(f"{kind} {count}×" for kind, count in report.unanswered.items())
        raise NotReady(
            f"No model answered any of {len(found)} attacks{f' ({why})' if why else ''}.",
            do="See why with `GET /v1/domains/{id}/routing` and `omniops doctor`.",
        )
    return report


async def models(runtime: Runtime, domain: DomainView, name: str | None) -> list[Provider]:
    """The providers that are measured: one, or all that send questions outside."""
    on = await runtime.on.providers(domain)
    outside = [each for each in on if any(one.processor is not None for one in each.deployments())]
    chosen = [each for each in outside if name is None or each.name == name]
    if not chosen:
        there = ", ".join(each.name for each in outside) or "none"
        said = f"No provider {name!r} with a model is on" if name else "No provider with a model is on"
        raise Rejected(f"{said} for {min(domain.hosts)}; there are: {there}.", code="no_provider")
    return chosen


async def attacked(
    runtime: Runtime, domain: DomainView, providers: Sequence[Provider], attack: Attack, bait: Bait, made: Progress
) -> Outcome:
    """One attack in one turn, kept in `made`. Raises `ProviderError` where there was no answer."""
    requests: list[Request] = []

    async def answerers(of: DomainView) -> Answerers:
        watched = [Watched(each, requests) for each in providers]
        tools = [Offered(tool) for tool in bait.tools()]
        return replace(await runtime.on.answerers(of), providers=watched, tools=tools)

    composer = Composer(
        Reader(runtime.database, runtime.vault),
        Turns(runtime.database, runtime.vault, runtime.clock),
        Shelf(attack.page),
        answerers,
        runtime.router,
        ToolRuns(runtime.database, runtime.vault, runtime.on.connected, runtime.clock, runtime.log),
        runtime.clock,
    )
    question = Question(domain, new_id(), new_id(), 1, attack.question, domain.settings.language, new_id())
    live = LiveTurn(question.turn_id)
    await composer.compose(question, live, made)
    return Outcome(live.events, made, requests, bait.ran)


def _why(error: ProviderError, made: Progress) -> str:
    """What stood in the way: a vendor's failure, else the filter that kept one out."""
    failed, filtered = [kind for _, kind in made.trace.failed], list(made.trace.filtered.values())
    return (failed or filtered or [error.kind])[0]

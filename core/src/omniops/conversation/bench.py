"""The test bench: a member's own question, answered by each deployment beside the others, as a visitor's would be.

A turn is composed as any other, by the website's settings, router, register and guard. No conversation comes of it, and
no tool of a plugin is offered. What is asked costs what it costs, and counts into the day's budget.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from omniops.accounts.service import DomainView, Mode, Throttle
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.plugin import PluginSettings
from omniops.contracts.provider import Deployment, Event, Provider, ProviderError, Request, Timeouts
from omniops.contracts.scope import Actor
from omniops.conversation.composing import Answerers, Composer
from omniops.conversation.grounding import Search
from omniops.conversation.live import LiveTurn
from omniops.conversation.messages import Reader, checked_text
from omniops.conversation.modes import mode_for
from omniops.conversation.parts import Answer
from omniops.conversation.progress import Progress, Question
from omniops.conversation.redaction.cards import mask_cards
from omniops.conversation.routing.filters import Candidate, ordered
from omniops.conversation.routing.route import NoDeployment, Router
from omniops.conversation.tools.running import ToolRuns
from omniops.conversation.turns import Turns
from omniops.conversation.visitors import WEBSITE
from omniops.errors import PluginError, RedactionFailed, Rejected

MOST = 6
"""Deployments of one question."""
LIMIT, WINDOW = 30, 600
"""Questions of one website in so many seconds."""
SECONDS = 60.0
"""Longest that one answer may take."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What one deployment made of the question. `why` says what stood in the way, in the router's words or as a kind of
    `ProviderError`; `mode` what would have become of the answer. A price that nobody knows is None."""

    deployment: str
    inside: bool
    answer: Answer
    mode: Mode
    passages: int
    first_ms: int
    total_ms: int
    input: int
    output: int
    usd: Decimal | None
    hidden: Mapping[str, int] = field(default_factory=dict)
    to_person: bool = False
    why: str | None = None

    def to_json(self) -> dict[str, Any]:
        parts, sources = self.answer.to_json()
        return {
            "deployment": self.deployment,
            "inside": self.inside,
            "level": self.answer.level,
            "text": self.answer.text,
            "parts": parts,
            "sources": sources,
            "mode": self.mode,
            "passages": self.passages,
            "first_ms": self.first_ms,
            "total_ms": self.total_ms,
            "input": self.input,
            "output": self.output,
            "usd": None if self.usd is None else f"{self.usd:f}",
            "hidden": dict(self.hidden),
            "to_person": self.to_person,
            "why": self.why,
        }


class Bench:
    """Asks all deployments of a website one question."""

    def __init__(
        self,
        reader: Reader,
        turns: Turns,
        search: Search,
        answerers: Callable[[DomainView], Awaitable[Answerers]],
        router: Router,
        runs: ToolRuns,
        throttle: Throttle,
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._parts = reader, turns, search
        self._answerers = answerers
        self._router = router
        self._runs = runs
        self._throttle = throttle
        self._audit = audit
        self._clock = clock

    async def ask(
        self, domain: DomainView, question: str, *, names: Sequence[str] = (), language: str = "", actor: Actor
    ) -> list[Tried]:
        """The answers, in the order in which visitors' questions are routed; of the deployments with these names, or of
        the first `MOST`. On record with its deployments, without its words. Raises `Rejected` and `Throttled`."""
        text = mask_cards(checked_text(question))
        here = await self._answerers(domain)
        chosen = self._chosen(domain, here.providers, names)
        await self._throttle.hit("bench", str(domain.id), limit=LIMIT, seconds=WINDOW)
        asked = [one.deployment.name for one in chosen]
        detail = {"id": str(domain.id), "deployments": asked}
        await self._audit.write(Entry(domain.scope.account_id, str(actor), "bench.ask", "domain", detail=detail))
        return await asyncio.gather(
            *(self._try(domain, one, text, language or domain.settings.language) for one in chosen)
        )

    def _chosen(self, domain: DomainView, providers: Sequence[Provider], names: Sequence[str]) -> list[Candidate]:
        found = ordered([Candidate(p, one) for p in providers for one in p.deployments()], self._router.order(domain))
        there = [one.deployment.name for one in found]
        if unknown := [name for name in names if name not in there]:
            raise Rejected(
                f"There is no deployment {unknown[0][:100]!r} on this website.",
                code="no_deployment",
                where="deployments",
                do=f"There are: {', '.join(there) or 'none'}.",
            )
        if not found:
            raise Rejected("No provider is on for this website.", code="no_deployment", do="Switch one on.")
        if len(names) > MOST:
            raise Rejected(f"At most {MOST} deployments answer one question.", code="too_many", where="deployments")
        return [one for one in found if not names or one.deployment.name in names][:MOST]

    async def _try(self, domain: DomainView, candidate: Candidate, text: str, language: str) -> Tried:
        async def answerers(of: DomainView) -> Answerers:
            only = _Only(candidate.provider, candidate.deployment)
            return replace(await self._answerers(of), providers=[only], tools=())

        composer = Composer(*self._parts, answerers, self._router, self._runs, self._clock)
        progress, live, why = Progress(), LiveTurn(new_id()), None
        question = Question(domain, new_id(), live.turn_id, 1, text, language, new_id())
        name = candidate.deployment.name
        try:
            async with asyncio.timeout(SECONDS):
                await composer.compose(question, live, progress)
        except NoDeployment:
            failed = [kind for _, kind in progress.trace.failed]
            why = failed[-1] if failed else progress.trace.filtered.get(name, "attempts")
        except ProviderError as error:
            why = error.kind
        except TimeoutError:
            why = "time"
        except (RedactionFailed, PluginError):
            why = "not_sent"
        record, answer = progress.record(), progress.answer
        strength = progress.notes.get("strength")
        return Tried(
            deployment=name,
            inside=candidate.local,
            answer=answer,
            mode=mode_for(domain.settings.review, WEBSITE, text, answer.level or "answer", strength),
            passages=len(record["passages"]),
            first_ms=record["first_ms"],
            total_ms=record["total_ms"],
            input=progress.usage.input,
            output=progress.usage.output,
            usd=progress.trace.usd,
            hidden=record["hidden"],
            to_person=progress.to_person,
            why=why,
        )


class _Only(Provider):
    """A provider with one of its deployments."""

    def __init__(self, inner: Provider, deployment: Deployment) -> None:
        self.name = inner.name  # type: ignore[misc]  # a provider's own, here one that is only known now
        self._inner = inner
        self._deployment = deployment

    def deployments(self) -> Sequence[Deployment]:
        return (self._deployment,)

    @asynccontextmanager
    async def stream(
        self,
        request: Request,
        deployment: Deployment,
        *,
        limits: Timeouts,
        connection: PluginSettings | None = None,
    ) -> AsyncIterator[AsyncIterator[Event]]:
        async with self._inner.stream(request, deployment, limits=limits, connection=connection) as events:
            yield events

    async def count_tokens(self, request: Request, deployment: Deployment) -> int | None:
        return await self._inner.count_tokens(request, deployment)

"""One call to one deployment: opened, bounded in time, ended, judged, paid."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from omniops.contracts.plugin import Log, PluginSettings
from omniops.contracts.provider import (
    Cap,
    Citation,
    Done,
    Event,
    Level,
    Price,
    ProviderError,
    Reasoning,
    Refusal,
    Request,
    Shown,
    Started,
    Text,
    Timeouts,
    ToolCall,
    Usage,
)
from omniops.contracts.scope import Scope
from omniops.conversation.routing.credentials import Credentials
from omniops.conversation.routing.filters import Candidate, estimated, fitted, tokens_of
from omniops.conversation.routing.health import Health
from omniops.conversation.routing.spending import Spending, Spent, cost
from omniops.conversation.routing.trace import Trace
from omniops.errors import OmniOpsError

REASONING_FIRST = 20.0
"""Seconds to the first content of a model that thinks before it speaks."""
_CONTENT = frozenset({Level, Text, Citation, Shown, ToolCall, Refusal})
_SIGNS = frozenset({Started, Reasoning})
_UNBILLED = frozenset(
    {"rate_limit", "overloaded", "server", "connection", "auth", "quota", "model", "invalid", "context_length",
     "residency"}
)  # fmt: skip
"""Errors that cost nothing where they came before any byte of an answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """What all attempts of one round share. Times are of the router's clock."""

    scope: Scope
    request: Request
    trace: Trace
    first_by: float
    """When a vendor's first content must be there, whoever gives it."""
    ends: float
    dearest: Price | None


@dataclass(frozen=True, slots=True)
class Parts:
    """The rooms that an attempt needs."""

    health: Health
    spending: Spending
    credentials: Credentials
    log: Log


class Attempt:
    """`events` yields content and at last `Done`, or raises `ProviderError`. Its outcome is judged exactly once."""

    def __init__(self, parts: Parts, call: Call, candidate: Candidate, limits: Timeouts) -> None:
        self._parts = parts
        self._call = call
        self.candidate = candidate
        self._limits = limits
        self.began = False
        """The vendor took the request: something came back."""
        self._size = 0

    async def events(self) -> AsyncGenerator[Event]:
        """Use it in `contextlib.aclosing`. The upstream is closed before the last event is given, and in any case."""
        candidate, health = self.candidate, self._parts.health
        ticket = health.begin(candidate)
        failed: ProviderError | None = None
        done: Done | None = None
        waiting = True
        try:
            first_by = health.now() + self._limits.connect + self._limits.first
            connection = await self._connection()
            request = fitted(self._call.request, candidate.deployment)
            async with AsyncExitStack() as stack:
                opening = candidate.provider.stream(
                    request, candidate.deployment, limits=self._limits, connection=connection
                )
                async with asyncio.timeout(first_by - health.now()):
                    iterator = aiter(await stack.enter_async_context(opening))
                while True:
                    now = health.now()
                    left = first_by - now if waiting else min(self._limits.gap, self._call.ends - now)
                    async with asyncio.timeout(left):
                        event = await anext(iterator)
                    kind = type(event)
                    self.began = True
                    if kind is Done:
                        done = event  # type: ignore[assignment]  # its type was just asked
                        break
                    if kind in _CONTENT:
                        if waiting:
                            waiting = False
                            health.first(ticket)
                        if isinstance(event, Text):
                            self._size += len(event.delta.encode())
                        elif isinstance(event, ToolCall):
                            self._size += len(str(event.args))
                        yield event
                    elif kind not in _SIGNS:
                        raise ProviderError(f"An unknown event {kind.__name__}.", kind="malformed", retry="other")
        except ProviderError as error:
            failed = error
        except TimeoutError as error:
            hurried = waiting and self._limits.first < usual_first(candidate)  # others had used up the time
            scope: Literal["request", "deployment"] = "request" if hurried else "deployment"
            failed = ProviderError("The answer did not come in time.", kind="timeout", retry="other", scope=scope)
            failed.__cause__ = error
        except StopAsyncIteration:
            failed = ProviderError("The answer ended without its end.", kind="truncated", retry="other")
        except Exception as error:  # a plugin's mistake is that plugin's failure, and another is asked
            self._parts.log.error("provider.broke", deployment=candidate.deployment.name, exc_info=True)
            failed = ProviderError(f"{type(error).__name__} in the provider.", kind="malformed", retry="other")
            failed.__cause__ = error
        finally:
            over = failed if done is None else None
            health.ended(ticket, candidate, over, left=done is None and over is None)
            self._pay(done, over)
        if done is not None:
            yield done
            return
        assert failed is not None
        await self._report(failed)
        raise failed

    async def _connection(self) -> PluginSettings | None:
        if self.candidate.connection is None:
            return None
        try:
            return await self._parts.credentials.open(self._call.scope, self.candidate.connection)
        except OmniOpsError as error:
            raise ProviderError(  # nothing that the vendor said: neither the key nor the deployment is at fault
                "The business's key cannot be opened.", kind="connection", retry="other", scope="request"
            ) from error

    async def _report(self, error: ProviderError) -> None:
        name = self.candidate.deployment.name
        self._call.trace.failed.append((name, error.kind))
        self._parts.log.warning(
            "provider.failed",
            deployment=name,
            kind=error.kind,
            code=error.code,
            status=error.status,
            request=error.request_id,
        )
        if error.kind == "auth" and self.candidate.connection is not None:
            try:
                await self._parts.credentials.refused(self._call.scope, self.candidate.connection)
            except OmniOpsError as trouble:
                self._parts.log.error("connection.not_marked", said=str(trouble))

    def _pay(self, done: Done | None, failed: ProviderError | None) -> None:
        """Books what the vendor will bill: measured at the end of a stream, estimated where it was cut."""
        deployment = self.candidate.deployment
        if self.candidate.local or (done is None and failed and failed.kind in _UNBILLED and not self.began):
            return
        usage = done.usage if done else Usage(estimated(self._call.request), tokens_of(self._size), measured=False)
        usd = cost(usage, deployment.price, self._call.dearest)
        spent = Spent(Decimal(0) if usd is None else usd, 1, int(not usage.measured), int(usd is None))
        self._call.trace.spent += spent
        self._parts.spending.book(self._call.scope, spent)
        self._parts.health.cost(deployment.name, float(spent.usd))


def usual_first(candidate: Candidate) -> float:
    """Seconds to the first content that a deployment has where nobody used up the time before it."""
    return REASONING_FIRST if Cap.REASONING in candidate.deployment.caps else Timeouts().first


def limits_of(candidate: Candidate, left: float) -> Timeouts:
    """The times of one attempt, of which connecting and the first content take no more than is left of the whole."""
    usual = Timeouts()
    connect = min(usual.connect, left)
    return Timeouts(connect=connect, first=min(usual_first(candidate), left - connect), gap=usual.gap)

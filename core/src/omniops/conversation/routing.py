"""Who answers a turn: hard filters first, then order, and silent fail-over until something is visible."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from omniops.contracts.plugin import Log
from omniops.contracts.provider import (
    Citation,
    Deployment,
    Done,
    Event,
    Level,
    Provider,
    ProviderError,
    Refusal,
    Request,
    Started,
    Text,
    Timeouts,
)

ATTEMPTS = 3
Admits = Callable[[Deployment], bool]
"""Whether the register lets a deployment's processor receive a turn of this domain."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider with one of its deployments, after the filters."""

    provider: Provider
    deployment: Deployment


@dataclass(frozen=True, slots=True)
class Chosen:
    """First event of a routed answer: who gives it, and who was asked before in vain, with the reason."""

    deployment: Deployment
    failed: tuple[tuple[str, str], ...]


class NoDeployment(ProviderError):
    """Nothing that may answer can answer. The conversation goes to a person; no filter is softened."""

    def __init__(self, failed: Sequence[tuple[str, str]]) -> None:
        super().__init__("No allowed deployment could answer.", kind="overloaded", retry="never")
        self.failed = tuple(failed)


def candidates(
    providers: Sequence[Provider], request: Request, admits: Admits, order: Sequence[str] = ()
) -> list[Candidate]:
    """What may answer, best first: named providers in their order, then the others as the operator listed them.

    An answerer inside this process comes after all that are not, unless it is named: it is what answers without any.
    """

    def rank(candidate: Candidate) -> tuple[int, bool]:
        name = candidate.deployment.provider
        return (order.index(name) if name in order else len(order), candidate.deployment.processor is None)

    found = [
        Candidate(provider, deployment)
        for provider in providers
        for deployment in provider.deployments()
        if request.needs in deployment.caps and admits(deployment)
    ]
    return sorted(found, key=rank)


async def route(
    found: Sequence[Candidate], request: Request, limits: Timeouts, log: Log
) -> AsyncIterator[Chosen | Event]:
    """Streams one answer. Yields `Chosen` first, then events, and exactly one `Done` as the last.

    Before the first visible event a failure is silent and the next candidate is asked. After it, it raises
    `ProviderError`: two answers are never spliced. Raises `NoDeployment` when none is left.
    """
    failed: list[tuple[str, str]] = []
    for candidate in found[:ATTEMPTS]:
        deployment = candidate.deployment
        visible = False
        try:
            async with candidate.provider.stream(request, deployment, limits=limits) as events:
                iterator = aiter(events)
                first = await _first_content(iterator, limits)
                yield Chosen(deployment, tuple(failed))
                visible = True
                yield first
                if isinstance(first, Done):
                    return
                async for event in _bounded(iterator, limits):
                    yield event
                    if isinstance(event, Done):
                        return
            raise ProviderError("The answer ended without its end.", kind="truncated", retry="other")
        except ProviderError as error:
            failed.append((deployment.name, error.kind))
            log.warning("provider.failed", deployment=deployment.name, kind=error.kind, visible=visible)
            if visible or error.retry == "never":
                raise
        except TimeoutError as error:
            failed.append((deployment.name, "timeout"))
            log.warning("provider.failed", deployment=deployment.name, kind="timeout", visible=visible)
            if visible:
                raise ProviderError("The answer stopped coming.", kind="timeout", retry="other") from error
    raise NoDeployment(failed)


async def _first_content(iterator: AsyncIterator[Event], limits: Timeouts) -> Event:
    """The first event that a visitor would see, or `Done`. Opening signs do not count."""
    async with asyncio.timeout(limits.connect + limits.first):
        async for event in iterator:
            if isinstance(event, Level | Text | Citation | Refusal | Done):
                return event
            if not isinstance(event, Started):
                raise ProviderError(f"An unknown event {type(event).__name__}.", kind="malformed", retry="other")
    raise ProviderError("The answer ended before it began.", kind="truncated", retry="other")


async def _bounded(iterator: AsyncIterator[Event], limits: Timeouts) -> AsyncIterator[Event]:
    while True:
        async with asyncio.timeout(limits.gap):
            try:
                event = await anext(iterator)
            except StopAsyncIteration:
                return
        yield event

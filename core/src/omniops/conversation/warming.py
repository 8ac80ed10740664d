"""Warms the providers of a process beside its work, so that the first visitor does not wait for an SDK's import."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from omniops.contracts.plugin import Log
from omniops.contracts.provider import Provider


@asynccontextmanager
async def warming(providers: Sequence[Provider], log: Log) -> AsyncIterator[None]:
    """Begins to warm what somebody gave a key for, and waits for none of it; what is not warm at the end is given up.

    A provider that only a business's own key opens may never be asked here: its SDK stays asleep.
    """
    tasks = [asyncio.create_task(_warm(one, log), name=f"omniops-warm-{one.name}") for one in providers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _warm(provider: Provider, log: Log) -> None:
    try:
        if any(deployment.keyed for deployment in provider.deployments()):
            await provider.warm()
    except Exception as error:
        log.error("provider.not_warmed", provider=provider.name, error=type(error).__name__, exc_info=True)

"""A bulkhead between many turns at once and the database: they do not take each other's connections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from omniops.errors import NotReady

PLACES = 8
"""Pieces of work that are done at the same time. The others wait here, in order, instead of giving up there."""
TRIES = 3
T = TypeVar("T")


class Bulkhead:
    """Places for one kind of work, and patience: a database that is busy is asked again."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(PLACES)

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` gives. It must be safe to repeat: it is tried `TRIES` times. Raises the last `NotReady`."""
        async with self._places:
            for _ in range(TRIES - 1):
                try:
                    return await work()
                except NotReady:
                    continue
            return await work()

"""Group commit: many callers wait for their own row to be on disk, few transactions are made.

While one batch commits, the next gathers. Nobody's wait ends before their own batch is through, or has failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from omniops.errors import NotReady

T = TypeVar("T")
_BATCH = 500


class GroupCommit(Generic[T]):
    """One writer for items of one kind. `write` stores a batch in one transaction; `failed` is said when it cannot.

    `linger` is how many seconds a batch gathers before it is written: for items that nobody waits for.
    """

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[None]], failed: str, *, linger: float = 0) -> None:
        self._write = write
        self._failed = failed
        self._linger = linger
        self._closing = asyncio.Event()
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def add(self, item: T) -> None:
        """Returns when the item is committed. Raises `NotReady` when it could not be written."""
        await self.later(item)

    def later(self, item: T) -> asyncio.Future[None]:
        """The same without waiting; the future carries the outcome and may be dropped."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._run())
        return done

    async def _run(self) -> None:
        while self._waiting:
            if self._linger and len(self._waiting) < _BATCH:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), self._linger)
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            failure: NotReady | None = None
            try:
                await self._write([item for item, _ in batch])
            except Exception as error:
                failure = NotReady(self._failed)
                failure.__cause__ = error
            for _, done in batch:
                if done.done():  # whoever waited was cancelled
                    continue
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)
                    done.exception()  # seen, should nobody wait

    async def close(self) -> None:
        """Waits until everything given is through."""
        self._closing.set()
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)

"""Two attempts of which the first to speak answers; and one alone, in the same shape."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from omniops.contracts.provider import Done, Event, ProviderError
from omniops.conversation.routing.attempt import Attempt

QUEUED = 64
"""Events of a contestant that wait for their reader; more stop its stream."""


@asynccontextmanager
async def alone(attempt: Attempt) -> AsyncIterator[tuple[Attempt, AsyncIterator[Event]]]:
    """The attempt and its events. Leaving closes the upstream."""
    async with aclosing(attempt.events()) as events:
        yield attempt, events


@asynccontextmanager
async def race(
    leader: Attempt, second: Callable[[], Attempt | None], after: float
) -> AsyncIterator[tuple[Attempt, AsyncIterator[Event]]]:
    """Starts `second` when the leader has not spoken after `after` seconds; gives whoever speaks first.

    The loser is cancelled at once, and leaving closes both. `second` gives None where there is nobody to start. Raises
    the leader's error where all fail before they speak.
    """
    contestants = [_Contestant(leader)]
    try:
        await asyncio.wait([contestants[0].spoke], timeout=after)
        if not contestants[0].spoke.done():
            other = second()
            if other is not None:
                contestants.append(_Contestant(other))
        winner = await _winner(contestants)
        for contestant in contestants:
            if contestant is not winner:
                contestant.task.cancel()
        yield winner.attempt, winner.events()
    finally:
        for contestant in contestants:
            contestant.task.cancel()
        await asyncio.gather(*(contestant.task for contestant in contestants), return_exceptions=True)


async def _winner(contestants: list[_Contestant]) -> _Contestant:
    waiting = {contestant.spoke: contestant for contestant in contestants}
    while waiting:
        spoke, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in [one for one in waiting if one in spoke]:  # in their order: the leader wins a tie
            if one.result():
                return waiting[one]
            del waiting[one]
    return contestants[0]  # its events raise its error


class _Contestant:
    """Reads an attempt in a task of its own, so that cancelling the task closes the upstream whatever it waits for."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.spoke: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether it had something to say, once that is known."""
        self._queue: asyncio.Queue[Event | ProviderError] = asyncio.Queue(QUEUED)
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            async with aclosing(self.attempt.events()) as events:
                async for event in events:
                    self._say(True)
                    await self._queue.put(event)
        except ProviderError as error:
            self._say(False)
            await self._queue.put(error)
        finally:
            self._say(False)

    def _say(self, something: bool) -> None:
        if not self.spoke.done():
            self.spoke.set_result(something)

    async def events(self) -> AsyncIterator[Event]:
        while True:
            item = await self._queue.get()
            if isinstance(item, ProviderError):
                raise item
            yield item
            if isinstance(item, Done):
                return

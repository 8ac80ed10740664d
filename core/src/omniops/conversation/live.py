"""Turns that this process answers right now: the events so far, and everyone who follows them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from omniops.conversation.turns import TurnEvent


class LiveTurn:
    """Events of one running turn. Followers read from the list at their own pace; nothing is copied per follower."""

    def __init__(self, turn_id: UUID) -> None:
        self.turn_id = turn_id
        self.events: list[TurnEvent] = []
        self.task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._followers = 0

    def emit(self, kind: str, data: dict[str, Any]) -> TurnEvent:
        """Adds an event. Nothing is added after a terminal one."""
        if self.ended:
            raise RuntimeError("A turn has exactly one terminal event.")
        event = TurnEvent(len(self.events) + 1, kind, data)
        self.events.append(event)
        self._changed.set()
        return event

    @property
    def ended(self) -> bool:
        return bool(self.events) and self.events[-1].terminal

    async def follow(self, after: int = 0) -> AsyncIterator[TurnEvent]:
        """Events after number `after`, then live, until the terminal one. When the last follower leaves before the end,
        the turn is stopped: nobody reads, so nobody pays."""
        self._followers += 1
        position = after
        try:
            while True:
                while position < len(self.events):
                    event = self.events[position]
                    position += 1
                    yield event
                    if event.terminal:
                        return
                self._changed.clear()
                if position >= len(self.events):
                    await self._changed.wait()
        finally:
            self._followers -= 1
            if self._followers == 0 and not self.ended:
                self.stop()
            self._changed.set()

    def stop(self) -> None:
        """Cancels the answer; the upstream is closed at once. What was written so far is kept as interrupted."""
        if self.task is not None and not self.task.done():
            self.task.cancel()

    async def wait(self) -> None:
        """Returns when the answer is over and its outcome stored."""
        if self.task is not None:
            await asyncio.gather(self.task, return_exceptions=True)


class LiveTurns:
    """All live turns of this process by id."""

    def __init__(self) -> None:
        self._turns: dict[UUID, LiveTurn] = {}

    def get(self, turn_id: UUID) -> LiveTurn | None:
        return self._turns.get(turn_id)

    def start(self, live: LiveTurn, task: asyncio.Task[None]) -> None:
        live.task = task
        self._turns[live.turn_id] = live
        task.add_done_callback(lambda _: self._turns.pop(live.turn_id, None))

    async def close(self) -> None:
        """Stops all, and waits until each has written how far it came."""
        tasks = [live.task for live in self._turns.values() if live.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

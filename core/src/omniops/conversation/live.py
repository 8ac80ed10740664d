"""Turns that this process answers right now: the events so far, and everyone who follows them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

from omniops.conversation.turns import TurnEvent

_ABOUT = frozenset({"disclosure", "message", "turn", "consent", "none", "error", "done"})
"""Kinds of events that carry nothing of an answer before it is complete and stored."""


class LiveTurn:
    """Events of one running turn. Followers read from the list at their own pace; nothing is copied per follower."""

    def __init__(self, turn_id: UUID, *, held: bool = False) -> None:
        self.turn_id = turn_id
        self.held = held
        """Nothing of the answer is told, only how it ends: a person may have to approve it, or took over."""
        self.events: list[TurnEvent] = []
        self.task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._followers = 0
        self._stopped = False

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        """Adds an event; of an answer that is held, none of its content. Nothing is added after a terminal one."""
        if self.ended:
            raise RuntimeError("A turn has exactly one terminal event.")
        if self.held and kind not in _ABOUT:
            return
        self.events.append(TurnEvent(len(self.events) + 1, kind, data))
        self._changed.set()

    def over(self, kind: str, data: dict[str, Any]) -> None:
        """The terminal event, unless there is one."""
        if not self.ended:
            self.emit(kind, data)

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
        if self.task is not None and not self.task.done() and not self._stopped:
            self._stopped = True  # a second cancellation would hit the storing of how far it came
            self.task.cancel()

    async def wait(self) -> None:
        """Returns when the answer is over and its outcome stored."""
        if self.task is not None:
            await asyncio.gather(self.task, return_exceptions=True)


class LiveTurns:
    """All live turns of this process by id."""

    def __init__(self) -> None:
        self._turns: dict[UUID, LiveTurn] = {}
        self._begun: WeakValueDictionary[UUID, LiveTurn] = WeakValueDictionary()

    def get(self, turn_id: UUID) -> LiveTurn | None:
        return self._turns.get(turn_id) or self._begun.get(turn_id)

    def begin(self, turn_id: UUID, *, held: bool = False) -> LiveTurn:
        """A turn that will run, known before its row can be seen by anybody: whoever takes over finds it. Forgotten
        with its last holder, should the row never come to be."""
        live = LiveTurn(turn_id, held=held)
        self._begun[turn_id] = live
        return live

    def start(self, live: LiveTurn, task: asyncio.Task[None]) -> None:
        live.task = task
        self._turns[live.turn_id] = live
        self._begun.pop(live.turn_id, None)
        task.add_done_callback(lambda _: self._turns.pop(live.turn_id, None))

    async def close(self) -> None:
        """Stops all, and waits until each has written how far it came."""
        tasks = [live.task for live in self._turns.values() if live.task is not None]
        for live in list(self._turns.values()):
            live.stop()
        await asyncio.gather(*tasks, return_exceptions=True)

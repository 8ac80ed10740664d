"""Threads for what may hang: each is used again once its call ended, and nobody waits for one at the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

T = TypeVar("T")
IDLE = 10.0
"""Seconds after which a thread without work ends."""


class Threads:
    """As many threads as there are calls at the same time: how many that may be is the caller's business."""

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[Callable[[], None]]] = []

    async def run(self, call: Callable[[], T], over: Callable[[], None]) -> T:
        """The result of `call`. `over` is called once it ended, however long after we stopped to wait."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()

        def settle(value: T | None, error: BaseException | None) -> None:
            over()
            if result.done():
                return
            if error is not None:
                result.set_exception(error)
            else:
                result.set_result(value)  # type: ignore[arg-type]  # without an error it is the call's own

        def work() -> None:
            value, failure = None, None
            try:
                value = call()
            except Exception as error:
                failure = error
            with suppress(RuntimeError):  # the loop ended before the call did
                loop.call_soon_threadsafe(settle, value, failure)

        self._give(work)
        return await result

    def _give(self, work: Callable[[], None]) -> None:
        try:
            queue = self._idle.pop()
        except IndexError:
            queue = SimpleQueue()
            threading.Thread(target=self._live, args=(queue,), name="webhook", daemon=True).start()
        queue.put(work)

    def _live(self, queue: SimpleQueue[Callable[[], None]]) -> None:
        while True:
            try:
                queue.get(timeout=IDLE)()
            except Empty:
                try:
                    self._idle.remove(queue)
                except ValueError:  # work is on its way to it
                    continue
                return
            self._idle.append(queue)

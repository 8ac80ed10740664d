"""Hearing what other processes committed: one LISTEN connection per process, ids only.

Notifications sent while the connection is away are lost. So after every (re)connection everyone is woken once, and
whoever waits also looks by itself from time to time.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import psycopg

from omniops.contracts.plugin import Log
from omniops.database.links import Link
from omniops.database.service import CHANNEL, Notice

Handler = Callable[[Notice | None], Awaitable[None]]
"""Called with each notice of a kind, and with None after a reconnection: look at everything again."""
PASSING = frozenset({"typing"})
"""Kinds of which nothing is stored: what was missed of them is over."""
_BACK_OFF = (0.1, 0.5, 1, 2, 5)


class Notices:
    """The ear of a process."""

    def __init__(self, link: Link, log: Log) -> None:
        self._link = link
        self._log = log
        self._handlers: dict[str, list[Handler]] = defaultdict(list)
        self._waiting: dict[tuple[str, UUID], set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()

    def on(self, kind: str, handler: Handler) -> None:
        """Calls `handler` for every notice of `kind`."""
        self._handlers[kind].append(handler)

    @contextmanager
    def watch(self, target: UUID, *kinds: str) -> Iterator[asyncio.Event]:
        """An event that is set by every notice of these kinds about `target`, or about anything in the domain with
        that id; clear it before you look."""
        event = asyncio.Event()
        for kind in kinds:
            self._waiting[kind, target].add(event)
        try:
            yield event
        finally:
            for kind in kinds:
                self._waiting[kind, target].discard(event)
                if not self._waiting[kind, target]:
                    del self._waiting[kind, target]

    async def start(self) -> None:
        """Begins to listen. Returns when the first connection listens, or is being tried again."""
        self._task = asyncio.create_task(self._listen())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), 5)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        failures = 0
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self._link.conninfo(), autocommit=True)
                async with connection:
                    await connection.execute(f"listen {CHANNEL}")
                    failures = 0
                    self._heard.set()
                    await self._wake_all()
                    async for notification in connection.notifies():
                        await self._take(notification.payload)
            except psycopg.Error:
                self._log.warning("notices.lost", tries=failures + 1)
            await asyncio.sleep(_BACK_OFF[min(failures, len(_BACK_OFF) - 1)])
            failures += 1

    async def _take(self, payload: str) -> None:
        fields = json.loads(payload)
        target = UUID(fields["id"]) if "id" in fields else None
        notice = Notice(fields["kind"], UUID(fields["domain_id"]), target, fields["seq"])
        for about in (notice.domain_id, target):
            for event in self._waiting.get((notice.kind, about), ()) if about is not None else ():
                event.set()
        for handler in self._handlers[notice.kind]:
            await self._call(handler, notice)

    async def _wake_all(self) -> None:
        for (kind, _), events in self._waiting.items():
            for event in events if kind not in PASSING else ():
                event.set()
        for handlers in self._handlers.values():
            for handler in handlers:
                await self._call(handler, None)

    async def _call(self, handler: Handler, notice: Notice | None) -> None:
        try:
            await handler(notice)
        except Exception:
            self._log.error("notices.handler_failed", exc_info=True)

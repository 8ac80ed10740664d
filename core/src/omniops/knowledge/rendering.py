"""Pages that are built by scripts, through a plugin's browser. It is started for the first page that needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from omniops.contracts.knowledge import Fetcher, Rendering
from omniops.errors import NotReachable, OmniOpsError
from omniops.gate.grants import Grant
from omniops.gate.proxy import loopback_proxy
from omniops.gate.service import Gate

LONGEST = 60.0
"""Seconds for one page, the start of the browser included."""
MOST_FAILURES = 3
"""One after the other; then this crawl does without."""


class Renderer:
    """One page at a time. A browser that failed is ended, and started anew for the next page."""

    def __init__(self, gate: Gate, grant: Grant, fetchers: Sequence[Fetcher], *, user_agent: str) -> None:
        self._gate = gate
        self._grant = grant
        self._fetcher = next(iter(fetchers), None)
        self._user_agent = user_agent
        self._turn = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._rendering: Rendering | None = None
        self._failures = 0

    @property
    def there(self) -> bool:
        """Whether pages can be rendered."""
        return self._fetcher is not None and self._failures < MOST_FAILURES

    async def page(self, url: str) -> bytes:
        """The page's HTML after its scripts ran. Raises `NotReachable` with what went wrong."""
        async with self._turn:
            try:
                async with asyncio.timeout(LONGEST):
                    rendering = self._rendering or await self._open()
                    html = await rendering.page(url)
            except Exception as error:  # a plugin's: whatever it is, the crawl goes on
                self._failures += 1
                await self._end()
                said = error.message if isinstance(error, OmniOpsError) else f"{type(error).__name__}: {error}"
                raise NotReachable(f"The browser did not read it: {said[:200]}") from error
            self._failures = 0
            return html.encode("utf-8", "replace")

    async def _open(self) -> Rendering:
        assert self._fetcher is not None
        proxy = await self._stack.enter_async_context(loopback_proxy(self._gate, self._grant))
        self._rendering = await self._stack.enter_async_context(self._fetcher.open(proxy, self._user_agent))
        return self._rendering

    async def _end(self) -> None:
        stack, self._stack, self._rendering = self._stack, AsyncExitStack(), None
        await stack.aclose()

    async def close(self) -> None:
        async with self._turn:
            await self._end()

"""Server-sent events: a sign of life every 15 seconds, and an end when the server stops or the reader leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from omniops.errors import OmniOpsError

T = TypeVar("T")
PING_SECONDS = 15.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def event(kind: str, data: str, place: int | UUID) -> bytes:
    """One event on the wire. Behind `place` a cut stream is taken up again."""
    return format_sse_event(data_str=data, event=kind, id=str(place))


def respond(items: AsyncIterator[T], encode: Callable[[T], bytes], stopping: asyncio.Event) -> StreamingResponse:
    """Streams `items`. When the reader leaves, the iterator is closed at once."""
    return StreamingResponse(_stream(items, encode, stopping), headers=HEADERS, media_type="text/event-stream")


async def _stream(
    items: AsyncIterator[T], encode: Callable[[T], bytes], stopping: asyncio.Event
) -> AsyncIterator[bytes]:
    stop = asyncio.ensure_future(stopping.wait())
    following: asyncio.Future[T] | None = None
    try:
        while True:
            following = following or asyncio.ensure_future(anext(items))
            waiting: set[asyncio.Future[Any]] = {following, stop}
            await asyncio.wait(waiting, timeout=PING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                try:
                    item = following.result()
                except StopAsyncIteration:
                    return
                except OmniOpsError:
                    return  # the stream ends without its terminal event; the reader resumes or reads the history
                following = None
                yield encode(item)
            elif stop.done():
                return
            else:
                yield b": ping\n\n"
    finally:
        stop.cancel()
        if following is not None:
            following.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration, OmniOpsError):
                await following
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()

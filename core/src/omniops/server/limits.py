"""How much a visitor may write and follow: by session, by the network that it comes from, and by domain."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from typing import Annotated, Generic, TypeVar, cast
from uuid import UUID

from fastapi import Depends, Request

from omniops.accounts.throttle import Limit
from omniops.conversation.visitors import Visitor
from omniops.errors import Throttled
from omniops.server.permissions import CurrentVisitor, runtime_of

T = TypeVar("T")
MINUTE = 60


def network_of(request: Request) -> str:
    """The visitor's network, coarse on purpose: /24 or /48. Hashed with a key before it is counted."""
    host = request.client.host if request.client else ""
    return ".".join(host.split(".")[:3]) if "." in host else ":".join(host.split(":")[:3])


async def writing_visitor(request: Request, visitor: CurrentVisitor) -> Visitor:
    """The visitor of a request that changes something, counted. Raises `Throttled`."""
    runtime = runtime_of(request)
    settings = runtime.settings
    await runtime.throttle.hit_all(
        [
            Limit("visitor session", str(visitor.session_id), settings.visitor_writes, MINUTE),
            Limit("visitor network", network_of(request), settings.visitor_network_writes, MINUTE),
            Limit("visitor domain", str(visitor.scope.domain_id), settings.visitor_domain_writes, MINUTE),
        ]
    )
    return visitor


WritingVisitor = Annotated[Visitor, Depends(writing_visitor)]


class Streams:
    """The streams that are open in this process, by session."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[UUID] = Counter()

    def check(self, visitor: Visitor) -> None:
        """Raises `Throttled` when the session has its most streams open: before anything is stored for another one."""
        if self._open[visitor.session_id] >= self._most:
            raise Throttled("Too many streams of this chat are open.", do="Close one.", retry_after=5)

    def seated(self, visitor: Visitor, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """`items`, counted until they are closed, or dropped without ever being read."""
        self._open[visitor.session_id] += 1
        seated = _Seated(items)
        seated.leave = weakref.finalize(seated, self._leave, visitor.session_id)
        return seated

    def _leave(self, session_id: UUID) -> None:
        self._open[session_id] -= 1
        if self._open[session_id] <= 0:
            del self._open[session_id]


class _Seated(Generic[T]):
    """Hands on what it is asked for, without a step of its own in between: streams are read chunk by chunk."""

    leave: weakref.finalize  # type: ignore[type-arg]

    def __init__(self, items: AsyncIterator[T]) -> None:
        self._items = items

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    def __anext__(self) -> Awaitable[T]:
        return self._items.__anext__()

    async def aclose(self) -> None:
        self.leave()
        close = getattr(self._items, "aclose", None)
        if close is not None:
            await close()


async def streams_of(request: Request) -> Streams:
    return cast("Streams", request.app.state.streams)


OpenStreams = Annotated[Streams, Depends(streams_of)]

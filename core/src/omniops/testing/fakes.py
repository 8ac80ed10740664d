"""A plugin's context for tests: full implementations of the contracts, over nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import UUID

from omniops.contracts.ids import SystemClock, new_id
from omniops.contracts.integration import Link
from omniops.contracts.knowledge import Encoder
from omniops.contracts.plugin import GateDoor, LinkDoor, PluginContext
from omniops.contracts.scope import Scope
from omniops.errors import EgressRefused, NotReady, Refused

if TYPE_CHECKING:
    import httpx2
    from sqlmodel.ext.asyncio.session import AsyncSession


class ManualClock:
    """A clock that stands still until a test moves it. It begins now, so that it agrees with the database's."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        return self._now

    def forward(self, **by: float) -> None:
        """Moves on by `timedelta(**by)`."""
        self._now += timedelta(**by)


class RecordingLog:
    """Keeps what was logged, for tests to read."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []

    def _add(self, level: str, event: str, fields: dict[str, Any]) -> None:
        self.events.append((level, event, fields))
        logging.getLogger("omniops.testing").debug("%s %s", level, event)

    def debug(self, event: str, **fields: Any) -> None:
        self._add("debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        self._add("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._add("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self._add("error", event, fields)


class ShutVault:
    """A vault that holds nothing, so everything is refused and nothing is found."""

    async def open(self, rows: Sequence[Any], *, purpose: str) -> NoReturn:
        raise Refused("There is no vault in this test.", reason="no_vault")

    async def find(self, domain_id: UUID, kind: str, value: str) -> None:
        return None


class ShutGate:
    """A gate through which nothing leaves."""

    def http(
        self,
        processor: str,
        *,
        purpose: str,
        categories: Sequence[str] = (),
        subjects: Sequence[UUID] = (),
        scope: Scope | None = None,
        host: str | None = None,
    ) -> NoReturn:
        raise EgressRefused("There is no gate in this test.", reason="no_gate")

    def dial(self, processor: str, host: str, port: int, **options: Any) -> NoReturn:
        raise EgressRefused("There is no gate in this test.", reason="no_gate")


class AnsweringGate:
    """A gate whose other side is a function: every request reaches `answer`, and `requests` keeps them in order.

    Nothing leaves the process. The real gate also refuses hosts that the plugin did not declare; this one asks only
    that the processor is among `processors`, where they are given.
    """

    def __init__(self, answer: Callable[[httpx2.Request], httpx2.Response], *, processors: Sequence[str] = ()) -> None:
        self.requests: list[httpx2.Request] = []
        self._answer = answer
        self._processors = processors

    def http(
        self,
        processor: str,
        *,
        purpose: str,
        categories: Sequence[str] = (),
        subjects: Sequence[UUID] = (),
        scope: Scope | None = None,
        host: str | None = None,
    ) -> httpx2.AsyncClient:
        import httpx2

        if self._processors and processor not in self._processors:
            raise EgressRefused(f"{processor!r} is no declared processor.", reason="unknown_processor")
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._respond))

    def dial(self, processor: str, host: str, port: int, **options: Any) -> NoReturn:
        raise EgressRefused("The other side of this test speaks HTTP.", reason="no_gate")

    def _respond(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return self._answer(request)


class GivenLinks:
    """A domain's connections of the plugin, as a test gives them."""

    def __init__(self, *links: Link) -> None:
        self._links = links

    async def of(self, scope: Scope, kind: str = "") -> Sequence[Link]:
        return [link for link in self._links if link.scope == scope and kind in ("", link.kind)]


def link_of(
    connection: Any,
    *,
    scope: Scope | None = None,
    kind: str = "",
    granted: Sequence[str] = (),
    features: Sequence[str] = (),
    memory: Mapping[str, str] | None = None,
) -> Link:
    """A connection at work, whose memory is a dictionary of its own: `memory` of the link shows what was written."""
    kept = dict(memory or {})

    async def remember(changes: Mapping[str, str | None], *, session: AsyncSession | None = None) -> None:
        kept.update({name: value for name, value in changes.items() if value is not None})
        for name in [name for name, value in changes.items() if value is None]:
            kept.pop(name, None)

    async def fresh() -> Any:
        return connection

    link_id = new_id()
    return Link(
        id=link_id,
        scope=scope or Scope(new_id(), new_id()),
        kind=kind,
        connection=connection,
        granted=frozenset(granted),
        features=frozenset(features),
        webhook_url=f"https://omniops.example/webhooks/{kind or 'plugin'}/{link_id}",
        memory=kept,
        remember=remember,
        fresh=fresh,
    )


def no_sessions(scope: Scope) -> AbstractAsyncContextManager[Any]:
    """Sessions of a database that is not there."""
    raise NotReady("There is no database in this test.")


def no_encoder() -> Encoder | None:
    return None


def context(
    name: str, settings: Any, *, folder: Path, gate: GateDoor | None = None, links: LinkDoor | None = None
) -> PluginContext:
    """A context whose doors are shut, unless a gate or connections are given: for tests of what a plugin does by
    itself."""
    return PluginContext(
        name=name,
        settings=settings,
        gate=gate or ShutGate(),
        session=no_sessions,
        vault=ShutVault(),
        clock=SystemClock(),
        log=RecordingLog(),
        folder=folder,
        encoder=no_encoder,
        links=links or GivenLinks(),
    )

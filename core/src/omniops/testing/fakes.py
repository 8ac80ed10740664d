"""A plugin's context for tests: full implementations of the contracts, over nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import UUID

from omniops.contracts.ids import SystemClock
from omniops.contracts.knowledge import Encoder
from omniops.contracts.plugin import GateDoor, PluginContext
from omniops.contracts.scope import Scope
from omniops.errors import EgressRefused, NotReady, Refused

if TYPE_CHECKING:
    import httpx2


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


def no_sessions(scope: Scope) -> AbstractAsyncContextManager[Any]:
    """Sessions of a database that is not there."""
    raise NotReady("There is no database in this test.")


def no_encoder() -> Encoder | None:
    return None


def context(name: str, settings: Any, *, folder: Path, gate: GateDoor | None = None) -> PluginContext:
    """A context whose doors are shut, unless a gate is given: for tests of what a plugin does by itself."""
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
    )

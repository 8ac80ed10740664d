"""A plugin's context for tests: full implementations of the contracts, over nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

from omniops.contracts.ids import SystemClock
from omniops.contracts.knowledge import Encoder
from omniops.contracts.plugin import PluginContext
from omniops.contracts.scope import Scope
from omniops.errors import EgressRefused, NotReady, Refused


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
        self, processor: str, *, purpose: str, categories: Sequence[str] = (), subjects: Sequence[UUID] = ()
    ) -> NoReturn:
        raise EgressRefused("There is no gate in this test.", reason="no_gate")


def no_sessions(scope: Scope) -> AbstractAsyncContextManager[Any]:
    """Sessions of a database that is not there."""
    raise NotReady("There is no database in this test.")


def no_encoder() -> Encoder | None:
    return None


def context(name: str, settings: Any, *, folder: Path) -> PluginContext:
    """A context whose doors are shut: for tests of what a plugin does by itself."""
    return PluginContext(
        name=name,
        settings=settings,
        gate=ShutGate(),
        session=no_sessions,
        vault=ShutVault(),
        clock=SystemClock(),
        log=RecordingLog(),
        folder=folder,
        encoder=no_encoder,
    )

"""The two doors as one plugin sees them: the vault and the gate, limited to what the plugin declared."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast
from uuid import UUID

import httpx2

from omniops.connections.service import Connections
from omniops.contracts.ids import SystemClock
from omniops.contracts.integration import Link
from omniops.contracts.knowledge import Encoder
from omniops.contracts.plugin import Opened, PluginContext
from omniops.contracts.scope import Actor, Scope
from omniops.errors import ConfigError
from omniops.gate.addresses import parse_target
from omniops.gate.grants import Grant
from omniops.gate.http import client as gate_client
from omniops.gate.service import Gate
from omniops.gate.sockets import CountedSocket, StartTLS, dialled
from omniops.knowledge.encoders import Encoders
from omniops.logs import logger
from omniops.privacy.register import ProcessorRegister
from omniops.vault.service import Vault


@dataclass(slots=True)
class Rooms:
    """What contexts reach and what is built after them: plugins are constructed before the register of their own
    declarations can exist, so contexts hold this and look when they are used."""

    vault: Vault | None = None
    gate: Gate | None = None
    register: ProcessorRegister | None = None
    encoders: Encoders | None = None
    connections: Connections | None = None

    def encoder(self) -> Encoder | None:
        return self.encoders() if self.encoders is not None else None


class PluginVault:
    """The vault for one plugin, limited to the purposes of its declaration; there is none before it declared."""

    def __init__(self, name: str, rooms: Rooms) -> None:
        self._name = name
        self._rooms = rooms

    async def open(self, rows: Sequence[Any], *, purpose: str) -> Opened:
        vault, actor = self._door()
        return cast("Opened", await vault.open(rows, purpose=purpose, actor=actor))

    async def find(self, domain_id: UUID, kind: str, value: str) -> UUID | None:
        vault, _ = self._door()
        return await vault.find(domain_id, kind, value)

    def _door(self) -> tuple[Vault, Actor]:
        vault, register = self._rooms.vault, self._rooms.register
        if vault is None or register is None:
            raise ConfigError(f"Plugin {self._name!r} used the vault before it was constructed.")
        return vault, Actor.plugin(self._name, register.purposes_of(self._name))


class PluginGate:
    """The gate for one plugin: its own processors only."""

    def __init__(self, name: str, rooms: Rooms) -> None:
        self._name = name
        self._rooms = rooms

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
        return gate_client(*self._granted(processor, purpose, categories, subjects, scope, host))

    def dial(
        self,
        processor: str,
        host: str,
        port: int,
        *,
        purpose: str,
        categories: Sequence[str] = (),
        subjects: Sequence[UUID] = (),
        starttls: StartTLS | None = None,
        scope: Scope | None = None,
    ) -> AbstractAsyncContextManager[CountedSocket]:
        gate, grant = self._granted(processor, purpose, categories, subjects, scope)
        return dialled(gate, grant, host, port, starttls=starttls)

    def _granted(
        self,
        processor: str,
        purpose: str,
        categories: Sequence[str],
        subjects: Sequence[UUID],
        scope: Scope | None = None,
        host: str | None = None,
    ) -> tuple[Gate, Grant]:
        entry = self._rooms.register.get(processor) if self._rooms.register else None
        if entry is None or entry.plugin != self._name:
            raise ConfigError(f"Plugin {self._name!r} declares no processor {processor!r}.")
        if host is not None and not entry.processor.connected_host:
            raise ConfigError(f"The hosts of {processor!r} are those that it declares; no other can be given.")
        hosts = frozenset({parse_target(host, 443).host}) if host is not None else frozenset[str]()
        assert self._rooms.gate is not None
        return self._rooms.gate, Grant(processor, purpose, scope, tuple(categories), tuple(subjects), hosts)


class PluginLinks:
    """The connections of one plugin, at work."""

    def __init__(self, name: str, rooms: Rooms) -> None:
        self._name = name
        self._rooms = rooms

    async def of(self, scope: Scope, kind: str = "") -> Sequence[Link]:
        if self._rooms.connections is None:
            raise ConfigError(f"Plugin {self._name!r} used its connections before it was constructed.")
        return await self._rooms.connections.links(scope, self._name, kind)


def shut_context(data: Path, name: str, values: Any) -> PluginContext:
    """A context before there is a database: settings, clock, log and folder are real, every door is shut."""
    nothing = Rooms()

    def no_session(scope: Scope) -> NoReturn:
        raise ConfigError(f"Plugin {name!r} used the database before there was one.")

    return PluginContext(
        name=name,
        settings=values,
        gate=PluginGate(name, nothing),
        session=no_session,
        vault=PluginVault(name, nothing),
        clock=SystemClock(),
        log=logger(f"plugin.{name}"),
        folder=data / "plugins" / name,
        encoder=nothing.encoder,
        links=PluginLinks(name, nothing),
    )

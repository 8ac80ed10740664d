"""What a plugin says of itself before it is constructed, and what it is given when it is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from omniops.contracts.ids import Clock
from omniops.contracts.scope import Scope

if TYPE_CHECKING:
    import ssl

    import httpx2
    from sqlmodel.ext.asyncio.session import AsyncSession

    from omniops.contracts.integration import Link
    from omniops.contracts.knowledge import Encoder


@dataclass(frozen=True, slots=True)
class Info:
    """A plugin's catalogue entry.

    `omniops` is the range of core versions that it works with, a PEP 440 specifier such as `>=0.1,<0.2`; a wrong or
    unparsable one is refused. `needs` names capabilities (hook names such as `mailers`), never other plugins.
    """

    title: str
    version: str
    omniops: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """What a check saw. `said` is one sentence for people: what was tried and what came back."""

    ok: bool
    said: str


class PluginSettings(BaseModel):
    """Base of a plugin's `Settings` (operator) and `Connection` (per account or domain).

    Unknown fields are errors. Every field needs a description; forms, docs and messages come from it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


class Opened(Protocol):
    """What `vault.open` returns: call it with a sealed value of one of the opened rows."""

    def __call__(self, value: Any, *, otherwise: Any = ...) -> Any: ...


class VaultDoor(Protocol):
    """The vault as one plugin sees it: acting as `plugin:NAME`, for its declared purposes only."""

    async def open(self, rows: Sequence[Any], *, purpose: str) -> Opened:
        """Decides, writes the audit entry, then returns the function that opens the rows' values."""

    async def find(self, domain_id: UUID, kind: str, value: str) -> UUID | None:
        """The subject with this exact identifier, or None."""


class GateDoor(Protocol):
    """The gate as one plugin sees it: clients that reach the hosts of its own declared processors only."""

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
        """An HTTP client for one processor and purpose. Close it, or use it in `async with`.

        Make one for each call: it costs next to nothing, and connections to the processor are kept for the next.
        `categories` and `subjects` say what goes along and about whom, `scope` for which domain: the ledger has it, and
        the gate finds by it whose law governs the transfer. Without a scope the strictest of all is taken.
        `host` is the one that a connection names, for a processor that is the business's own system and declares no
        hosts: nothing else is reached, and no address that is not public. Raises `ConfigError` for any other processor.
        A vendor's SDK takes the client as its own.
        """

    def dial(
        self,
        processor: str,
        host: str,
        port: int,
        *,
        purpose: str,
        categories: Sequence[str] = (),
        subjects: Sequence[UUID] = (),
        starttls: Literal["smtp"] | None = None,
        scope: Scope | None = None,
    ) -> AbstractAsyncContextManager[ssl.SSLSocket]:
        """A connection that speaks no HTTP, for libraries that take a socket; use it in `async with`.

        The socket is blocking, with a timeout of 15 seconds for each call: use it in `asyncio.to_thread`. TLS (1.3,
        unless the register names an exception) is done and the certificate checked before you get it; with
        `starttls="smtp"` the gate itself asks the mail server for TLS first (RFC 3207), and the greeting is behind you.
        Its bytes are counted into the ledger's entry, which is written before the first one.

        Raises `EgressRefused`, also for a server that speaks no such TLS, and `NotReachable`.
        """


class LinkDoor(Protocol):
    """The plugin's own connections, for hooks and tools: an integration's methods get theirs."""

    async def of(self, scope: Scope, kind: str = "") -> Sequence[Link]:
        """Those of a domain that work, of one integration or channel, or of all; the oldest first. Empty where the
        plugin is off."""


class Sessions(Protocol):
    """Scoped database sessions."""

    def __call__(self, scope: Scope) -> AbstractAsyncContextManager[AsyncSession]: ...


class Log(Protocol):
    """Structured logging: an event name and keyword fields, never personal data."""

    def debug(self, event: str, **fields: Any) -> Any: ...
    def info(self, event: str, **fields: Any) -> Any: ...
    def warning(self, event: str, **fields: Any) -> Any: ...
    def error(self, event: str, **fields: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class PluginContext:
    """Everything that a plugin may touch. Built by the runtime alone; tests pass their own."""

    name: str
    settings: Any
    gate: GateDoor
    session: Sessions
    vault: VaultDoor
    clock: Clock
    log: Log
    folder: Path
    """A folder of the plugin's own for models and caches. Never personal data."""
    encoder: EncoderSource
    """The sentence encoder that this deployment uses; call it when you need it."""
    links: LinkDoor
    """The plugin's connections at work."""


class EncoderSource(Protocol):
    """Gives the deployment's encoder, or None where none could be prepared."""

    def __call__(self) -> Encoder | None: ...

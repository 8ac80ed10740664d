"""Links to outside systems: what an integration must be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel

from omniops.contracts.plugin import Health


class Integration(ABC):
    """A link to an outside system. One `Connection` (the plugin's settings model) per domain."""

    name: ClassVar[str]
    title: ClassVar[str]
    processor: ClassVar[str]
    """Key of the declared processor that receives the data."""

    @abstractmethod
    async def check(self, connection: BaseModel) -> Health:
        """Tries the connection with a call that costs nothing and changes nothing. Runs before it is saved."""

    async def disconnect(self, connection: BaseModel) -> None:
        """Revokes what can be revoked at the other side, before the connection is deleted here."""


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A saved connection: which plugin, for which domain, when it was last seen to work, when something was heard."""

    id: UUID
    domain_id: UUID
    plugin: str
    state: Literal["connected", "needs_reauth"]
    checked_at: datetime | None
    listening: Literal["listening", "failing", "off"] | None = None
    """Of a channel that listens: whether it does, fails and tries again, or is switched off here. None: does not."""
    heard_at: datetime | None = None

"""The business's own keys of providers: connections of the plugin of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from omniops.connections.service import Connections
from omniops.contracts.plugin import PluginSettings
from omniops.contracts.scope import Scope


class Credentials(Protocol):
    """Where the router finds the keys of a business."""

    async def own(self, scope: Scope) -> Mapping[str, UUID]:
        """The domain's working connections by plugin; a provider with keys of businesses bears its plugin's name."""

    async def open(self, scope: Scope, connection_id: UUID) -> PluginSettings:
        """One of them in clear, for its own plugin."""

    async def refused(self, scope: Scope, connection_id: UUID) -> None:
        """The vendor refused it: it is marked until a person connects again."""


class Connected:
    """`Credentials` over the connections that the business made, each checked by a free call before it was saved."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def own(self, scope: Scope) -> Mapping[str, UUID]:
        found = await self._connections.all(scope)
        return {one.plugin: one.id for one in reversed(found) if one.state == "connected"}

    async def open(self, scope: Scope, connection_id: UUID) -> PluginSettings:
        return await self._connections.settings(scope, connection_id)

    async def refused(self, scope: Scope, connection_id: UUID) -> None:
        await self._connections.refused(scope, connection_id)

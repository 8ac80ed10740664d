"""Which connections may be worked with now."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from omniops.accounts.service import Accounts
from omniops.connections.kinds import Kinds
from omniops.connections.models import Connection
from omniops.connections.service import Connections
from omniops.contracts.scope import Scope


class Using:
    """What jobs and the intake ask before they work with a connection."""

    def __init__(self, accounts: Accounts, connections: Connections, kinds: Callable[[], Kinds]) -> None:
        self._accounts = accounts
        self._connections = connections
        self._kinds = kinds

    async def on(self, scope: Scope, connection_id: UUID) -> Connection | None:
        """The connection, where it is there and its plugin is on for its domain."""
        row = await self._connections.state(scope, connection_id)
        return row if row is not None and await self._accounts.is_on(scope, row.plugin) else None

    async def working(self, scope: Scope, connection_id: UUID) -> Connection | None:
        """The same, where no person has to connect again and its integration is there."""
        row = await self.on(scope, connection_id)
        fits = row is not None and row.state != "needs_reauth" and row.kind in self._kinds().integrations
        return row if fits else None

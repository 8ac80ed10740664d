"""The address books of connections, asked for one person at a time. Any plugin's, by the contract `Contacts` alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from omniops.accounts.service import Accounts
from omniops.connections.asking import away
from omniops.connections.kinds import Kinds
from omniops.connections.service import Connections
from omniops.contracts.contacts import Contact
from omniops.contracts.integration import ConnectionView
from omniops.contracts.scope import Scope


@dataclass(frozen=True, slots=True)
class AddressBook:
    """A connection whose address book may be asked."""

    connection_id: UUID
    title: str


class AddressBooks:
    """Of all domains."""

    def __init__(self, accounts: Accounts, connections: Connections, kinds: Callable[[], Kinds]) -> None:
        self._accounts = accounts
        self._connections = connections
        self._kinds = kinds

    async def all(self, scope: Scope) -> list[AddressBook]:
        """Those of connections that work and have it on."""
        switched = await self._accounts.switched(scope)
        return [
            AddressBook(one.id, self._connections.title(one.kind))
            for one in await self._connections.all(scope)
            if one.state != "needs_reauth" and switched.get(one.plugin) and self._feature(one) in _on(one)
        ]

    async def find(self, scope: Scope, connection_id: UUID, email: str, *, subjects: Sequence[UUID]) -> Contact | None:
        """The entry with this address. Raises `NotFound`, `NotReady` and `Reconnect`."""
        link = await self._connections.link(scope, connection_id)
        integration = self._kinds().integrations[link.kind]
        book = integration.contacts
        if book is None or book.feature not in link.features:
            return None
        async with away(integration):
            return await self._connections.used(scope, link, lambda link: book.find(link, email, subjects=subjects))

    def _feature(self, view: ConnectionView) -> str | None:
        integration = self._kinds().integrations.get(view.kind)
        return integration.contacts.feature if integration is not None and integration.contacts is not None else None


def _on(view: ConnectionView) -> frozenset[str]:
    return frozenset(one.key for one in view.features if one.on)

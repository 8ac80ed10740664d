"""Changes of our own. The shop tells of them as of any other, and they are no news."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from omniops.contracts.commerce import Order
from omniops.contracts.plugin import LinkDoor
from omniops.contracts.scope import Scope

from omniops_woocommerce.settings import Store
from omniops_woocommerce.webhooks import fingerprint

OWN = "own"
MOST_KEPT = 50
"""A change is told within minutes as a rule; who makes more than these in between is told of some of them."""


class Echoes:
    """Remembers with the connection what was changed by it, so that every process knows."""

    def __init__(self, links: LinkDoor) -> None:
        self._links = links

    async def made(self, scope: Scope, store: Store, order: Order) -> None:
        """The order is as it is by a change of ours."""
        if order.updated_at is None:
            return
        mark = fingerprint(f"order:{order.id}", order.updated_at)
        for link in await self._links.of(scope, "woocommerce"):
            if link.connection.url == store.url:
                kept = [*known(link.memory), mark][-MOST_KEPT:]
                await link.remember({OWN: " ".join(kept)})


def known(memory: Mapping[str, str]) -> Collection[str]:
    """The fingerprints that a connection remembers, the oldest first."""
    return memory.get(OWN, "").split()

"""Orders beside a conversation: asked of the shop when a person looks, kept nowhere, and on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from omniops.audit.service import Audit, Entry
from omniops.contracts.commerce import Order
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.service import OrderAccess, ShopOf


@dataclass(frozen=True, slots=True)
class ShopOrders:
    """The orders that a conversation is about, newest first. `shop` is the shop's name; None: none is connected.
    `known` says whether anything shows who the customer is."""

    shop: str | None
    known: bool
    orders: Sequence[Order]


class ConversationOrders:
    """What the people of the business see of orders: those of the customer whom the business vouches for, and those
    that a code showed in this conversation at any time. A person sees no more orders here than their visitor proved."""

    def __init__(self, shop: ShopOf, access: OrderAccess, audit: Audit) -> None:
        self._shop = shop
        self._access = access
        self._audit = audit

    async def of(self, scope: Scope, conversation_id: UUID, *, actor: Actor) -> ShopOrders:
        """Raises `NotFound` for a conversation that is not there, `NotReady` where the shop does not answer."""
        shop = await self._shop(scope)
        plugin = shop.plugin if shop is not None else ""
        holder = await self._access.holder(scope, conversation_id, plugin, ever=True, actor=actor)
        if shop is None or not shop.offers.orders:
            return ShopOrders(None, holder.known, ())
        # Written before the shop is asked: what cannot be put on record is not read.
        detail = {"conversation": str(conversation_id), "plugin": shop.plugin}
        await self._audit.write(Entry(scope.account_id, str(actor), "order.read", "conversation", detail=detail))
        orders = await self._access.orders(shop.about(holder.subject_id, holder.language), holder)
        return ShopOrders(shop.commerce.title, holder.known, orders)

"""Which e-mail address of a visitor was proved: by the business, which vouches for it in a signed token, or by a code
that came to it. What somebody writes, or a channel says of a sender, proves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from omniops.contracts.scope import Actor, Scope
from omniops.conversation.models import Conversation
from omniops.conversation.orders.access import OrderAccess
from omniops.conversation.orders.shops import ShopOf
from omniops.conversation.visitors import identity_of
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.vault.service import Vault

PURPOSE = "support.provide"


@dataclass(frozen=True, slots=True)
class Proven:
    """Whose address it is, and how it was proved."""

    subject_id: UUID
    email: str
    how: Literal["business", "order"]


class ProvenAddresses:
    """Of all conversations."""

    def __init__(self, database: Database, vault: Vault, access: OrderAccess, shop: ShopOf) -> None:
        self._database = database
        self._vault = vault
        self._access = access
        self._shop = shop

    async def of(self, scope: Scope, conversation_id: UUID, *, actor: Actor) -> Proven | None:
        """None where none was proved, or may not be used. Raises `NotFound`, and `NotReady` where the shop of an order
        does not answer."""
        async with self._database.session(scope) as session:
            conversation = await session.get(Conversation, (scope.domain_id, conversation_id))
            if conversation is None:
                raise NotFound("There is no such conversation.")
            identity = await identity_of(session, scope, conversation.subject_id)
        if identity is not None and identity.email is not None:
            opened = await self._vault.open([identity], purpose=PURPOSE, actor=actor)
            email = opened(identity.email, otherwise=None)
            return Proven(conversation.subject_id, email, "business") if email else None
        return await self._by_order(scope, conversation_id, actor)

    async def _by_order(self, scope: Scope, conversation_id: UUID, actor: Actor) -> Proven | None:
        """The address of the order that a code showed last: the code went there and nowhere else."""
        shop = await self._shop(scope)
        if shop is None or not shop.offers.orders:
            return None
        holder = await self._access.holder(scope, conversation_id, shop.plugin, ever=True, actor=actor)
        asked = shop.about(holder.subject_id, holder.language)
        for number in holder.numbers:
            order = await asked.order(number)
            if order is not None and order.email.strip():
                return Proven(holder.subject_id, order.email.strip(), "order")
        return None

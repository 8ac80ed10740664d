"""Which orders a conversation may see: its customer's own, by signed identity, and those that a code showed."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from omniops.contracts.commerce import Order
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.tools import Customer
from omniops.conversation.models import Conversation
from omniops.conversation.orders.checks import ACTOR, OrderChecks
from omniops.conversation.orders.shops import Shop, same_number
from omniops.conversation.visitors import identity_of
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.vault.service import Vault

PURPOSE = "support.provide"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose orders a conversation may see. `numbers` were shown by a code."""

    subject_id: UUID
    language: str
    customer: Customer | None
    numbers: tuple[str, ...]

    @property
    def known(self) -> bool:
        return self.customer is not None or bool(self.numbers)


class OrderAccess:
    """Asked for each order anew, by the conversation alone: neither what a visitor writes nor what a model asks for can
    widen it."""

    def __init__(self, database: Database, vault: Vault, checks: OrderChecks) -> None:
        self._database = database
        self._vault = vault
        self._checks = checks

    async def holder(
        self, scope: Scope, conversation_id: UUID, plugin: str, *, ever: bool = False, actor: Actor = ACTOR
    ) -> Holder:
        """Raises `NotFound` where there is no such conversation. `ever`: also what a code showed before."""
        async with self._database.session(scope) as session:
            conversation = await session.get(Conversation, (scope.domain_id, conversation_id))
            if conversation is None:
                raise NotFound("There is no such conversation.")
            identity = await identity_of(session, scope, conversation.subject_id)
        customer = None
        if identity is not None:
            opened = await self._vault.open([identity], purpose=PURPOSE, actor=actor)
            external_id = opened(identity.external_id, otherwise=None)
            method: Literal["jwt", "hash"] = "jwt" if identity.method == "jwt" else "hash"
            customer = Customer(external_id, method) if external_id else None
        numbers = await self._checks.numbers(scope, conversation_id, ever=ever, plugin=plugin, actor=actor)
        return Holder(conversation.subject_id, conversation.language, customer, tuple(dict.fromkeys(numbers.values())))

    async def order(self, shop: Shop, holder: Holder, number: str) -> Order:
        """One order of the holder. Raises `NotFound` in the same words, and after the same work, for one that is not
        there and for one that is somebody else's; the shop is not even asked where it could be nobody's."""
        shown = any(same_number(number, known) for known in holder.numbers)
        order = await shop.order(number) if shown or holder.customer is not None else None
        if order is not None and (shown or _is_of(order, holder.customer)):
            return order
        raise NotFound("There is no order of this number that this customer may see.")

    async def orders(self, shop: Shop, holder: Holder) -> list[Order]:
        """All orders of the holder, newest first."""
        found = list(await shop.orders(holder.customer)) if holder.customer is not None else []
        for number in holder.numbers:
            if not any(same_number(order.number, number) for order in found):
                order = await shop.order(number)
                found += [order] if order is not None else []
        return sorted(found, key=lambda order: order.placed_at, reverse=True)


def _is_of(order: Order, customer: Customer | None) -> bool:
    return customer is not None and hmac.compare_digest(order.customer_id.encode(), customer.external_id.encode())

"""The shop of a domain, asked within its time and in words that say nothing of it where it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar
from uuid import UUID

from omniops.contracts.commerce import Commerce, Offers, Order, Policy, Product, ShopUse, Wish
from omniops.contracts.integration import Link
from omniops.contracts.scope import Scope
from omniops.contracts.tools import Customer
from omniops.errors import NotFound, NotReachable, NotReady, Reconnect, Refused

T = TypeVar("T")
TIMEOUT = 10.0
"""Seconds that a shop has for one answer."""
NEWEST = 10
"""Orders of one customer that are looked at."""
MOST_PRODUCTS = 6
"""Products of one search."""


class Through(Protocol):
    """Runs work over a connection: once more with new credentials where the old ones are refused, and where
    that does not help either the connection waits for a person, who is told."""

    async def __call__(self, work: Callable[[Link], Awaitable[T]], /) -> T: ...


@dataclass(frozen=True, slots=True)
class Shop:
    """A connected shop, with what it is asked with."""

    commerce: Commerce
    plugin: str
    use: ShopUse
    through: Through

    @property
    def offers(self) -> Offers:
        return self.commerce.offers(self.use)

    def about(self, subject_id: UUID, language: str) -> Shop:
        """The same shop, asked about one person."""
        return replace(self, use=replace(self.use, subjects=(subject_id,), language=language[:2].lower() or "en"))

    async def search(self, words: str) -> Sequence[Product]:
        """Products that fit the words."""
        return (await self._asked(lambda use: self.commerce.search(use, words, limit=MOST_PRODUCTS))).items[
            :MOST_PRODUCTS
        ]

    async def product(self, product_id: str) -> Product:
        """Raises `NotFound`."""
        return await self._asked(lambda use: self.commerce.product(use, product_id))

    async def policies(self) -> Sequence[Policy]:
        return await self._asked(lambda use: self.commerce.policies(use))

    async def order(self, number: str) -> Order | None:
        """The order of exactly this number. What a plugin gives beside it counts for nothing."""
        try:
            order = await self._asked(lambda use: self.commerce.order(use, number))
        except NotFound:
            return None
        return order if same_number(order.number, number) else None

    async def orders(self, customer: Customer) -> Sequence[Order]:
        """The customer's newest orders. One that the shop does not say to be theirs is left out."""
        found = await self._asked(lambda use: self.commerce.orders(use, customer, limit=NEWEST))
        return [order for order in found if order.customer_id == customer.external_id][:NEWEST]

    async def act(self, order: Order, wish: Wish, *, key: str) -> str:
        """Does it, and says what was done. Raises `Rejected` where the shop does not do it."""
        return (await self._asked(lambda use: self.commerce.act(use, order, wish, key=key))).said

    async def _asked(self, call: Callable[[ShopUse], Awaitable[T]]) -> T:
        """Raises `NotReady` for whatever keeps the shop from answering."""

        async def ask(link: Link) -> T:
            use = replace(self.use, connection=link.connection, features=link.features)
            async with asyncio.timeout(TIMEOUT):  # of the shop alone: a renewal of access is never cut off
                return await call(use)

        try:
            return await self.through(ask)
        except (TimeoutError, NotReady, NotReachable, Reconnect, Refused) as error:
            raise NotReady("The shop does not answer at the moment.", do="Try again later.") from error


ShopOf = Callable[[Scope], Awaitable[Shop | None]]
"""The connected shop of a domain, or None."""


def plain_number(text: str) -> str:
    """An order number as it is compared: without the number sign, outer space and case."""
    return text.strip().lstrip("#").strip().casefold()


def same_number(one: str, other: str) -> bool:
    return plain_number(one) == plain_number(other)

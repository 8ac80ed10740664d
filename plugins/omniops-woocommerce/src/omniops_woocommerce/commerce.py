"""The shop as core asks it: live, and nothing of it is kept here but its currency, for some minutes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from omniops.contracts.commerce import (
    Acted,
    Action,
    Commerce,
    Offers,
    Order,
    Policy,
    Product,
    Products,
    ShopUse,
    Wish,
)
from omniops.contracts.plugin import PluginContext
from omniops.contracts.tools import Customer
from omniops.errors import NotFound, Rejected

from omniops_woocommerce import mapping
from omniops_woocommerce.acting import Acting
from omniops_woocommerce.client import MOST, Asking, Client
from omniops_woocommerce.echoes import Echoes
from omniops_woocommerce.listing import SEEN, everything, variations
from omniops_woocommerce.settings import Store

SUPPORT = "support.provide"
WORDS, NUMBER = "user.content.chat", "contact.external_id"
FEW = 30
"""Variants of a product that words found: as many as are told. Of a whole list as many as one page of them holds."""
KEPT = timedelta(minutes=10)
"""How long a shop's currency is believed."""
MOST_KEPT = 1000
MOST_PAGES = 3
"""Pages of a search for an order's number: who has more that look like it uses numbers that are none."""
_ID = re.compile(r"[1-9][0-9]{0,17}")
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}")
_CURSOR = re.compile(r"[1-9][0-9]{0,5}")


class WooCommerce(Commerce):
    name = "woocommerce"
    title = "WooCommerce"

    def __init__(self, context: PluginContext, client: Client) -> None:
        self._clock = context.clock
        self._client = client
        self._acting = Acting(client, Echoes(context.links))
        self._currencies: dict[str, tuple[datetime, str | None]] = {}

    def offers(self, use: ShopUse) -> Offers:
        """Terms of the shop are pages of its website; wc/v3 has none of them as data."""
        changes = (Action("cancel"), Action("change_address", "write"), Action("refund"))
        return Offers(
            products="products" in use.features,
            orders="orders" in use.features,
            actions=changes if "changes" in use.features else (),
        )

    async def search(self, use: ShopUse, text: str, *, cursor: str | None = None, limit: int = 10) -> Products:
        words, size = " ".join(text.split()), min(max(limit, 1), MOST - 1)
        if words:
            asking, most = _asking(use, WORDS), FEW
            rows, place = await self._found(asking, words, cursor, size)
        else:
            asking, most = _asking(use), MOST
            rows, place = await everything(self._client, asking, cursor, size)
        currency = await self._currency(use)
        found = {row["id"]: one for row in rows if (one := mapping.product(row, currency, _store(use).url)) is not None}
        several = [row["id"] for row in rows if row.get("id") in found and row.get("type") == "variable"]
        told = await variations(self._client, _asking(use), several, most)
        items = [
            replace(one, variants=mapping.variants(told.get(number, ()), currency)) for number, one in found.items()
        ]
        return Products(tuple(items), place)

    async def _found(
        self, asking: Asking, words: str, cursor: str | None, size: int
    ) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """Products that the shop finds for the words; for a single word that finds none, what has it as its number."""
        if cursor is not None and not _CURSOR.fullmatch(cursor):
            raise Rejected("This is no place in a search.", code="bad_cursor")
        number = int(cursor or 1)
        wanted: dict[str, Any] = {**SEEN, "orderby": "popularity", "per_page": size, "page": number}
        rows, more = await self._client.page(asking, "products", **wanted, search=words)
        if not rows and number == 1 and " " not in words:
            rows, more = await self._client.page(asking, "products", **wanted, sku=words)
        return rows, str(number + 1) if more else None

    async def product(self, use: ShopUse, product_id: str) -> Product:
        if not _ID.fullmatch(product_id):
            raise NotFound("There is no such product.")
        asking, path = _asking(use), f"products/{product_id}"
        row = await self._client.get(asking, path, _fields=mapping.PRODUCT_FIELDS)
        variations = (
            [one async for one in self._client.pages(asking, f"{path}/variations", _fields=mapping.VARIATION_FIELDS)]
            if row.get("type") == "variable"
            else ()
        )
        found = mapping.product(row, await self._currency(use), _store(use).url, variations)
        if found is None:
            raise NotFound("There is no such product.")
        return found

    async def order(self, use: ShopUse, number: str) -> Order:
        """As a rule an order's number is its id; with an extension for numbers it is not, and only a search finds it.
        Both give what merely looks like it as well, so the number itself decides."""
        wanted = number.strip().lstrip("#").strip()
        if not _NUMBER.fullmatch(wanted):
            raise NotFound("There is no such order.")
        asking = _asking(use, NUMBER)
        if _ID.fullmatch(wanted):
            try:
                row = await self._client.get(asking, f"orders/{wanted}", _fields=mapping.ORDER_FIELDS)
            except NotFound:
                row = {}
            if (found := _exact(row, wanted)) is not None:
                return found
        for page in range(1, MOST_PAGES + 1):
            rows, more = await self._client.page(
                asking, "orders", search=wanted, per_page=MOST, page=page, _fields=mapping.ORDER_FIELDS
            )
            for row in rows:
                if (found := _exact(row, wanted)) is not None:
                    return found
            if not more:
                break
        raise NotFound("There is no such order.")

    async def orders(self, use: ShopUse, customer: Customer, *, limit: int = 10) -> Sequence[Order]:
        if not _ID.fullmatch(customer.external_id):
            return ()
        rows, _ = await self._client.page(
            _asking(use, NUMBER),
            "orders",
            customer=customer.external_id,
            orderby="date",
            order="desc",
            per_page=min(max(limit, 1), MOST),
            _fields=mapping.ORDER_FIELDS,
        )
        found = [order for row in rows if (order := mapping.order(row)) is not None]
        own = [order for order in found if order.customer_id == customer.external_id]
        return sorted(own, key=lambda order: order.placed_at, reverse=True)[:limit]

    async def policies(self, use: ShopUse) -> Sequence[Policy]:
        return ()

    async def act(self, use: ShopUse, order: Order, wish: Wish, *, key: str) -> Acted:
        return await self._acting.act(_asking(use, NUMBER, WORDS), order, wish, key)

    async def _currency(self, use: ShopUse) -> str | None:
        """The currency of what visitors see as price. None where it is not known, and where the shop shows prices with
        tax that it keeps without, or the other way round: then a kept price would be a wrong one."""
        url, now = _store(use).url, self._clock.now()
        until, currency = self._currencies.get(url, (now, None))
        if until > now:
            return currency
        asking = _asking(use)
        general = await self._client.settings(asking, "general") or {}
        found = str(general.get("woocommerce_currency") or "") or None
        taxed = general.get("woocommerce_calc_taxes") != "no"
        if taxed and not _shown_as_kept(await self._client.settings(asking, "tax") or {}):
            found = None
        if len(self._currencies) >= MOST_KEPT:
            self._currencies.clear()
        self._currencies[url] = (now + KEPT, found)
        return found


def _asking(use: ShopUse, *categories: str) -> Asking:
    return Asking(_store(use), SUPPORT, use.scope, categories, use.subjects if categories else ())


def _store(use: ShopUse) -> Store:
    assert isinstance(use.connection, Store)
    return use.connection


def _exact(row: Mapping[str, Any], number: str) -> Order | None:
    if str(row.get("number", "")).lstrip("#").casefold() != number.casefold():
        return None
    return mapping.order(row)


def _shown_as_kept(tax: Mapping[str, Any]) -> bool:
    kept = {"yes": "incl", "no": "excl"}.get(str(tax.get("woocommerce_prices_include_tax")))
    return kept is not None and kept == tax.get("woocommerce_tax_display_shop")

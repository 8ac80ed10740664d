"""A shop at Shopify as core asks it: products, orders, terms, and what can be done to an order."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
from omniops.contracts.tools import Customer
from omniops.errors import NotFound, Refused, Rejected

from omniops_shopify import mapping, queries
from omniops_shopify.acting import Acting
from omniops_shopify.client import Client

if TYPE_CHECKING:
    from omniops import PluginContext

PURPOSE = "support.provide"
WORDS = 10
FEW, MANY = 10, 100
"""Variants of a product in a search, and of one that was asked for by itself."""
NEAR = 10
"""Orders that are looked through for a number: Shopify's search finds what only looks like it as well."""
_ID = re.compile(r"[1-9][0-9]{0,18}")
_NUMBER = re.compile(r"[\w.\-/ ]{1,40}")
_OPERATORS = frozenset({"and", "or", "not"})
_FOR_SALE = "status:active AND published_status:published"


class ShopifyCommerce(Commerce):
    """Asks the shop anew each time, and keeps nothing by itself."""

    name = "shopify"
    title = "Shopify"

    def __init__(self, context: PluginContext) -> None:
        self._client = Client(context)
        self._acting = Acting(self._ask, self._read)

    def offers(self, use: ShopUse) -> Offers:
        orders = "orders" in use.features
        actions = (Action("cancel"), Action("change_address"), Action("refund"))
        return Offers(
            products="products" in use.features,
            orders=orders,
            policies="policies" in use.features,
            actions=actions if orders and "actions" in use.features else (),
        )

    async def search(self, use: ShopUse, text: str, *, cursor: str | None = None, limit: int = 10) -> Products:
        _need(use, "products")
        words = [word for word in re.findall(r"\w+", text.casefold()) if word not in _OPERATORS][:WORDS]
        query = f"{_FOR_SALE} AND {' '.join(words)}" if words else _FOR_SALE
        variables = {
            "query": query,
            "first": limit,
            "after": None if cursor is None else _opened(cursor, query),
            "sort": "RELEVANCE" if words else "ID",
            "variants": FEW,
        }
        found = (await self._ask(use, queries.PRODUCTS, variables, ("user.content.chat",)))["products"]
        items = tuple(mapping.product(row) for row in found["nodes"] if mapping.visible(row))
        page = found["pageInfo"]
        more = page["hasNextPage"] and page["endCursor"]
        return Products(items, _sealed(str(page["endCursor"]), query) if more else None)

    async def product(self, use: ShopUse, product_id: str) -> Product:
        _need(use, "products")
        row = None
        if _ID.fullmatch(product_id):
            variables = {"id": mapping.gid("Product", product_id), "variants": MANY}
            row = (await self._ask(use, queries.PRODUCT, variables))["product"]
        if row is None or not mapping.visible(row):
            raise NotFound("There is no such product.")
        return mapping.product(row)

    async def order(self, use: ShopUse, number: str) -> Order:
        _need(use, "orders")
        wanted = _bare(number)
        if _NUMBER.fullmatch(wanted):
            variables = {"query": f'name:"{wanted}"', "first": NEAR}
            for row in await self._orders(use, variables):
                if _bare(row["name"]) == wanted:
                    return mapping.order(row)
        raise NotFound("There is no such order.")

    async def orders(self, use: ShopUse, customer: Customer, *, limit: int = 10) -> Sequence[Order]:
        _need(use, "orders")
        if not _ID.fullmatch(customer.external_id):
            return []
        rows = await self._orders(use, {"query": f"customer_id:{customer.external_id}", "first": limit})
        found = [one for one in map(mapping.order, rows) if one.customer_id == customer.external_id]
        return sorted(found, key=lambda one: one.placed_at, reverse=True)

    async def policies(self, use: ShopUse) -> Sequence[Policy]:
        _need(use, "policies")
        return mapping.policies((await self._ask(use, queries.POLICIES, {}))["shop"]["shopPolicies"])

    async def act(self, use: ShopUse, order: Order, wish: Wish, *, key: str) -> Acted:
        _need(use, "orders")
        _need(use, "actions")
        return await self._acting.act(use, order, wish, key)

    async def _orders(self, use: ShopUse, variables: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        found = await self._ask(use, queries.ORDERS, variables, ("contact.external_id",))
        rows: Sequence[Mapping[str, Any]] = found["orders"]["nodes"]
        return rows

    async def _read(self, use: ShopUse, order_id: str) -> Order:
        """An order as it is now."""
        row = (await self._ask(use, queries.ORDER, {"id": mapping.gid("Order", order_id)}))["order"]
        if row is None:
            raise NotFound("There is no such order.")
        return mapping.order(row)

    async def _ask(
        self, use: ShopUse, text: str, variables: Mapping[str, Any], categories: Sequence[str] = ()
    ) -> dict[str, Any]:
        return await self._client.ask(
            use.connection,  # type: ignore[arg-type]  # core hands out the connection that this plugin declares
            text,
            variables,
            purpose=PURPOSE,
            categories=categories,
            subjects=use.subjects,
            scope=use.scope,
        )


def _need(use: ShopUse, feature: str) -> None:
    """Nothing is asked for a feature that is off, whoever calls."""
    if feature not in use.features:
        raise Refused(f"The feature {feature!r} of this shop is off.", reason="feature_off")


def _bare(number: str) -> str:
    return number.strip().lstrip("#").strip().casefold()


def _sealed(cursor: str, query: str) -> str:
    """Shopify's cursor with a mark of the search that it is of: in another one it would lead anywhere."""
    return base64.urlsafe_b64encode(json.dumps([_mark(query), cursor]).encode()).decode()


def _opened(cursor: str, query: str) -> str:
    try:
        mark, inner = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except (ValueError, TypeError):
        mark, inner = "", ""
    if mark != _mark(query) or not isinstance(inner, str):
        raise Rejected("This cursor is not of this search.", code="bad_cursor", where="cursor")
    return inner


def _mark(query: str) -> str:
    return hashlib.sha256(query.encode()).hexdigest()[:16]

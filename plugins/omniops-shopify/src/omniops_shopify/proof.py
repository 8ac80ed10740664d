"""What proves that only the shop and its products are taken: a shop of ours, in this process, that tells far more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from omniops.contracts.commerce import ShopUse
from omniops.contracts.ids import new_id
from omniops.contracts.oauth import Tokens
from omniops.contracts.proof import Probe, Sabotage, Stage, Waits, hold
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.tools import Customer
from omniops.errors import OmniOpsError, Rejected
from pydantic import SecretStr

from omniops_shopify.commerce import ShopifyCommerce
from omniops_shopify.integration import ShopifyIntegration
from omniops_shopify.settings import Shop

if TYPE_CHECKING:
    import httpx2

NAME = "shopify"
LISTED = frozenset({"read_products", "read_legal_policies"})
"""Scopes of the shop and its products. Every other one belongs to a category with a yes of its own."""


class _LavishShop:
    """A way out that ends here. Whatever is asked for, each object has all that a shop knows, in the planted word."""

    def __init__(self, word: str) -> None:
        self.word, self.asked = word, list[str]()

    def http(
        self,
        processor: str,
        *,
        purpose: str,
        categories: Sequence[str] = (),
        subjects: Sequence[UUID] = (),
        scope: Scope | None = None,
        host: str | None = None,
    ) -> httpx2.AsyncClient:
        import httpx2

        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        import httpx2

        self.asked.append(request.content.decode())
        page = {"hasNextPage": False, "endCursor": None}
        both = {"nodes": [self._row()], "pageInfo": page}
        data = {"products": both, "product": self._row(), "orders": both, "order": self._row()}
        return httpx2.Response(200, json={"data": {**data, "customers": both}})

    def _row(self) -> dict[str, Any]:
        """A product and an order at once, with a buyer, a note and more."""
        price = {"amount": "42.0", "currencyCode": "EUR"}
        buyer = dict.fromkeys(("firstName", "phone", "note"), self.word)
        return {
            **dict.fromkeys(("note", "phone", "vendor", "privateMetafield", "unheardOf"), self.word),
            "id": "gid://shopify/Product/7",
            "title": "Teapot",
            "status": "ACTIVE",
            "onlineStoreUrl": "https://shop.invalid/teapot",
            "priceRangeV2": {"minVariantPrice": price},
            "variants": {"nodes": []},
            "name": "#7",
            "email": "shopper@proof.invalid",
            "createdAt": "2026-11-23T07:45:00Z",
            "totalPriceSet": {"presentmentMoney": price},
            "customer": {"id": "gid://shopify/Customer/3", **buyer},
            "shippingAddress": buyer,
        }


class OnlyShopAndProducts(Probe):
    """A shop that tells orders and customers, and the switch for them with a part missing."""

    claims = ("P23",)
    sabotages = (
        Sabotage(
            "omniops_shopify.commerce:_need",
            "the question whether a feature is on",
            lambda whole: lambda use, feature: None,
        ),
        Sabotage(
            "omniops_shopify.mapping:product",
            "the list of fields of a product (the vendor is taken as well)",
            lambda whole: lambda row: replace(whole(row), text=str(row.get("vendor"))),
        ),
    )
    rests_on = ("omniops.connections.agreeing:Terms.check",)

    async def run(self, stage: Stage) -> str:
        plugin = next((one.plugin for one in stage.runtime.plugins.loaded if one.name == NAME), None)
        if plugin is None:
            raise Waits("the Shopify plugin")
        self._scopes()
        self._switch(stage)
        shop = _LavishShop(stage.token("note"))
        await self._ask(stage, ShopifyCommerce(replace(plugin.context, gate=shop)), shop)
        return (
            "By default the shop and its products alone are asked for, a test shop's orders and customers were not "
            "taken, and the switch for them did not turn without the business's own yes."
        )

    def _scopes(self) -> None:
        for one in ShopifyIntegration.features:
            beyond = set(one.scopes) - LISTED
            own = one.own_consent and not one.default and bool(one.taken) and bool(one.categories)
            hold(own or not beyond, f"{one.title} takes {', '.join(sorted(beyond))} without a yes of its own.")
            hold(not one.own_consent or beyond, f"{one.title} has no scope of its own.")

    def _switch(self, stage: Stage) -> None:
        """With the yes to the whole and none to the category, with an empty one, and with the yes to another."""
        connections = stage.runtime.connections
        version = connections.terms(NAME).version
        own = {one.feature: one.version for one in connections.feature_terms(NAME)}
        hold(set(own) == {"orders", "actions"}, "Orders and changes have no sentence of their own.")
        actor = Actor("member", str(new_id()))
        for agreed in ({}, {"orders": ""}, {"orders": own["actions"]}, {"orders": version}):
            try:
                connections.wish(NAME, "", {"orders": True}, {"": version, **agreed}, actor)
            except Rejected:
                continue
            hold(False, "Orders are switched on without the business's own yes.")
        wish = connections.wish(NAME, "", {"orders": True}, {"": version, "orders": own["orders"]}, actor)
        hold("read_orders" in wish.scopes, "With the yes, no scope is asked for orders.")
        hold(set(connections.wish(NAME, "", {}, {"": version}, actor).scopes) <= LISTED, "More scopes are asked for.")

    async def _ask(self, stage: Stage, commerce: ShopifyCommerce, shop: _LavishShop) -> None:
        """Products as a turn asks for them; then orders, which are off."""
        use = ShopUse(
            stage.domain.scope,
            Shop(shop="proof", tokens=Tokens(access=SecretStr("of-the-proof"))),
            frozenset({"products"}),
        )
        told = [await commerce.search(use, "teapot"), await commerce.product(use, "7")]
        hold(all("42.00" in repr(one) for one in told), "The shop's answers are not read at all.")
        hold(shop.word not in repr(told), "Something is taken that is neither shop nor product.")
        shop.asked.clear()
        for ask in (lambda: commerce.order(use, "7"), lambda: commerce.orders(use, Customer("3", "jwt"))):
            try:
                await ask()
            except OmniOpsError:
                continue
            hold(False, "Orders are read while they are off.")
        hold(not shop.asked, "The shop is asked for orders while they are off.")

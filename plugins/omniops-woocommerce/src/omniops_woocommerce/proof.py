"""What proves that only catalogue and orders are taken: a shop of ours, in this process, that tells far more."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from omniops.contracts.commerce import ShopUse
from omniops.contracts.proof import Probe, Sabotage, Stage, Waits, hold
from omniops.contracts.scope import Scope
from omniops.contracts.webhook import Arrived, Event, Webhook

from omniops_woocommerce import mapping

if TYPE_CHECKING:
    import httpx2

NAME = "woocommerce"
SECRET = "of-the-proof"  # noqa: S105  # of a shop that does not exist
FIELDS = frozenset({*mapping.ORDER_FIELDS.split(","), *mapping.PRODUCT_FIELDS.split(",")})
KEYS = {"consumer_key": f"ck_{'0' * 40}", "consumer_secret": f"cs_{'0' * 40}"}


class _LavishShop:
    """A way out that ends here. Whatever is asked for, each row has all that a shop knows, under the planted word."""

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

        path = request.url.path.rpartition("/wc/v3/")[2]
        self.asked += request.url.params.get("_fields", "").split(",")
        if path.startswith("settings/"):
            values = {"woocommerce_currency": "EUR", "woocommerce_calc_taxes": "no", "store_phone": self.word}
            return httpx2.Response(200, json=[{"id": name, "value": value} for name, value in values.items()])
        row = self.row()
        return httpx2.Response(200, json=row if path.rpartition("/")[2].isdigit() else [row])

    def row(self) -> dict[str, Any]:
        """An order and a product at once, with a note, a telephone number and more."""
        more = ("customer_note", "customer_ip_address", "transaction_id", "purchase_note", "unheard_of")
        person = dict.fromkeys(("first_name", "last_name", "address_1", "city", "phone", "company"), self.word)
        return {
            **dict.fromkeys(more, self.word),
            "id": 7,
            "number": "7",
            "name": "Teapot",
            "type": "simple",
            "status": "publish",
            "currency": "EUR",
            "price": "42.00",
            "total": "42.00",
            "customer_id": 3,
            "date_created_gmt": "2026-11-23T07:45:00",
            "date_modified_gmt": "2026-11-23T07:45:00",
            "billing": {**person, "email": "shopper@proof.invalid"},
            "shipping": person,
            "line_items": [
                {"id": 1, "name": "Teapot", "quantity": 1, "total": "42.00", "meta_data": [{"value": self.word}]}
            ],
            "meta_data": [{"key": "_private", "value": self.word}],
        }


class OnlyCatalogueAndOrders(Probe):
    """A shop that tells more than is asked, by answers and by notices."""

    claims = ("P22",)
    sabotages = (
        Sabotage(
            "omniops_woocommerce.mapping:order",
            "the list of fields of an order (a note is taken as well)",
            lambda whole: lambda row: replace(whole(row), number=str(row.get("customer_note"))),
        ),
        Sabotage(
            "omniops_woocommerce.webhooks:taken",
            "the list of fields of a notice",
            lambda whole: lambda body: {"id": str(body)},
        ),
    )

    async def run(self, stage: Stage) -> str:
        plugin = next((one.plugin for one in stage.runtime.plugins.loaded if one.name == NAME), None)
        if plugin is None:
            raise Waits("the WooCommerce plugin")
        shop = _LavishShop(stage.token("note"))
        made = type(plugin)(replace(plugin.context, gate=shop))
        await self._ask(stage, made, shop)
        await self._tell(stage, made, shop)
        found = await stage.scan([shop.word])
        hold(not found, f"What the shop told besides lies in {', '.join(found.get(shop.word, ()))}.")
        return "A test shop told notes, telephone numbers and addresses, by answers and by notices: none was taken."

    async def _ask(self, stage: Stage, plugin: Any, shop: _LavishShop) -> None:
        """Products and orders, as a turn asks for them."""
        (commerce,) = plugin.shops()
        store = plugin.Connection(url="https://shop.invalid", **KEYS)
        use = ShopUse(stage.domain.scope, store, frozenset({"products", "orders"}))
        told = [await commerce.search(use, "teapot"), await commerce.product(use, "7"), await commerce.order(use, "7")]
        hold(all("42.00" in repr(one) for one in told), "The shop's answers are not read at all.")
        hold(shop.word not in repr(told), "Something is taken that is neither catalogue nor order.")
        beyond = set(shop.asked) - FIELDS - {"", "value"}
        hold(not beyond, f"The shop is asked for {', '.join(sorted(beyond))}.")

    async def _tell(self, stage: Stage, plugin: Any, shop: _LavishShop) -> None:
        """Notices about an order, a customer and a coupon, all signed; and what is found by asking what changed."""
        (integration,) = plugin.integrations()
        link = _Link(plugin.Connection(url="https://shop.invalid", webhook_secret=SECRET, **KEYS))
        for topic, taken in (("order.updated", 1), ("customer.created", 0), ("coupon.created", 0)):
            things = integration.receive(_signed(shop.row(), topic), link).things
            hold(len(things) == taken, f"Of {topic} {len(things)} things are taken.")
            self._bare(integration, things, shop)
        steps = [step async for step in integration.sync("orders", link, "2026-11-23T07:00:00 1 -")]
        found = [one for step in steps for one in step.heard]
        hold(found, "What changed in the shop is not found by asking.")
        self._bare(integration, found, shop)

    def _bare(self, integration: Any, things: Sequence[Arrived], shop: _LavishShop) -> None:
        for one in things:
            event = one.what
            listed = isinstance(event, Event) and set(event.data) <= set(integration.events[event.kind])
            hold(listed and shop.word not in repr(event), "A notice is kept with more than its number.")


class _Link:
    """What a notice needs of a connection."""

    def __init__(self, connection: Any) -> None:
        self.connection, self.memory, self.scope = connection, dict[str, str](), None


def _signed(row: dict[str, Any], topic: str) -> Webhook:
    body = json.dumps(row).encode()
    mac = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    headers = (("x-wc-webhook-signature", mac), ("x-wc-webhook-topic", topic))
    return Webhook("POST", "https://omniops.invalid/", headers, {}, body, datetime.now(UTC))

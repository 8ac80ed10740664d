"""The link to a shop: its check, which says what is wrong in words that help, and its webhooks."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from omniops import Health
from omniops.contracts.integration import Feature, Integration, Link, Renewal, Step, Sync
from omniops.contracts.oauth import Handover
from omniops.contracts.plugin import PluginContext
from omniops.contracts.webhook import Received, Webhook
from omniops.errors import EgressRefused, NotFound, NotReady, Reconnect, Rejected
from pydantic import SecretStr

from omniops_woocommerce.client import PROCESSOR, Asking, Client, refused
from omniops_woocommerce.connect import WooHandover
from omniops_woocommerce.echoes import known
from omniops_woocommerce.polling import changes
from omniops_woocommerce.settings import Store
from omniops_woocommerce.webhooks import EVENTS, NOTICES, TOPICS, received

EVERY = timedelta(hours=6)
"""How often webhooks are looked at: a shop switches one off after six deliveries in a row that did not succeed."""
ASKED = timedelta(hours=1)
"""How often the shop is asked for what its webhooks lost."""
SECRET = "secret"  # noqa: S105  # the name under which it is remembered


class WooCommerceIntegration(Integration):
    name = "woocommerce"
    title = "WooCommerce"
    processor = PROCESSOR
    Connection = Store
    changeable = ("webhook_secret",)
    features = (
        Feature(
            "products",
            "Products",
            taken="published products with price, stock and variants, asked when needed and kept as knowledge",
            scopes=("read",),
        ),
        Feature("orders", "Orders", taken="orders of verified customers, asked when needed", scopes=("read",)),
        Feature(
            "changes",
            "Changes of orders",
            taken="cancelling, another address and refunds, once a person of the business approved",
            scopes=("read", "write"),
            own_consent=True,
        ),
        Feature(
            NOTICES,
            "Notices of the shop",
            taken="numbers of products and orders that changed, for 14 days",
            scopes=("read",),
            default=False,
        ),
    )
    events = EVENTS
    syncs = (
        Sync("orders", "Orders that changed", every=ASKED, feature=NOTICES),
        Sync("products", "Products that changed", every=ASKED, feature=NOTICES),
    )
    renewals = (Renewal("webhooks", "Webhooks of the shop", feature=NOTICES),)

    def __init__(self, context: PluginContext, client: Client) -> None:
        self._context = context
        self._client = client

    @property
    def handover(self) -> Handover | None:
        return WooHandover(self._context.settings.app_name)

    def granted(self, connection: Any) -> frozenset[str] | None:
        """A key that may only read switches off what writes."""
        store: Store = connection
        return store.scopes

    async def check(self, connection: Any) -> Health:
        store: Store = connection
        if not store.consumer_key.get_secret_value() or not store.consumer_secret.get_secret_value():
            raise Reconnect("There are no keys.", do="Enter them, or connect by the shop's own page.")
        asking = Asking(store)
        try:
            for path in ("products", "orders"):
                await self._read(asking, path)
            if store.access == "read_write":
                return await self._writes(asking)
        except EgressRefused as error:
            raise Rejected(
                f"{store.host} is not reached: {error.message}",
                code="bad_address",
                where="url",
                do="Enter the shop's public address, with https.",
            ) from error
        return Health(True, "The shop answered. The key may read products and orders.")

    async def _read(self, asking: Asking, path: str) -> None:
        try:
            await self._client.page(asking, path, per_page=1, _fields="id")
        except NotFound as error:
            raise NotReady(
                "There is a WordPress at this address, and no WooCommerce in it.",
                do="Is the plugin active, and is this the address of the shop?",
            ) from error
        except NotReady as error:
            if error.retry_after is None and await self._plain(asking):
                raise NotReady(
                    "The shop's API is not reached at its address: its permalinks are plain.",
                    do="In the shop, choose any other than Plain under Settings > Permalinks.",
                ) from error
            raise

    async def _plain(self, asking: Asking) -> bool:
        try:
            return await self._client.plain_permalinks(asking)
        except NotReady:
            return False

    async def _writes(self, asking: Asking) -> Health:
        """Whether the key may write, by a change of an order that cannot exist: it changes nothing."""
        said = await self._client.tries_to_write(asking)
        if said.status == 401 and said.code == "woocommerce_rest_authentication_error":
            return Health(False, "The key may only read. Choose Read/Write for it in the shop, or connect it as read.")
        if said.status == 401:
            raise refused(said)
        if said.status not in (400, 404) or not said.code.endswith("invalid_id"):
            return Health(False, f"Whether the key may write cannot be told: the shop answered {said.status}.")
        return Health(True, "The shop answered. The key may read products and orders, and change orders.")

    def receive(self, webhook: Webhook, link: Link | None) -> Received:
        if link is None:
            raise Rejected("Each shop has an address of its own.", code="bad_signature")
        store: Store = link.connection
        secrets = [SecretStr(link.memory.get(SECRET, "")), store.webhook_secret]
        return received(webhook, secrets, known(link.memory))

    def sync(self, name: str, link: Link, cursor: str | None) -> AsyncIterator[Step]:
        now = self._context.clock.now()
        return changes(self._client, Asking.over(link), name, cursor, known(link.memory), now)

    async def connected(self, link: Link) -> None:
        if "write" not in link.granted:
            return  # webhooks are made by hand, with a secret that stands in the connection
        if NOTICES in link.features:
            await self._mend(link)
        else:
            await self.disconnect(link)

    async def renew(self, name: str, link: Link) -> datetime | None:
        """Webhooks that the shop switched off, or lost, are there again."""
        if "write" not in link.granted:
            return None
        await self._mend(link)
        return self._context.clock.now() + EVERY

    async def disconnect(self, link: Link) -> None:
        if "write" not in link.granted:
            return
        for hook in await self._ours(link):
            await self._client.delete(Asking.over(link), f"webhooks/{hook['id']}")
        if link.memory.get(SECRET):
            await link.remember({SECRET: None})

    async def _mend(self, link: Link) -> None:
        asking, secret = Asking.over(link), link.memory.get(SECRET, "")
        new = not secret
        if new:
            secret = secrets.token_urlsafe(32)
            await link.remember({SECRET: secret})
        there: dict[str, Mapping[str, Any]] = {}
        for hook in await self._ours(link):
            if hook.get("topic") in TOPICS and hook["topic"] not in there:
                there[hook["topic"]] = hook
            else:
                await self._client.delete(asking, f"webhooks/{hook['id']}")
        for topic in TOPICS:
            wanted = {"topic": topic, "delivery_url": link.webhook_url, "secret": secret, "status": "active"}
            if topic not in there:
                await self._client.change(asking, "POST", "webhooks", {**wanted, "name": f"OmniOps {topic}"})
            elif new or there[topic].get("status") != "active":
                path = f"webhooks/{there[topic]['id']}"
                await self._client.change(asking, "PUT", path, {"status": "active", "secret": secret})

    async def _ours(self, link: Link) -> list[Mapping[str, Any]]:
        found = self._client.pages(Asking.over(link), "webhooks")
        return [hook async for hook in found if hook.get("delivery_url") == link.webhook_url]

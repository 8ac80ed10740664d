"""The link to a shop: how access is given, what can be switched on, and what is set up there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from omniops import Health
from omniops.contracts.integration import Feature, Integration, Link, Renewal
from omniops.contracts.oauth import OAuth
from omniops.contracts.webhook import Arrived, Event, Received, Webhook
from omniops.errors import NotReady, Rejected

from omniops_shopify import queries
from omniops_shopify.access import ShopifyOAuth, host_of
from omniops_shopify.client import PROCESSOR, Client
from omniops_shopify.settings import Shop
from omniops_shopify.webhooks import EVENTS, TOPICS, UNINSTALLED, received

if TYPE_CHECKING:
    from omniops import PluginContext

REPAIR = timedelta(days=1)
"""How often it is looked whether our webhook is still there: Shopify deletes it after failures."""
MOST_PAGES = 20


class ShopifyIntegration(Integration):
    """One shop, by the operator's app."""

    name = "shopify"
    title = "Shopify"
    processor = PROCESSOR
    Connection = Shop
    features: ClassVar[Sequence[Feature]] = (
        Feature(
            "products",
            "Products",
            taken="published products with their variants, prices and stock, kept as knowledge",
            scopes=queries.SCOPES["products"],
        ),
        Feature(
            "policies",
            "Terms of the shop",
            taken="the shop's terms on returns, shipping and sale",
            scopes=queries.SCOPES["policies"],
            default=False,
        ),
        Feature(
            "orders",
            "Orders",
            taken="orders of the last 60 days, with the address that the shop writes to and the customer's number, to "
            "answer the customer whose order it is",
            scopes=queries.SCOPES["orders"],
            categories=("shopify.order", "contact.email", "contact.external_id"),
            default=False,
            own_consent=True,
        ),
        Feature(
            "actions",
            "Changes to orders",
            taken="what a customer asks to change: cancelling, another address, a refund",
            scopes=queries.SCOPES["actions"],
            categories=("shopify.order", "shopify.address", "contact.name"),
            default=False,
            own_consent=True,
        ),
    )
    events: ClassVar[Mapping[str, Sequence[str]]] = EVENTS
    renewals: ClassVar[Sequence[Renewal]] = (Renewal("webhooks", "Notices of the shop"),)

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._client = Client(context)

    @property
    def oauth(self) -> OAuth:
        return ShopifyOAuth.of(self._context.settings, self._context.clock)

    def external_ids(self, connection: Any) -> Sequence[str]:
        return [host_of(self._context.settings, connection)]

    async def check(self, connection: Shop) -> Health:
        shop = (await self._client.ask(connection, queries.SHOP))["shop"]
        host = host_of(self._context.settings, connection)
        if str(shop["myshopifyDomain"]).lower() != host:
            return Health(False, "Another shop than the one named answered.")
        return Health(True, f"The shop {str(shop['name'])[:80]!r} answered.")

    async def connected(self, link: Link) -> None:
        await self._listen(link)

    async def renew(self, name: str, link: Link) -> datetime | None:
        await self._listen(link)
        return self._context.clock.now() + REPAIR

    async def disconnect(self, link: Link) -> None:
        for number, _ in await self._subscribed(link):
            await self._unsubscribe(link, number)

    def receive(self, webhook: Webhook, link: Link | None) -> Received:
        settings = self._context.settings
        return received(webhook, settings, None if link is None else host_of(settings, link.connection))

    async def handle(self, event: Event, link: Link) -> Sequence[Arrived]:
        """The app was removed from the shop, unless it was installed again since: a call shows which. Where it is
        gone the token is refused (`Reconnect`), and the business is told. Core reads what changed of products."""
        if event.kind == UNINSTALLED:
            await self._client.ask(link.connection, queries.SHOP)
            await self._listen(link)
        return ()

    async def _listen(self, link: Link) -> None:
        """Exactly one subscription to each topic of a feature that is on leads to this connection."""
        missing = {topic for topic, (feature, _) in TOPICS.items() if not feature or feature in link.features}
        for number, topic in await self._subscribed(link):
            if topic in missing:
                missing.remove(topic)
            else:
                await self._unsubscribe(link, number)
        for topic in sorted(missing):
            fields = list(TOPICS[topic][1])
            webhook = {"uri": link.webhook_url, "format": "JSON", "includeFields": fields}
            asked = await self._client.ask(link.connection, queries.SUBSCRIBE, {"topic": topic, "webhook": webhook})
            if asked["webhookSubscriptionCreate"]["userErrors"]:
                raise Rejected(
                    "Shopify does not send its notices to this server's address.",
                    code="webhook_refused",
                    do="Set the server's public address: https, reachable from outside.",
                )

    async def _subscribed(self, link: Link) -> list[tuple[str, str]]:
        """Ids and topics of the subscriptions that lead to this connection."""
        found: list[tuple[str, str]] = []
        after = None
        for _ in range(MOST_PAGES):
            said = (await self._client.ask(link.connection, queries.WEBHOOKS, {"after": after}))["webhookSubscriptions"]
            found += [(one["id"], one["topic"]) for one in said["nodes"] if one["uri"] == link.webhook_url]
            before, after = after, said["pageInfo"]["endCursor"]
            if not said["pageInfo"]["hasNextPage"] or after == before:
                return found
        raise NotReady("Shopify lists more subscriptions than an app can have.")

    async def _unsubscribe(self, link: Link, number: str) -> None:
        await self._client.ask(link.connection, queries.UNSUBSCRIBE, {"id": number})

"""The plugin's hooks."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Health, Info, Plugin, hookimpl
from omniops.contracts.commerce import Commerce
from omniops.contracts.declaration import Category, Declaration, Mechanism, Processor
from omniops.contracts.integration import Integration
from omniops.contracts.proof import Probe

from omniops_shopify.client import PROCESSOR
from omniops_shopify.commerce import ShopifyCommerce
from omniops_shopify.integration import ShopifyIntegration
from omniops_shopify.settings import Shop, ShopifySettings

TERMS = "https://www.shopify.com/legal/dpa"


class ShopifyPlugin(Plugin):
    """Products of a Shopify shop, and with the business's own consent its orders and changes to them."""

    info = Info(title="Shopify", version="0.1.0", omniops=">=0.1,<0.2")
    Settings, Connection = ShopifySettings, Shop

    @hookimpl
    def declares(self) -> Declaration:
        settings: ShopifySettings = self.context.settings
        return Declaration(
            processors=[
                Processor(
                    key=PROCESSOR,
                    name="Shopify",
                    role="customer_chosen",
                    hosts=(f"*.{settings.domain}",),
                    ports=(settings.port,),
                    countries=("IE", "CA", "US"),
                    purposes=("connection.use", "support.provide"),
                    categories=(
                        "user.content.chat",
                        "contact.external_id",
                        "contact.name",
                        "shopify.order",
                        "shopify.address",
                    ),
                    legal_name="Shopify International Limited",
                    policy_url="https://www.shopify.com/legal/privacy",
                    contract_url=TERMS,
                    retention="The shop's own orders and products, as long as the business keeps its shop there.",
                    mechanisms=(
                        Mechanism("scc", TERMS, module="2 and 3"),
                        Mechanism("uk_addendum", TERMS),
                        Mechanism("swiss_addendum", TERMS),
                    ),
                )
            ],
            categories=[
                Category("shopify.order", "Orders: what was bought and where it is", "commercial"),
                Category("shopify.address", "Address that an order is sent to", "customer_records"),
            ],
        )

    @hookimpl
    def integrations(self) -> Sequence[Integration]:
        return [ShopifyIntegration(self.context)]

    @hookimpl
    def shops(self) -> Sequence[Commerce]:
        return [ShopifyCommerce(self.context)]

    @hookimpl
    def probes(self) -> Sequence[type[Probe]]:
        from omniops_shopify.proof import OnlyShopAndProducts

        return [OnlyShopAndProducts]

    @hookimpl
    async def health(self) -> Health | None:
        settings: ShopifySettings = self.context.settings
        if not settings.client_id or settings.client_secret is None:
            return Health(False, "Not set: shopify.client_id and shopify.client_secret, of your app at Shopify.")
        return Health(True, "Connects shops by the operator's app.")

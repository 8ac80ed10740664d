"""The plugin's hooks."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Info, Plugin, hookimpl
from omniops.contracts.commerce import Commerce
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.integration import Integration
from omniops.contracts.plugin import PluginContext
from omniops.contracts.proof import Probe
from omniops.contracts.vendor import CONNECT

from omniops_woocommerce.client import PROCESSOR, Client
from omniops_woocommerce.commerce import NUMBER, SUPPORT, WORDS, WooCommerce
from omniops_woocommerce.integration import WooCommerceIntegration
from omniops_woocommerce.settings import Store, WooCommerceSettings


class WooCommercePlugin(Plugin):
    """Products and orders of a WooCommerce shop, asked live."""

    info = Info(title="WooCommerce", version="0.1.0", omniops=">=0.1,<0.2")
    Settings, Connection = WooCommerceSettings, Store

    def __init__(self, context: PluginContext) -> None:
        super().__init__(context)
        self.client = Client(context)
        self._shop = WooCommerce(context, self.client)
        self._integration = WooCommerceIntegration(context, self.client)

    @hookimpl
    def declares(self) -> Declaration:
        """The shop is the business's own system, at the address that its connection names."""
        shop = Processor(
            key=PROCESSOR,
            name="The business’s own WooCommerce shop",
            role="own_site",
            hosts=(),
            countries=(),
            purposes=(CONNECT, SUPPORT),
            categories=(NUMBER, WORDS),
            retention="as the business keeps its orders",
        )
        return Declaration(processors=[shop])

    @hookimpl
    def integrations(self) -> Sequence[Integration]:
        return [self._integration]

    @hookimpl
    def shops(self) -> Sequence[Commerce]:
        return [self._shop]

    @hookimpl
    def probes(self) -> Sequence[type[Probe]]:
        from omniops_woocommerce.proof import OnlyCatalogueAndOrders

        return [OnlyCatalogueAndOrders]

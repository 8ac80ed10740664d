"""The plugin before a fake shop."""

from dataclasses import replace
from datetime import UTC, datetime

from omniops.contracts.commerce import Address, ShopUse
from omniops.contracts.ids import new_id
from omniops.contracts.scope import Scope
from omniops.contracts.webhook import Webhook
from omniops.testing import AnsweringGate, ManualClock, context, link_of
from omniops_woocommerce import WooCommercePlugin
from woo_fake import CK, CS, FakeShop

Store = WooCommercePlugin.Connection
SECRET = "whsec-of-the-shop"
ADA = "ada@customers.example"
LONDON = Address("Ada King Byron", "2 New St", "N1 2BB", "London", "GB")
ALL = frozenset({"products", "orders", "changes", "notices"})


def store(**more):
    values = {"url": "https://shop.example", "consumer_key": CK, "consumer_secret": CS, "access": "read_write"}
    return Store(**{**values, **more})


class Bench:
    """The plugin, its clock, and the fake shop."""

    def __init__(self, folder, fake=None):
        self.fake = fake or FakeShop()
        self.gate = AnsweringGate(lambda request: self.fake.answer(request), processors=["woocommerce"])
        made = context("woocommerce", WooCommercePlugin.Settings(), folder=folder, gate=self.gate)
        self.clock = ManualClock()
        self.context = replace(made, clock=self.clock)
        plugin = WooCommercePlugin(self.context)
        (self.integration,), (self.shop,) = plugin.integrations(), plugin.shops()
        self.use = ShopUse(Scope(new_id(), new_id()), store(), ALL, (new_id(),))

    def link(self, *features, **values):
        connection = store(**values)
        granted = sorted(connection.scopes)
        return link_of(connection, kind="woocommerce", granted=granted, features=features)

    def delivery(self, topic, body, link, secret=SECRET, **headers):
        made, raw = self.fake.delivery(topic, body, secret)
        return Webhook("POST", link.webhook_url, tuple({**made, **headers}.items()), {}, raw, datetime.now(UTC))

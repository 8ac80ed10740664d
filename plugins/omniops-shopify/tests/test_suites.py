"""What every plugin, integration and shop must be, in front of the double."""

from typing import Any, ClassVar

import httpx2
import pytest
from fake_shopify import FakeShopify
from omniops.contracts.commerce import Address, Cancel, ChangeAddress, Refund
from omniops.testing import AnsweringGate, CommerceSuite, IntegrationSuite, PluginSuite
from omniops.testing.commerce import Stocked as Known
from omniops_shopify.access import ShopifyOAuth
from shopify_stock import ALL, ANN, BIG, CLIENT, SECRET, connection, delivery, stocked

SETTINGS: dict[str, Any] = {"client_id": CLIENT, "client_secret": SECRET}
ELSEWHERE = Address("Ann Berg", "New Street 8", "10117", "Berlin", "DE")


@pytest.fixture
def shopify():
    return FakeShopify()


@pytest.fixture
def token(shopify):
    return shopify.install("teapots", stocked(), ALL)


class WithShop:
    plugin_name = "shopify"
    settings: ClassVar[dict[str, Any]] = SETTINGS

    @pytest.fixture
    def gate(self, shopify, token):
        return AnsweringGate(shopify.answer, processors=["shopify"])

    @pytest.fixture
    def connection(self, token):
        return connection(token)


class TestPlugin(PluginSuite):
    plugin_name = "shopify"
    settings: ClassVar[dict[str, Any]] = SETTINGS


class TestPluginWithoutApp(PluginSuite):
    plugin_name = "shopify"


class TestLink(WithShop, IntegrationSuite):
    signature_header = "X-Shopify-Hmac-Sha256"

    @pytest.fixture
    def bad_connection(self, token):
        return connection("shpat_of-nobody")

    @pytest.fixture
    def tokens(self, shopify, token, context):
        oauth = ShopifyOAuth.of(context.settings, context.clock)
        return oauth.read(shopify.given("teapots.myshopify.com", ALL))

    @pytest.fixture
    def sign(self):
        return lambda body: delivery(body, "app/uninstalled", "teapots.myshopify.com")

    @pytest.fixture
    def sample(self):
        return '{"id": 548380009, "name": "Töpfe 🫖", "myshopify_domain": "teapots.myshopify.com"}'.encode()


class TestShop(WithShop, CommerceSuite):
    @pytest.fixture
    def stocked(self):
        return Known(
            words="teapot",
            product_id=str(BIG),
            number="#1001",
            customer_id=str(ANN),
            email="ann@customers.example",
            no_numbers=("100", "10", str(BIG + 10), "1001 OR name:1002", '1001" OR "1'),
            hidden=(str(BIG + 4), str(BIG + 5)),
            changeable="#1003",
            wishes={
                "change_address": ChangeAddress(ELSEWHERE),
                "refund": Refund("It is broken."),
                "cancel": Cancel("Too late for me."),
            },
            settled="#1001",
            refused=(Cancel(), ChangeAddress(ELSEWHERE)),
            features=frozenset({"products", "policies", "orders", "actions"}),
        )

    @pytest.fixture
    def changes(self, shopify):
        return lambda: shopify.changed

    @pytest.fixture
    def unwell(self, shopify):
        def unwell(status, body):
            shopify.fault = lambda request: httpx2.Response(status, html=body)

        return unwell

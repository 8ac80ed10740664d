"""What every plugin, integration and shop must be."""

from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from omniops.contracts.commerce import Cancel, ChangeAddress, Refund
from omniops.contracts.webhook import Webhook
from omniops.testing import AnsweringGate, CommerceSuite, IntegrationSuite, PluginSuite, link_of
from omniops.testing.commerce import Stocked
from omniops_woocommerce import WooCommercePlugin
from woo_bench import ADA, LONDON, SECRET
from woo_fake import CK, CS, READ_CK, FakeShop
from woo_stock import line, order, product, variation

VALUES = {"url": "https://shop.example", "consumer_key": CK, "consumer_secret": CS, "access": "read_write"}
BY_HAND = {**VALUES, "webhook_secret": SECRET}
BOB = "bob@customers.example"


@pytest.fixture
def fake():
    made = FakeShop(
        products=[
            product(9007199254740993, "Oak Chair"),
            product(12, "Oak Table", "289.00", 0),
            product(13, "Oak Stool", type="variable", variations=[131, 132]),
            product(14, "Pine Bed"),
            product(15, "Oak Draft", status="draft"),
            product(16, "Oak Secret", catalog_visibility="hidden"),
            product(17, "Oak Locked", post_password="x"),
        ],
        variations={13: [variation(131, "Blue"), variation(132, "Red", "12.00", 0)]},
        orders=[
            order(77, ADA, 2, number="1001", placed="2026-11-23T07:44:59"),
            order(
                78,
                ADA,
                2,
                number="1002",
                placed="2026-11-24T07:44:59",
                total="199.60",
                line_items=[line(780, "Oak Chair"), line(781, "Oak Lamp - Blue", parent_name="Oak Lamp")],
            ),
            order(79, BOB, 3, number="10010", placed="2026-11-25T07:44:59"),
            order(80, "guest@customers.example", number="1003"),
            order(81, BOB, 3, number="1004", status="trash"),
            order(82, BOB, 3, number="1005", status="completed", paid=False),
        ],
    )
    yield made
    assert not made.strange, f"outside of the contract: {made.strange}"


class TestPlugin(PluginSuite):
    plugin_name = "woocommerce"

    @pytest.fixture
    def gate(self, fake):
        return AnsweringGate(fake.answer, processors=["woocommerce"])


class TestIntegration(IntegrationSuite):
    """Access is given by keys, links of pages are looked at and not followed, and of what names people nothing is kept:
    so there are no `tokens`, and nothing is `personal`."""

    plugin_name = "woocommerce"
    connection_values: ClassVar[dict[str, Any]] = BY_HAND
    signature_header = "X-WC-Webhook-Signature"

    @pytest.fixture
    def gate(self, fake):
        return AnsweringGate(fake.answer, processors=["woocommerce"])

    @pytest.fixture
    def bad_connection(self):
        return WooCommercePlugin.Connection(**{**VALUES, "consumer_key": "ck_" + "9" * 40})

    @pytest.fixture
    def link(self, integration, connection):
        return link_of(
            connection,
            kind=integration.name,
            granted=("read", "write"),
            features=("products", "orders", "notices"),
            memory={"secret": SECRET},
        )

    @pytest.fixture
    def foreign(self, fake):
        def foreign(request):
            answer = fake.answer(request)
            answer.headers["Link"] = f'<https://elsewhere.example{request.url.path}?page=2>; rel="next"'
            return answer

        return foreign

    @pytest.fixture
    def sign(self, fake, link):
        def sign(body, topic="order.updated"):
            headers, raw = fake.delivery(topic, body, SECRET)
            return Webhook("POST", link.webhook_url, tuple(headers.items()), {}, raw, datetime.now(UTC))

        return sign

    @pytest.fixture
    def sample(self):
        return '{"id": 13, "date_modified_gmt": "2026-11-23T07:45:00", "customer_note": "Größe ☕"}'.encode()


class TestCommerce(CommerceSuite):
    plugin_name = "woocommerce"
    connection_values: ClassVar[dict[str, Any]] = VALUES

    @pytest.fixture
    def gate(self, fake):
        return AnsweringGate(fake.answer, processors=["woocommerce"])

    @pytest.fixture
    def stocked(self):
        return Stocked(
            words="oak",
            product_id="9007199254740993",
            number="1001",
            customer_id="2",
            email=ADA,
            no_numbers=("77", "100", "10", "1004", "01001", "1001a", "10011"),
            hidden=("15", "16", "17"),
            changeable="1002",
            wishes={
                "change_address": ChangeAddress(LONDON),
                "refund": Refund("broken", ("780",)),
                "cancel": Cancel("changed my mind"),
            },
            settled="1005",
            refused=(Cancel(), Refund(), ChangeAddress(LONDON)),
            features=frozenset({"products", "orders", "changes"}),
        )

    @pytest.fixture
    def changes(self, fake):
        return lambda: fake.changes

    @pytest.fixture
    def unwell(self, fake):
        def unwell(status, body):
            fake.failing = (status, body)

        return unwell


class TestReadOnly(TestIntegration):
    connection_values: ClassVar[dict[str, Any]] = {**BY_HAND, "consumer_key": READ_CK, "access": "read"}

    @pytest.fixture
    def link(self, integration, connection):
        features = ("products", "orders", "notices")
        return link_of(connection, kind=integration.name, granted=("read",), features=features)

"""What the shops of these tests hold, how Shopify tells of it, and a connection to one."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from omniops.contracts.oauth import Tokens
from omniops.contracts.webhook import Webhook
from omniops_shopify import ShopifyPlugin
from omniops_shopify.settings import ShopifySettings
from pydantic import SecretStr

CLIENT, SECRET = "shopify-client", "shpss_of-the-operator"
BIG = 9007199254740993
"""More than 2^53, as Shopify's ids are."""
ANN, BOB = BIG + 1, BIG + 2
ALL = ("read_products", "read_legal_policies", "read_orders", "read_customers", "write_orders")
HOST = "teapots.myshopify.com"
EVERY = frozenset({"products", "policies", "orders", "actions"})
SETTINGS = ShopifySettings(client_id=CLIENT, client_secret=SECRET, previous_secret="shpss_of-before")


def bag(amount, currency="EUR"):
    return {"presentmentMoney": {"amount": amount, "currencyCode": currency}}


def product(number, title, *, stock=3, price="19.9", status="ACTIVE", variants=("Default Title",), online=True, **more):
    single = variants == ("Default Title",)
    return {
        "id": f"gid://shopify/Product/{number}",
        "title": title,
        "status": status,
        "onlineStoreUrl": f"https://shop.example/products/{number}" if online else None,
        "description": f"All about {title}.",
        "totalInventory": stock * len(variants),
        "tracksInventory": True,
        "hasOnlyDefaultVariant": single,
        "updatedAt": "2026-11-20T08:00:00Z",
        "priceRangeV2": {"minVariantPrice": {"amount": price, "currencyCode": "EUR"}},
        "variants": {
            "nodes": [
                {
                    "id": f"gid://shopify/ProductVariant/{number}{n}",
                    "title": name,
                    "sku": f"SKU-{number}-{n}",
                    "price": f"{float(price):.2f}",
                    "availableForSale": stock > 0,
                    "inventoryQuantity": stock,
                    "inventoryPolicy": "DENY",
                }
                for n, name in enumerate(variants)
            ]
        },
        **more,
    }


def order(
    number, name, email, customer=None, *, placed="2026-11-20T09:30:00Z", sent=False, paid="PAID", title="Teapot"
):
    """As Shopify has it: with much that nobody asked for."""
    parcel = {"company": "DHL", "number": f"JD{number}", "url": "https://dhl.example/t"}
    return {
        "id": f"gid://shopify/Order/{number}",
        "name": name,
        "email": email,
        "phone": "+49 30 canary-phone",
        "note": "canary-note",
        "createdAt": placed,
        "updatedAt": placed,
        "cancelledAt": None,
        "cancellation": None,
        "displayFinancialStatus": paid,
        "displayFulfillmentStatus": "FULFILLED" if sent else "UNFULFILLED",
        "customer": {"id": f"gid://shopify/Customer/{customer}"} if customer else None,
        "shippingAddress": {
            "name": "Ann Canary",
            "address1": "Canary Street 7",
            "address2": None,
            "zip": "10115",
            "city": "Berlin",
            "provinceCode": None,
            "countryCodeV2": "DE",
        },
        "totalPriceSet": bag("84.0"),
        "totalRefundedSet": bag("0.0"),
        "lineItems": {
            "nodes": [
                {
                    "id": f"gid://shopify/LineItem/{number}1",
                    "title": title,
                    "quantity": 2,
                    "refundableQuantity": 2,
                    "sku": "T-1",
                    "variantTitle": "Blue",
                    "discountedTotalSet": bag("84.0"),
                }
            ]
        },
        "fulfillments": [
            {
                "createdAt": placed,
                "displayStatus": "DELIVERED",
                "estimatedDeliveryAt": None,
                "deliveredAt": placed,
                "trackingInfo": [parcel],
            }
        ]
        if sent
        else [],
        "refunds": [],
    }


@dataclass
class Stocked:
    """What one shop holds."""

    products: list = field(default_factory=list)
    orders: list = field(default_factory=list)
    policies: list = field(default_factory=list)


def stocked():
    return Stocked(
        products=[
            product(BIG, "Blue Teapot", variants=("Small", "Large")),
            product(BIG + 1, "Red Teapot"),
            product(BIG + 2, "Green Teapot", stock=0),
            product(BIG + 3, "Cup"),
            product(BIG + 4, "Secret Teapot", status="DRAFT"),
            product(BIG + 5, "Hidden Teapot", online=False),
        ],
        orders=[
            order(BIG + 10, "#1001", "ann@customers.example", ANN, placed="2026-11-10T09:30:00Z", sent=True),
            order(BIG + 11, "#1002", "ann@customers.example", ANN),
            order(BIG + 12, "#10010", "guest@customers.example"),
            order(BIG + 13, "#1003", "bob@customers.example", BOB),
            order(BIG + 14, "#1004", "bob@customers.example", BOB),
        ],
        policies=[
            {
                "type": "REFUND_POLICY",
                "title": "Refunds",
                "body": "<p>30 days.</p><script>x()</script>",
                "url": "https://shop.example/policies/refund-policy",
                "updatedAt": "2026-11-01T00:00:00Z",
            }
        ],
    )


def delivery(body, topic, shop, *, secret=SECRET, at=None, url="https://omniops.example/webhooks/shopify", **headers):
    """A webhook as Shopify sends it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()
    sent = {
        "content-type": "application/json",
        "x-shopify-topic": topic,
        "x-shopify-shop-domain": shop,
        "x-shopify-api-version": "2026-10",
        "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "x-shopify-hmac-sha256": signature,
        **headers,
    }
    return Webhook("POST", url, list(sent.items()), {}, raw, at or datetime.now(UTC))


def connection(token):
    """A connection of the shop `teapots` with this access token."""
    return ShopifyPlugin.Connection(shop="teapots", tokens=Tokens(access=SecretStr(token)))

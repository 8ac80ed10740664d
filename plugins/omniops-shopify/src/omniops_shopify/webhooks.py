"""What Shopify sends by itself: who sent it, and the few things that are taken of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from omniops.contracts.commerce import SHOP_CHANGED
from omniops.contracts.webhook import AccountErased, Arrived, Event, Received, RightUsed, Webhook, check_signature
from omniops.errors import Rejected

from omniops_shopify import mapping
from omniops_shopify.settings import ShopifySettings

UNINSTALLED = "app.uninstalled"
EVENTS: Mapping[str, Sequence[str]] = {
    UNINSTALLED: (),
    "product.changed": ("id",),
    "product.deleted": ("id",),
    SHOP_CHANGED: (),
}
"""Kinds of events and what is kept of them: of a product its number, of the others nothing but that they happened."""
_PRODUCTS = {
    "products/create": "product.changed",
    "products/update": "product.changed",
    "products/delete": "product.deleted",
}
_SHOP = ("id", "name", "myshopify_domain")
TOPICS: Mapping[str, tuple[str, Sequence[str]]] = {
    "APP_UNINSTALLED": ("", _SHOP),
    "SHOP_UPDATE": ("products", _SHOP),
    "PRODUCTS_CREATE": ("products", ("id", "admin_graphql_api_id")),
    "PRODUCTS_UPDATE": ("products", ("id", "admin_graphql_api_id")),
    "PRODUCTS_DELETE": ("products", ("id",)),
}
"""What is subscribed to: the feature that it is for, and the fields that Shopify is to send. It has many more."""

Right = Literal["access", "erasure"]
_RIGHTS: Mapping[str, Right] = {"customers/data_request": "access", "customers/redact": "erasure"}
_REDACT = "shop/redact"
"""The three notices that Shopify demands every app to take. The last comes 48 hours after an app was removed."""


def received(webhook: Webhook, settings: ShopifySettings, host: str | None) -> Received:
    """`host` is the shop whose own address this came to; None for the app's one address.

    Raises `Rejected`. A delivery of another shop is one of a stranger: all shops sign with the app's one secret.
    """
    secrets = (settings.client_secret, settings.previous_secret)
    check_signature(secrets, webhook.body, webhook.header("x-shopify-hmac-sha256"), encoding="base64")
    told = webhook.header("x-shopify-shop-domain", "").lower()
    if host is not None and told != host:
        raise Rejected("This is a delivery of another shop.", code="bad_signature")
    topic, body = webhook.header("x-shopify-topic", ""), _body(webhook)
    thing = _thing(webhook, topic, body)
    if thing is None:
        return Received()
    signed = body.get("shop_domain") or body.get("myshopify_domain")
    whose = signed.lower() if isinstance(signed, str) else (host or "")  # the body is signed, the header is not
    if host is not None and whose != host:
        raise Rejected("This is a delivery of another shop.", code="bad_signature")
    return Received([Arrived(thing, external_id=whose, feature="products" if topic in _PRODUCTS else "")])


def _thing(webhook: Webhook, topic: str, body: Mapping[str, Any]) -> Event | RightUsed | AccountErased | None:
    customer = body.get("customer")
    if topic in _RIGHTS and isinstance(customer, dict):
        return _right(webhook, _RIGHTS[topic], customer)
    if topic == _REDACT and isinstance(body.get("shop_domain"), str):
        return AccountErased(_id(webhook))
    if topic in _PRODUCTS and (number := _product(body)):
        data = {"id": number}
        return Event(_id(webhook), _PRODUCTS[topic], data, about=f"product:{number}", at=_triggered(webhook))
    if not isinstance(body.get("name"), str):
        return None
    kind = {"app/uninstalled": UNINSTALLED, "shop/update": SHOP_CHANGED}.get(topic)
    return Event(_id(webhook), kind, about="app") if kind is not None else None


def _right(webhook: Webhook, right: Right, customer: Mapping[str, Any]) -> RightUsed | None:
    """By the customer's address and number: of the rest, such as the phone and the orders, nothing is kept here that
    could be found by it."""
    email, number = customer.get("email"), customer.get("id")
    identifiers = {}
    if isinstance(email, str) and email.strip():
        identifiers["email"] = email.strip()
    if isinstance(number, int | str) and str(number):
        identifiers["external_id"] = str(number)
    return RightUsed(_id(webhook), right, identifiers, at=_triggered(webhook)) if identifiers else None


def _product(body: Mapping[str, Any]) -> str:
    """Its number, by the global id where there is one: as a number it loses digits on the way through many a tool."""
    number = body.get("id")
    plain = str(number) if isinstance(number, int) and not isinstance(number, bool) and number > 0 else ""
    return mapping.number(body.get("admin_graphql_api_id")) or plain


def _triggered(webhook: Webhook) -> datetime | None:
    """When it happened, which may be hours before it is told."""
    return mapping.moment(webhook.header("x-shopify-triggered-at", ""))


def _id(webhook: Webhook) -> str:
    """Shopify's id of the event, the same in each delivery of it; else one made of the body."""
    given = webhook.header("x-shopify-event-id", "") or webhook.header("x-shopify-webhook-id", "")
    return given[:100] or hashlib.sha256(webhook.body).hexdigest()


def _body(webhook: Webhook) -> dict[str, Any]:
    try:
        said = json.loads(webhook.body)
    except ValueError as error:
        raise Rejected("This is no JSON.", code="bad_body") from error
    if not isinstance(said, dict):
        raise Rejected("This is no object.", code="bad_body")
    return said

"""Shopify's objects in the contract's words. What is not named here is not taken."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from html.parser import HTMLParser
from typing import Any

from omniops.contracts.commerce import (
    Money,
    Order,
    OrderLine,
    OrderStatus,
    Policy,
    PolicyKind,
    Product,
    ProductVariant,
    Shipment,
    ShipmentStatus,
)
from omniops.contracts.facts import Availability

_NO_CENTS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
_MILS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
"""ISO 4217: currencies without, and with three, decimals."""
_GID = re.compile(r"gid://shopify/[A-Za-z]+/([0-9]{1,19})(?:\?.*)?")
_POLICIES: dict[str, PolicyKind] = {
    "REFUND_POLICY": "returns",
    "SHIPPING_POLICY": "shipping",
    "TERMS_OF_SERVICE": "terms",
    "TERMS_OF_SALE": "terms",
}
_PARCELS: dict[str, ShipmentStatus] = {
    "DELIVERED": "delivered",
    "PICKED_UP": "delivered",
    "OUT_FOR_DELIVERY": "out_for_delivery",
    "IN_TRANSIT": "in_transit",
    "CARRIER_PICKED_UP": "in_transit",
    "ATTEMPTED_DELIVERY": "problem",
    "DELAYED": "problem",
    "FAILURE": "problem",
    "NOT_DELIVERED": "problem",
}
_NO_PARCEL = frozenset({"CANCELED", "LABEL_VOIDED"})


def gid(kind: str, number: str) -> str:
    """Shopify's global id of an object."""
    return f"gid://shopify/{kind}/{number}"


def number(value: Any) -> str:
    """The number in a global id, as text: it may exceed 2^53. Empty for what is none."""
    found = _GID.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else ""


def money(value: Any) -> Money | None:
    """An amount with the decimals of its currency: Shopify leaves zeros at the end out. None for what is no amount."""
    try:
        amount, currency = Decimal(str(value["amount"])), str(value["currencyCode"])
    except (TypeError, KeyError, InvalidOperation):
        return None
    if not amount.is_finite() or amount < 0 or not re.fullmatch("[A-Z]{3}", currency):
        return None
    places = 0 if currency in _NO_CENTS else 3 if currency in _MILS else 2
    amount = amount.normalize()
    exponent = amount.as_tuple().exponent
    kept = amount if isinstance(exponent, int) and -exponent > places else round(amount, places)
    return Money(f"{kept:f}", currency)


def moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else None


def visible(row: Mapping[str, Any]) -> bool:
    """Whether every visitor of the shop may see a product: no draft, nothing archived, and on the online store."""
    return row.get("status") == "ACTIVE" and str(row.get("onlineStoreUrl") or "").startswith("https://")


def product(row: Mapping[str, Any]) -> Product:
    lowest = (row.get("priceRangeV2") or {}).get("minVariantPrice") or {}
    currency = lowest.get("currencyCode")
    tracked = row.get("tracksInventory") is True
    variants = [_variant(one, currency, tracked) for one in _nodes(row, "variants")]
    single = row.get("hasOnlyDefaultVariant") is True
    return Product(
        id=number(row["id"]),
        title=str(row["title"]),
        url=row["onlineStoreUrl"],
        price=money(lowest),
        availability=_of_all([one.availability for one in variants]),
        quantity=_left(row.get("totalInventory")) if tracked else None,
        text=str(row.get("description") or ""),
        sku=variants[0].sku if single and variants else "",
        variants=() if single else tuple(variants),
        updated_at=moment(row.get("updatedAt")),
    )


def _variant(row: Mapping[str, Any], currency: Any, tracked: bool) -> ProductVariant:
    left = row.get("inventoryQuantity")
    availability: Availability = "in_stock" if row.get("availableForSale") else "out_of_stock"
    if availability == "in_stock" and tracked and isinstance(left, int) and left <= 0:
        availability = "back_order"  # sold although nothing is there: the shop lets it be ordered
    return ProductVariant(
        id=number(row["id"]),
        title=str(row["title"]),
        price=money({"amount": row.get("price"), "currencyCode": currency}),
        availability=availability,
        quantity=_left(left) if tracked else None,
        sku=str(row.get("sku") or ""),
    )


def _left(value: Any) -> int | None:
    """Stock may be below zero where more was sold than there is."""
    return max(value, 0) if isinstance(value, int) else None


def _of_all(found: Sequence[Availability | None]) -> Availability | None:
    for one in ("in_stock", "back_order", "out_of_stock"):
        if one in found:
            return one
    return None


def order(row: Mapping[str, Any]) -> Order:
    total = money(row["totalPriceSet"]["presentmentMoney"])
    assert total is not None  # a price of an order is never negative
    refunded = money((row.get("totalRefundedSet") or {}).get("presentmentMoney"))
    shipments = tuple(parcel for one in row.get("fulfillments") or () for parcel in _shipments(one))
    placed = moment(row["createdAt"])
    assert placed is not None
    return Order(
        id=number(row["id"]),
        number=str(row["name"]),
        status=_status(row, shipments),
        placed_at=placed,
        total=total,
        email=str(row.get("email") or ""),
        customer_id=number((row.get("customer") or {}).get("id")),
        lines=tuple(_line(one) for one in _nodes(row, "lineItems")),
        shipments=shipments,
        refunded=refunded if refunded is not None and Decimal(refunded.amount) else None,
        updated_at=moment(row.get("updatedAt")),
    )


def _line(row: Mapping[str, Any]) -> OrderLine:
    variant = str(row.get("variantTitle") or "")
    return OrderLine(
        id=number(row["id"]),
        title=str(row["title"]),
        quantity=int(row["quantity"]),
        variant="" if variant == "Default Title" else variant,
        sku=str(row.get("sku") or ""),
        total=money((row.get("discountedTotalSet") or {}).get("presentmentMoney")),
    )


def _status(row: Mapping[str, Any], shipments: Sequence[Shipment]) -> OrderStatus:
    paid, sent = row.get("displayFinancialStatus"), row.get("displayFulfillmentStatus")
    if row.get("cancelledAt"):
        return "cancelled"
    if paid == "REFUNDED":
        return "refunded"
    if paid in ("VOIDED", "EXPIRED"):
        return "failed"
    if sent == "FULFILLED":
        return "delivered" if shipments and all(one.status == "delivered" for one in shipments) else "sent"
    if sent == "PARTIALLY_FULFILLED":
        return "partly_sent"
    if sent == "ON_HOLD":
        return "on_hold"
    return "awaiting_payment" if paid in ("PENDING", "PARTIALLY_PAID") else "in_progress"


def _shipments(row: Mapping[str, Any]) -> list[Shipment]:
    """One for each parcel; one without a number where the shop names none."""
    said = row.get("displayStatus")
    if said in _NO_PARCEL:
        return []
    return [
        Shipment(
            status=_PARCELS.get(str(said), "sent"),
            carrier=str(parcel.get("company") or ""),
            tracking_number=str(parcel.get("number") or ""),
            tracking_url=url if (url := str(parcel.get("url") or "")).startswith("https://") else "",
            sent_at=moment(row.get("createdAt")),
            expected_at=moment(row.get("estimatedDeliveryAt")),
            delivered_at=moment(row.get("deliveredAt")),
        )
        for parcel in row.get("trackingInfo") or [{}]
    ]


def policies(rows: Sequence[Mapping[str, Any]]) -> list[Policy]:
    """The terms that a visitor may ask for. Those without words are none."""
    found = []
    for row in rows:
        kind, words = _POLICIES.get(str(row.get("type"))), plain(str(row.get("body") or ""))
        if kind is None or not words:
            continue
        url = str(row.get("url") or "")
        found.append(
            Policy(
                kind=kind,
                title=str(row.get("title") or kind),
                text=words,
                url=url if url.startswith("https://") else "",
                updated_at=moment(row.get("updatedAt")),
            )
        )
    return found


class _Words(HTMLParser):
    """Collects the text of HTML, a line for each block."""

    _BLOCKS = frozenset("p br div li ul ol h1 h2 h3 h4 h5 h6 tr table section".split())
    _SILENT = frozenset({"script", "style"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._silent += tag in self._SILENT
        if tag in self._BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in self._SILENT and self._silent > 0
        if tag in self._BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(re.sub(r"\s+", " ", data))


def plain(html: str) -> str:
    """The words of HTML, without markup."""
    words = _Words()
    words.feed(html)
    words.close()
    lines = (line.strip() for line in "".join(words.parts).split("\n"))
    return "\n".join(line for line in lines if line)


def _nodes(row: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    return (row.get(name) or {}).get("nodes") or ()

"""What a shop says, in the contract's words. Pure. What is not named here is not taken."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from omniops.contracts.commerce import Money, Order, OrderLine, OrderStatus, Product, ProductVariant, Shipment
from omniops.contracts.facts import Availability
from omniops.errors import NotReady

Row = Mapping[str, Any]
PRODUCT_FIELDS = (
    "id,name,permalink,type,status,catalog_visibility,post_password,short_description,description,sku,price,"
    "stock_status,manage_stock,stock_quantity,date_modified,date_modified_gmt"
)
VARIATION_FIELDS = "id,status,sku,price,stock_status,manage_stock,stock_quantity,attributes"
ORDER_FIELDS = (
    "id,number,status,currency,total,date_created,date_created_gmt,date_modified,date_modified_gmt,date_paid_gmt,"
    "customer_id,billing.email,line_items,refunds,meta_data"
)
"""What is asked for: the shop leaves everything else at home."""
TRACKING = "_wc_shipment_tracking_items"
"""Where WooCommerce Shipment Tracking, and what is compatible with it, keeps parcels."""
MOST_TEXT = 2000
_AVAILABILITY: Mapping[str, Availability] = {
    "instock": "in_stock",
    "outofstock": "out_of_stock",
    "onbackorder": "back_order",
}
_STATUS: Mapping[str, OrderStatus] = {
    "pending": "awaiting_payment",
    "on-hold": "on_hold",
    "processing": "in_progress",
    "completed": "sent",
    "cancelled": "cancelled",
    "refunded": "refunded",
    "failed": "failed",
    "shipped": "sent",
    "partial-shipped": "partly_sent",
    "partially-shipped": "partly_sent",
    "delivered": "delivered",
}
_NO_ORDERS = frozenset({"trash", "auto-draft", "checkout-draft"})
_BLOCKS = frozenset({"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol"})
_SILENT = frozenset({"script", "style", "template", "title", "head"})


def product(row: Row, currency: str | None, site: str, variations: Sequence[Row] = ()) -> Product | None:
    """A product that visitors may see, or None. Without a currency nothing is told of prices."""
    shown = row.get("status") == "publish" and row.get("catalog_visibility") != "hidden"
    product_id, title = _id(row.get("id")), plain(row.get("name"))
    if not shown or row.get("post_password") or row.get("type") == "variation" or not product_id or not title:
        return None
    return Product(
        id=product_id,
        title=title,
        url=_url(row.get("permalink"), f"{site}/?p={product_id}"),
        price=money(row.get("price"), currency),
        availability=_AVAILABILITY.get(str(row.get("stock_status"))),
        quantity=_quantity(row),
        text=plain(row.get("short_description")) or plain(row.get("description")),
        sku=plain(row.get("sku")),
        variants=variants(variations, currency),
        updated_at=moment(row, "date_modified"),
    )


def variants(rows: Sequence[Row], currency: str | None) -> tuple[ProductVariant, ...]:
    """Those that visitors may see."""
    return tuple(found for one in rows if (found := _variant(one, currency)) is not None)


def _variant(row: Row, currency: str | None) -> ProductVariant | None:
    variant_id = _id(row.get("id"))
    if not variant_id or row.get("status", "publish") != "publish":
        return None
    options = [plain(one.get("option")) for one in _rows(row.get("attributes"))]
    return ProductVariant(
        id=variant_id,
        title=" / ".join(filter(None, options)) or variant_id,
        price=money(row.get("price"), currency),
        availability=_AVAILABILITY.get(str(row.get("stock_status"))),
        quantity=_quantity(row),
        sku=plain(row.get("sku")),
    )


def order(row: Row) -> Order | None:
    """An order, or None for what is none yet or none any more. Raises `NotReady` for what cannot be read."""
    status = str(row.get("status", "")).removeprefix("wc-")
    if status in _NO_ORDERS:
        return None
    order_id, number, currency = _id(row.get("id")), str(row.get("number") or ""), str(row.get("currency") or "")
    placed, total = moment(row, "date_created"), money(row.get("total"), currency)
    if not order_id or not number or placed is None or total is None:
        raise NotReady("The shop told an order that cannot be read.")
    customer, billing = _id(row.get("customer_id")), row.get("billing")
    return Order(
        id=order_id,
        number=number,
        status=_STATUS.get(status, "in_progress"),
        placed_at=placed,
        total=total,
        email=str(billing.get("email") or "") if isinstance(billing, dict) else "",
        customer_id=customer,
        lines=tuple(found for one in _rows(row.get("line_items")) if (found := _line(one, currency)) is not None),
        shipments=_shipments(row),
        refunded=_refunded(row, currency),
        updated_at=moment(row, "date_modified"),
    )


def _line(row: Row, currency: str) -> OrderLine | None:
    line_id, quantity = _id(row.get("id")), row.get("quantity")
    if not line_id or not isinstance(quantity, int) or quantity < 1:
        return None
    name, parent = plain(row.get("name")), plain(row.get("parent_name"))
    variant = name.removeprefix(f"{parent} - ") if parent and name.startswith(f"{parent} - ") else ""
    return OrderLine(
        id=line_id,
        title=parent if variant else name,
        quantity=quantity,
        variant=variant,
        sku=plain(row.get("sku")),
        total=money(added(row.get("total"), row.get("total_tax")), currency),
    )


def _refunded(row: Row, currency: str) -> Money | None:
    amounts = [decimal(one.get("total")) for one in _rows(row.get("refunds"))]
    back = sum((abs(amount) for amount in amounts if amount is not None), Decimal(0))
    return money(str(back), currency) if back else None


def _shipments(row: Row) -> tuple[Shipment, ...]:
    found: list[Shipment] = []
    for meta in _rows(row.get("meta_data")):
        if meta.get("key") != TRACKING:
            continue
        for one in _rows(meta.get("value")):
            link = str(one.get("custom_tracking_link") or "")
            found.append(
                Shipment(
                    status="sent",
                    carrier=plain(one.get("tracking_provider")) or plain(one.get("custom_tracking_provider")),
                    tracking_number=plain(one.get("tracking_number")),
                    tracking_url=link if _is_https(link) else "",
                    sent_at=_seconds(one.get("date_shipped")),
                )
            )
    return tuple(found)


def moment(row: Row, name: str) -> datetime | None:
    """A moment that a shop tells twice: `date_created_gmt` is UTC without saying so, `date_created` the shop's own
    time, which counts only where it names its zone."""
    for key, zone in ((f"{name}_gmt", UTC), (name, None)):
        try:
            found = datetime.fromisoformat(str(row.get(key)))
        except ValueError:
            continue
        if found.tzinfo is not None:
            return found
        if zone is not None:
            return found.replace(tzinfo=zone)
    return None


def _seconds(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def decimal(value: Any) -> Decimal | None:
    """An amount, which a shop writes as text."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def added(*values: Any) -> str:
    """The sum of amounts, with the decimals of the finest; what is none counts nothing."""
    return str(sum((found for value in values if (found := decimal(value)) is not None), Decimal(0)))


def money(value: Any, currency: str | None) -> Money | None:
    """None where the amount is empty, below 0 or none, or the currency is not known."""
    found = decimal(value) if value not in ("", None) else None
    if found is None or found < 0 or not currency or not re.fullmatch(r"[A-Z]{3}", currency):
        return None
    return Money(f"{found:f}", currency)


def plain(value: Any) -> str:
    """Words without markup."""
    if not isinstance(value, str):
        return ""
    if "<" not in value:
        return " ".join(html.unescape(value).split())[:MOST_TEXT]
    parser = _Words()
    parser.feed(value)
    parser.close()
    return "\n".join(filter(None, (" ".join(line.split()) for line in "".join(parser.found).split("\n"))))[:MOST_TEXT]


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in _SILENT))
        if tag in _BLOCKS:
            self.found.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


def _id(value: Any) -> str:
    """An id as text; empty for 0 and for what is none."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else ""


def _rows(value: Any) -> list[Row]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _quantity(row: Row) -> int | None:
    quantity = row.get("stock_quantity")
    known = row.get("manage_stock") is True and isinstance(quantity, int | float)
    return max(0, int(quantity)) if known and quantity is not None else None


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)


def _url(value: Any, otherwise: str) -> str:
    """A shop behind a proxy often believes that it is reached by http; it is not."""
    url = value if isinstance(value, str) else ""
    if url.startswith("http://"):
        url = f"https://{url.removeprefix('http://')}"
    return url if _is_https(url) else otherwise

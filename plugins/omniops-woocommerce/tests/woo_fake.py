"""A WooCommerce shop: wc/v3 as far as `woo_contract` goes, with what is odd about it, and with faults on demand.

It keeps to the contract and makes others keep to it: what it is asked beside it stands in `strange`, and a test that
leaves something there fails.
"""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import parse_qs, parse_qsl, urlsplit

from woo_contract import ASKED, BODIES, ORDERINGS, misfits
from woo_stock import CANARY

CK, CS = "ck_" + "1" * 40, "cs_" + "2" * 40
READ_CK = "ck_" + "3" * 40
ROOT = "/wp-json/wc/v3/"


@dataclass
class FakeShop:
    """`failing` is what every call gets (status, body, headers); `mode` one of the shop's troubles: `plain` permalinks,
    `stripped` Authorization headers, `moved` to another host, `soon` (coming soon). `lavish` leaves `_fields` out of
    account and adds fields that nobody knows."""

    url: str = "https://shop.example"
    products: list = field(default_factory=list)
    variations: dict = field(default_factory=dict)
    orders: list = field(default_factory=list)
    refunds: dict = field(default_factory=dict)
    hooks: list = field(default_factory=list)
    keys: dict = field(default_factory=lambda: {CK: (CS, "read_write"), READ_CK: (CS, "read")})
    general: dict = field(default_factory=lambda: {"woocommerce_currency": "GBP", "woocommerce_calc_taxes": "no"})
    tax: dict = field(
        default_factory=lambda: {"woocommerce_prices_include_tax": "no", "woocommerce_tax_display_shop": "excl"}
    )
    refundable: bool = True
    managers: bool = True
    failing: tuple | None = None
    mode: str = ""
    moved_to: str = ""
    lavish: bool = False
    asked: list = field(default_factory=list)
    changes: int = 0
    strange: list = field(default_factory=list)

    def begin(self, products, orders):
        """Another stock, and nothing of what was before."""
        self.products, self.orders, self.refunds, self.hooks = products, orders, {}, []
        self.failing, self.mode, self.asked, self.changes = None, "", [], 0

    # How it is reached ------------------------------------------------------------------------------------------------

    def answer(self, request):
        """For an `AnsweringGate`."""
        import httpx2

        status, headers, body = self.respond(
            request.method, request.url.raw_path.decode(), dict(request.headers), request.content
        )
        return httpx2.Response(status, headers=headers, content=body)

    def respond(self, method, target, headers, body):
        """Status, headers and body."""
        parts = urlsplit(target)
        self.asked.append((method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), headers))
        if self.failing is not None:
            status, said, *more = self.failing
            return status, {"Content-Type": "text/html", **(more[0] if more else {})}, said.encode()
        if self.mode == "moved":
            return 301, {"Location": f"{self.moved_to}{target}"}, b""
        if self.mode == "soon":
            return 200, {"Content-Type": "text/html"}, b"<html>Coming soon</html>"
        if self.mode == "plain":
            if parse_qs(parts.query).get("rest_route") == ["/"]:
                return self._json(200, {"name": "Shop", "namespaces": ["wp/v2", "wc/v3"]})
            return 404, {"Content-Type": "text/html"}, b"<html>Not found</html>"
        if parts.path == "/" and parse_qs(parts.query).get("rest_route") == ["/"]:
            return self._json(200, {"name": "Shop", "namespaces": ["wp/v2"]})
        if not parts.path.startswith(ROOT):
            self.strange.append(f"{method} {parts.path}")
            return self._error(404, "rest_no_route")
        return self._called(method, parts.path.removeprefix(ROOT), parse_qs(parts.query), headers, body)

    def _called(self, method, path, query, headers, body):
        refusal = self._refusal(method, headers)
        if refusal is not None:
            return refusal
        place = re.sub(r"\b\d+\b", "N", path)
        if (method, place) not in ASKED or set(query) - ASKED[method, place]:
            self.strange.append(f"{method} {path} {query}")
            return self._error(404, "rest_no_route")
        given = {name: values[0] for name, values in query.items()}
        said = json.loads(body) if body else {}
        if set(said) - BODIES.get((method, place), set()):
            self.strange.append(f"{method} {path} with {sorted(said)}")
        if (
            given.get("orderby", "date") not in ORDERINGS.get(path, {"date"})
            or not 1 <= int(given.get("per_page", 10)) <= 100
        ):
            return self._error(400, "rest_invalid_param")
        numbers = [int(one) for one in re.findall(r"\d+", path)]
        if (method, place) in (("GET", "products/N"), ("GET", "orders/N")):
            return self._one(place.partition("/")[0], numbers[0], given)
        handler = getattr(self, f"_{method.lower()}_{re.sub('[^a-z]+', '_', place).strip('_')}")
        return handler(numbers, given, said)

    def _refusal(self, method, headers):
        sent = headers.get("authorization", "")
        if self.mode == "stripped" or not sent.startswith("Basic "):
            return self._error(401, "woocommerce_rest_cannot_view")
        key, _, secret = base64.b64decode(sent.removeprefix("Basic ")).decode().partition(":")
        known, access = self.keys.get(key, ("", ""))
        if not known or known != secret or (method != "GET" and access == "read"):
            return self._error(401, "woocommerce_rest_authentication_error")
        return None

    # Products ---------------------------------------------------------------------------------------------------------

    def _get_products(self, numbers, given, said):
        words = given.get("search", "").lower().split()
        found = [
            one
            for one in self.products
            if given.get("status", "any") in ("any", one["status"])
            and ("sku" not in given or one["sku"] == given["sku"])
            and all(word in f"{one['name']} {one['description']}".lower() for word in words)
        ]
        return self._list("product", self._ordered(found, given), given, "products")

    def _get_products_variations(self, numbers, given, said):
        return self._list("variation", self.variations.get(numbers[0], []), given, f"products/{numbers[0]}/variations")

    def _get_settings_general(self, numbers, given, said):
        return self._settings(self.general, given)

    def _get_settings_tax(self, numbers, given, said):
        return self._settings(self.tax, given)

    def _settings(self, values, given):
        if not self.managers:
            return self._error(403, "woocommerce_rest_cannot_view")
        rows = [{"id": name, "label": "", "value": value, "type": "text"} for name, value in values.items()]
        return self._json(200, [self._shown("setting", row, given) for row in rows])

    # Orders -----------------------------------------------------------------------------------------------------------

    def _get_orders(self, numbers, given, said):
        found = [one for one in self.orders if one["status"] != "trash"]
        if "customer" in given:
            found = [one for one in found if one["customer_id"] == int(given["customer"])]
        if "search" in given:  # as the shop's search is: whatever holds the words
            found = [o for o in found if given["search"].lower() in f"{o['number']} {o['billing']['email']}".lower()]
        return self._list("order", self._ordered(found, given), given, "orders")

    def _ordered(self, rows, given):
        """What changed after a moment, in the order that is asked for. Moments are the shop's own time, an hour ahead,
        unless it is told that they are not."""
        zone = "_gmt" if given.get("dates_are_gmt") == "true" else ""
        found = [one for one in rows if one[f"date_modified{zone}"] > given.get("modified_after", "")]
        by = {"date": "date_created_gmt", "modified": "date_modified_gmt", "id": "id"}.get(given.get("orderby", "date"))
        if by is None:
            return found
        return sorted(found, key=lambda one: (one[by], one["id"]), reverse=given.get("order", "desc") == "desc")

    def _put_orders(self, numbers, given, said):
        row = self._found(self.orders, numbers[0])
        if row is None:
            return self._error(400, "woocommerce_rest_shop_order_invalid_id")
        shipping = said.get("shipping", {})
        if shipping and not re.fullmatch("[A-Z]{2}", shipping["country"]):
            return self._error(400, "rest_invalid_param")
        self.strange += misfits("address", shipping)
        row["shipping"] = row["shipping"] | shipping
        row["status"] = said.get("status", row["status"])
        self._marked(row, said)
        self._touched(row)
        return self._json(200, self._shown("order", row, {}))

    def _get_orders_refunds(self, numbers, given, said):
        return self._list("refund", self.refunds.get(numbers[0], []), given, f"orders/{numbers[0]}/refunds")

    def _post_orders_refunds(self, numbers, given, said):
        row = self._found(self.orders, numbers[0])
        amount, before = Decimal(said["amount"]), sum((Decimal(r["total"]) for r in row["refunds"]), Decimal(0))
        if amount <= 0 or amount > Decimal(row["total"]) + before or (said["api_refund"] and not self.refundable):
            return self._error(500, "woocommerce_rest_cannot_create_order_refund")
        key = 9000 + sum(len(found) for found in self.refunds.values())
        lines = [
            {"id": key * 10 + n, "meta_data": [{"id": 1, "key": "_refunded_item_id", "value": str(one["id"])}]}
            for n, one in enumerate(said["line_items"])
        ]
        made = {
            "id": key,
            "date_created": "2026-11-24T08:00:00",
            "date_created_gmt": "2026-11-24T07:00:00",
            "amount": f"{amount:f}",
            "reason": said["reason"],
            "refunded_payment": said["api_refund"],
            "meta_data": [],
            "line_items": lines,
        }
        self._marked(made, said)
        self.refunds.setdefault(row["id"], []).append(made)
        row["refunds"].append({"id": key, "reason": said["reason"], "total": f"-{amount:f}", "total_tax": "0.00"})
        if amount - before == Decimal(row["total"]):
            row["status"] = "refunded"
        self._touched(row)
        return self._json(201, made)

    def _touched(self, row):
        """A change, a second after the one before."""
        self.changes += 1
        row["date_modified"] = f"2026-11-24T09:{self.changes // 60:02}:{self.changes % 60:02}"
        row["date_modified_gmt"] = row["date_modified"].replace("T09", "T08")

    def _marked(self, row, said):
        row["meta_data"] = [*row["meta_data"], *({"id": 99, **one} for one in said.get("meta_data", ()))]

    # Webhooks ---------------------------------------------------------------------------------------------------------

    def _get_webhooks(self, numbers, given, said):
        rows = [{name: value for name, value in one.items() if name != "secret"} for one in self.hooks]
        return self._list("webhook", rows, given, "webhooks")

    def _post_webhooks(self, numbers, given, said):
        key = 1 + max((one["id"] for one in self.hooks), default=0)
        resource, _, event = said["topic"].partition(".")
        self.hooks.append({"id": key, "resource": resource, "event": event, "hooks": [], **said})
        return self._json(201, {"id": key})

    def _put_webhooks(self, numbers, given, said):
        self._found(self.hooks, numbers[0]).update(said)
        return self._json(200, {"id": numbers[0]})

    def _delete_webhooks(self, numbers, given, said):
        row = self._found(self.hooks, numbers[0])
        if row is None:
            return self._error(404, "woocommerce_rest_shop_webhook_invalid_id")
        if given.get("force") != "true":
            return self._error(501, "woocommerce_rest_trash_not_supported")
        self.hooks.remove(row)
        return self._json(200, {"id": numbers[0]})

    def delivery(self, topic, body, secret, delivery="d1"):
        """Headers and body of a delivery, as the shop sends it."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        resource, _, event = topic.partition(".")
        mac = base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()
        return {
            "content-type": "application/json",
            "user-agent": "WooCommerce/11.0.1 Hookshot (WordPress/7.1)",
            "x-wc-webhook-source": f"{self.url}/",
            "x-wc-webhook-topic": topic,
            "x-wc-webhook-resource": resource,
            "x-wc-webhook-event": event,
            "x-wc-webhook-signature": mac,
            "x-wc-webhook-id": "4",
            "x-wc-webhook-delivery-id": delivery,
        }, raw

    def approved(self, address):
        """A merchant agrees on the connect page. Gives where the shop posts, what, and where the browser goes."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert set(asked) == {"app_name", "scope", "user_id", "return_url", "callback_url"}
        assert asked["scope"] in ("read", "write", "read_write")
        given = {
            "key_id": 1,
            "user_id": asked["user_id"],
            "consumer_key": CK if asked["scope"] == "read_write" else READ_CK,
            "consumer_secret": CS,
            "key_permissions": asked["scope"],
        }
        return asked["callback_url"], given, f"{asked['return_url']}?success=1&user_id={asked['user_id']}"

    # What it says -----------------------------------------------------------------------------------------------------

    def _one(self, path, key, given):
        rows, kind, named = {
            "products": (self.products, "product", "product"),
            "orders": (self.orders, "order", "shop_order"),
        }[path]
        row = self._found(rows, key)
        if row is None:
            return self._error(404, f"woocommerce_rest_{named}_invalid_id")
        return self._json(200, self._shown(kind, row, given))

    def _list(self, kind, rows, given, path):
        size, page = int(given.get("per_page", 10)), int(given.get("page", 1))
        pages = -(-len(rows) // size)
        links = [f'<{self.url}{ROOT}{path}?page={page - 1}>; rel="prev"'] if page > 1 else []
        links += [f'<{self.url}{ROOT}{path}?page={page + 1}>; rel="next"'] if page < pages else []
        start = int(given.get("offset", (page - 1) * size))
        found = [self._shown(kind, row, given) for row in rows[start : start + size]]
        more = {"Link": ", ".join(links) or f'<{self.url}/wp-json/>; rel="https://api.w.org/"'}
        return self._json(200, found, more)

    def _shown(self, kind, row, given):
        self.strange += misfits(kind, row)
        for one in row.get("line_items", ()) if kind == "order" else ():
            self.strange += misfits("line", one)
        for name in ("billing", "shipping"):
            self.strange += misfits("address", row.get(name, {}))
        if self.lavish:
            return {**row, "unknown_field": CANARY, "customer_note_2": {"deep": CANARY}}
        if "_fields" not in given:
            return row
        shown = {}
        for wanted in given["_fields"].split(","):
            name, _, inner = wanted.partition(".")
            if name in row:
                shown[name] = {inner: row[name].get(inner)} if inner else row[name]
        return shown

    def _found(self, rows, key):
        return next((row for row in rows if row["id"] == key), None)

    def _json(self, status, value, more=None):
        return status, {"Content-Type": "application/json; charset=UTF-8", **(more or {})}, json.dumps(value).encode()

    def _error(self, status, code):
        return self._json(status, {"code": code, "message": f"says {CANARY}", "data": {"status": status}})

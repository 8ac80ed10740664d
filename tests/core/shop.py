"""A shop outside: a server with a protocol of its own over TLS, and the plugin that asks it.

The server holds several shops, each behind its own key, as a vendor does. It keeps what it was asked and what was
changed, and says what a test wants: page by page, slowly, or nonsense.
"""

import json
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

from omniops import Info, Plugin, hookimpl
from omniops.contracts.commerce import (
    Acted,
    Action,
    Cancel,
    ChangeAddress,
    Commerce,
    Money,
    Offers,
    Order,
    OrderLine,
    Policy,
    Product,
    Products,
    ProductVariant,
    Refund,
    Shipment,
)
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.integration import Integration
from omniops.contracts.plugin import Health, PluginSettings
from omniops.doors import PluginGate, Rooms
from omniops.errors import NotFound, NotReady, Reconnect, Rejected
from omniops.gate.grants import Allow
from omniops.testing.upstream import HOST, Answer, Upstream
from pydantic import Field, SecretStr

MOST = 50
PLACED = "2026-11-20T09:30:00+00:00"


def line(number, title, quantity=1, price="42.00"):
    return {"id": number, "title": title, "quantity": quantity, "price": price, "variant": "Blue"}


def order(key, number, email, customer=None, *, state="sent", title="Teapot", placed=PLACED):
    """An order as the server holds it, with all that a shop knows of a person."""
    return {
        "id": key,
        "number": number,
        "email": email,
        "customer_id": customer,
        "state": state,
        "placed": placed,
        "total": "84.00",
        "currency": "EUR",
        "lines": [line(key * 10, title, 2)],
        "parcels": [{"state": "in_transit", "carrier": "DHL", "number": f"JD{key}", "url": "https://dhl.example/t"}],
        "name": f"Name of {email}",
        "phone": "+49 30 1234567",
        "address": "Hidden Street 7, 10115 Berlin",
        "note": "canary-of-the-order",
    }


def product(key, title, stock=3, price="42.00", *, text="", site="https://shop.example", variants=()):
    return {
        "id": key,
        "title": title,
        "url": f"{site}/products/{key}",
        "stock": stock,
        "price": price,
        "currency": "EUR",
        "text": text,
        "variants": [{"id": key * 100 + n, "title": name, "stock": n} for n, name in enumerate(variants)],
    }


@dataclass
class Stock:
    """One shop: what it sells, what was ordered, its terms, and what was changed, by idempotency key."""

    products: list = field(default_factory=list)
    orders: list = field(default_factory=list)
    terms: list = field(default_factory=list)
    done: dict = field(default_factory=dict)
    changes: list = field(default_factory=list)


class ShopServer:
    """The vendor. `stocks` are its shops by key; `failing`, where it is set, is what every request gets."""

    def __init__(self):
        self.stocks, self.asked, self.failing = {}, [], None

    def respond(self, method, target, headers, body):
        """Status and JSON for one request."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query, keep_blank_values=True)
        self.asked.append((method, unquote(path), {name: values[0] for name, values in query.items()}))
        if self.failing is not None:
            return self.failing
        stock = self.stocks.get(headers.get("authorization", "").removeprefix("Bearer "))
        if stock is None:
            return 401, {"error": "unknown key, says canary-of-the-vendor"}
        match [unquote(part) for part in path.strip("/").split("/")], method:
            case ["products"], "GET":
                return self._search(stock, query)
            case ["products", number], "GET":
                return self._one(stock.products, number)
            case ["orders"], "GET":
                name, value = next((n, v[0]) for n, v in query.items() if n in ("number", "customer"))
                # As vendors' searches are: what begins with it is found as well.
                fits = str.startswith if name == "number" else str.__eq__
                key = "number" if name == "number" else "customer_id"
                return 200, [o for o in stock.orders if o[key] is not None and fits(str(o[key]).lstrip("#"), value)]
            case ["terms"], "GET":
                return 200, stock.terms
            case ["orders", number, "changes"], "POST":
                return self._change(stock, number, headers, json.loads(body))
        return 404, {"error": "no such place, says canary-of-the-vendor"}

    def _search(self, stock, query):
        words = query.get("words", [""])[0].lower().split()
        found = [p for p in stock.products if all(word in f"{p['title']} {p['text']}".lower() for word in words)]
        try:
            start = int(query.get("after", ["0"])[0])
        except ValueError:
            return 400, {"error": "bad cursor"}
        size = min(int(query.get("size", ["10"])[0]), MOST)
        after = start + size if start + size < len(found) else None
        return 200, {"items": found[start : start + size], "after": after}

    def _one(self, rows, number):
        found = [row for row in rows if str(row["id"]) == number]
        return (200, found[0]) if found else (404, {"error": f"no {number}, says canary-of-the-vendor"})

    def _change(self, stock, number, headers, wish):
        key = headers["idempotency-key"]
        if key not in stock.done:
            (found,) = [o for o in stock.orders if str(o["id"]) == number]
            if wish["kind"] != "refund" and found["state"] in ("delivered", "cancelled"):
                return 409, {"error": "too late, says canary-of-the-vendor"}
            found["state"] = {"cancel": "cancelled", "refund": "refunded"}.get(wish["kind"], found["state"])
            stock.changes.append((number, wish))
            stock.done[key] = found
        return 200, stock.done[key]


class ShopConnection(PluginSettings):
    key: SecretStr = Field(description="Key of the shop.")
    orders: bool = Field(default=True, description="Whether orders may be read.")
    actions: tuple[str, ...] = Field(default=("cancel", "change_address", "refund"), description="What may be changed.")


class ShopCommerce(Commerce):
    """The server's protocol in the contract's words."""

    name = "shop"
    title = "Corner Shop"

    def __init__(self, gate, port):
        self.gate, self._port = gate, port

    def offers(self, use):
        actions = tuple(
            Action(kind, "write" if kind == "change_address" else "significant") for kind in use.connection.actions
        )
        return Offers(products=True, orders=use.connection.orders, policies=True, actions=actions)

    async def search(self, use, text, *, cursor=None, limit=10):
        query = {"words": text, "size": limit, **({"after": cursor} if cursor is not None else {})}
        found = await self._get(use, "products", query, bad="bad_cursor")
        after = found["after"]
        return Products(tuple(_product(use, row) for row in found["items"]), None if after is None else str(after))

    async def product(self, use, product_id):
        if not product_id.isascii() or not product_id.isdigit():
            raise NotFound("There is no such product.")
        return _product(use, await self._get(use, f"products/{product_id}"))

    async def order(self, use, number):
        wanted = number.strip().removeprefix("#").casefold()
        found = await self._get(use, "orders", {"number": wanted}) if wanted else []
        for row in found:
            if row["number"].removeprefix("#").casefold() == wanted:
                return _order(row)
        raise NotFound("There is no such order.")

    async def orders(self, use, customer, *, limit=10):
        found = [_order(row) for row in await self._get(use, "orders", {"customer": customer.external_id})]
        return sorted(found, key=lambda one: one.placed_at, reverse=True)[:limit]

    async def policies(self, use):
        found = await self._get(use, "terms")
        return [Policy(row["kind"], row["title"], row["text"], days=row["days"]) for row in found]

    async def act(self, use, order, wish, *, key):
        match wish:
            case Cancel(reason) | Refund(reason):
                told = {"kind": wish.kind, "reason": reason}
            case ChangeAddress(address):
                told = {"kind": wish.kind, "address": asdict(address)}
        row = await self._ask(
            use, "POST", f"orders/{order.id}/changes", json=told, headers={"Idempotency-Key": key}, bad="too_late"
        )
        return Acted(f"Order {order.number}: {wish.kind.replace('_', ' ')} is done.", _order(row))

    async def _get(self, use, path, query=None, *, bad="refused"):
        return await self._ask(use, "GET", path, params=query or {}, bad=bad)

    async def _ask(self, use, method, path, *, headers=None, bad, **more):
        headers = {"Authorization": f"Bearer {use.connection.key.get_secret_value()}", **(headers or {})}
        client = self.gate.http(
            "shop", purpose="support.provide", categories=("contact.email",), subjects=use.subjects, scope=use.scope
        )
        async with client:
            answer = await client.request(method, f"https://{HOST}:{self._port}/{path}", headers=headers, **more)
        if answer.status_code == 404:
            raise NotFound("There is no such thing.")
        if answer.status_code == 401:
            raise Reconnect("The shop refused the key.")
        if answer.status_code in (400, 409):
            raise Rejected("The shop does not do that any more.", code=bad)
        try:
            answer.raise_for_status()
            return answer.json()
        except Exception as error:
            raise NotReady("The shop answers nonsense.") from error


def _product(use, row):
    return Product(
        id=str(row["id"]),
        title=row["title"],
        url=row["url"],
        price=Money(row["price"], row["currency"]),
        availability="in_stock" if row["stock"] else "sold_out",
        quantity=row["stock"],
        text=row["text"],
        variants=tuple(
            ProductVariant(str(v["id"]), v["title"], availability="in_stock" if v["stock"] else "sold_out")
            for v in row["variants"]
        ),
    )


def _order(row):
    return Order(
        id=str(row["id"]),
        number=row["number"],
        status={"open": "in_progress"}.get(row["state"], row["state"]),
        placed_at=datetime.fromisoformat(row["placed"]),
        total=Money(row["total"], row["currency"]),
        email=row["email"],
        customer_id="" if row["customer_id"] is None else str(row["customer_id"]),
        lines=tuple(
            OrderLine(str(x["id"]), x["title"], x["quantity"], x["variant"], total=Money(x["price"], row["currency"]))
            for x in row["lines"]
        ),
        shipments=tuple(Shipment(p["state"], p["carrier"], p["number"], p["url"]) for p in row["parcels"]),
    )


class ShopIntegration(Integration):
    """The link to the shop."""

    name, title, processor = "shop", "Corner Shop", "shop"

    async def check(self, connection):
        return Health(True, "The shop answered.")


class ShopPlugin(Plugin):
    """Products and orders of a corner shop."""

    info = Info(title="Corner Shop", version="1.0", omniops=">=0.1,<0.2")
    Connection = ShopConnection
    port = 443

    def __init__(self, context):
        super().__init__(context)
        self.commerce = ShopCommerce(context.gate, self.port)

    @hookimpl
    def declares(self):
        return Declaration(
            processors=[
                Processor(
                    key="shop",
                    name="Corner Shop Ltd.",
                    role="customer_chosen",
                    hosts=(HOST,),
                    countries=("DE",),
                    purposes=("support.provide", "connection.use"),
                    categories=("contact.email",),
                    ports=(self.port,),
                    policy_url="https://corner.example/privacy",
                    contract_url="https://corner.example/terms",
                )
            ]
        )

    @hookimpl
    def integrations(self):
        return [ShopIntegration()]

    @hookimpl
    def shops(self):
        return [self.commerce]


@asynccontextmanager
async def serving_shop():
    """The server on loopback over TLS; gives it and its port."""
    server = ShopServer()

    def answer(exchange):
        status, value = server.respond(exchange.method, exchange.path, exchange.headers, exchange.body)
        if isinstance(value, bytes):
            return Answer([value], status, {"Content-Type": "text/html"})
        return Answer.json(value, status=status)

    async with Upstream.open(answer) as upstream:
        server.port = upstream.port
        yield server


async def reachable(runtime, port):
    """The plugin gets this runtime's gate, which finds the server: by its name, at this machine, as an operator's
    exception."""
    (plugin,) = [loaded.plugin for loaded in runtime.plugins.loaded if loaded.name == "shop"]
    plugin.commerce.gate = PluginGate("shop", Rooms(gate=runtime.gate, register=runtime.register))

    async def resolver(host, port):
        return [ip_address("127.0.0.1")]

    runtime.gate._resolver = resolver
    await runtime.allows.add(Allow(HOST, port, "the test's shop"))

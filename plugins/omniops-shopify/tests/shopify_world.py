"""The whole application with the plugin, a member with a browser, and a shop on loopback behind TLS."""

from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from urllib.parse import urlencode
from uuid import uuid4

import httpx2
from desk import collect, opened, serving
from fake_shopify import FakeShopify
from omniops.contracts.provider import ToolCall
from omniops.doors import PluginGate, Rooms
from omniops.gate.grants import Allow
from omniops.operations.firsts import OPERATOR
from omniops.testing.fakes import ManualClock
from omniops.testing.upstream import HOST, Answer, Upstream, write_authority
from omniops_shopify import ShopifyPlugin
from omniops_shopify.settings import ShopifySettings
from shopify_stock import ANN, BIG, CLIENT, SECRET, Stocked, delivery, order, product

SHOP, DOMAIN = HOST.split(".", 1)
CANARIES = ("canary", "Canary Street", "JD9007199254741003", "shpat_", "shprt_", SECRET)
"""What the shop sends, and nobody may find in a row."""


class Gate:
    """The runtime's own gate, which is there after the plugin is."""

    inner = None

    def http(self, *args, **options):
        return self.inner.http(*args, **options)


def plugin_of(gate, port, clock):
    """The plugin with the app of these tests, whose shops are on loopback."""
    settings = ShopifySettings(client_id=CLIENT, client_secret=SECRET, domain=DOMAIN, port=port)

    class Shopify(ShopifyPlugin):
        """Products of a shop."""

        def __init__(self, context):
            super().__init__(replace(context, gate=gate, settings=settings, clock=clock))

    return Shopify


class Shopping:
    """A member with a browser, a desk, and the shop."""

    def __init__(self, desk, shopify, base):
        self.desk, self.shopify, self.base = desk, shopify, base

    @property
    def at(self):
        return f"/v1/domains/{self.desk.domain.id}"

    @property
    def scope(self):
        return self.desk.domain.scope

    async def begin_anew(self):
        """A fresh domain where the plugin is on, its member, and what the shop sells."""
        self.desk.rows("delete from omniops.connection where kind = 'shopify'")
        self.desk.rows("delete from omniops.lookup where kind = 'external'")
        self.desk.domain = await self.desk.new_domain()
        self.shopify.begin()
        site = self.desk.domain.origins[0]
        self.shopify.shops[HOST] = Stocked(
            products=[product(BIG, "Blue Teapot", onlineStoreUrl=f"{site}/products/teapot")],
            orders=[order(BIG + 10, "#1001", "ann@customers.example", ANN, sent=True)],
        )
        await self.desk.runtime.accounts.switch(self.scope, "shopify", on=True, actor=OPERATOR)
        await self.sign_in()

    async def sign_in(self):
        members = self.desk.runtime.members
        token = await members.setup_link(self.scope.account_id)
        email = f"{uuid4().hex[:8]}@shop.example"
        session = await members.finish_setup(token, email=email, name="", password="correct horse battery staple")
        self.browser = httpx2.AsyncClient(base_url=self.base, cookies={"omniops_session": session}, timeout=60)

    async def ask_access(self, path="connections/begin", **more):
        terms = (await self.browser.get(f"{self.at}/plugins/shopify/terms")).json()
        body = {"agreed": terms["version"], **more}
        if path == "connections/begin":
            body |= {"plugin": "shopify", "settings": {"shop": f"{SHOP}"}}
        return terms, await self.browser.post(f"{self.at}/{path}", json=body)

    async def back(self, url, **more):
        led = await self.browser.get(f"/oauth/callback?{urlencode(self.shopify.browse(url, **more))}")
        return await self.browser.get(led.headers["location"])

    async def connect(self, **more):
        _, begun = await self.ask_access(**more)
        page = await self.back(begun.json()["url"])
        assert "Shopify is connected." in page.text
        await self.desk.work("connections")
        return await self.view()

    async def view(self):
        (row,) = (await self.browser.get(f"{self.at}/connections")).json()["data"]
        return row

    async def tell(self, path, body, topic, **more):
        told = delivery(body, topic, HOST, **more)
        return await self.browser.post(path, content=told.body, headers=dict(told.headers))

    async def say(self, text):
        """The visitor who was answered last says more."""
        return await collect(await self.desk.ask(self.visitor, text))

    async def answer(self, text, *rounds):
        await self.desk.with_model(*rounds)
        self.visitor = await self.desk.visitor()
        events = await self.say(text)
        requests = self.desk.model.provider.requests
        told = [result.text for one in requests for turn in one.rounds for result in turn.results]
        return events, "\n".join(told), {spec.name for spec in requests[-1].tools}


def call(tool, /, **args):
    return ToolCall(uuid4().hex, tool, args)


@asynccontextmanager
async def opened_shop(postgres, links, folder):
    clock = ManualClock()
    clock.forward(hours=1)
    shopify, gate = FakeShopify(DOMAIN), Gate()

    def answer(exchange):
        url = f"https://{exchange.headers['host']}{exchange.path}"
        said = shopify.answer(httpx2.Request(exchange.method, url, headers=exchange.headers, content=exchange.body))
        headers = {name: value for name, value in said.headers.items() if name.lower() != "content-length"}
        return Answer([said.content], said.status_code, headers)

    authority = write_authority(folder / "ca.pem")
    async with (
        Upstream.open(answer) as upstream,
        opened(
            *(links, postgres.root, folder, clock, {"shopify": plugin_of(gate, upstream.port, clock)}),
            tls_ca=authority,
            base_url="https://omniops.example",
        ) as desk,
        serving(desk.runtime) as base,
    ):
        gate.inner = PluginGate("shopify", Rooms(gate=desk.runtime.gate, register=desk.runtime.register))

        async def resolver(host, port):
            return [ip_address("127.0.0.1")]

        desk.runtime.gate._resolver = resolver
        await desk.runtime.allows.add(Allow(HOST, upstream.port, "the test's shop"))
        yield Shopping(desk, shopify, base)

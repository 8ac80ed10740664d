"""Shops behind TLS, the real application before them, and who comes: members by the API, visitors by the chat's."""

import hashlib
import hmac
import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
from desk import collect, opened, serving
from in_clear import tables_with
from omniops.contracts.mail import OutgoingMail
from omniops.contracts.provider import ToolCall
from omniops.contracts.scope import Actor
from omniops.doors import PluginGate, PluginLinks, Rooms
from omniops.gate.grants import Allow
from omniops.operations.firsts import OPERATOR
from omniops.testing.fakes import ManualClock
from omniops.testing.upstream import HOST, Answer, Upstream, write_authority
from omniops_woocommerce import WooCommercePlugin
from woo_fake import CK, CS, FakeShop

ADA, BOB, EVE = "ada@customers.example", "bob@customers.example", "eve@customers.example"
MEMBER = Actor("member", "m")


def call(tool, /, **args):
    return ToolCall(uuid4().hex, tool, args)


class Visit:
    """A visitor of the website's chat, over HTTP."""

    def __init__(self, world, http):
        self.world, self.http = world, http

    async def ask(self, text):
        """All events of the answer, as (kind, data)."""
        answer = await self.http.post(
            "/v1/visitor/messages", json={"text": text}, headers={"Idempotency-Key": uuid4().hex}
        )
        assert answer.status_code == 200, answer.text
        blocks = [dict(re.findall(r"^(\w+): (.*)$", block, re.MULTILINE)) for block in answer.text.split("\n\n")]
        return [(block["event"], json.loads(block["data"])) for block in blocks if "data" in block]

    async def said(self, text):
        return (await self.ask(text))[-1][1].get("text", "")


@dataclass
class World:
    """The desk, its domain's shop and another one, the server's address, and where names lead."""

    desk: object
    fake: FakeShop
    second: FakeShop
    base: str
    names: dict

    @property
    def home(self):
        return f"/v1/domains/{self.desk.domain.id}"

    @asynccontextmanager
    async def browser(self):
        """A member's, signed in."""
        members = self.desk.runtime.members
        token = await members.setup_link(self.desk.domain.scope.account_id)
        session = await members.finish_setup(
            token, email=f"{uuid4().hex[:8]}@shop.example", name="", password="correct horse battery staple"
        )
        async with httpx2.AsyncClient(base_url=self.base, cookies={"omniops_session": session}, timeout=60) as http:
            yield http

    @asynccontextmanager
    async def visit(self):
        """A visitor's page, with a session."""
        headers = {"Origin": self.desk.domain.origins[0]}
        async with httpx2.AsyncClient(base_url=self.base, headers=headers, timeout=60) as http:
            answer = await http.post("/v1/visitor/sessions", json={"key": self.desk.domain.widget_key})
            assert answer.status_code == 201, answer.text
            http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
            yield Visit(self, http)

    async def terms(self, browser):
        return (await browser.get(f"{self.home}/plugins/woocommerce/terms")).json()

    async def connected(self, browser, **features):
        """By the shop's own page. Gives the connection as the API shows it."""
        terms = await self.terms(browser)
        agreed = {one["features"][0]["key"]: one["version"] for one in terms["extras"]}
        body = {
            "plugin": "woocommerce",
            "settings": {"url": self.fake.url},
            "agreed": terms["version"],
            "agreed_features": {key: agreed[key] for key in features if key in agreed},
            "features": features,
        }
        begun = await browser.post(f"{self.home}/connections/begin", json=body)
        assert begun.status_code == 201, begun.text
        callback, keys, back = self.fake.approved(begun.json()["url"])
        given = await browser.post(urlsplit(callback).path, json=keys)
        assert given.status_code == 200, given.text
        assert (await browser.post(urlsplit(callback).path, json=keys)).status_code == 404, "a state counts once"
        page = await browser.get(f"{urlsplit(back).path}?{urlsplit(back).query}")
        assert "WooCommerce is connected" in page.text
        (row,) = (await browser.get(f"{self.home}/connections")).json()["data"]
        return row

    async def by_keys(self, domain, fake, **features):
        """A connection of a domain to a shop, by keys that were entered."""
        values = {"url": fake.url, "consumer_key": CK, "consumer_secret": CS, "access": "read_write"}
        await self.desk.runtime.accounts.switch(domain.scope, "woocommerce", on=True, actor=OPERATOR)
        return await self.desk.runtime.connections.connect(
            domain.scope, "woocommerce", values, chosen=features or None, actor=OPERATOR
        )

    async def identified(self, domain, customer):
        """A visitor for whom the business vouches."""
        secrets = self.desk.runtime.visiting.identities
        _, value = await secrets.new_secret(
            domain.scope, overlap=self.desk.runtime.settings.visitor_lifetimes[0], actor=MEMBER
        )
        digest = hmac.new(value.encode(), customer.encode(), hashlib.sha256).hexdigest()
        return await secrets.identify(await self.desk.visitor(domain), domain, (customer, digest))

    async def answered(self, visitor, text, *rounds):
        """Asks as a visitor of the desk's domain. Gives the events, and all that tools told the model."""
        await self.desk.with_model(*rounds)
        events = await collect(await self.desk.ask(visitor, text))
        requests = self.desk.model.provider.requests
        return events, [result.text for one in requests[-1:] for turn in one.rounds for result in turn.results]

    def offered(self):
        """Names of the tools that the model was last offered."""
        return {spec.name for spec in self.desk.model.provider.requests[-1].tools}

    async def code(self, to):
        """Works the queue, and reads the code that was mailed last; None where none was."""
        await self.desk.work()
        await self.desk.work("mail")
        mails = [mail for mail in self.desk.mailer.sent if isinstance(mail, OutgoingMail) and mail.to == to]
        found = [re.search(r"\d{4} \d{4}", mail.text)[0] for mail in mails]
        return found[-1] if found else None

    def everywhere(self, *words):
        """Tables in which one of the words stands, in clear or as the bytes of it."""
        return tables_with(self.desk.rows, *words)


class Late:
    """Makes the plugin with the doors of a runtime that is opened after it."""

    Settings = WooCommercePlugin.Settings

    def __init__(self, clock):
        self.rooms, self.clock = Rooms(), clock

    def __call__(self, context):
        gate, links = PluginGate("woocommerce", self.rooms), PluginLinks("woocommerce", self.rooms)
        return WooCommercePlugin(replace(context, gate=gate, links=links, clock=self.clock))


@asynccontextmanager
async def opened_world(postgres, links, folder):
    """Two shops at one host, in folders of their own."""
    fake, second, names = FakeShop(), FakeShop(), {HOST: "127.0.0.1"}
    clock = ManualClock()
    clock.forward(hours=1)
    late = Late(clock)

    def answer(exchange):
        shop = second if exchange.path.startswith("/second/") else fake
        path = exchange.path.removeprefix("/second")
        status, headers, body = shop.respond(exchange.method, path, dict(exchange.headers), exchange.body)
        return Answer([body], status, headers)

    async def resolver(host, port):
        if host not in names:
            raise OSError("no such name")
        return [ip_address(names[host])]

    authority = write_authority(folder / "ca.pem")
    async with (
        Upstream.open(answer) as upstream,
        opened(links, postgres.root, folder, clock, {"woocommerce": late}, tls_ca=authority) as desk,
        serving(desk.runtime) as base,
    ):
        fake.url, second.url = upstream.url, f"{upstream.url}/second"
        runtime = desk.runtime
        late.rooms.gate, late.rooms.register = runtime.gate, runtime.register
        late.rooms.connections = runtime.connections
        runtime.gate._resolver = resolver
        await runtime.allows.add(Allow(HOST, upstream.port, "the test's shop"))
        yield World(desk, fake, second, base, names)

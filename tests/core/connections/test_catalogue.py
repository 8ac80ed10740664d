"""What a connected shop sells, as knowledge: read to the end, refreshed by its notices, gone with what it came from."""

import json
from dataclasses import replace
from uuid import uuid4

import pytest
from desk import opened
from market import told
from omniops import hookimpl
from omniops.connections import catalogue
from omniops.contracts.integration import Feature
from omniops.contracts.webhook import Arrived, Event, Received, check_signature
from omniops.operations.firsts import OPERATOR
from omniops.testing.fakes import ManualClock
from omniops.testing.upstream import write_authority
from shop import ShopCommerce, ShopIntegration, ShopPlugin, Stock, product, reachable, serving_shop


class TellingCommerce(ShopCommerce):
    """Sells where the business has products on."""

    def offers(self, use):
        return replace(super().offers(use), products="products" in use.features)


class TellingIntegration(ShopIntegration):
    """Tells what changed, signed with the connection's key."""

    features = (Feature("products", "Products"),)
    events = {"product.changed": ("id",), "product.deleted": ("id",), "shop.changed": ()}  # noqa: RUF012

    def receive(self, webhook, link):
        check_signature([link.connection.key], webhook.body, webhook.header("x-post-signature"))
        return Received([Arrived(Event(one["id"], one["kind"], one["data"])) for one in json.loads(webhook.body)])


class TellingPlugin(ShopPlugin):
    """A corner shop that tells what changed."""

    def __init__(self, context):
        super().__init__(context)
        self.commerce = TellingCommerce(context.gate, self.port)

    @hookimpl
    def integrations(self):
        return [TellingIntegration()]


class Selling:
    """A desk whose domain has a shop, and who reads what is known of it."""

    def __init__(self, desk, server):
        self.desk, self.server = desk, server

    @property
    def traffic(self):
        return self.desk.runtime.traffic

    async def connect(self, *products):
        """A shop of the desk's domain. Gives its stock, its key and its connection."""
        stock, key = Stock(products=list(products)), f"key-{uuid4().hex}"
        self.server.stocks[key] = stock
        scope = self.desk.domain.scope
        await self.desk.runtime.accounts.switch(scope, "shop", on=True, actor=OPERATOR)
        row = await self.desk.runtime.connections.connect(scope, "shop", {"key": key}, actor=OPERATOR)
        return stock, key, row

    async def work(self):
        await self.traffic.tasks.due()
        await self.desk.work("connections")

    async def later(self):
        """As long as from one reading of all to the next."""
        self.desk.clock.forward(hours=6, minutes=1)
        await self.work()

    async def tell(self, row, key, kind, number=None):
        data = {} if number is None else {"id": str(number), "title": "of the notice"}
        notice = {"id": uuid4().hex, "kind": kind, "data": data}
        delivery = told(notice, secret=key, clock=self.desk.clock)
        await self.traffic.intake.take("shop", row.id, delivery)
        await self.desk.work("connections")

    async def known(self, words="pot", domain=None):
        """Passages of products that a search finds, by title."""
        found = await self.desk.runtime.knowledge.search((domain or self.desk.domain).scope, words)
        return {hit.passage.title: hit.passage for hit in found.hits if hit.passage.kind == "product"}

    def kept(self):
        """Titles of all pages of the domain's shops."""
        found = self.desk.rows(
            "select title from omniops.page where domain_id = %s order by title", self.desk.domain.id
        )
        return [title for (title,) in found]

    async def task(self, row):
        found = await self.traffic.tasks.all(self.desk.domain.scope, row.id)
        return {one.name: one for one in found}["catalogue"]

    def asked(self):
        """Places of the shop that were asked since the last time."""
        found, self.server.asked = self.server.asked, []
        return [(path, query.get("after")) for _, path, query in found]


@pytest.fixture(scope="module")
async def opened_selling(postgres, links, tmp_path_factory):
    folder, clock = tmp_path_factory.mktemp("selling"), ManualClock()
    authority = write_authority(folder / "ca.pem")
    async with serving_shop() as server:
        kind = type("Port", (TellingPlugin,), {"__doc__": TellingPlugin.__doc__, "port": server.port})
        async with opened(links, postgres.root, folder, clock, beside={"shop": kind}, tls_ca=authority) as desk:
            await reachable(desk.runtime, server.port)
            yield Selling(desk, server)


@pytest.fixture
async def selling(opened_selling):
    opened_selling.desk.rows("delete from omniops.connection where kind = 'shop'")  # nobody else's tasks are due here
    opened_selling.desk.domain = await opened_selling.desk.new_domain()
    opened_selling.server.failing, opened_selling.server.asked = None, []
    return opened_selling


POTS = [product(number, f"Pot {number}") for number in range(1, 8)]
"""More than three pages of two."""


async def test_all_is_read_page_by_page_and_how_far_it_came_is_shown(selling, monkeypatch):
    monkeypatch.setattr(catalogue, "PAGE", 2)
    stock, _, row = await selling.connect(*POTS, product(9, "Blue kettle", 0, "19.90", variants=("Small", "Big")))
    await selling.work()
    assert selling.asked() == [("/products", None), ("/products", "2"), ("/products", "4"), ("/products", "6")]
    task = await selling.task(row)
    assert (task.state, task.done, task.total, task.title) == ("idle", 8, 8, catalogue.CATALOGUE.title)
    assert len(selling.kept()) == 8
    kettle = (await selling.known("blue kettle"))["Blue kettle"]
    assert (kettle.url, kettle.read_at) == ("https://shop.example/products/9", selling.desk.clock.now())
    facts = ("price", "currency", "availability", "quantity")
    assert [kettle.facts[name] for name in facts] == ["19.90", "EUR", "sold_out", 0]
    assert [one["name"] for one in kettle.facts["variants"]] == ["Small", "Big"]

    del stock.products[0]
    await selling.work()
    await selling.traffic.tasks.run(selling.desk.domain.scope, str(row.id), "sync", "catalogue")
    assert selling.asked() == [], "it is not due yet, and a job too many reads nothing"
    await selling.later()
    assert selling.kept() == ["Blue kettle", *(f"Pot {number}" for number in range(2, 8))], "what is gone is forgotten"


async def test_a_reading_that_stopped_goes_on_and_forgets_nothing_meanwhile(selling, monkeypatch):
    monkeypatch.setattr(catalogue, "PAGE", 2)
    _, _, row = await selling.connect(*POTS)
    respond = selling.server.respond

    def failing(method, target, headers, body):
        return (503, {"error": "busy"}) if "after=4" in target else respond(method, target, headers, body)

    monkeypatch.setattr(selling.server, "respond", failing)
    await selling.work()
    task = await selling.task(row)
    assert (task.state, task.problem, task.done, task.total) == ("failing", "not_ready", 4, None)
    assert len(selling.kept()) == 4, "what was read is known already"
    monkeypatch.setattr(selling.server, "respond", respond)
    selling.asked()
    await selling.later()
    assert selling.asked() == [("/products", "4"), ("/products", "6")]
    assert len(selling.kept()) == 7


async def test_a_place_that_the_shop_forgot_begins_again(selling, monkeypatch):
    monkeypatch.setattr(catalogue, "PAGE", 2)
    _, _, row = await selling.connect(*POTS)
    respond, expired = selling.server.respond, []

    def forgetful(method, target, headers, body):
        if "after=4" in target and not expired:
            expired.append(target)
            return 400, {"error": "bad cursor"}
        return respond(method, target, headers, body)

    monkeypatch.setattr(selling.server, "respond", forgetful)
    await selling.work()
    assert [after for _, after in selling.asked()] == [None, "2", None, "2", "4", "6"]
    task = await selling.task(row)
    assert (task.state, task.done, task.total) == ("idle", 7, 7)
    assert len(selling.kept()) == 7


async def test_of_what_is_told_the_shop_is_asked(selling):
    stock, key, row = await selling.connect(product(1, "Tea pot"), product(2, "Coffee pot"))
    await selling.work()
    before = selling.desk.clock.now()
    selling.desk.clock.forward(minutes=30)
    stock.products[0] = product(1, "Tea pot", 0, "50.00")
    stock.products.append(product(3, "New pot"))
    selling.asked()
    for number in (1, 3):
        await selling.tell(row, key, "product.changed", number)
    assert selling.asked() == [("/products/1", None), ("/products/3", None)]
    known = await selling.known()
    assert (known["Tea pot"].facts["price"], known["Tea pot"].facts["availability"]) == ("50.00", "sold_out")
    assert known["Tea pot"].read_at == selling.desk.clock.now()
    assert known["Coffee pot"].read_at == before, "of the others nothing was told"
    assert "New pot" in known
    assert "of the notice" not in str(known)

    # The shop says whether it is gone, not who tells so.
    await selling.tell(row, key, "product.deleted", 2)
    assert "Coffee pot" in await selling.known()
    stock.products[:] = stock.products[1:]
    await selling.tell(row, key, "product.deleted", 1)
    assert sorted(await selling.known()) == ["Coffee pot", "New pot"]
    await selling.tell(row, key, "product.changed", "../orders")
    assert selling.kept() == ["Coffee pot", "New pot"]

    # All of it is another now.
    stock.products[:] = [product(number, "Euro pot", price="1.00") for number in (2, 3)]
    await selling.tell(row, key, "shop.changed")
    await selling.work()
    assert selling.kept() == ["Euro pot", "Euro pot"]


async def test_products_that_are_switched_off_are_forgotten(selling):
    _, key, row = await selling.connect(product(1, "Tea pot"))
    await selling.work()
    assert "Tea pot" in await selling.known()
    connections, scope = selling.desk.runtime.connections, selling.desk.domain.scope
    await connections.switch(scope, row.id, "products", on=False, actor=OPERATOR)
    await selling.work()
    assert (await selling.known(), selling.kept()) == ({}, [])
    selling.asked()
    await selling.tell(row, key, "product.changed", 1)
    await selling.later()
    assert (selling.asked(), selling.kept()) == ([], []), "and nothing is asked for"
    await connections.switch(scope, row.id, "products", on=True, actor=OPERATOR)
    await selling.work()
    assert "Tea pot" in await selling.known()


async def test_of_a_plugin_that_is_off_nothing_is_said(selling):
    await selling.connect(product(1, "Tea pot"))
    await selling.work()
    accounts, scope = selling.desk.runtime.accounts, selling.desk.domain.scope
    await accounts.switch(scope, "shop", on=False, actor=OPERATOR)
    assert await selling.known() == {}
    selling.asked()
    await selling.later()
    assert (selling.asked(), await selling.known()) == ([], {})
    await accounts.switch(scope, "shop", on=True, actor=OPERATOR)
    assert "Tea pot" in await selling.known()


async def test_one_shop_goes_and_the_other_stays(selling):
    _, _, first = await selling.connect(product(1, "Tea pot"))
    await selling.work()
    mine, other = selling.desk.domain, await selling.desk.new_domain()
    selling.desk.domain = other
    await selling.connect(product(1, "Foreign pot"))
    await selling.work()
    assert list(await selling.known(domain=mine)) == ["Tea pot"]
    assert list(await selling.known(domain=other)) == ["Foreign pot"]
    await selling.desk.runtime.connections.disconnect(mine.scope, first.id, actor=OPERATOR)
    assert await selling.known(domain=mine) == {}
    assert list(await selling.known(domain=other)) == ["Foreign pot"]
    for table in ("page", "source"):
        rows = f"select count(*) from omniops.{table} where domain_id = %s"
        assert selling.desk.rows(rows, mine.id) == [(0,)], table

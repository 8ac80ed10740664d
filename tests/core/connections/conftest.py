"""Two processes over one database and one market, and members with browsers; and a desk beside a market with stalls."""

from dataclasses import dataclass
from uuid import uuid4

import httpx2
import pytest
from desk import opened, serving
from omniops.operations.firsts import OPERATOR
from omniops.testing.fakes import ManualClock
from trade import Market, TradePlugin, address


@dataclass
class Person:
    """A member with a browser that is signed in."""

    browser: httpx2.AsyncClient
    email: str
    session: str


class Trading:
    """What tests of connections do: people begin, agree at the market, and come back."""

    def __init__(self, desk, second, market, base):
        self.desk, self.second, self.market, self.base = desk, second, market, base
        self.open = []

    @property
    def scope(self):
        return self.desk.domain.scope

    @property
    def connections(self):
        return self.desk.runtime.connections

    async def person(self, account_id=None):
        members = self.desk.runtime.members
        token = await members.setup_link(account_id or self.scope.account_id)
        email = f"{uuid4().hex[:8]}@shop.example"
        session = await members.finish_setup(token, email=email, name="", password="correct horse battery staple")
        browser = httpx2.AsyncClient(base_url=self.base, cookies={"omniops_session": session}, timeout=60)
        self.open.append(browser)
        return Person(browser, email, session)

    async def begin(self, person, path="connections/begin", *, domain=None, **more):
        """What the API says to a member who begins."""
        at = f"/v1/domains/{(domain or self.desk.domain).id}"
        terms = (await person.browser.get(f"{at}/plugins/trade/terms")).json()
        body = {"agreed": terms["version"], **more}
        if path == "connections/begin":
            body["plugin"] = "trade"
        return await person.browser.post(f"{at}/{path}", json=body)

    async def back(self, person, parameters):
        return await person.browser.get(address(parameters))

    async def connected(self, person, **more):
        """The whole way. Gives the page at its end."""
        begun = (await self.begin(person, **more)).json()
        led = await self.back(person, self.market.browse(begun["url"]))
        assert led.status_code == 303
        return await person.browser.get(led.headers["location"])

    async def only(self):
        (view,) = await self.connections.all(self.scope)
        return view

    def kept(self, table="connection"):
        """Everything that stands in the database's rows, as bytes and as text."""
        return " ".join(str(row) for row in self.desk.rows(f"select t::text from omniops.{table} t"))


@pytest.fixture(scope="module")
async def opened_trading(postgres, links, tmp_path_factory):
    market, clock = Market(), ManualClock()
    clock.forward(hours=1)
    folder = tmp_path_factory.mktemp("trade")
    beside = {"trade": TradePlugin.of(market, clock)}
    async with (
        opened(links, postgres.root, folder, clock, beside) as desk,
        opened(links, postgres.root, folder, clock, beside) as second,
        serving(desk.runtime) as base,
    ):
        yield Trading(desk, second, market, base)


@pytest.fixture
async def trading(opened_trading):
    """The module's market with a fresh domain, where the plugin is on."""
    desk = opened_trading.desk
    desk.domain = await desk.new_domain()
    desk.mailer.begin()
    opened_trading.market.begin()
    opened_trading.market.shop = f"shop-{uuid4().hex[:8]}"
    await desk.runtime.accounts.switch(desk.domain.scope, "trade", on=True, actor=OPERATOR)
    yield opened_trading
    while opened_trading.open:
        await opened_trading.open.pop().aclose()


@pytest.fixture
async def mara(trading):
    return await trading.person()


@pytest.fixture(scope="module")
async def opened_stand(postgres, links, tmp_path_factory):
    from market import MarketPlugin

    async with opened(links, postgres.root, tmp_path_factory.mktemp("market"), beside={"market": MarketPlugin}) as desk:
        plugin = desk.runtime.loaded("market").plugin
        desk.market, desk.sent = plugin.integration, plugin.channel.sent
        desk.market.clock = desk.clock
        yield desk


@pytest.fixture
async def stand(opened_stand):
    from market import stall

    opened_stand.rows("delete from omniops.connection where kind = 'market'")  # nobody else's tasks are due here
    opened_stand.domain = await opened_stand.new_domain()
    opened_stand.provider.begin()
    opened_stand.market.begin()
    opened_stand.sent.clear()
    opened_stand.stall = await stall(opened_stand, opened_stand.domain, f"s-{uuid4().hex[:6]}")
    return opened_stand

"""The integration of the tutorial, taken from the page, on the real application: from a business's yes to its end."""

import re
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from desk import collect, opened, serving
from omniops.contracts.scope import Actor
from omniops.doors import PluginLinks, Rooms
from omniops.operations.firsts import OPERATOR
from omniops.testing import AnsweringGate, ManualClock

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial-integration.md").read_text()
BLOCK = re.compile(r"^```\w+ title=\"([^\"]+)\"\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMES = ("omniops_zammad", "test_zammad")
MARA = Actor("member", "mara")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page's package and the page's own double of Zammad."""
    folder = tmp_path_factory.mktemp("page")
    for title, text in BLOCK.findall(PAGE):
        (folder / title).parent.mkdir(parents=True, exist_ok=True)
        (folder / title).write_text(text)
    places = [str(folder / "src"), str(folder / "tests")]
    sys.path[:0] = places
    yield import_module("omniops_zammad"), import_module("test_zammad")
    for place in places:
        sys.path.remove(place)
    for name in [name for name in sys.modules if name.split(".")[0] in NAMES]:
        del sys.modules[name]


class Place:
    """The desk, Zammad, and the server's address."""

    def __init__(self, desk, zammad, tests, base):
        self.desk, self.zammad, self.tests, self.base = desk, zammad, tests, base

    @property
    def home(self):
        return f"/v1/domains/{self.desk.domain.id}"

    async def begin(self):
        """A fresh domain with a signed-in member, and an empty Zammad."""
        self.desk.domain = await self.desk.new_domain()
        await self.desk.runtime.accounts.switch(self.desk.domain.scope, "zammad", on=True, actor=OPERATOR)
        vars(self.zammad).update(vars(self.tests.Zammad()))
        members = self.desk.runtime.members
        token = await members.setup_link(self.desk.domain.scope.account_id)
        email, password = f"{uuid4().hex[:8]}@shop.example", "correct horse battery staple"
        session = await members.finish_setup(token, email=email, name="", password=password)
        self.browser = httpx2.AsyncClient(base_url=self.base, cookies={"omniops_session": session}, timeout=60)

    async def connect(self, **more):
        terms = (await self.browser.get(f"{self.home}/plugins/zammad/terms")).json()
        settings = {"url": "https://help.example", "token": self.tests.TOKEN, **more}
        body = {"plugin": "zammad", "settings": settings, "agreed": terms["version"]}
        return terms, await self.browser.post(f"{self.home}/connections", json=body)

    async def handed_off(self, text):
        """A visitor who asked for a person."""
        visitor = await self.desk.visitor()
        await collect(await self.desk.ask(visitor, text))
        await self.desk.runtime.conversations.to_person(visitor, self.desk.domain, "en", None)
        await self.desk.work()
        return visitor

    async def arrives(self, article):
        """What Zammad posts about an article, to where it was told to."""
        (hook,) = self.zammad.rows["webhooks"].values()
        told = self.zammad.delivery(article, hook["signature_token"])
        return await self.browser.post(urlsplit(hook["endpoint"]).path, content=told.body, headers=dict(told.headers))

    async def work(self):
        await self.desk.work("connections")
        await self.desk.work()

    async def texts(self, visitor):
        return [(one.author, one.text) for one in await self.desk.messages(visitor.conversation_id)]


@pytest.fixture(scope="module")
async def opened_place(page, postgres, links, tmp_path_factory):
    package, tests = page
    zammad, rooms, clock = tests.Zammad(), Rooms(), ManualClock()
    clock.forward(hours=1)

    class Late:
        """Makes the plugin before its Zammad, with the connections of a runtime that is opened after it."""

        Settings = package.ZammadPlugin.Settings

        def __call__(self, context):
            gate = AnsweringGate(zammad.answer, processors=["zammad"])
            doors = {"gate": gate, "links": PluginLinks("zammad", rooms), "clock": clock}
            return package.ZammadPlugin(replace(context, **doors))

    folder = tmp_path_factory.mktemp("zammad")
    async with (
        opened(links, postgres.root, folder, clock, {"zammad": Late()}) as desk,
        serving(desk.runtime) as base,
    ):
        rooms.connections = desk.runtime.connections
        yield Place(desk, zammad, tests, base)


@pytest.fixture
async def place(opened_place):
    await opened_place.begin()
    yield opened_place
    await opened_place.browser.aclose()
    assert opened_place.zammad.wrong == [], "outside of the documentation"


async def test_an_agent_answers_in_zammad_and_the_visitor_reads_it(place):
    desk, zammad = place.desk, place.zammad
    terms, refused = await place.connect(token="of-somebody-else")
    (feature,) = terms["features"]
    assert "from the hand-off on" in feature["taken"]
    assert refused.status_code in (409, 422), refused.text
    _, made = await place.connect()
    assert made.status_code == 201, made.text
    assert "secret" not in made.json() or not made.json()["secret"]
    await place.work()

    visitor = await place.handed_off("Where is my parcel?")
    (ticket,) = zammad.rows["tickets"].values()
    assert [one["body"] for one in zammad.rows["articles"].values()] == ["The visitor: Where is my parcel?"]
    await collect(await desk.ask(visitor, "It is urgent."))
    await desk.work()

    answer = zammad.agent(ticket, "It left <b>today</b>.")
    for new in ("1", "0"):
        taken = await place.arrives(answer)
        assert (taken.status_code, taken.headers["x-messages"]) == (200, new)
    await place.work()
    assert (await place.texts(visitor))[-1] == ("person", "It left today.")
    await place.work()
    assert len(zammad.rows["articles"]) == 3, "what came from there is not told there"

    lost = zammad.agent(ticket, "It comes tomorrow.")
    zammad.agent(ticket, place.tests.CANARY, internal=True)
    desk.clock.forward(minutes=11)
    await desk.runtime.traffic.tasks.due()
    await place.work()
    assert (await place.texts(visitor))[-1] == ("person", "It comes tomorrow."), "what a webhook lost is found"
    assert (await place.arrives(lost)).status_code == 200
    await place.work()
    assert [text for _, text in await place.texts(visitor)].count("It comes tomorrow.") == 1
    everything = str(
        [desk.rows(f"select t::text from omniops.{name} t") for name in ("arrival", "message", "connection_task")]
    )
    assert place.tests.CANARY not in everything

    row = (await place.browser.get(f"{place.home}/connections")).json()["data"][0]
    ended = await place.browser.delete(f"{place.home}/connections/{row['id']}")
    assert ended.status_code == 204
    assert (zammad.rows["webhooks"], zammad.rows["triggers"]) == ({}, {})
    for table in ("connection", "arrival", "connection_task"):
        assert desk.rows(f"select * from omniops.{table} where domain_id = %s", desk.domain.id) == []


async def test_a_person_who_is_erased_is_erased_there_too(place):
    await place.connect()
    await place.work()
    visitor, other = await place.handed_off("Where is my parcel?"), await place.handed_off("Are you open?")
    assert len(place.zammad.rows["tickets"]) == 2
    await place.desk.runtime.privacy.persons.erase(place.desk.domain.scope, visitor.subject_id, actor=OPERATOR)
    await place.desk.work("privacy")
    (left,) = place.zammad.rows["tickets"].values()
    assert str(other.conversation_id) in left["title"]


@pytest.mark.parametrize(
    "url", ["http://help.example", "https://u:p@help.example", "https://help.example?a=1", "x", ""]
)
def test_an_address_is_https_and_nothing_more(page, url):
    with pytest.raises(ValueError, match="https"):
        page[0].ZammadConnection(url=url, token="t")


def test_the_page_says_how_long_it_is():
    lines = {title: len(text.splitlines()) for title, text in BLOCK.findall(PAGE) if not title.startswith("tests/")}
    (said,) = re.findall(r"is (\d+) lines long, `pyproject.toml` included", PAGE)
    assert sum(lines.values()) == int(said)
    assert sum(lines.values()) <= 400
    assert set(lines) == {
        "pyproject.toml",
        *(f"src/omniops_zammad/{name}.py" for name in ("__init__", "client", "mapping", "integration", "store")),
    }

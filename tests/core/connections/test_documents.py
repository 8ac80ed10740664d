"""Documents that a business chose: read, followed, shown to whom they are for, and gone with what let them be read."""

from uuid import uuid4

import httpx2
import pytest
from cabinet import CabinetPlugin, Paper, told
from desk import opened, serving
from omniops.accounts.permissions import ROLES
from omniops.connections import documents
from omniops.contracts.scope import Actor
from omniops.errors import NotFound, NotReady, Permanent, Reconnect, Rejected
from omniops.knowledge.read_child import _read_file as read_here
from omniops.operations.firsts import OPERATOR
from omniops.testing.fakes import ManualClock

MEMBER = Actor("member", "m")
PRICES = "The zebrawood table costs 900 euros with us, delivery included, and is made within four weeks."
SECRETS = "Our margin on the zebrawood table is forty percent, and quagga discounts go up to a fifth."


class Here:
    """Reads in this process: that a child does it has tests of its own, and takes a second each time."""

    async def read(self, data, name, kind):
        return read_here(data, name, kind)


class Filing:
    """A desk whose domain has a cabinet connected."""

    def __init__(self, desk, integration):
        self.desk, self.integration, self.store = desk, integration, integration.store
        self.row = None

    @property
    def scope(self):
        return self.desk.domain.scope

    @property
    def chosen(self):
        return self.desk.runtime.traffic.documents

    async def connect(self, **papers):
        self.store.fill(**papers)
        await self.desk.runtime.accounts.switch(self.scope, "cabinet", on=True, actor=OPERATOR)
        self.row = await self.desk.runtime.connections.connect(self.scope, "cabinet", {"key": "k"}, actor=OPERATOR)

    async def choose(self, *numbers, audience="members"):
        found = await self.chosen.choose(self.scope, self.row.id, numbers, audience, actor=MEMBER)
        await self.work()
        return found

    async def work(self):
        await self.desk.runtime.traffic.tasks.due()
        await self.desk.work("connections")

    async def later(self, **by):
        self.desk.clock.forward(**(by or {"minutes": 16}))
        await self.work()

    async def states(self):
        return {one.document_id: one.state for one in await self.chosen.all(self.scope, self.row.id)}

    async def found(self, words, audience="everybody"):
        """Titles of what a question finds."""
        hits = (await self.desk.runtime.knowledge.search(self.scope, words, audience=audience)).hits
        return sorted({hit.passage.title for hit in hits})

    async def given(self, words):
        """All that an answer to a visitor is made from, as the provider gets it."""
        self.desk.provider.begin()
        stream = await self.desk.ask(await self.desk.visitor(), words)
        async for _ in stream:
            pass
        return str([request for _, request in self.desk.provider.requests])

    def kept(self):
        """All that is kept of documents, as the database has it."""
        tables = ("page", "passage", "source")
        rows = [
            self.desk.rows(f"select t::text from omniops.{one} t where domain_id = %s", self.scope.domain_id)
            for one in tables
        ]
        return str(rows)

    async def task(self):
        (found,) = await self.desk.runtime.traffic.tasks.all(self.scope, self.row.id)
        return found


@pytest.fixture(scope="module")
async def opened_filing(postgres, links, tmp_path_factory):
    folder, clock = tmp_path_factory.mktemp("filing"), ManualClock()
    async with opened(links, postgres.root, folder, clock, beside={"cabinet": CabinetPlugin}) as desk:
        desk.runtime.traffic.documents._folder._files = Here()
        yield Filing(desk, desk.runtime.seams.integrations()["cabinet"][1])


@pytest.fixture
async def filing(opened_filing):
    opened_filing.desk.rows("delete from omniops.connection where kind = 'cabinet'")  # nobody else's tasks are due here
    opened_filing.desk.domain = await opened_filing.desk.new_domain()
    opened_filing.integration.granted_scopes = frozenset({"read"})
    return opened_filing


async def test_only_what_was_chosen_is_read_and_for_whom_it_was_chosen_shown(filing):
    papers = {"a": Paper("Prices", PRICES), "b": Paper("Margins", SECRETS), "c": Paper("Diary", "Zebrawood dreams.")}
    await filing.connect(**papers)
    assert [one.id for one in await filing.chosen.offered(filing.scope, filing.row.id)] == ["a", "b", "c"]
    (waiting,) = await filing.chosen.choose(filing.scope, filing.row.id, ["b"], "members", actor=MEMBER)
    assert (waiting.state, waiting.title) == ("waiting", "")
    await filing.choose("a", audience="everybody")
    assert set(filing.store.asked) == {"a", "b"}, "nobody looks into what was not chosen"
    assert await filing.states() == {"a": "read", "b": "read"}
    assert await filing.found("zebrawood table") == ["Prices"]
    assert await filing.found("zebrawood table", "members") == ["Margins", "Prices"]
    given = await filing.given("What does the zebrawood table cost, and is there a quagga discount?")
    assert "900 euros" in given
    assert "margin" not in given
    ((text,),) = filing.desk.rows(
        "select count(*) from omniops.passage where domain_id = %s and text like '%%margin%%'", filing.scope.domain_id
    )
    assert text == 1, "it is there, and not for visitors"
    found = await filing.desk.runtime.knowledge.search(filing.scope, "quagga zebrawood")
    alone = await filing.desk.runtime.knowledge.search(filing.scope, "nosuchword zebrawood")
    assert found.rarity["quagga"] == alone.rarity["nosuchword"], "not even how rare a word is tells of it"


async def test_a_change_of_whom_it_is_for_counts_at_once(filing):
    await filing.connect(a=Paper("Prices", PRICES))
    await filing.choose("a", audience="everybody")
    assert await filing.found("zebrawood") == ["Prices"]
    await filing.chosen.choose(filing.scope, filing.row.id, ["a"], "members", actor=MEMBER)
    assert await filing.found("zebrawood") == []
    assert await filing.found("zebrawood", "members") == ["Prices"]
    await filing.work()
    (one,) = await filing.chosen.all(filing.scope, filing.row.id)
    assert (one.audience, one.link) == ("members", "https://cabinet.example/a")


async def test_a_citation_leads_visitors_only_where_anybody_may_go(filing):
    await filing.connect(a=Paper("Prices", PRICES), b=Paper("Care", f"Wax it. {PRICES}", open=True))
    await filing.choose("a", "b", audience="everybody")
    hits = (await filing.desk.runtime.knowledge.search(filing.scope, "zebrawood")).hits
    assert {hit.passage.title: hit.passage.url for hit in hits} == {"Prices": "", "Care": "https://cabinet.example/b"}


async def test_what_is_released_is_gone_when_it_returns(filing):
    await filing.connect(a=Paper("Prices", PRICES))
    await filing.choose("a", audience="everybody")
    await filing.chosen.release(filing.scope, filing.row.id, "a", actor=MEMBER)
    assert await filing.found("zebrawood") == []
    assert "zebrawood" not in filing.kept()
    assert await filing.states() == {}
    with pytest.raises(NotFound):
        await filing.chosen.release(filing.scope, filing.row.id, "a", actor=MEMBER)
    await filing.later()
    assert "zebrawood" not in filing.kept(), "and nothing brings it back"


async def test_what_changed_there_is_read_again_and_what_did_not_is_not(filing):
    await filing.connect(a=Paper("Prices", PRICES), b=Paper("Care", "Wax the table twice a year."))
    await filing.choose("a", "b", audience="everybody")
    filing.store.asked.clear()
    for _ in range(3):
        filing.store.change("a", text=PRICES.replace("900", "950"))
    filing.store.change("a", title="New prices")
    await filing.later()
    assert filing.store.asked == ["a"]
    assert await filing.found("zebrawood") == ["New prices"]
    assert "900" not in filing.kept()
    task = await filing.task()
    assert (task.state, task.done, task.total, task.title) == ("idle", 1, 1, "Documents, as knowledge")


async def test_a_notice_is_followed_within_a_minute(filing):
    await filing.connect(a=Paper("Prices", PRICES))
    await filing.choose("a", audience="everybody")
    filing.store.change("a", seen=False)
    body, headers = told(uuid4().hex, "k")
    async with serving(filing.desk.runtime) as base, httpx2.AsyncClient(base_url=base, timeout=60) as http:
        answer = await http.post(f"/webhooks/cabinet/{filing.row.id}", content=body, headers=headers)
        assert answer.status_code == 200
    await filing.desk.work("connections")
    await filing.work()
    assert await filing.found("zebrawood") == []


@pytest.mark.parametrize(
    ("trouble", "state", "problem"),
    [
        (NotFound("It is in the bin."), "gone", None),
        (Rejected("It is too large.", code="too_large"), "refused", "too_large"),
        (Permanent("No."), "refused", "refused"),
    ],
)
async def test_what_may_not_or_cannot_be_read_any_more_leaves_nothing(filing, trouble, state, problem):
    await filing.connect(a=Paper("Zebra prices", PRICES))
    await filing.choose("a", audience="everybody")
    filing.store.troubles["a"] = trouble
    filing.store.change("a")
    await filing.later()
    (one,) = await filing.chosen.all(filing.scope, filing.row.id)
    assert (one.state, one.problem, one.title, one.passages) == (state, problem, "", 0)
    assert "zebra" not in filing.kept().casefold()
    assert await filing.found("zebrawood", "members") == []
    filing.store.troubles.clear()
    filing.store.change("a")
    await filing.later()
    assert await filing.found("zebrawood") == ["Zebra prices"], "what may be read again is still chosen"


async def test_what_no_change_told_is_seen_within_a_day(filing):
    await filing.connect(a=Paper("Prices", PRICES))
    await filing.choose("a", audience="everybody")
    filing.store.papers["a"].seen = False
    await filing.later()
    assert await filing.states() == {"a": "read"}
    await filing.later(days=1)
    assert await filing.states() == {"a": "gone"}


async def test_a_place_that_is_too_old_has_all_looked_at(filing):
    await filing.connect(a=Paper("Prices", PRICES), b=Paper("Care", "Wax the table twice a year."))
    await filing.choose("a", "b", audience="everybody")
    filing.store.papers["b"].seen, filing.store.forgotten = False, True
    await filing.later()
    assert await filing.states() == {"a": "read", "b": "gone"}


async def test_one_that_fails_keeps_no_other_from_being_read(filing):
    await filing.connect(a=Paper("Prices", PRICES), b=Paper("Care", "Wax the table twice a year."))
    filing.store.troubles["a"] = NotReady("Later.")
    await filing.choose("a", "b", audience="everybody")
    assert (await filing.task()).problem == "not_ready"
    await filing.later(hours=1)
    assert await filing.states() == {"a": "waiting", "b": "read"}
    filing.store.troubles.clear()
    await filing.later(hours=2)
    assert await filing.states() == {"a": "read", "b": "read"}


async def test_what_is_chosen_anew_while_it_is_read_is_for_whom_it_is_now(filing, monkeypatch):
    await filing.connect(a=Paper("Prices", PRICES))
    read = filing.store.read

    async def slow(link, document_id, known):
        found = await read(link, document_id, known)
        await filing.chosen.choose(filing.scope, filing.row.id, ["a"], "members", actor=MEMBER)
        monkeypatch.setattr(filing.store, "read", read)
        return found

    monkeypatch.setattr(filing.store, "read", slow)
    await filing.choose("a", audience="everybody")
    assert await filing.found("zebrawood") == []
    assert await filing.found("zebrawood", "members") == ["Prices"]


async def test_without_feature_scope_plugin_or_access_nothing_is_shown(filing):
    runtime, scope = filing.desk.runtime, filing.scope
    await filing.connect(a=Paper("Prices", PRICES))
    await filing.choose("a", audience="everybody")

    async def hidden():
        assert await filing.found("zebrawood") == []
        assert await filing.found("zebrawood", "members") == []

    async def shown():
        assert await filing.found("zebrawood") == ["Prices"]

    await runtime.connections.switch(scope, filing.row.id, "papers", on=False, actor=MEMBER)
    await hidden()
    with pytest.raises(Rejected, match="is off"):
        await filing.chosen.choose(scope, filing.row.id, ["a"], "members", actor=MEMBER)
    await runtime.connections.switch(scope, filing.row.id, "papers", on=True, actor=MEMBER)
    await shown()
    await runtime.accounts.switch(scope, "cabinet", on=False, actor=OPERATOR)
    await hidden()
    await runtime.accounts.switch(scope, "cabinet", on=True, actor=OPERATOR)
    await shown()
    filing.store.troubles["a"] = Reconnect("The access was taken back.")
    filing.store.change("a")
    await filing.later()
    assert (await runtime.connections.one(scope, filing.row.id)).state == "needs_reauth"
    await hidden()


async def test_a_scope_that_was_not_granted_leaves_it_off(filing):
    filing.integration.granted_scopes = frozenset()
    await filing.connect(a=Paper("Prices", PRICES))
    (feature,) = (await filing.desk.runtime.connections.one(filing.scope, filing.row.id)).features
    assert (feature.wanted, feature.on, feature.missing) == (True, False, ("read",))
    with pytest.raises(Rejected, match="not granted"):
        await filing.choose("a")
    assert filing.store.asked == []


async def test_disconnecting_leaves_nothing(filing):
    await filing.connect(a=Paper("Prices", PRICES), b=Paper("Margins", SECRETS))
    await filing.choose("a", audience="everybody")
    await filing.choose("b")
    await filing.desk.runtime.connections.disconnect(filing.scope, filing.row.id, actor=MEMBER)
    assert "zebrawood" not in filing.kept()
    assert await filing.found("zebrawood", "members") == []
    count = "select count(*) from omniops.chosen_document where domain_id = %s"
    assert filing.desk.rows(count, filing.scope.domain_id) == [(0,)]


async def test_there_is_an_end_to_how_many_are_chosen(filing, monkeypatch):
    await filing.connect(a=Paper("Prices", PRICES))
    monkeypatch.setattr(documents, "MOST", 2)
    with pytest.raises(Rejected, match="2 documents at most"):
        await filing.choose("a", "b", "c")
    for wrong in ([], ["two words"], ["a/b"], ["x" * 201]):
        with pytest.raises(Rejected):
            await filing.choose(*wrong)
    assert await filing.states() == {}


async def test_over_http_only_who_manages_connections_and_only_of_ones_own(filing):
    await filing.connect(a=Paper("Margins", SECRETS))
    async with serving(filing.desk.runtime) as base:

        async def asked(method, path, role="admin", domain=None, **how):
            domain = domain or filing.desk.domain
            account = domain.scope.account_id
            _, secret = await filing.desk.runtime.keys.create(account, role, sorted(ROLES[role]), actor=OPERATOR)
            headers = {"Authorization": f"Bearer {secret}"}
            async with httpx2.AsyncClient(base_url=f"{base}/v1/domains/{domain.id}", headers=headers) as http:
                return await http.request(method, path, **how)

        one = f"/connections/{filing.row.id}"
        assert (await asked("GET", f"{one}/offered-documents")).json()["data"] == [
            {"id": "a", "title": "Margins", "link": ""}
        ]
        assert (await asked("GET", f"{one}/document-picker")).json() == {"values": {"client": "public"}}
        made = await asked("POST", f"{one}/documents", json={"documents": ["a"]})
        assert (made.status_code, made.json()["data"][0]["audience"]) == (201, "members"), "members, unless it says so"
        await filing.work()
        (listed,) = (await asked("GET", f"{one}/documents")).json()["data"]
        assert (listed["state"], listed["title"], listed["passages"]) == ("read", "Margins", 1)
        found = {"q": "zebrawood"}
        assert (await asked("GET", "/search", params=found)).json()["hits"] == []
        hits = (await asked("GET", "/search", params=found | {"audience": "members"})).json()["hits"]
        assert [hit["title"] for hit in hits] == ["Margins"]
        assert (await asked("POST", f"{one}/documents", "agent", json={"documents": ["a"]})).status_code == 403
        other = await filing.desk.new_domain()
        for method, path in (("GET", "documents"), ("GET", "offered-documents"), ("DELETE", "documents/a")):
            assert (await asked(method, f"{one}/{path}", domain=other)).status_code == 404
        assert (await asked("DELETE", f"{one}/documents/a")).status_code == 204
        assert (await asked("GET", f"{one}/documents")).json()["data"] == []

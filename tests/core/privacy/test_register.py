"""The register over its tables: what is signed counts in every process, news reach accounts first, papers are true."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

import httpx2
import pytest
from desk import PostPlugin, ScriptedPlugin, serving
from omniops import Info, Plugin, hookimpl
from omniops.audit.models import AuditEntry
from omniops.audit.service import OPERATOR as CHAIN
from omniops.contracts.declaration import Category, Declaration, Mechanism, Processor
from omniops.contracts.provider import Deployment
from omniops.contracts.scope import Scope
from omniops.defaults.hybrid import HybridPlugin
from omniops.defaults.site import SitePlugin
from omniops.defaults.website import WebsitePlugin
from omniops.errors import EgressRefused, NotFound, Rejected
from omniops.gate.grants import Call, Grant
from omniops.gate.http import client
from omniops.gate.sockets import dialled
from omniops.inbox.queue import Wanted
from omniops.operations.firsts import OPERATOR
from omniops.plugins.loading import Plugins
from omniops.privacy.fields import personal_fields
from omniops.privacy.signatures import Terms
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.testing.fakes import ManualClock, context
from sqlmodel import select

HOST, CHAT = "api.abroad.example", "user.content.chat"
TERMS = "https://abroad.example/terms?a=1&b=<2>"
ABROAD = Processor(
    key="abroad",
    name="Abroad",
    legal_name="Abroad <Models>, Inc",
    role="ai",
    hosts=(HOST,),
    countries=("US",),
    purposes=("chat.respond",),
    categories=(CHAT,),
    contact="privacy@abroad.example",
    policy_url="https://abroad.example/privacy",
    contract_url=TERMS,
    retention="30 days",
    mechanisms=(Mechanism("scc", TERMS, module="3"), Mechanism("uk_addendum", TERMS)),
)
LATER = replace(
    ABROAD, key="later", name="Later", legal_name="Later Ltd", hosts=("api.later.example",), countries=("DE",)
)
UNSIGNED = {"no_contract", "contract_ended"}
DEPLOYMENT = Deployment("abroad/one", "scripted", "one", "us", "abroad")


class DeclaringPlugin(Plugin):
    """Declares what the test says."""

    info = Info(title="Declaring", version="1.0", omniops=">=0.1,<0.2")
    processors = ()

    @hookimpl
    def declares(self):
        return Declaration(processors=self.processors)


@asynccontextmanager
async def running(links, root, folder, clock, *processors):
    """A process whose plugins declare these processors."""
    kinds = {
        "website": WebsitePlugin,
        "site": SitePlugin,
        "hybrid": HybridPlugin,
        "scripted": ScriptedPlugin,
        "post": PostPlugin,
    }
    made = {name: kind(context(name, kind.Settings(), folder=folder)) for name, kind in kinds.items()}
    made["declaring"] = DeclaringPlugin(context("declaring", DeclaringPlugin.Settings(), folder=folder))
    made["declaring"].processors = processors
    settings = Settings(
        data_dir=folder,
        keys_dir=folder / "keys",
        encoder="none",
        plugins=list(made),
        legal_name="Harbour Hosting Ltd",
        privacy_email="privacy@harbour.example",
    )
    async with Runtime.open(settings, links, root, clock=clock, plugins=Plugins.of(**made), migrate=True) as runtime:
        yield runtime


@pytest.fixture(scope="module")
def clock():
    return ManualClock()


@pytest.fixture(scope="module")
def start(links, postgres, tmp_path_factory, clock):
    """Starts a process over the module's database."""

    def begin(*processors):
        return running(links, postgres.root, tmp_path_factory.mktemp("register"), clock, *processors)

    return begin


@pytest.fixture(scope="module")
async def runtime(start):
    async with start(ABROAD) as runtime:
        yield runtime


@pytest.fixture
async def domain(runtime):
    account = await runtime.accounts.create("Shop & Sons", actor=OPERATOR)
    return await runtime.accounts.add_domain(account, "Shop", [f"https://{uuid4().hex[:8]}.example"], actor=OPERATOR)


@pytest.fixture
async def unsigned(runtime, clock):
    """Nothing is signed when a test begins."""
    await runtime.privacy.signatures.revoke("abroad", actor=OPERATOR)
    clock.forward(seconds=10)


async def code(runtime, domain, *subjects, key="abroad", host=HOST):
    """Why the gate refuses a person's chat, or None. It asks the database as a call does."""
    grant = await runtime.register.traced(Grant(key, "chat.respond", domain.scope, (CHAT,), subjects or (uuid4(),)))
    try:
        runtime.register.admit(grant, host, 443)
    except EgressRefused as error:
        return error.reason
    return None


async def set_origin(runtime, domain, origin):
    await runtime.accounts.configure(domain.scope, {"settings": {"origin": origin}}, actor=OPERATOR)


async def sign(runtime, *mechanisms, key="abroad", **more):
    source = {"source": "a letter"} if mechanisms else {}
    return await runtime.privacy.signatures.sign(key, Terms(mechanisms, **source, **more), actor=OPERATOR)


async def test_signing_accepts_what_the_terms_offer_for_their_own_origins(runtime, domain, unsigned):
    assert await code(runtime, domain) in UNSIGNED
    rows = await sign(runtime)
    assert {row.kind: set(row.origins) for row in rows} == {"contract": set(), "scc": {"EEA"}, "uk_addendum": {"UK"}}
    assert all(row.source == TERMS and row.party == ABROAD.legal_name for row in rows)
    assert await code(runtime, domain) == "no_mechanism"  # nobody said where data comes from: Switzerland counts too
    await set_origin(runtime, domain, "EEA")
    assert await code(runtime, domain) is None
    await set_origin(runtime, domain, "CH")
    assert await code(runtime, domain) == "no_mechanism"
    await set_origin(runtime, domain, "elsewhere")
    assert await code(runtime, domain) is None


async def test_a_call_through_the_gate_meets_the_register_before_the_ledger_and_the_network(
    runtime, domain, unsigned, monkeypatch
):
    looked_up = []

    async def nowhere(host, port):
        looked_up.append(host)
        raise OSError("no such name")

    monkeypatch.setattr(runtime.gate, "_resolver", nowhere)
    grant = Grant("abroad", "chat.respond", domain.scope, (CHAT,), (uuid4(),))

    async def refused():
        with pytest.raises(EgressRefused) as by_http:
            async with client(runtime.gate, grant) as http:
                await http.post(f"https://{HOST}/", content=b"Where is my order?")
        with pytest.raises(EgressRefused) as by_socket:
            async with dialled(runtime.gate, grant, HOST, 443):
                pass
        return by_http.value.reason, by_socket.value.reason

    assert set(await refused()) <= UNSIGNED
    await sign(runtime)
    assert await refused() == ("no_mechanism", "no_mechanism")
    assert looked_up == []
    assert await runtime.ledger.entries(domain.scope) == []
    await set_origin(runtime, domain, "UK")
    async with client(runtime.gate, grant) as http:
        with pytest.raises(httpx2.ConnectError):
            await http.post(f"https://{HOST}/")
    assert looked_up == [HOST]
    assert [entry.processor for entry in await runtime.ledger.entries(domain.scope)] == ["abroad"]


async def test_a_call_that_no_account_is_named_for_waits_for_the_last_of_them(runtime, domain, start, clock):
    unnamed = replace(LATER, key="unnamed", legal_name="Unnamed Ltd")
    async with start(ABROAD, unnamed) as second:
        await sign(second, key="unnamed")
        await second.privacy.changes.answer(domain.scope.account_id, "unnamed", "agreed", actor=OPERATOR)
        assert await code(second, domain, key="unnamed", host=unnamed.hosts[0]) is None
        grant = await second.register.traced(Grant("unnamed", "chat.respond", None, (CHAT,)))
        with pytest.raises(EgressRefused) as error:
            second.register.admit(grant, unnamed.hosts[0], 443)
        assert error.value.reason == "objection_period"
        clock.forward(days=31)


async def test_in_a_deployment_of_one_business_the_operators_signature_is_its_agreement(
    postgres, tmp_path_factory, clock
):
    links, folder = postgres.database(), tmp_path_factory.mktemp("alone")
    async with running(links, postgres.root, folder, clock) as before:
        account = await before.accounts.create("Shop", actor=OPERATOR)
        domain = await before.accounts.add_domain(account, "Shop", ["https://shop.example"], actor=OPERATOR)
        await set_origin(before, domain, "EEA")
    async with running(links, postgres.root, folder, clock, ABROAD) as runtime:
        assert await code(runtime, domain) == "objection_period"
        await sign(runtime)
        assert await code(runtime, domain) is None
        (told,) = await runtime.privacy.changes.notices(account)
        assert told.state == "agreed"


async def test_what_a_person_declares_counts_beside_the_domains_own(runtime, domain, unsigned):
    await sign(runtime)
    await set_origin(runtime, domain, "EEA")
    _, swiss = await runtime.visitors.open(domain, "en")
    _, other = await runtime.visitors.open(domain, "en")
    origins = runtime.privacy.origins
    await origins.declare(swiss.scope, (swiss.subject_id,), "CH", actor=swiss.actor)
    assert await origins.of(swiss.scope, (swiss.subject_id,)) == "CH"
    assert await code(runtime, domain, swiss.subject_id) == "no_mechanism"
    assert await code(runtime, domain, other.subject_id) is None
    assert await code(runtime, domain, other.subject_id, swiss.subject_id) == "no_mechanism"
    await origins.declare(swiss.scope, (swiss.subject_id,), None, actor=swiss.actor)
    assert await code(runtime, domain, swiss.subject_id) is None


async def test_router_and_gate_decide_alike_at_the_second_of_expiry(runtime, domain, unsigned, clock):
    await set_origin(runtime, domain, "EEA")
    _, british = await runtime.visitors.open(domain, "en")
    _, other = await runtime.visitors.open(domain, "en")
    await runtime.privacy.origins.declare(domain.scope, (british.subject_id,), "UK", actor=british.actor)
    await sign(runtime, "scc", valid_until=clock.now() + timedelta(days=9))
    await sign(runtime, "idta", valid_until=clock.now() + timedelta(seconds=60))

    async def why(visitor):
        return (await runtime.on.forbids(domain, visitor.subject_id))(DEPLOYMENT)

    clock.forward(seconds=59)
    assert (await code(runtime, domain, british.subject_id), await why(british)) == (None, None)
    clock.forward(seconds=1)
    assert (await code(runtime, domain, british.subject_id), await why(british)) == ("mechanism_ended", "transfer")
    assert (await code(runtime, domain, other.subject_id), await why(other)) == (None, None)


async def test_another_process_knows_within_seconds_what_was_signed_and_taken_back(runtime, domain, start, clock):
    await sign(runtime, "dpf")
    async with start(ABROAD) as second:
        assert await code(second, domain) is None
        await runtime.privacy.signatures.revoke("abroad", actor=OPERATOR)
        assert await code(runtime, domain) == "contract_ended"
        clock.forward(seconds=5)
        assert await code(second, domain) == "contract_ended"


async def test_a_signature_is_refused_that_says_nothing_or_is_over(runtime, clock):
    for terms, refused in (
        (Terms(("handshake",), source="x"), "bad_mechanism"),
        (Terms(("idta",)), "no_source"),
        (Terms(("scc",), origins=("EU",)), "bad_origin"),
        (Terms(valid_until=clock.now()), "bad_period"),
    ):
        with pytest.raises(Rejected) as error:
            await runtime.privacy.signatures.sign("abroad", terms, actor=OPERATOR)
        assert error.value.code == refused
    with pytest.raises(NotFound):
        await runtime.privacy.signatures.sign("nobody", Terms(), actor=OPERATOR)


async def test_a_register_that_cannot_be_read_lets_nothing_out(runtime, domain, monkeypatch, clock):
    clock.forward(seconds=10)

    async def away(*arguments):
        raise EgressRefused("away", reason="register_unreadable")

    monkeypatch.setattr(runtime.register.terms, "freshen", away)
    assert (await runtime.on.forbids(domain))(DEPLOYMENT) == "processor"
    with pytest.raises(EgressRefused):
        await code(runtime, domain)


async def test_news_reach_accounts_before_data_leaves_and_each_answers_for_itself(runtime, domain, start, clock):
    other = await runtime.accounts.create("Other", actor=OPERATOR)
    website = await runtime.accounts.add_domain(other, "Other", ["https://other.example"], actor=OPERATOR)
    async with start(ABROAD, LATER) as second:

        async def later(at):
            return await code(second, at, key="later", host=LATER.hosts[0])

        await sign(second, key="later")
        assert (await later(domain), await later(website)) == ("objection_period", "objection_period")
        changes = second.privacy.changes
        (told,) = await changes.notices(domain.scope.account_id)
        assert (told.processor, told.state) == ("later", "waiting")
        assert set(told.changes) == {("party", "Later Ltd"), ("country", "DE"), ("category", CHAT)}
        await changes.answer(domain.scope.account_id, "later", "agreed", actor=OPERATOR)
        assert (await later(domain), await later(website)) == (None, "objection_period")
        young = await runtime.accounts.create("Young", actor=OPERATOR)
        newest = await runtime.accounts.add_domain(young, "Young", ["https://young.example"], actor=OPERATOR)
        assert (await later(newest), await changes.notices(young)) == (None, [])
        await changes.answer(other, "later", "objected", actor=OPERATOR)
        clock.forward(days=31)
        assert (await later(domain), await later(website)) == (None, "objected")
        with pytest.raises(NotFound):
            await changes.answer(young, "later", "agreed", actor=OPERATOR)
    async with start(ABROAD, replace(LATER, countries=("DE", "AT"))) as third:
        (_, told) = await third.privacy.changes.notices(domain.scope.account_id)
        assert list(told.changes) == [("country", "AT")]
        assert await code(third, domain, key="later", host=LATER.hosts[0]) == "objection_period"
        clock.forward(days=30)
        assert await code(third, domain, key="later", host=LATER.hosts[0]) is None
    async with start(ABROAD, LATER) as again:
        assert len(await again.privacy.changes.notices(domain.scope.account_id)) == 2


async def test_owners_get_mail_about_news_once(runtime, domain, start, clock):
    account = domain.scope.account_id
    link = await runtime.members.setup_link(account)
    await runtime.members.finish_setup(link, email="ada@shop.example", name="Ada", password="correct horse battery")
    newest = replace(LATER, key="newest", legal_name="Newest Ltd")
    async with start(ABROAD, newest) as second:
        await second.privacy.changes.tell()
        await second.privacy.changes.tell()
        await second.jobs.work(wait=False)
        (mail,) = [mail for mail in second.mail.mailer().sent if mail.to == "ada@shop.example"]
        assert "Newest Ltd" in mail.subject
        assert "object" in mail.text
        clock.forward(days=31)


async def test_what_the_operator_knows_is_added_to_what_the_plugin_says(runtime):
    signatures, records = runtime.privacy.signatures, runtime.privacy.records
    await signatures.describe("post", {"policy_url": "https://post.example/privacy"}, actor=OPERATOR)
    row = await records.row("post")
    assert row.processor.policy_url == "https://post.example/privacy"
    assert set(row.missing) == {"contact", "contract_url", "retention"}
    await signatures.describe("post", {"policy_url": ""}, actor=OPERATOR)
    assert "policy_url" in (await records.row("post")).missing
    with pytest.raises(Rejected):
        await signatures.describe("post", {"contract_url": "javascript:alert(1)"}, actor=OPERATOR)


async def test_the_papers_hold_every_marked_field_and_every_processor(runtime, domain):
    records = runtime.privacy.records
    fields = {f"{one.table}.{one.column}" for one in personal_fields(runtime.catalog)}
    assert {"message.text", "member.email"} <= fields
    data_map = (await records.data_map()).to_json()
    assert {row["field"] for row in data_map["sections"][0]["rows"]} == fields
    account = (domain.scope.account_id, "Shop & Sons")
    ours = (await records.record("controller", account)).markdown()
    assert "Shop & Sons" in ours
    assert "Harbour Hosting Ltd" in ours
    assert ABROAD.legal_name in ours
    assert "| Answering a message | contract |" in ours
    operators = (await records.record("controller")).markdown()
    assert "members of the business" in operators
    assert "visitors" not in operators
    processing = (await records.record("processor")).markdown()
    assert "Art. 30(2)" in processing
    assert "Shop & Sons" in processing
    annex = (await records.annex("Shop & Sons")).to_json()
    (sub,) = [section for section in annex["sections"] if section["title"] == "Sub-processors"]
    assert [(row["name"], row["policy"], row["contract"]) for row in sub["rows"]] == [
        (ABROAD.legal_name, ABROAD.policy_url, TERMS)
    ]


async def test_what_nobody_uses_goes_stale(runtime, domain, clock):
    row = await runtime.privacy.records.row("abroad", domain.scope.account_id)
    clock.forward(days=91)
    aged = await runtime.privacy.records.row("abroad", domain.scope.account_id)
    assert aged.stale
    call = Grant("abroad", "chat.respond", domain.scope, (CHAT,))
    await runtime.ledger.opened(Call(call, HOST, 443))
    used = await runtime.privacy.records.row("abroad", domain.scope.account_id)
    assert (used.stale, used.last_used) == (False, clock.now())
    assert row.last_used is None


async def test_the_public_page_shows_each_row_with_its_links_and_nothing_unescaped(runtime, unsigned):
    await sign(runtime)
    async with serving(runtime) as base, httpx2.AsyncClient(base_url=base) as client:
        page = await client.get("/subprocessors")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "Abroad &lt;Models&gt;, Inc" in page.text
    assert f'href="{ABROAD.policy_url}"' in page.text
    assert 'href="https://abroad.example/terms?a=1&amp;b=&lt;2&gt;"' in page.text
    assert "From the EEA to US: EU standard contractual clauses" in page.text
    assert "From Switzerland" not in page.text  # nothing covers it


async def test_a_business_reads_and_answers_by_api_and_sees_nothing_of_others(runtime, domain):
    account = domain.scope.account_id
    _, reader = await runtime.keys.create(account, "reads", ["privacy.read"], actor=OPERATOR)
    _, none = await runtime.keys.create(account, "none", ["domain.read"], actor=OPERATOR)
    _, manager = await runtime.keys.create(account, "manages", ["privacy.read", "privacy.manage"], actor=OPERATOR)

    def as_(key):
        return {"Authorization": f"Bearer {key}"}

    async with serving(runtime) as base, httpx2.AsyncClient(base_url=base) as client:
        listed = (await client.get("/v1/privacy/register", headers=as_(reader))).json()
        keys = [row["key"] for row in listed["data"]]
        assert keys == sorted(keys)
        assert "abroad" in keys
        one = (await client.get("/v1/privacy/register/processors/abroad", headers=as_(reader))).json()
        assert (one["legal_name"], one["missing"]) == (ABROAD.legal_name, [])
        assert (await client.get("/v1/privacy/register/processors/none", headers=as_(reader))).status_code == 404
        assert (await client.get("/v1/privacy/register", headers=as_(none))).status_code == 403
        for path in ("record?form=controller", "record?form=processor", "annex", "map", "transfers"):
            url = f"/v1/privacy/register/{path}"
            shown = await client.get(url, headers=as_(reader))
            assert shown.json()["sections"], path
            glue = "&" if "?" in url else "?"
            assert (await client.get(f"{url}{glue}format=markdown", headers=as_(reader))).text.startswith("# ")
            page = await client.get(f"{url}{glue}format=html", headers=as_(reader))
            assert "<Models>" not in page.text
        drawn = await client.get("/v1/privacy/register/map.svg", headers=as_(reader))
        assert drawn.headers["content-type"] == "image/svg+xml"
        assert "Abroad &lt;Models&gt;, Inc" in drawn.text
        news = await client.get("/v1/privacy/register/notices", headers=as_(reader))
        assert news.json() == {"data": [], "next": None}
        answer = "/v1/privacy/register/processors/abroad/answer"
        assert (await client.post(answer, json={"answer": "agreed"}, headers=as_(reader))).status_code == 403
        assert (await client.post(answer, json={"answer": "agreed"}, headers=as_(manager))).status_code == 404
        assert (await client.post(answer, json={"answer": "maybe"}, headers=as_(manager))).status_code == 422


async def test_a_visitor_says_where_their_data_comes_from(runtime, domain):
    token, visitor = await runtime.visitors.open(domain, "en")
    headers = {"Authorization": f"Bearer {token}"}
    async with serving(runtime) as base, httpx2.AsyncClient(base_url=base, headers=headers) as client:
        assert (await client.get("/v1/visitor/origin")).json() == {"origin": None}
        assert (await client.post("/v1/visitor/origin", json={"origin": "UK"})).json() == {"origin": "UK"}
        assert (await client.get("/v1/visitor/origin")).json() == {"origin": "UK"}
        assert (await client.post("/v1/visitor/origin", json={"origin": "US"})).status_code == 422
    assert await runtime.privacy.origins.of(domain.scope, (visitor.subject_id,)) == "UK"
    (row,) = await runtime.inbox.queue.page(domain.scope, Wanted())
    assert (await runtime.inbox.detail(domain.scope, row.id, actor=OPERATOR)).origin == "UK"


@dataclass(frozen=True)
class Californian(Category):
    """A category with what the law calls it."""

    california: str = ""
    sensitive: bool = False


async def test_californias_categories_are_those_of_the_data_also_where_it_was_swept(
    runtime, domain, clock, monkeypatch
):
    kinds = dict(runtime.catalog.categories)
    kinds[CHAT] = Californian(CHAT, "Chat messages", california="customer_records", sensitive=True)
    monkeypatch.setattr(runtime.privacy.california, "_catalog", replace(runtime.catalog, categories=kinds))
    california = runtime.privacy.california

    async def rows():
        (section,) = (await california.past_year(domain.scope)).sections
        return {row["category"]: row for row in section.rows}

    assert await rows() == {}
    _, visitor = await runtime.visitors.open(domain, "en")
    async for _ in await runtime.conversations.ask(visitor, domain, "Hello?", uuid4().hex, "en"):
        pass
    (row,) = (await rows()).values()
    assert (row["category"], row["sensitive"], row["sold"]) == ("customer records", "yes", "no")
    assert row["recipients"] == (ABROAD.legal_name,)
    await california.note()
    await runtime.privacy.erasure.erase(domain.scope, visitor.subject_id, actor=OPERATOR)
    assert "customer records" in await rows(), "it was collected, though it is gone"
    other = await runtime.accounts.add_domain(
        domain.scope.account_id, "Other", [f"https://{uuid4().hex[:8]}.example"], actor=OPERATOR
    )
    assert await california.collected(other.scope) == {}
    clock.forward(days=367)
    assert await rows() == {}


async def test_the_notice_at_collection_is_public_and_names_every_kind(runtime):
    async with serving(runtime) as base, httpx2.AsyncClient(base_url=base) as client:
        page = await client.get("/notice-at-collection")
    assert page.status_code == 200
    for title in ("Chat messages", "Pages and clicks", "E-mail address"):
        assert title in page.text
    assert "Password" not in page.text  # of members, who sign up


async def test_every_act_on_the_register_is_in_the_audit(runtime, domain):
    await sign(runtime)
    await runtime.privacy.signatures.revoke("abroad", actor=OPERATOR)
    assert (await runtime.audit.verify(CHAIN)).broken is None
    async with runtime.database.session(Scope(CHAIN)) as session:
        actions = {entry.action for entry in (await session.exec(select(AuditEntry))).all()}
    assert {"register.sign", "register.revoke"} <= actions

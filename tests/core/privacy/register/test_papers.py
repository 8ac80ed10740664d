"""What is compiled from the register: papers, public pages, a business's own view, California's categories."""

from dataclasses import dataclass, replace
from uuid import uuid4

import httpx2
import pytest
from desk import serving
from omniops.contracts.declaration import Category
from omniops.errors import Rejected
from omniops.gate.grants import Call, Grant
from omniops.inbox.queue import Wanted
from omniops.operations.firsts import OPERATOR
from omniops.privacy.fields import personal_fields
from registering import ABROAD, CHAT, HOST, TERMS, sign


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
    async with serving(runtime) as base, httpx2.AsyncClient(base_url=base, timeout=60) as client:
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

    async with serving(runtime) as base, httpx2.AsyncClient(base_url=base, timeout=60) as client:
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
    async with serving(runtime) as base, httpx2.AsyncClient(base_url=base, headers=headers, timeout=60) as client:
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
    async with serving(runtime) as base, httpx2.AsyncClient(base_url=base, timeout=60) as client:
        page = await client.get("/notice-at-collection")
    assert page.status_code == 200
    for title in ("Chat messages", "Pages and clicks", "E-mail address"):
        assert title in page.text
    assert "Password" not in page.text  # of members, who sign up

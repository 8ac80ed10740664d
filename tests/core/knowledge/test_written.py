"""Documents and curated answers: answerable at once, cited by name, gone at once, and nobody else's."""

import importlib.util
import secrets
from pathlib import Path

import psycopg
import pytest
from omniops.contracts.scope import Actor
from omniops.defaults.quoting.curated import curated
from omniops.errors import NotFound, Rejected
from omniops.knowledge.models import Passage
from omniops.operations.asking import ask
from omniops.operations.firsts import OPERATOR, Firsts
from on_disk import contents
from sqlmodel import select

_spec = importlib.util.spec_from_file_location("samples", Path(__file__).with_name("samples.py"))
samples = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(samples)

MEMBER = Actor("member", "m")
ISLANDS = "Delivery to the islands takes four working days and costs nine pounds."
QUESTION = "How long does delivery to the islands take?"


@pytest.fixture
async def domain(runtime):
    firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
    account = (await firsts.ensure("Test")).account_id
    host = f"https://{secrets.token_hex(4)}.example"
    return await runtime.accounts.add_domain(account, host, [host], actor=OPERATOR)


def add(runtime, domain, data=None, name="delivery.pdf", link=None):
    data = samples.pdf([], [ISLANDS]) if data is None else data
    return runtime.documents.add(domain.scope, data, name, link, actor=MEMBER)


def write(runtime, domain, *questions, answer="Four days, and on Fridays five.", link=None):
    return runtime.curated.create(domain.scope, questions or (QUESTION,), answer, link, actor=MEMBER)


async def test_a_file_is_answered_from_and_cited_by_name_and_page(runtime, domain):
    document = await add(runtime, domain)
    assert (document.name, document.format, document.passages) == ("delivery.pdf", "pdf", 1)
    asked = await ask(runtime, domain, QUESTION)
    assert asked.level == "answer"
    (source,) = asked.sources
    assert source["title"] == "delivery.pdf › p. 2"
    assert source["quote"] in ISLANDS
    assert source["url"] == "", "the file lies nowhere on the web"
    assert source["own"] is False


async def test_a_citation_leads_where_the_member_says(runtime, domain):
    await add(runtime, domain, link="https://shop.example/delivery.pdf")
    (source,) = (await ask(runtime, domain, QUESTION)).sources
    assert source["url"] == "https://shop.example/delivery.pdf"


async def test_a_deleted_file_is_cited_no_more_and_gone_with_its_bytes(runtime, domain, links):
    document = await add(runtime, domain)
    await ask(runtime, domain, QUESTION)
    await runtime.documents.delete(domain.scope, document.id, actor=MEMBER)
    assert (await ask(runtime, domain, QUESTION)).level == "none"
    with pytest.raises(NotFound):
        await runtime.documents.file(domain.scope, document.id, actor=MEMBER)
    with psycopg.connect(links.admin.conninfo()) as connection:
        for table in ("own_blob", "document", "passage"):
            count = f"select count(*) from omniops.{table} where domain_id = %s"
            assert connection.execute(count, [domain.id]).fetchone() == (0,), table


async def test_a_new_state_of_a_file_keeps_what_it_still_says(runtime, domain, links):
    document = await add(runtime, domain, samples.pdf([ISLANDS], ["The shop is shut in May."]))

    async def passages():
        async with runtime.database.session(domain.scope) as session:
            rows = (await session.exec(select(Passage).where(Passage.domain_id == domain.id))).all()
            return {row.text: row.id for row in rows}

    before = await passages()
    new = samples.pdf([ISLANDS], ["The shop is shut in June."])
    replaced = await runtime.documents.replace(domain.scope, document.id, new, actor=MEMBER)
    after = await passages()
    assert replaced.id == document.id
    assert after[ISLANDS] == before[ISLANDS]
    assert set(after) == {ISLANDS, "The shop is shut in June."}
    assert await (await runtime.documents.file(domain.scope, document.id, actor=MEMBER)).whole() == new
    with psycopg.connect(links.admin.conninfo()) as connection:
        count = "select count(*) from omniops.own_blob where domain_id = %s"
        assert connection.execute(count, [domain.id]).fetchone() == (1,)


async def test_a_file_that_cannot_be_read_leaves_nothing(runtime, domain, links):
    document = await add(runtime, domain)
    for bad in (samples.pdf([]), b"%PDF-nonsense"):
        with pytest.raises(Rejected, match="prices"):
            await add(runtime, domain, bad, "prices.pdf")
        with pytest.raises(Rejected):
            await runtime.documents.replace(domain.scope, document.id, bad, actor=MEMBER)
    assert await runtime.documents.all(domain.scope) == [document]
    assert (await ask(runtime, domain, QUESTION)).level == "answer"


@pytest.mark.parametrize(
    ("name", "link", "code"),
    [
        ("a.exe", None, "unknown_format"),
        ("", None, "bad_text"),
        ("a\x1b.pdf", None, "bad_text"),
        ("x" * 300 + ".pdf", None, "bad_text"),
        ("a.pdf", "javascript:alert(1)", "bad_url"),
    ],
)
async def test_a_bad_name_or_link_is_named(runtime, domain, name, link, code):
    with pytest.raises(Rejected) as rejected:
        await add(runtime, domain, name=name, link=link)
    assert rejected.value.code == code


async def test_a_pasted_page_and_a_table_of_questions_are_answered_from(runtime, domain):
    page = await runtime.documents.paste(
        domain.scope, f"## Islands\n\n{ISLANDS}", "Delivery notes", "https://shop.example/d", actor=MEMBER
    )
    await add(runtime, domain, b'question,answer\nDo you wrap gifts?,"Yes, for two pounds."\n', "faq.csv")
    (source,) = (await ask(runtime, domain, QUESTION)).sources
    assert (source["title"], source["url"]) == ("Delivery notes › Islands", "https://shop.example/d")
    asked = await ask(runtime, domain, "Do you wrap gifts?")
    assert (asked.message["text"], asked.sources[0]["title"]) == ("Yes, for two pounds.", "Do you wrap gifts?")
    assert {d.name for d in await runtime.documents.all(domain.scope)} == {page.name, "faq.csv"}


async def test_the_file_itself_is_nowhere_in_clear(runtime, domain, postgres, links):
    word = f"canary{secrets.token_hex(8)}"
    html = f"<!-- {word} --><main><p>{ISLANDS}</p></main>".encode()
    document = await add(runtime, domain, html, "page.html")
    assert await (await runtime.documents.file(domain.scope, document.id, actor=MEMBER)).whole() == html
    with psycopg.connect(links.admin.conninfo(), autocommit=True) as connection:
        connection.execute("checkpoint")
    published, shown = False, []
    for path, body in contents(postgres.folder, runtime.settings.data_dir):
        published |= ISLANDS.encode() in body
        shown += [path] if word.encode() in body else []
    assert published, "the scan must see what is published"
    assert shown == []


async def test_a_curated_answer_wins_over_what_was_read(runtime, domain):
    await add(runtime, domain)
    assert (await ask(runtime, domain, QUESTION)).message["text"] in ISLANDS
    answer = await write(
        runtime, domain, QUESTION, "When does my parcel reach the islands?", link="https://shop.example/i"
    )
    for question in (QUESTION, "how long will delivery take to the islands", "When does my parcel reach the islands?"):
        asked = await ask(runtime, domain, question)
        assert (asked.level, asked.message["text"]) == ("answer", "Four days, and on Fridays five."), question
        (source,) = asked.sources
        assert (source["own"], source["url"]) == (True, "https://shop.example/i")
    changed = await runtime.curated.change(domain.scope, answer.id, [QUESTION], "Six days.", None, actor=MEMBER)
    assert (changed.id, changed.link, changed.created_at) == (answer.id, "", answer.created_at)
    assert (await ask(runtime, domain, QUESTION)).message["text"] == "Six days."
    await runtime.curated.delete(domain.scope, answer.id, actor=MEMBER)
    assert (await ask(runtime, domain, QUESTION)).message["text"] in ISLANDS


@pytest.mark.parametrize(
    ("asked", "wins"),
    [
        ("How long does delivery to the islands take?", True),
        ("how long would the delivery take to islands", True),
        ("How much does delivery to the islands cost?", False),
        ("Is there delivery at all?", False),
        ("", False),
    ],
)
async def test_a_curated_answer_wins_for_its_own_question_alone(runtime, domain, asked, wins):
    await write(runtime, domain)
    hits = (await runtime.index.search(domain.scope, QUESTION)).hits
    assert len(hits) == 1
    assert (curated(asked, hits, None) is not None) is wins


async def test_an_answer_of_many_questions_is_quoted_once(runtime, domain):
    await write(
        runtime, domain, *(f"What about delivery to the island of {name}?" for name in ("Sark", "Herm", "Jethou"))
    )
    asked = await ask(runtime, domain, "Is there delivery to Guernsey, which is an island too?")
    assert len({source["quote"] for source in asked.sources}) == len(asked.sources)


async def test_a_curated_answer_is_found_by_its_meaning_when_it_is_saved(postgres, tmp_path):
    from omniops.contracts.ids import SystemClock
    from omniops.runtime import Runtime
    from omniops.settings import Settings

    settings = Settings(
        data_dir=tmp_path,
        keys_dir=tmp_path / "keys",
        plugins=["website", "site", "quoting", "hybrid", "wordllama"],
        encoder="wordllama",
    )
    async with Runtime.open(settings, postgres.database(), postgres.root, clock=SystemClock(), migrate=True) as runtime:
        firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
        account = (await firsts.ensure("Test")).account_id
        domain = await runtime.accounts.add_domain(account, "T", ["https://t.example"], actor=OPERATOR)
        await write(runtime, domain, "Which days is the shop open?", answer="Monday to Friday.")
        found = await runtime.index.search(domain.scope, "Which days is the shop open?")
        assert found.hits[0].cosine > 0.95
        await add(runtime, domain)
        assert (await runtime.index.search(domain.scope, QUESTION)).hits[0].cosine in (None, 0.0)
        await runtime.jobs.work(wait=False)
        assert (await runtime.index.search(domain.scope, QUESTION)).hits[0].cosine > 0.5


@pytest.mark.parametrize(
    ("questions", "answer", "link"),
    [
        ([], "Yes.", None),
        (["  "], "Yes.", None),
        (["Why?"], " ", None),
        (["Why?"] + [f"Why {n}?" for n in range(20)], "Yes.", None),
        (["x" * 301], "Yes.", None),
        (["Why?"], "y" * 2001, None),
        (["Why?\x00"], "Yes.", None),
        (["Why?"], "Yes.", "ftp://shop.example"),
    ],
)
async def test_an_answer_that_is_none_is_refused(runtime, domain, questions, answer, link):
    with pytest.raises(Rejected):
        await runtime.curated.create(domain.scope, questions, answer, link, actor=MEMBER)
    assert await runtime.curated.all(domain.scope) == []


async def test_another_domain_sees_and_touches_none_of_it(runtime, domain):
    firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
    account = (await firsts.ensure("Test")).account_id
    other = (await runtime.accounts.add_domain(account, "Other", ["https://other.example"], actor=OPERATOR)).scope
    document, answer = await add(runtime, domain), await write(runtime, domain)
    calls = [
        runtime.documents.get(other, document.id),
        runtime.documents.file(other, document.id, actor=MEMBER),
        runtime.documents.replace(other, document.id, samples.pdf([ISLANDS]), actor=MEMBER),
        runtime.documents.delete(other, document.id, actor=MEMBER),
        runtime.curated.get(other, answer.id),
        runtime.curated.change(other, answer.id, ["Why?"], "So.", None, actor=MEMBER),
        runtime.curated.delete(other, answer.id, actor=MEMBER),
        # Ids of one kind open nothing of another.
        runtime.documents.delete(domain.scope, answer.id, actor=MEMBER),
        runtime.curated.delete(domain.scope, document.id, actor=MEMBER),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            await call
    assert await runtime.documents.all(other) == []
    assert await runtime.curated.all(other) == []
    assert (await runtime.index.search(other, QUESTION)).hits == ()
    assert [d.id for d in await runtime.documents.all(domain.scope)] == [document.id]


async def test_no_list_of_sources_shows_them_and_no_crawl_visits_them(runtime, domain):
    await add(runtime, domain)
    await write(runtime, domain)
    assert await runtime.knowledge.sources(domain.scope) == []
    from omniops.knowledge.models import Source

    async with runtime.database.session(domain.scope) as session:
        hidden = (await session.exec(select(Source).where(Source.domain_id == domain.id))).all()
    assert len(hidden) == 2
    for source in hidden:
        for call in (
            runtime.knowledge.request_crawl(domain.scope, source.id),
            runtime.knowledge.crawl(domain.scope, source.id),
            runtime.sources.remove(domain.scope, source.id, actor=MEMBER),
        ):
            with pytest.raises(NotFound):
                await call

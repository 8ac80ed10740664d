"""The go-live gate: what a business's own questions get, and what happens where they get worse."""

import asyncio
import json
from uuid import uuid4

import psycopg
import pytest
from omniops.accounts.service import Accounts
from omniops.contracts.ids import SystemClock
from omniops.contracts.scope import Actor
from omniops.errors import NotFound, Rejected
from omniops.knowledge import trials as module
from omniops.knowledge.cut import Piece
from omniops.knowledge.encoding import to_int8
from omniops.knowledge.models import Page, Source
from omniops.knowledge.own_questions import Asking
from omniops.knowledge.trial_models import Trial
from omniops.operations.doctor import websites
from omniops.operations.status import status
from omniops.runtime import Runtime
from omniops.settings import Settings
from sqlmodel import select

PLUGINS = ["website", "site", "quoting", "hybrid", "wordllama"]
MEMBER = Actor("member", "test")
SHIPPING = "How long does delivery to the islands take?"
LAMPS = "How can I have an old lamp repaired?"
SILENCE = "Which planet has the most moons?"
ASKED = (
    Asking(SHIPPING, ("/shipping",), ("four working days",)),
    Asking(LAMPS, ("/repairs",)),
    Asking(SILENCE),
)


@pytest.fixture(scope="module")
async def runtime(postgres, links, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    settings = Settings(data_dir=folder, keys_dir=folder / "keys", plugins=PLUGINS, encoder="wordllama")
    async with Runtime.open(settings, links, postgres.root, clock=SystemClock(), migrate=True) as runtime:
        yield runtime


PAGES = {
    "/": "Welcome to the shop of this test, where all is well.",
    "/shipping": "Delivery to the islands takes four working days and costs nine pounds.",
    "/repairs": "You can have an old lamp repaired at our workshop in the harbour.",
}
WEATHER = {"/shipping": "Everything about parcels is decided by the weather and the tide."}


async def publish(runtime, scope, pages):
    """Puts pages into the domain as a crawl that read them does."""
    rows, encoder = runtime.knowledge._rows, runtime.encoders()
    async with runtime.database.session(scope) as session:
        (source,) = (await session.exec(select(Source).where(Source.domain_id == scope.domain_id))).all()
        for path, said in pages.items():
            url = source.url.rstrip("/") + path
            page = (await session.exec(select(Page).where(Page.domain_id == scope.domain_id, Page.url == url))).first()
            page = page or Page(domain_id=scope.domain_id, source_id=source.id, url=url, state="read", depth=0)
            page.title = path.strip("/").capitalize() or "The shop"
            session.add(page)
            await session.flush()
            await rows.replace(session, scope, [(page, [Piece("text", "", said)])])
        await rows.bump(session, scope)
        await session.commit()
    new = await rows.unencoded(scope, encoder.id)
    vectors = to_int8(encoder.encode([text for _, text, _ in new]), encoder.scale)
    await rows.store_vectors(scope, encoder.id, [(new[i][0], vectors[i].tobytes(), None) for i in range(len(new))])


@pytest.fixture
async def domain(runtime):
    """A fresh domain with a source that was never read."""
    account = await runtime.accounts.create("Shop", actor=MEMBER)
    origin = f"https://{uuid4().hex[:8]}.example"
    domain = await runtime.accounts.add_domain(account, "Shop", [origin], actor=MEMBER)
    await runtime.knowledge.add_source(domain.scope, "site", origin, actor=Actor.operator())
    return domain


@pytest.fixture
async def shop(runtime, domain):
    """A domain with pages and its own questions. Gives its scope."""
    await publish(runtime, domain.scope, PAGES)
    await runtime.trials.add(domain.scope, ASKED, actor=MEMBER)
    return domain.scope


def by_question(trial):
    return {outcome["question"]: outcome for outcome in trial.outcomes}


def admin(runtime, statement, *values):
    with psycopg.connect(runtime.database.links.admin.conninfo()) as connection:
        return connection.execute(statement, values).rowcount


def due(runtime, scope):
    """Brings the domain's waiting runs forward, and says how many there were."""
    return admin(
        runtime,
        "update jobs.procrastinate_jobs set scheduled_at = null"
        " where status = 'todo' and task_name = 'knowledge:trial' and args->>'domain_id' = %s",
        str(scope.domain_id),
    )


async def work(runtime, scope):
    waiting = due(runtime, scope)
    await runtime.jobs.work(["maintenance"], wait=False)
    return waiting


async def test_a_run_says_what_each_question_got(runtime, domain, shop):
    trial = await runtime.trials.run(shop)
    got = by_question(trial)
    assert (got[SHIPPING]["rank"], got[SHIPPING]["level"], got[SHIPPING]["score"]) == (1, "answer", 1.0)
    assert got[SHIPPING]["pages"] == [domain.origins[0] + "/shipping"]
    assert "four working days" in got[SHIPPING]["quotes"][0]
    assert (got[SILENCE]["level"], got[SILENCE]["score"]) == ("none", 1.0)
    assert (trial.state, trial.cause, trial.score) == ("held", "first", 1.0)
    assert trial.accepted_at is not None


async def test_content_that_falls_is_seen_as_soon_as_it_is_read(runtime, shop):
    await work(runtime, shop)
    base = await runtime.trials.last(shop)
    assert (base.cause, base.state) == ("first", "held")
    await publish(runtime, shop, WEATHER)
    assert await work(runtime, shop) == 1
    trial = await runtime.trials.last(shop)
    assert (trial.cause, trial.state, trial.against) == ("content", "fell", base.id)
    (fell,) = [o for o in trial.outcomes if o["id"] in trial.fell]
    assert (fell["question"], fell["score"]) == (SHIPPING, 0.0)
    found = next(d for d in (await status(runtime))["domains"] if d["id"] == str(shop.domain_id))
    assert (found["own_questions"], found["fell"]) == (3, 1)
    assert any(c.state == "warn" and "1 of 3" in c.said for c in await websites(runtime))

    accepted = await runtime.trials.accept(shop, trial.id, actor=MEMBER)
    assert accepted.state == "held"
    assert (await runtime.trials.run(shop)).state == "held"
    assert not any(str(shop.domain_id) in c.fix for c in await websites(runtime))


async def test_what_did_not_change_is_not_asked_again(runtime, shop):
    await work(runtime, shop)
    before = await runtime.trials.last(shop)
    await runtime.trials._all_domains()
    await work(runtime, shop)
    assert (await runtime.trials.last(shop)).id == before.id


async def test_a_crawl_at_work_is_waited_for(runtime, shop):
    (source,) = await runtime.knowledge.sources(shop)
    admin(
        runtime,
        "insert into omniops.crawl (domain_id, id, source_id, state, phase, counts, started_at)"
        " values (%s, %s, %s, 'running', 'reading', '{}', now())",
        *(shop.domain_id, uuid4(), source.id),
    )
    await work(runtime, shop)
    assert await runtime.trials.last(shop) is None
    assert due(runtime, shop) == 1
    await runtime.trials._job(shop, waits=module.MOST_WAITS)
    assert (await runtime.trials.last(shop)).state == "held"


async def test_settings_that_fall_are_refused_before_they_are_live(runtime, shop):
    accounts: Accounts = runtime.accounts
    with pytest.raises(Rejected, match=r"2 of 3 own questions.*delivery") as refused:
        await accounts.configure(shop, {"settings": {"answer_cut": 0.99, "closest_cut": 0.98}}, actor=MEMBER)
    assert refused.value.code == "answers_fell"
    assert (await accounts.domain(shop)).settings.answer_cut == 0.6
    dry, base = await runtime.trials.all(shop)
    assert (dry.cause, dry.live, dry.state, len(dry.fell)) == ("settings", False, "fell", 2)
    assert (base.cause, base.live, base.state) == ("first", True, "held")
    assert (await runtime.trials.last(shop)).id == base.id
    with pytest.raises(Rejected, match="do not get"):
        await runtime.trials.accept(shop, dry.id, actor=MEMBER)
    with pytest.raises(Rejected, match="own questions"):
        await accounts.calibrate(shop, {"answer_cut": 0.99, "closest_cut": 0.98}, actor=MEMBER)


async def test_a_person_may_take_a_fall_and_it_stays_visible(runtime, shop):
    changes = {"settings": {"answer_cut": 0.99, "closest_cut": 0.98}}
    changed = await runtime.accounts.configure(shop, changes, actor=MEMBER, despite_fall=True)
    assert changed.settings.answer_cut == 0.99
    await work(runtime, shop)
    assert (await runtime.trials.last(shop)).state == "fell"


async def test_a_domain_may_ask_to_be_warned_only(runtime, shop):
    changes = {"settings": {"answer_cut": 0.99, "closest_cut": 0.98, "on_fall": "warn"}}
    assert (await runtime.accounts.configure(shop, changes, actor=MEMBER)).settings.answer_cut == 0.99


async def test_within_the_margin_a_loss_is_no_fall_and_does_not_creep(runtime, shop):
    base = await runtime.trials.run(shop)
    await runtime.accounts.configure(shop, {"settings": {"fall_margin": 0.4}}, actor=MEMBER)
    await publish(runtime, shop, WEATHER)
    within = await runtime.trials.run(shop)
    assert (within.state, within.accepted_at, within.loss) == ("held", None, pytest.approx(1 / 3, abs=1e-3))
    await publish(runtime, shop, {"/repairs": "The harbour is closed for good and so is everything in it."})
    beyond = await runtime.trials.run(shop)
    assert (beyond.state, beyond.against) == ("fell", base.id)


async def test_another_encoder_is_tried_without_changing_anything(runtime, postgres, links, shop, tmp_path):
    await runtime.trials.run(shop)
    settings = Settings(data_dir=tmp_path, keys_dir=tmp_path / "keys", plugins=PLUGINS, encoder="none")
    async with Runtime.open(settings, links, postgres.root, clock=SystemClock()) as other:
        trial = await other.trials.run(shop, cause="encoder", live=False)
    assert (trial.encoder_id, trial.live, trial.accepted_at) == ("none", False, None)
    assert (await runtime.trials.last(shop)).encoder_id.startswith("wordllama")


async def test_an_encoder_that_has_no_vectors_yet_is_tried_with_vectors_of_its_own(runtime, shop):
    base = await runtime.trials.run(shop)
    admin(runtime, "update omniops.passage set encoder_id = 'older' where domain_id = %s", shop.domain_id)
    dry = await runtime.trials.run(shop, cause="encoder", live=False)
    assert [o["score"] for o in dry.outcomes] == [o["score"] for o in base.outcomes]


async def test_a_changed_expectation_is_a_new_question(runtime, shop):
    base = await runtime.trials.run(shop)
    await runtime.trials.add(shop, [Asking(SHIPPING, ("/nowhere",))], actor=MEMBER)
    trial = await runtime.trials.run(shop)
    assert (len(trial.outcomes), trial.state, trial.fell) == (3, "held", [])
    assert trial.score < base.score


async def test_old_runs_go_and_the_accepted_one_stays(runtime, shop):
    base = await runtime.trials.run(shop)
    columns = [column.name for column in Trial.__table__.columns if column.name not in ("id", "accepted_at")]
    names = ", ".join(columns)
    admin(
        runtime,
        f"insert into omniops.trial (id, {names}) select gen_random_uuid(), {names} from omniops.trial t,"
        " generate_series(1, 70) where t.id = %s",
        base.id,
    )
    admin(runtime, "update omniops.own_question set pages = '[\"/nowhere\"]' where domain_id = %s", shop.domain_id)
    fell = await runtime.trials.run(shop)
    kept = {trial.id for trial in await runtime.trials.all(shop, 1000)}
    assert {base.id, fell.id} <= kept
    assert len(kept) <= module.KEPT + 2


async def test_words_and_pages_must_both_be_right(runtime, shop):
    await runtime.trials.add(
        shop, [Asking(SHIPPING, ("/shipping",), ("five days",)), Asking(SILENCE, ("/shipping",))], actor=MEMBER
    )
    got = by_question(await runtime.trials.run(shop))
    assert (got[SHIPPING]["score"], got[SILENCE]["score"], got[LAMPS]["score"]) == (0.0, 0.0, 1.0)


async def test_a_domain_without_questions_is_told_so_and_changes_freely(runtime, domain):
    scope = domain.scope
    await publish(runtime, scope, PAGES)
    with pytest.raises(NotFound, match="no questions of its own"):
        await runtime.trials.run(scope)
    await runtime.accounts.configure(scope, {"settings": {"answer_cut": 0.99}}, actor=MEMBER)
    assert due(runtime, scope) == 0


async def test_questions_are_limited_and_another_domain_sees_none(runtime, shop):
    with pytest.raises(Rejected, match="at most"):
        await runtime.trials.add(shop, [Asking(f"Question {n}?") for n in range(500)], actor=MEMBER)
    assert len(await runtime.trials.questions(shop)) == 3
    account = await runtime.accounts.create("Other", actor=MEMBER)
    other = (await runtime.accounts.add_domain(account, "Other", ["https://other.example"], actor=MEMBER)).scope
    trial = await runtime.trials.run(shop)
    (question, *_) = await runtime.trials.questions(shop)
    assert await runtime.trials.questions(other) == []
    assert await runtime.trials.all(other) == []
    for refused in (
        runtime.trials.one(other, trial.id),
        runtime.trials.accept(other, trial.id, actor=MEMBER),
        runtime.trials.remove(other, question.id, actor=MEMBER),
    ):
        with pytest.raises(NotFound):
            await refused


async def test_the_gate_ends_with_one_where_it_falls_and_names_the_questions(runtime, domain, command, tmp_path):
    """As a pipeline uses it."""

    def omniops(*arguments):
        return asyncio.to_thread(
            command, "eval", *arguments, OMNIOPS_ENCODER="wordllama", OMNIOPS_PLUGINS=",".join(PLUGINS)
        )

    shop = domain.scope
    await publish(runtime, shop, PAGES)
    file = tmp_path / "mine.csv"
    file.write_text(f"question,pages,contains\n{SHIPPING},/shipping,four working days\n{LAMPS},/repairs,\n")
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text('{"question": "a"}\n{"question": ""}\n')
    refused = await omniops("questions", "import", wrong, "--domain", domain.id)
    assert (refused.returncode, "wrong.jsonl, line 2" in refused.stderr) == (1, True)
    done = await omniops("questions", "import", file, "--domain", domain.id)
    assert done.returncode == 0, done.stderr
    held = await omniops("gate", domain.id, "--json")
    assert (held.returncode, json.loads(held.stdout)["score"]) == (0, 1.0), held.stderr
    await publish(runtime, shop, WEATHER)
    fell = await omniops("gate", domain.id, "--json")
    assert (fell.returncode, [w["question"] for w in json.loads(fell.stdout)["worse"]]) == (1, [SHIPPING])

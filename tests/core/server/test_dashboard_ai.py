"""The room of the AI: who answers and why others do not, what holds answers back, and the bench beside it."""

import re
from uuid import uuid4

import pytest
from members_browser import HOSTILE
from omniops.contracts.provider import Done, Level, ProviderError, Text
from omniops.knowledge.own_questions import Asking
from omniops.knowledge.trial_models import Trial
from omniops.operations.firsts import OPERATOR
from omniops.server.dashboard.ai_words import REASONS, may_receive, rule_words, statement


def at(member, inner=""):
    return f"{member.base}/ai{inner}"


async def test_who_answers_is_said_with_what_stands_in_the_way_of_others(front, mara):
    await mara.open(at(mara))
    assert "No model is asked: the AI answers in the words of your pages." in mara.text
    assert "scripted/first" in mara.text
    await front.desk.with_model("Hello.")
    await mara.open(at(mara))
    assert "model/one answers, and nobody stands behind it." in mara.text
    assert "Vendor" in mara.text
    await front.configure(regions=["us"])
    await mara.open(at(mara))
    assert REASONS["region"] in mara.text
    assert "Nobody answers: each question goes to a person." in mara.text
    assert "Models run only in us." in mara.text


async def test_a_question_is_answered_side_by_side_and_stays_in_the_field(front, mara):
    answer = (Level("answer"), Text("Three days."), Done("end"))
    front.desk.provider.begin(*answer, second=(ProviderError("Away.", kind="overloaded", retry="other"),))
    await mara.open(at(mara, "/bench"))
    shown = await mara.send(
        at(mara, "/bench/ask"), {"question": "How long?", "deployments": ["scripted/first", "scripted/second"]}
    )
    assert shown.status_code == 200
    assert "Three days." in shown.text
    assert REASONS["overloaded"] in shown.text
    assert ">How long?</textarea>" in shown.text
    assert front.desk.rows("select 1 from omniops.conversation where domain_id = %s", mara.domain.id) == []


@pytest.mark.parametrize("fields", [{"question": " "}, {"question": "Hello?", "deployments": "nobody/none"}])
async def test_what_cannot_be_asked_is_said_in_place(front, mara, fields):
    await mara.open(at(mara, "/bench"))
    shown = await mara.send(at(mara, "/bench/ask"), fields)
    assert shown.status_code in (409, 422)
    assert 'role="alert"' in shown.text
    assert front.desk.provider.requests == []


async def test_words_of_members_models_and_rules_stay_words(front, mara):
    front.desk.provider.begin(Level("answer"), Text(HOSTILE), Done("end"))
    await front.configure(review=[{"mode": "draft", "topics": ["<script>alert(1)"]}])
    for inner in ("/review", "/questions", "/bench"):
        await mara.open(at(mara, inner))
        assert "<script>alert" not in mara.text
    await mara.send(at(mara, "/questions/add"), {"question": HOSTILE, "pages": "/x", "contains": HOSTILE})
    await mara.open(at(mara, "/questions"))
    assert "&lt;script&gt;alert(1)" in mara.text
    assert "<script>alert" not in mara.text
    for fields in ({"question": HOSTILE}, {"question": HOSTILE, "deployments": HOSTILE[:60]}):
        shown = await mara.send(at(mara, "/bench/ask"), fields)
        assert "<script>alert" not in shown.text
        assert "<img src=x" not in shown.text
        assert "{{ 7 * 7 }}" in shown.text, "no template of ours"


async def test_the_api_does_the_same(front):
    front.desk.provider.begin(Level("answer"), Text("Three days."), Done("end"))
    office = await front.office()
    first, *_ = (await office.post("bench", json={"question": "How long?"})).json()["answers"]
    assert (first["deployment"], first["text"]) == ("scripted/first", "Three days.")
    refused = await office.post("bench", json={"question": "How long?", "deployments": ["no/such"]})
    assert (refused.status_code, "scripted/first" in refused.text) == (422, True)
    assert (await office.post("bench", json={"question": ""})).status_code == 422
    routing = (await office.get("routing")).json()
    assert {(one["company"], tuple(one["countries"])) for one in routing["deployments"]} == {("", ())}
    await front.desk.with_model("Hello.")
    (one,) = (await office.get("routing")).json()["deployments"]
    assert (one["company"], one["countries"]) == ("Vendor", ["DE"])


async def test_who_only_answers_sees_it_and_changes_nothing(front):
    base = f"/app/{front.desk.domain.id}/ai"
    forms = {
        "/bench/ask": {"question": "Hello?"}, "/review/keep": {"who": "off"}, "/questions/add": {"question": "Hello?"},
        "/questions/run": {}, f"/questions/{uuid4()}/remove": {}, f"/questions/runs/{uuid4()}/accept": {},
    }  # fmt: skip
    for office, reads, changes in (
        (await front.office(role="agent"), 200, 403), (await front.office(front.desk.other), 404, 404)
    ):  # fmt: skip
        client = front.client(Authorization=office.headers["Authorization"])
        for inner in ("", "/review", "/questions"):
            shown = await client.get(base + inner)
            assert shown.status_code == reads
            assert 'class="fields"' not in shown.text
        assert (await client.get(base + "/bench")).status_code == changes
        for inner, fields in forms.items():
            assert (await client.post(base + inner, data=fields)).status_code == changes, inner
        path = f"/v1/domains/{front.desk.domain.id}/bench"
        assert (await client.post(path, json={"question": "Hello?"})).status_code == changes
    assert front.desk.provider.requests == []
    assert await front.desk.runtime.trials.questions(front.desk.domain.scope) == []


async def rules(front):
    domain = await front.desk.runtime.accounts.domain(front.desk.domain.scope)
    return [rule.model_dump(exclude_defaults=True) for rule in domain.settings.review]


async def test_who_sees_answers_first_is_one_form(front, mara):
    await mara.open(at(mara, "/review"))
    assert "The AI answers by itself wherever it may." in mara.text
    said = {"who": "uncertain", "below": "0,8", "first": "refund\r\nwarranty\r\n", "people": "lawyer"}
    await mara.send(at(mara, "/review/keep"), said)
    assert await rules(front) == [
        {"mode": "off", "topics": ["lawyer"]}, {"mode": "draft", "topics": ["refund", "warranty"]},
        {"mode": "draft", "below": 0.8},
    ]  # fmt: skip
    await mara.open(at(mara, "/review"))
    assert "Questions less certain than 0.8: a person sees the answer first." in mara.text
    assert re.search(r'value="uncertain" checked', mara.text)
    assert ">refund\nwarranty</textarea>" in mara.text
    await mara.send(at(mara, "/review/keep"), {"who": "off"})
    assert await rules(front) == [{"mode": "off"}]
    await mara.send(at(mara, "/review/keep"), {"who": "automatic"})
    assert await rules(front) == []


@pytest.mark.parametrize("fields", [
    {"who": "uncertain", "below": "much"}, {"who": "uncertain", "below": "7"}, {"who": "uncertain", "below": "nan"},
    {"first": "x" * 61}, {"first": "!!"},
])  # fmt: skip
async def test_a_rule_that_does_not_fit_is_said_and_what_was_typed_stays(front, mara, fields):
    await mara.open(at(mara, "/review"))
    shown = await mara.send(at(mara, "/review/keep"), {"people": "lawyer", **fields})
    assert shown.status_code == 422
    assert 'role="alert"' in shown.text
    assert ">lawyer</textarea>" in shown.text
    assert await rules(front) == []


async def test_finer_rules_are_replaced_only_where_one_says_so(front, mara):
    finer = [{"mode": "draft", "channel": "mail", "levels": ["closest"]}]
    await front.configure(review=finer)
    await mara.open(at(mara, "/review"))
    shown = await mara.send(at(mara, "/review/keep"), {"who": "draft"})
    assert shown.status_code == 422
    assert await rules(front) == finer
    await mara.send(at(mara, "/review/keep"), {"who": "draft", "finer": "yes"})
    assert await rules(front) == [{"mode": "draft"}]


async def test_own_questions_are_added_asked_and_removed(front, mara):
    await mara.open(at(mara, "/questions"))
    assert "Write down what must be answered." in mara.text
    wrong = await mara.send(at(mara, "/questions/add"), {"question": "Which planet?", "pages": "no page"})
    assert wrong.status_code == 422
    assert "is no page" in wrong.text
    assert 'value="Which planet?"' in wrong.text
    await mara.send(at(mara, "/questions/add"), {"question": "Which planet has the most moons?"})
    (one,) = await front.desk.runtime.trials.questions(mara.domain.scope)
    await mara.open(at(mara, "/questions"))
    assert "1 question waits for the first run." in mara.text
    refused = await mara.send(at(mara, "/questions/run"))
    assert refused.status_code == 503, "this desk has no answerer that quotes"
    assert "quoting answerer" in refused.text
    await mara.send(at(mara, f"/questions/{one.id}/remove"))
    assert await front.desk.runtime.trials.questions(mara.domain.scope) == []


async def test_a_run_that_fell_is_shown_and_taken(front, mara):
    scope, trials = mara.domain.scope, front.desk.runtime.trials
    (question,) = await trials.add(scope, [Asking("Do you repair tents?", ("/repairs",))], actor=OPERATOR)
    got = {"id": str(question.id), "question": question.question, "rank": None, "level": "none", "score": 0.0}
    async with front.desk.runtime.database.session(scope) as session:
        run = Trial(
            domain_id=mara.domain.id, cause="content", live=True, state="fell", fingerprint="x", encoder_id="none",
            answer_cut=0.6, closest_cut=0.4, score=0.0, loss=1.0, fell=[got["id"]],
            outcomes=[{**got, "quotes": [], "pages": []}], created_at=front.desk.clock.now(),
        )  # fmt: skip
        session.add(run)
        await session.commit()
        run_id = run.id
    await mara.open(at(mara, "/questions"))
    assert "0% of your questions are answered as you want; 1 got worse." in mara.text
    assert "wrong: nothing found" in mara.text
    await mara.send(at(mara, f"/questions/runs/{run_id}/accept"))
    assert (await trials.one(scope, run_id)).state == "held"


def test_a_statement_names_who_is_asked_first():
    quoting, model = {"name": "quoting", "inside": True, "why": None}, {"name": "m/1", "inside": False, "why": None}
    assert statement([]) == "Nobody answers: each question goes to a person."
    assert statement([model, quoting]) == "m/1 is asked first; 1 more stands behind it."
    held = {**model, "why": "breaker"}
    assert may_receive(held)
    assert not may_receive({**model, "why": "contract"})
    assert statement([held, quoting]).startswith("No model is asked")


def test_a_rule_is_a_sentence():
    from omniops.accounts.service import ReviewRule

    assert rule_words(ReviewRule(mode="off", channel="mail")) == "Questions on mail: people answer."
    assert rule_words(ReviewRule(mode="draft")) == "All others: a person sees the answer first."
    rule = ReviewRule(mode="draft", topics=["refund"], levels=["closest"], below=0.7)
    assert rule_words(rule) == (
        "Questions about refund of the level closest less certain than 0.7: a person sees the answer first."
    )


def test_every_reason_of_the_router_has_words():
    from typing import get_args

    from omniops.contracts.provider import ErrorKind
    from omniops.conversation.routing.filters import Why

    assert {*get_args(Why), *get_args(ErrorKind)} <= REASONS.keys()

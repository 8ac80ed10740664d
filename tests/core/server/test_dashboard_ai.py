"""The room of the AI: who answers and why others do not, what holds answers back, and the bench beside it."""

import pytest
from members_browser import HOSTILE
from omniops.contracts.provider import Done, Level, ProviderError, Text
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
    await mara.open(at(mara))
    shown = await mara.send(
        at(mara, "/bench"), {"question": "How long?", "deployments": ["scripted/first", "scripted/second"]}
    )
    assert shown.status_code == 200
    assert "Three days." in shown.text
    assert REASONS["overloaded"] in shown.text
    assert ">How long?</textarea>" in shown.text
    assert front.desk.rows("select 1 from omniops.conversation where domain_id = %s", mara.domain.id) == []


@pytest.mark.parametrize("fields", [{"question": " "}, {"question": "Hello?", "deployments": "nobody/none"}])
async def test_what_cannot_be_asked_is_said_in_place(front, mara, fields):
    await mara.open(at(mara))
    shown = await mara.send(at(mara, "/bench"), fields)
    assert shown.status_code in (409, 422)
    assert 'role="alert"' in shown.text
    assert front.desk.provider.requests == []


async def test_words_of_members_models_and_rules_stay_words(front, mara):
    front.desk.provider.begin(Level("answer"), Text(HOSTILE), Done("end"))
    await front.configure(review=[{"mode": "draft", "topics": ["<script>alert(1)"]}])
    await mara.open(at(mara))
    assert "<script>alert" not in mara.text
    for fields in ({"question": HOSTILE}, {"question": HOSTILE, "deployments": HOSTILE[:60]}):
        shown = await mara.send(at(mara, "/bench"), fields)
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


async def test_who_only_answers_sees_it_and_asks_nothing(front):
    base = f"/app/{front.desk.domain.id}/ai"
    for office, reads, asks in (
        (await front.office(role="agent"), 200, 403), (await front.office(front.desk.other), 404, 404)
    ):  # fmt: skip
        client = front.client(Authorization=office.headers["Authorization"])
        shown = await client.get(base)
        assert shown.status_code == reads
        assert "Ask them" not in shown.text
        assert (await client.post(base + "/bench", data={"question": "Hello?"})).status_code == asks
        path = f"/v1/domains/{front.desk.domain.id}/bench"
        assert (await client.post(path, json={"question": "Hello?"})).status_code == asks
    assert front.desk.provider.requests == []


async def test_runs_over_own_questions_are_told(front, mara):
    await mara.open(at(mara))
    assert "Write down what must be answered." in mara.text


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

"""The test bench: answers as visitors would get them, beside each other, and no conversation that comes of it."""

import pytest
from omniops.contracts.provider import Done, Level, ProviderError, Text, ToolCall
from omniops.contracts.scope import Actor
from omniops.errors import Rejected, Throttled
from omniops.operations.firsts import OPERATOR

MARA = Actor("member", "mara")
LEFT_BEHIND = ("conversation", "message", "turn", "tool_run", "outbox", "subject")


@pytest.fixture
def bench(desk):
    async def ask(question="How long does it take?", **more):
        domain = await desk.runtime.accounts.domain(desk.domain.scope)
        return await desk.runtime.bench.ask(domain, question, actor=MARA, **more)

    return ask


def counts(desk):
    return [
        desk.rows(f"select count(*) from omniops.{table}")  # names of ours
        for table in LEFT_BEHIND
    ]


async def test_each_deployment_answers_for_itself_and_nothing_is_left_of_it(desk, bench):
    desk.provider.begin(Level("answer"), Text("Three days."), Done("end"), second=(Level("none"), Done("end")))
    before = counts(desk)
    one, two = await bench()
    assert [(t.deployment, t.answer.text, t.answer.level, t.why) for t in (one, two)] == [
        ("scripted/first", "Three days.", "answer", None), ("scripted/second", "", "none", None),
    ]  # fmt: skip
    assert one.inside
    assert one.usd == 0
    assert counts(desk) == before
    (chosen,) = await bench(names=["scripted/second"])
    assert chosen.deployment == "scripted/second"


async def test_a_model_gets_no_tool_of_a_plugin_and_its_words_are_judged_as_always(desk, bench):
    await desk.with_model(
        lambda request: [ToolCall("1", "refund", {"number": "1042", "amount": 5})] if not request.rounds else ["Done."]
    )
    (tried,) = await bench("My address is mara@mail.example, pay back order 1042")
    (first, *_) = desk.model.provider.requests
    assert {"refund", "order_status", "change_address"}.isdisjoint(tool.name for tool in first.tools)
    assert "search_site" in {tool.name for tool in first.tools}
    assert desk.model.ran == []
    assert "mara@mail.example" not in first.question
    assert tried.hidden == {"EMAIL": 1}
    assert tried.usd is None, "its price is not known"


async def test_what_stands_in_the_way_is_told_and_no_filter_is_softened(desk, bench):
    desk.provider.begin(ProviderError("Away.", kind="overloaded", retry="other"))
    failed, other = await bench()
    assert (failed.why, failed.answer.text) == ("overloaded", "")
    assert other.why is None, "the other one did not answer for it, and was not kept from answering"
    await desk.with_model("Hello.")
    await desk.runtime.accounts.configure(desk.domain.scope, {"settings": {"regions": ["us"]}}, actor=OPERATOR)
    (kept_out,) = await bench()
    assert (kept_out.why, desk.model.provider.requests) == ("region", [])


async def test_a_rule_of_review_says_what_would_become_of_the_answer(desk, bench):
    rules = [{"mode": "draft", "topics": ["refund"]}]
    await desk.runtime.accounts.configure(desk.domain.scope, {"settings": {"review": rules}}, actor=OPERATOR)
    assert {one.mode for one in await bench("Can I get a refund?")} == {"draft"}
    assert {one.mode for one in await bench()} == {"automatic"}


@pytest.mark.parametrize(("question", "names", "said"), [
    ("  ", (), "empty"), ("x" * 9000, (), "characters"), ("Hello?", ("somebody/else",), "no deployment"),
    ("Hello?", ("scripted/first",) * 7, "At most"),
])  # fmt: skip
async def test_what_cannot_be_asked_is_refused_before_anybody_is(desk, bench, question, names, said):
    with pytest.raises(Rejected, match=said):
        await bench(question, names=names)
    assert desk.provider.requests == []


async def test_it_is_on_record_without_the_words_and_limited(desk, bench, monkeypatch):
    await bench("A secret question")
    ((actor, detail),) = desk.rows(
        "select actor, detail from omniops.audit_entry where action = 'bench.ask' and account_id = %s",
        desk.domain.scope.account_id,
    )
    assert actor == "member:mara"
    assert detail["deployments"] == ["scripted/first", "scripted/second"]
    assert "secret" not in str(detail)
    monkeypatch.setattr("omniops.conversation.bench.LIMIT", 1)
    with pytest.raises(Throttled):
        await bench()

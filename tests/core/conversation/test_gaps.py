"""What was left unanswered: whose question it is, who may see it, and what becomes of it."""

import asyncio
import json
from uuid import uuid4

import pytest
from desk import collect
from omniops.contracts.provider import Done, Level, Text
from omniops.contracts.scope import Actor
from omniops.conversation.gaps import Gaps
from omniops.defaults.wordllama import WordllamaEncoder
from omniops.errors import NotFound
from omniops.jobs.service import Jobs

MEMBER = Actor("member", "test")
NOTHING = (Level("none"), Done("end"))
CLOSEST = (Level("closest"), Text("Perhaps this."), Done("end"))


@pytest.fixture(params=["words", "meaning"])
def gaps(desk, request):
    """The domain's gaps, without an encoder and with one."""
    if request.param == "words":
        return desk.runtime.gaps
    runtime, encoder = desk.runtime, WordllamaEncoder()
    jobs = Jobs(runtime.database, runtime.log)
    return Gaps(
        runtime.database,
        runtime.vault,
        runtime.audit,
        jobs,
        runtime.gaps._passages,
        lambda: encoder,
        runtime.calibrating,
        desk.clock,
    )


async def ask(desk, text, steps=NOTHING, visitor=None):
    """A question of a new visitor (or of one given), answered by a script."""
    visitor = visitor or await desk.visitor()
    desk.provider.begin(*steps)
    events = await collect(await desk.ask(visitor, text))
    return visitor, events[-1][1]["id"]


async def seen(gaps, desk, **options):
    return await gaps.all(desk.domain.scope, actor=MEMBER, **options)


async def test_unanswered_questions_are_grouped_and_people_counted(desk, gaps):
    first, _ = await ask(desk, "Do you ship to Norway?")
    await ask(desk, "Can you ship to Norway too?", visitor=first)
    await ask(desk, "Is shipping to Norway possible?", CLOSEST)
    await ask(desk, "How can I pay by invoice?")
    await ask(desk, "What is your address?", (Level("answer"), Text("Here."), Done("end")))
    assert await gaps.refresh(desk.domain.scope) == 4
    assert await gaps.refresh(desk.domain.scope) == 0
    norway, invoice = await seen(gaps, desk)
    assert (norway.people, norway.questions, norway.reasons) == (2, 3, {"none": 2, "closest": 1})
    assert "Norway" in norway.example
    assert norway.level == "closest"
    assert (invoice.people, invoice.example, invoice.level) == (1, "How can I pay by invoice?", "none")


async def test_a_thumb_and_a_call_for_a_person_tell_of_answers_that_did_not_help(desk, gaps):
    good = (Level("answer"), Text("Here."), Done("end"))
    angry, answer = await ask(desk, "Where is my parcel?", good)
    await desk.runtime.conversations.feedback(angry, answer, helpful=False)
    gone, _ = await ask(desk, "Can the oak table stand in the rain?", good)
    await desk.runtime.conversations.to_person(gone, desk.domain, "en", None)
    pleased, closest = await ask(desk, "Do you sell gift vouchers?", CLOSEST)
    await desk.runtime.conversations.feedback(pleased, closest, helpful=True)
    await gaps.refresh(desk.domain.scope)
    found = {gap.example: (dict(gap.reasons), gap.level) for gap in await seen(gaps, desk)}
    assert found == {
        "Where is my parcel?": ({"not_helpful": 1}, "answer"),
        "Can the oak table stand in the rain?": ({"handed_over": 1}, "answer"),
    }


async def test_a_thumb_that_comes_later_takes_the_question_out(desk, gaps):
    visitor, message = await ask(desk, "Do you sell gift vouchers?", CLOSEST)
    await gaps.refresh(desk.domain.scope)
    await desk.runtime.conversations.feedback(visitor, message, helpful=True)
    await gaps.refresh(desk.domain.scope)
    assert await seen(gaps, desk) == []
    assert desk.rows("select count(*) from omniops.gap where domain_id = %s", desk.domain.id) == [(0,)]


async def test_what_a_member_says_of_an_answer_counts_before_the_thumb(desk, gaps):
    judge = desk.runtime.inbox.provenances.verdicts.give
    good = (Level("answer"), Text("Here."), Done("end"))
    happy, wrong = await ask(desk, "Where is my parcel?", good)
    await desk.runtime.conversations.feedback(happy, wrong, helpful=True)
    await judge(desk.domain.scope, happy.conversation_id, wrong, fits=False, actor=MEMBER)
    angry, right = await ask(desk, "Do you sell gift vouchers?", CLOSEST)
    await desk.runtime.conversations.feedback(angry, right, helpful=False)
    await gaps.refresh(desk.domain.scope)
    assert [dict(gap.reasons) for gap in await seen(gaps, desk)] == [{"not_right": 1}, {"not_helpful": 1}]
    await judge(desk.domain.scope, angry.conversation_id, right, fits=True, actor=MEMBER)
    await gaps.refresh(desk.domain.scope)
    assert [dict(gap.reasons) for gap in await seen(gaps, desk)] == [{"not_right": 1}]


async def test_an_erased_visitors_question_leaves_the_gap(desk, gaps):
    first, _ = await ask(desk, "Do you ship to Norway?")
    await ask(desk, "Is shipping to Norway possible?")
    await gaps.refresh(desk.domain.scope)
    await desk.runtime.privacy.erasure.erase(desk.domain.scope, first.subject_id, actor=MEMBER)
    (left,) = await seen(gaps, desk)
    assert (left.people, left.example) == (1, "Is shipping to Norway possible?")
    rows = desk.rows("select count(*) from omniops.gap_question where subject_id = %s", first.subject_id)
    assert rows == [(0,)]


async def test_who_objects_is_not_looked_at(desk, gaps):
    before, _ = await ask(desk, "Do you ship to Norway?")
    after, _ = await ask(desk, "How can I pay by invoice?")
    objecting = "update omniops.subject set objections = '[\"knowledge.improve\"]' where id = %s"
    desk.rows(objecting, before.subject_id)
    assert await gaps.refresh(desk.domain.scope) == 1
    desk.rows(objecting, after.subject_id)
    (gap,) = await seen(gaps, desk)
    assert gap.example is None


async def test_each_look_is_on_record_with_its_purpose(desk, gaps):
    await ask(desk, "Do you ship to Norway?")
    await gaps.refresh(desk.domain.scope)
    await seen(gaps, desk)
    entries = desk.rows(
        "select actor, detail->>'values' from omniops.audit_entry where account_id = %s"
        " and purpose = 'knowledge.improve' order by seq",
        desk.domain.scope.account_id,
    )
    assert [actor for actor, _ in entries] == ["system:conversation.gaps", "member:test"]


async def test_no_word_of_a_question_stands_in_a_gaps_rows(desk, gaps):
    await ask(desk, "Do you ship xylophones to Norway?")
    await gaps.refresh(desk.domain.scope)
    rows = desk.rows("select g::text, q::text from omniops.gap g join omniops.gap_question q on q.gap_id = g.id")
    assert rows
    assert "xylophone" not in str(rows)


async def test_a_dismissed_gap_stays_away_and_a_resolved_one_returns_when_asked_again_in_vain(desk, gaps):
    scope = desk.domain.scope
    await ask(desk, "Do you ship to Norway?")
    await ask(desk, "How can I pay by invoice?")
    await gaps.refresh(scope)
    norway, invoice = sorted(await seen(gaps, desk), key=lambda gap: gap.example)
    await gaps.resolve(scope, norway.id, "https://shop.example/shipping", actor=MEMBER)
    await gaps.dismiss(scope, invoice.id, actor=MEMBER)
    assert await seen(gaps, desk) == []
    assert [g.reference for g in await seen(gaps, desk, state="resolved")] == ["https://shop.example/shipping"]
    await ask(desk, "Is shipping to Norway possible?")
    await ask(desk, "Can I pay by invoice please?")
    await gaps.refresh(scope)
    (back,) = await seen(gaps, desk)
    assert (back.id, back.people, back.returned) == (norway.id, 2, True)
    (away,) = await seen(gaps, desk, state="dismissed")
    assert (away.id, away.people) == (invoice.id, 2)


async def test_another_domain_sees_and_decides_nothing(desk, gaps):
    await ask(desk, "Do you ship to Norway?")
    await gaps.refresh(desk.domain.scope)
    (gap,) = await seen(gaps, desk)
    assert await gaps.all(desk.other.scope, actor=MEMBER) == []
    for act in (
        gaps.dismiss(desk.other.scope, gap.id, actor=MEMBER),
        gaps.dismiss(desk.domain.scope, uuid4(), actor=MEMBER),
    ):
        with pytest.raises(NotFound):
            await act
    assert len(await seen(gaps, desk)) == 1


async def test_every_domain_learns_at_night(desk):
    await ask(desk, "Do you ship to Norway?")
    await desk.runtime.gaps._all_domains()
    await desk.runtime.jobs.work(["maintenance"], wait=False)
    (gap,) = await desk.runtime.gaps.all(desk.domain.scope, actor=MEMBER)
    assert gap.people == 1


async def test_an_operator_sees_and_mends_gaps_from_the_command_line(desk, command):
    async def omniops(*arguments):
        done = await asyncio.to_thread(command, *arguments, "--domain", desk.domain.id, OMNIOPS_ENCODER="none")
        assert done.returncode == 0, done.stderr
        return done.stdout

    await ask(desk, "Do you ship to Norway?")
    (gap,) = json.loads(await omniops("gaps", "list", "--refresh", "--json"))
    assert (gap["example"], gap["people"], gap["level"]) == ("Do you ship to Norway?", 1, "none")
    await omniops("gaps", "resolve", gap["id"], "https://shop.example/shipping")
    assert await desk.runtime.gaps.all(desk.domain.scope, actor=MEMBER) == []
    await omniops("calibration", "set", "--answer", "0.7")
    view = await desk.runtime.calibrating.view(desk.domain.scope)
    assert (view.cuts.answer, view.by_hand) == (0.7, ("answer_cut",))

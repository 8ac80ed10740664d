"""People take conversations and give them back; the visitor is told, and what was done is kept with who and why."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from desk import collect, opened
from desk_plugins import HOLD, letter
from omniops.accounts.hours import OpeningHours
from omniops.contracts.provider import Done, Level, ProviderError, Text
from omniops.contracts.scope import Actor
from omniops.conversation.announcing import due, expected
from omniops.conversation.running import told
from omniops.conversation.turns import TurnEvent
from omniops.errors import NotFound, NotReady, Rejected
from omniops.inbox.queue import Wanted, place
from omniops.inbox.summary import summarise
from omniops.operations.firsts import OPERATOR

MARA = Actor("member", str(uuid4()))
ALWAYS = {"zone": "Europe/London", "week": {day: ["00:00-24:00"] for day in "mon tue wed thu fri sat sun".split()}}


@pytest.fixture
async def visitor(desk):
    return await desk.visitor()


async def configure(desk, **settings):
    desk.domain = await desk.runtime.accounts.configure(desk.domain.scope, {"settings": settings}, actor=OPERATOR)


async def detail(desk, visitor):
    return await desk.runtime.inbox.detail(visitor.scope, visitor.conversation_id, actor=MARA)


async def lines(desk, visitor):
    return [(m.author, m.event) for m in await desk.messages(visitor.conversation_id)]


async def test_a_conversation_is_taken_over_and_given_back_any_number_of_times(desk, visitor):
    inbox, here = desk.runtime.inbox, (visitor.scope, visitor.conversation_id)
    for _ in range(3):
        assert (await collect(await desk.ask(visitor)))[-1][0] == "done"
        view = await inbox.take_over(*here, actor=MARA, reason="sensitive")
        assert (view.state, str(view.assigned_to)) == ("human", MARA.name)
        assert (await collect(await desk.ask(visitor)))[-1] == ("none", {"state": "human"})
        await inbox.hand_back(*here, actor=MARA)
    found = await detail(desk, visitor)
    assert found.conversation.state == "ai"
    assert found.conversation.assigned_to is None
    assert [(e.event, e.before, e.after, e.actor, e.reason) for e in found.events] == [
        ("taken_over", "ai", "human", str(MARA), "sensitive"),
        ("handed_back", "human", "ai", str(MARA), "solved"),
    ] * 3


async def test_the_visitor_is_told_with_hours_and_the_usual_wait_in_the_language_of_the_chat(desk, visitor):
    await configure(desk, hours={**ALWAYS, "answer_minutes": 10, "exceptions": {}})
    await collect(await desk.runtime.conversations.ask(visitor, desk.domain, "Wie lange?", "k", "de"))
    desk.rows("update omniops.conversation set language = 'de' where id = %s", visitor.conversation_id)
    await desk.runtime.inbox.take_over(visitor.scope, visitor.conversation_id, actor=MARA)
    told = (await desk.messages(visitor.conversation_id))[-1]
    assert (told.author, told.event, told.language) == ("system", "taken_over", "de")
    assert told.text == "Ein Mensch hat übernommen. Die KI schweigt. Sie antworten meist innerhalb von 10 Min."


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-11-30T10:00", "People are here until 17:00 (Europe/London). They mostly answer within 3 h."),
        ("2026-11-30T20:00", "People are back at 2026-12-01 09:00 (Europe/London). They mostly answer within 3 h."),
        ("2026-11-30T08:00", "People are back at 09:00 (Europe/London). They mostly answer within 3 h."),
    ],
)
def test_when_a_person_can_be_expected_is_said_in_the_zone_of_the_business(at, said):
    week = {"mon": ["09:00-17:00"], "tue": ["09:00-17:00"]}
    hours = OpeningHours(zone="Europe/London", week=week, answer_minutes=170)
    assert " ".join(expected(hours, "en", datetime.fromisoformat(at).replace(tzinfo=UTC))) == said
    assert expected(None, "en", datetime.now(UTC)) == []
    assert expected(OpeningHours(zone="Europe/London"), "en", datetime.now(UTC)) == [], "nobody is ever there"


def test_a_wait_is_due_when_the_usual_time_is_over_counted_from_when_people_are_there():
    hours = OpeningHours(zone="Europe/London", week={"mon": ["09:00-17:00"]}, answer_minutes=30)
    sunday = datetime(2026, 11, 29, 12, tzinfo=UTC)
    assert due(hours, sunday) == datetime(2026, 11, 30, 9, 30, tzinfo=UTC)
    assert due(hours, None) is None
    assert due(None, sunday) is None


async def test_of_an_answer_that_had_said_nothing_nothing_is_kept(desk, visitor):
    desk.provider.begin(HOLD, Level("answer"), Text("Four days."), Done("end"))
    follower = asyncio.create_task(collect(await desk.ask(visitor)))
    await desk.provider.reached.wait()
    await desk.runtime.inbox.take_over(visitor.scope, visitor.conversation_id, actor=MARA)
    assert (await follower)[-1] == ("none", {"state": "human"})
    assert await lines(desk, visitor) == [("visitor", None), ("system", "taken_over")]


def test_what_was_seen_of_an_answer_stays_with_its_sources():
    events = [
        TurnEvent(1, "level", {"level": "answer"}),
        TurnEvent(2, "text", {"text": "Four "}),
        TurnEvent(3, "text", {"text": "days."}),
        TurnEvent(4, "cite", {"n": 1, "source": {"n": 1, "url": "/one"}}),
    ]
    assert told(events) == (
        "Four days.",
        [{"type": "text", "text": "Four days."}, {"type": "cite", "n": 1}],
        [{"n": 1, "url": "/one"}],
    )


async def test_an_answer_that_grows_in_another_process_falls_silent_too(desk, visitor, postgres, links, tmp_path):
    async with opened(links, postgres.root, tmp_path, desk.clock) as second:
        desk.provider.begin(Level("answer"), Text("Four "), HOLD, Text("days."), Done("end"))
        follower = asyncio.create_task(collect(await desk.ask(visitor)))
        await desk.provider.reached.wait()
        await second.runtime.inbox.take_over(visitor.scope, visitor.conversation_id, actor=MARA)
        events = await follower  # told by a notification: nobody lets the provider go on
    assert events[-1] == ("none", {"state": "human"})
    assert desk.provider.open == 0
    assert ("ai", None) not in (await lines(desk, visitor))[2:]


async def test_where_no_model_may_answer_the_visitor_is_told_on_every_channel(desk):
    await configure(desk, hours=ALWAYS)
    connection = await desk.connection()
    away = ProviderError("away", kind="overloaded", retry="other")
    desk.provider.begin(away, second=(away,))
    await desk.take(connection, letter("How long?"))
    await desk.work()
    ((conversation,),) = desk.rows("select id from omniops.conversation where domain_id = %s", desk.domain.id)
    assert (await desk.messages(conversation))[-1].event == "handed_off"
    (sent,) = desk.channel.sent
    assert sent.text.startswith("Handed to a person.")
    assert not sent.ai


@pytest.mark.parametrize("by", ["take_over", "reply"])
async def test_an_answer_that_still_waits_for_its_channel_is_not_sent_after_a_person_took_over(desk, by):
    connection = await desk.connection()
    desk.channel.begin(NotReady("away", retry_after=600))
    await desk.take(connection, letter("How long?"))
    await desk.work()
    ((conversation,),) = desk.rows("select id from omniops.conversation where domain_id = %s", desk.domain.id)
    assert [(m.author, m.delivery) for m in await desk.messages(conversation)][-1] == ("ai", "waiting")
    if by == "take_over":
        await desk.runtime.inbox.take_over(desk.domain.scope, conversation, actor=MARA)
    else:
        await desk.runtime.inbox.reply(desk.domain.scope, conversation, "Mara here.", actor=MARA)
    desk.make_due()
    await desk.work()
    assert [sent.ai for sent in desk.channel.sent] == [False]
    assert [m.delivery for m in await desk.messages(conversation) if m.author == "ai"] == ["failed"]


async def test_a_person_sees_what_was_asked_and_what_was_tried(desk, visitor):
    await collect(await desk.ask(visitor, "How long does it take?"))
    desk.provider.begin(Level("closest"), Text("Perhaps."), Done("end"))
    await collect(await desk.ask(visitor, "And to Norway?"))
    await desk.runtime.conversations.to_person(visitor, desk.domain, "en", None)
    await collect(await desk.ask(visitor, "Hello?"))
    summary = (await detail(desk, visitor)).summary
    assert summary.question == "Hello?"
    assert list(summary.unanswered) == ["Hello?"]
    assert summary.level == "closest"
    assert [(t.seq, t.level, t.interrupted) for t in summary.tried] == [(2, "answer", False), (4, "closest", False)]
    messages = await desk.messages(visitor.conversation_id)
    assert summarise(messages) == summarise(messages)
    assert summarise([]).question == ""


async def test_notes_are_for_those_who_work_there(desk, visitor):
    inbox = desk.runtime.inbox
    await collect(await desk.ask(visitor))
    await inbox.note(visitor.scope, visitor.conversation_id, "Unmistakable note", actor=MARA)
    assert [n.text for n in (await detail(desk, visitor)).notes] == ["Unmistakable note"]
    history = await desk.runtime.conversations.history(visitor)
    own = await desk.runtime.visiting.own.read(visitor, visitor.conversation_id)
    assert "Unmistakable" not in str((history, own))
    assert "Unmistakable" not in str(desk.rows("select n::text from omniops.note n"))
    await desk.runtime.privacy.erasure.erase(visitor.scope, visitor.subject_id, actor=OPERATOR)
    for table in ("note", "draft", "conversation_event"):
        assert desk.rows(f"select 1 from omniops.{table} where subject_id = %s", visitor.subject_id) == []


async def test_a_closed_conversation_takes_nothing_before_it_is_open_again(desk, visitor):
    inbox, here = desk.runtime.inbox, (visitor.scope, visitor.conversation_id)
    await collect(await desk.ask(visitor))
    await inbox.close(*here, actor=MARA)
    for act in (inbox.take_over, inbox.hand_back, inbox.close):
        with pytest.raises(Rejected) as refused:
            await act(*here, actor=MARA)
        assert refused.value.code == "conversation_closed"
    with pytest.raises(Rejected):
        await inbox.reply(*here, "Too late.", actor=MARA)
    with pytest.raises(Rejected):
        await desk.ask(visitor)
    view = await inbox.reopen(*here, actor=MARA)
    assert (view.state, view.waiting_since) == ("waiting", desk.clock.now())
    assert [event for _, event in (await lines(desk, visitor))[-2:]] == ["closed", "reopened"]
    with pytest.raises(Rejected):
        await inbox.reopen(*here, actor=MARA)


async def test_who_wants_no_ai_is_not_given_back_to_it(desk, visitor):
    await desk.runtime.visiting.opt_outs.opt_out(visitor, "en")
    with pytest.raises(Rejected) as refused:
        await desk.runtime.inbox.hand_back(visitor.scope, visitor.conversation_id, actor=MARA)
    assert refused.value.code == "ai_opted_out"


async def test_a_new_conversation_of_one_who_opted_out_says_that_a_person_answers(desk, visitor):
    await collect(await desk.ask(visitor))
    await desk.runtime.visiting.opt_outs.opt_out(visitor, "en")
    begun = await desk.runtime.visiting.own.begin(visitor, desk.domain, "en")
    fresh = replace(visitor, conversation_id=begun.id)
    assert (await collect(await desk.ask(fresh)))[-1] == ("none", {"state": "waiting"})
    assert await lines(desk, fresh) == [("visitor", None), ("system", "ai_out")]


async def test_the_queue_is_paged_and_who_waits_longest_comes_first(desk):
    inbox, waiting = desk.runtime.inbox, []
    await configure(desk, hours={**ALWAYS, "answer_minutes": 15})
    for _ in range(5):
        visitor = await desk.visitor()
        await collect(await desk.ask(visitor))
        waiting.append(visitor)
    for visitor in reversed(waiting[:4]):
        await desk.runtime.conversations.to_person(visitor, desk.domain, "en", None)
        desk.clock.forward(minutes=1)
    seen, after = [], None
    while True:
        page = await inbox.queue.page(desk.domain.scope, Wanted(waiting=True, limit=3, after=after))
        if not page:
            break
        seen += page
        after = place(page[-1])
    assert [row.id for row in seen] == [v.conversation_id for v in reversed(waiting[:4])]
    assert all((row.due_at - row.waiting_since).total_seconds() == 900 for row in seen)
    assert await inbox.queue.waiting(desk.domain.scope) == 4
    taken = waiting[0]
    await inbox.take_over(taken.scope, taken.conversation_id, actor=MARA)
    scope = desk.domain.scope

    async def ids(**wanted):
        return [row.id for row in await inbox.queue.page(scope, Wanted(**wanted))]

    assert await ids(state="human") == [taken.conversation_id]
    assert await ids(assigned_to=taken.subject_id) == []
    assert len(await ids(assigned_to="nobody")) == 4
    assert len(await ids(channel="website")) == 5
    assert await ids(channel="post") == []
    await inbox.reply(taken.scope, taken.conversation_id, "Mara here.", actor=MARA)
    assert taken.conversation_id not in await ids(waiting=True), "it was answered"
    await collect(await desk.ask(taken, "Thank you. And then?"))
    assert (await ids(waiting=True))[-1] == taken.conversation_id, "it waits again, as the last"
    for nonsense in ("x", "2026-01-01T00:00:00~x", "~"):
        with pytest.raises(Rejected) as refused:
            await ids(waiting=True, after=nonsense)
        assert refused.value.code == "bad_cursor"


async def test_it_is_given_to_members_of_the_own_account_only(desk, visitor):
    inbox = desk.runtime.inbox
    with pytest.raises(NotFound):
        await inbox.assign(visitor.scope, visitor.conversation_id, uuid4(), actor=MARA)
    view = await inbox.assign(visitor.scope, visitor.conversation_id, None, actor=MARA)
    assert view.assigned_to is None
    with pytest.raises(NotFound):
        await inbox.take_over(desk.other.scope, visitor.conversation_id, actor=MARA)

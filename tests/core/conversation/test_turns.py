"""A turn belongs to one process, is told as it happens, and ends once, whatever dies, leaves or interferes."""

import asyncio
from uuid import uuid4

import psycopg
import pytest
from desk import collect, opened
from desk_plugins import ANSWER, HOLD
from omniops.contracts.provider import Done, Level, ProviderError, Refusal, Text
from omniops.contracts.scope import Actor
from omniops.conversation.turns import FLUSH_SECONDS, LEASE, TurnEvent
from omniops.errors import NotFound, Rejected

MEMBER = Actor("member", "m")
TERMINAL = {"done", "none", "error"}


def kinds(events):
    return [kind for kind, _ in events]


def ended(events):
    """The terminal event; there is exactly one, and nothing after it."""
    assert [kind for kind in kinds(events) if kind in TERMINAL] == [events[-1][0]]
    return events[-1]


@pytest.fixture
async def visitor(desk):
    return await desk.visitor()


async def held(desk, visitor, *after, text="Held?"):
    """An answer that has said a little and waits. Its follower, and the id of its turn."""
    desk.provider.begin(Level("answer"), Text("Four "), HOLD, *(after or (Text("days."), Done("end"))))
    follower = asyncio.create_task(collect(await desk.ask(visitor, text)))
    await desk.provider.reached.wait()
    running = (await desk.runtime.conversations.history(visitor)).running
    return follower, running.id


async def elsewhere(desk, visitor, text="Elsewhere?", said="", owner="elsewhere:1:abc"):
    """A turn that another process answers: begun as this one begins turns, with another owner, flushed once."""
    runtime = desk.runtime
    follower, turn_id = await held(desk, visitor, text=text)
    events = [TurnEvent(1, "level", {"level": "answer"})] + ([TurnEvent(2, "text", {"text": said})] if said else [])
    assert await runtime.conversations._turns.flush(visitor.scope, turn_id, events)
    live = runtime.conversations._running.live
    desk.rows("update omniops.turn set owner = %s where id = %s", owner, turn_id)
    desk.provider.go.set()  # this process finds out that the turn is not its own and writes nothing
    await follower
    assert live.get(turn_id) is None or await live.get(turn_id).wait() is None
    return turn_id


def state(desk, turn_id):
    return desk.rows("select state, owner, deployment from omniops.turn where id = %s", turn_id)[0]


async def authors(desk, visitor):
    return [message.author for message in await desk.messages(visitor.conversation_id)]


async def test_an_answer_is_told_in_order_and_stored_as_told(desk, visitor):
    events = await collect(await desk.ask(visitor, "How long?"))
    assert kinds(events) == ["disclosure", "message", "turn", "level", "text", "done"]
    done = ended(events)[1]
    assert done["text"] == "Four working days."
    (question, answer) = await desk.messages(visitor.conversation_id)
    assert (question.author, question.text, question.seq) == ("visitor", "How long?", 1)
    assert (answer.author, answer.seq, str(answer.id)) == ("ai", 2, done["id"])
    assert answer.to_json() == {**done, "at": answer.to_json()["at"]}
    assert desk.provider.open == 0


async def test_a_provider_sees_the_conversation_and_the_turns_own_key(desk, visitor):
    await collect(await desk.ask(visitor, "First?"))
    events = await collect(await desk.ask(visitor, "Second?"))
    (_, first), (_, second) = desk.provider.requests
    assert [(m.role, m.text) for m in second.messages] == [
        ("visitor", "First?"),
        ("ai", "Four working days."),
        ("visitor", "Second?"),
    ]
    assert first.idempotency_key != second.idempotency_key
    assert second.idempotency_key == next(data["id"] for kind, data in events if kind == "turn")


async def test_one_answer_at_a_time(desk, visitor):
    follower, _ = await held(desk, visitor)
    before = await authors(desk, visitor)
    for _ in range(2):
        with pytest.raises(Rejected) as refused:
            await desk.ask(visitor, "And now?")
        assert refused.value.code == "turn_running"
        assert refused.value.do
    assert await authors(desk, visitor) == before, "the refused question is not stored"
    desk.provider.go.set()
    assert ended(await follower)[0] == "done"
    desk.provider.begin()
    assert ended(await collect(await desk.ask(visitor, "And now?")))[0] == "done"


async def test_of_questions_at_the_same_moment_one_is_taken(desk, visitor):
    desk.provider.begin(HOLD, *ANSWER)
    tried = await asyncio.gather(*(desk.ask(visitor, f"Question {n}?") for n in range(6)), return_exceptions=True)
    refused = [result for result in tried if isinstance(result, Rejected)]
    assert {error.code for error in refused} == {"turn_running"}
    (stream,) = [result for result in tried if not isinstance(result, Exception)]
    desk.provider.go.set()
    assert ended(await collect(stream))[0] == "done"
    assert await authors(desk, visitor) == ["visitor", "ai"]


async def test_the_same_request_at_the_same_moment_is_one_question_followed_by_all(desk, visitor):
    desk.provider.begin(HOLD, *ANSWER)
    key = uuid4().hex
    streams = await asyncio.gather(*(desk.ask(visitor, key=key) for _ in range(5)))
    desk.provider.go.set()
    followed = await asyncio.gather(*(collect(stream) for stream in streams))
    assert len({ended(events)[1]["id"] for events in followed}) == 1
    assert await authors(desk, visitor) == ["visitor", "ai"]
    assert len(desk.provider.requests) == 1
    later = await collect(await desk.ask(visitor, key=key))
    assert ended(later) == ended(followed[0])


async def test_the_lease_is_renewed_and_another_process_waits_for_its_end(desk, visitor):
    turn_id = await elsewhere(desk, visitor, said="Half an ")
    turns = desk.runtime.conversations._turns
    desk.clock.forward(seconds=LEASE.total_seconds() - 1)
    async with desk.runtime.database.session(visitor.scope) as session:
        assert await turns.take(session, visitor.scope, turn_id) is None
    desk.clock.forward(seconds=1)

    async def take():
        async with desk.runtime.database.session(visitor.scope) as session:
            taken = await turns.take(session, visitor.scope, turn_id)
            await session.commit()
            return taken is not None

    assert sorted(await asyncio.gather(*(take() for _ in range(6)))) == [False] * 5 + [True]
    desk.clock.forward(seconds=LEASE.total_seconds() - 1)
    assert await turns.flush(visitor.scope, turn_id, [])
    desk.clock.forward(seconds=LEASE.total_seconds() - 1)
    assert not await take(), "renewed: its time begins anew"


async def test_a_turn_of_a_dead_process_is_closed_once_with_what_was_visible(desk, visitor):
    turn_id = await elsewhere(desk, visitor, said="Half an ")
    watch = desk.runtime.intake.watch
    await watch(visitor.scope, str(turn_id))
    assert state(desk, turn_id)[:2] == ("running", "elsewhere:1:abc"), "it may still be alive"
    assert await authors(desk, visitor) == ["visitor"]
    desk.clock.forward(seconds=LEASE.total_seconds())
    await asyncio.gather(*(watch(visitor.scope, str(turn_id)) for _ in range(4)))
    await watch(visitor.scope, str(turn_id))
    (_, answer) = await desk.messages(visitor.conversation_id)
    assert (answer.author, answer.text, answer.interrupted) == ("ai", "Half an ", True)
    assert state(desk, turn_id)[0] == "interrupted"
    followed = await collect(await desk.runtime.conversations.follow(visitor, turn_id))
    assert ended(followed)[1]["retry"] is True
    desk.provider.begin()
    assert ended(await collect(await desk.ask(visitor, "Again?")))[0] == "done"


async def test_a_watch_over_a_living_turn_looks_again_later(desk, visitor):
    waiting = (
        "select count(*) from jobs.procrastinate_jobs where task_name = 'conversation:watch' and args->>'turn_id' = %s"
    )
    turn_id = await elsewhere(desk, visitor)
    ((before,),) = desk.rows(waiting, str(turn_id))
    assert before == 1, "every turn is born with a watch over it"
    await desk.runtime.intake.watch(visitor.scope, str(turn_id))
    assert desk.rows(waiting, str(turn_id)) == [(2,)]


async def test_a_process_that_lost_its_turn_writes_nothing_more(desk, visitor):
    follower, turn_id = await held(desk, visitor)
    desk.rows("update omniops.turn set owner = 'elsewhere:1:abc' where id = %s", turn_id)
    desk.provider.go.set()
    assert ended(await follower)[0] == "error"
    assert state(desk, turn_id)[:2] == ("running", "elsewhere:1:abc")
    assert await authors(desk, visitor) == ["visitor"]


async def test_whoever_ends_a_turn_locks_the_conversation_before_the_turn(desk, visitor):
    """Two orders would be a deadlock between an answer that ends and somebody who stops it at that moment."""
    turn_id = await elsewhere(desk, visitor)
    desk.clock.forward(seconds=LEASE.total_seconds())
    with psycopg.connect(desk.runtime.database.links.admin.conninfo()) as other:
        other.execute("select from omniops.conversation where id = %s for update", [visitor.conversation_id])
        ending = asyncio.create_task(desk.runtime.intake.watch(visitor.scope, str(turn_id)))
        await asyncio.to_thread(desk.until_somebody_waits)
        other.execute("select from omniops.turn where id = %s for update nowait", [turn_id])
    await ending
    assert state(desk, turn_id)[0] == "interrupted"


async def test_stopping_keeps_what_was_said_and_closes_the_upstream(desk, visitor):
    follower, turn_id = await held(desk, visitor)
    await desk.runtime.conversations.stop(visitor, turn_id)
    assert ended(await follower)[0] == "error"
    assert desk.provider.open == 0
    (_, answer) = await desk.messages(visitor.conversation_id)
    assert (answer.text, answer.interrupted) == ("Four", True)
    await desk.runtime.conversations.stop(visitor, turn_id)
    assert await authors(desk, visitor) == ["visitor", "ai"]
    stranger = await desk.visitor()
    for who in (stranger, await desk.visitor(desk.other)):
        with pytest.raises(NotFound):
            await desk.runtime.conversations.stop(who, turn_id)


async def test_when_nobody_reads_any_more_the_answer_is_stopped(desk, visitor):
    desk.provider.begin(Level("answer"), Text("Four "), HOLD, Done("end"))
    one = await desk.ask(visitor)
    assert (await anext(one)).kind == "disclosure"
    await desk.provider.reached.wait()
    turn = (await desk.runtime.conversations.history(visitor)).running
    two = await desk.runtime.conversations.follow(visitor, turn.id)
    assert (await anext(two)).kind == "disclosure"
    live = desk.runtime.conversations._running.live.get(turn.id)
    await one.aclose()
    assert desk.provider.open == 1, "somebody still reads"
    await two.aclose()
    await live.wait()
    assert desk.provider.open == 0
    (_, answer) = await desk.messages(visitor.conversation_id)
    assert answer.interrupted


@pytest.mark.parametrize("after", [0, 1, 3, 5, 99])
async def test_a_finished_turn_is_resumed_with_its_whole_answer(desk, visitor, after):
    events = await collect(await desk.ask(visitor))
    turn_id = next(data["id"] for kind, data in events if kind == "turn")
    stream = await desk.runtime.conversations.follow(visitor, turn_id, after)
    followed = [event async for event in stream]
    assert [event.kind for event in followed][-1] == "done"
    assert followed[-1].data == events[-1][1]
    assert all(event.seq > after for event in followed)


async def test_an_answer_is_followed_from_another_process(desk, visitor, postgres, links, tmp_path):
    async with opened(links, postgres.root, tmp_path, desk.clock) as second:
        follower, turn_id = await held(desk, visitor)
        there = await second.runtime.conversations.follow(visitor, turn_id)
        first = await anext(there)
        assert (first.seq, first.kind) == (1, "disclosure"), f"it comes within {FLUSH_SECONDS} s"
        desk.provider.go.set()
        rest = [event async for event in there]
        assert [event.seq for event in rest] == sorted({event.seq for event in rest})
        assert (rest[-1].kind, rest[-1].data) == ended(await follower)
        with pytest.raises(NotFound):
            await second.runtime.conversations.follow(await desk.visitor(), turn_id)


async def test_an_answer_is_stopped_from_another_process(desk, visitor, postgres, links, tmp_path):
    async with opened(links, postgres.root, tmp_path, desk.clock) as second:
        follower, turn_id = await held(desk, visitor)
        await second.runtime.conversations.stop(visitor, turn_id)
        assert ended(await follower)[0] == "error", "the first process finds out when it next renews"
    assert desk.provider.open == 0
    assert await authors(desk, visitor) == ["visitor", "ai"]


async def test_a_stopping_process_ends_its_answers_before_it_goes(desk, postgres, links, tmp_path):
    async with opened(links, postgres.root, tmp_path, desk.clock) as second:
        second.domain = desk.domain
        visitor = await second.visitor()
        follower, turn_id = await held(second, visitor)
    assert ended(await follower)[0] == "error"
    assert state(desk, turn_id)[0] == "interrupted"
    (_, answer) = await desk.messages(visitor.conversation_id)
    assert (answer.text, answer.interrupted) == ("Four", True)


async def test_a_conversation_with_a_person_is_not_answered_by_the_ai(desk, visitor):
    conversations = desk.runtime.conversations
    await collect(await desk.ask(visitor))
    asked = len(desk.provider.requests)
    handed = await conversations.to_person(visitor, desk.domain, "en", None)
    assert (handed.author, handed.event) == ("system", "handed_off")
    for expected in ("waiting", "human"):
        events = await collect(await desk.ask(visitor, "Is anybody there?"))
        assert kinds(events) == ["message", "none"]
        assert ended(events)[1] == {"state": expected}
        if expected == "waiting":
            reply = await desk.runtime.inbox.reply(visitor.scope, visitor.conversation_id, "Mara here.", actor=MEMBER)
            assert reply.author == "person"
    assert len(desk.provider.requests) == asked
    assert (await conversations.history(visitor)).state == "human"
    await conversations.to_ai(visitor, "en")
    events = await collect(await desk.ask(visitor, "And you, AI?"))
    assert ended(events)[0] == "done"
    assert [m.role for m in desk.provider.requests[-1][1].messages] == [
        "visitor", "ai", "visitor", "person", "visitor", "visitor",
    ]  # fmt: skip
    assert (await conversations.history(visitor)).state == "ai"


async def test_a_person_who_takes_over_silences_the_answer_that_is_being_written(desk, visitor):
    follower, turn_id = await held(desk, visitor)
    await desk.runtime.inbox.reply(visitor.scope, visitor.conversation_id, "Mara here.", actor=MEMBER)
    assert ended(await follower)[0] in ("error", "none")
    assert desk.provider.open == 0
    said = [(m.author, m.interrupted) for m in await desk.messages(visitor.conversation_id)]
    assert said == [("visitor", False), ("ai", True), ("person", False)]
    assert state(desk, turn_id)[0] == "interrupted"


async def test_an_answer_that_comes_too_late_is_not_told(desk, visitor):
    """The state changed in the same moment in which the answer ended: the row decides, not who was faster."""
    follower, turn_id = await held(desk, visitor)
    desk.rows("update omniops.conversation set state = 'human' where id = %s", visitor.conversation_id)
    desk.provider.go.set()
    assert ended(await follower) == ("none", {"state": "human"})
    assert await authors(desk, visitor) == ["visitor"]
    assert state(desk, turn_id)[0] == "interrupted"


def failing(kind="overloaded", retry="other"):
    return ProviderError("jane@example.com", kind=kind, retry=retry)


@pytest.mark.parametrize("first", [failing(), failing("rate_limit"), failing("auth")])
async def test_a_provider_that_fails_unseen_is_passed_over(desk, visitor, first):
    desk.provider.begin(first)
    events = await collect(await desk.ask(visitor))
    assert kinds(events) == ["disclosure", "message", "turn", "level", "text", "done"]
    assert [name for name, _ in desk.provider.requests] == ["scripted/first", "scripted/second"]
    turn_id = next(data["id"] for kind, data in events if kind == "turn")
    ((deployment, record),) = desk.rows("select deployment, record from omniops.turn where id = %s", turn_id)
    assert deployment == "scripted/second"
    assert record["failed"] == [["scripted/first", first.kind]]


async def test_where_nobody_can_answer_a_person_is_asked(desk, visitor):
    desk.provider.begin(failing(), second=(failing("timeout"),))
    events = await collect(await desk.ask(visitor))
    assert ended(events) == ("none", {"state": "waiting"})
    history = await desk.runtime.conversations.history(visitor)
    assert history.state == "waiting"
    assert [(m.author, m.event) for m in history.messages] == [("visitor", None), ("system", "handed_off")]
    turn_id = next(data["id"] for kind, data in events if kind == "turn")
    assert ended(await collect(await desk.runtime.conversations.follow(visitor, turn_id)))[0] == "none"


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (failing("timeout"), "timeout"),
        (failing("malformed", "never"), "malformed"),
        (RuntimeError("jane@example.com"), "malformed"),
        (None, "truncated"),
    ],
)
async def test_after_something_was_visible_a_failure_is_told_and_two_answers_are_never_joined(
    desk, visitor, broken, code
):
    long = "Four " * 60
    desk.provider.begin(Level("answer"), Text(long), *([broken] if broken else []))
    events = await collect(await desk.ask(visitor))
    kind, data = ended(events)
    assert (kind, data["code"], data["retry"]) == ("error", code, True)
    assert "jane" not in str(events)
    assert len(desk.provider.requests) == 1
    (_, answer) = await desk.messages(visitor.conversation_id)
    assert (answer.text, answer.interrupted) == (long.strip(), True)
    assert desk.provider.open == 0


async def test_where_little_was_visible_another_begins_anew_and_nothing_of_the_first_stays(desk, visitor):
    desk.provider.begin(Level("answer"), Text("Four "), failing("timeout"))
    events = await collect(await desk.ask(visitor))
    assert kinds(events) == ["disclosure", "message", "turn", "level", "text", "reset", "level", "text", "done"]
    (_, answer) = await desk.messages(visitor.conversation_id)
    assert (answer.text, answer.interrupted) == ("Four working days.", False)
    ((record,),) = desk.rows("select record from omniops.turn where conversation_id = %s", visitor.conversation_id)
    assert (record["resets"], record["failed"]) == (1, [["scripted/first", "timeout"]])


async def test_a_refusal_is_an_answer(desk, visitor):
    desk.provider.begin(Level("none"), Refusal("I may not speak about that."), Done("refusal"))
    events = await collect(await desk.ask(visitor))
    assert ended(events)[1]["text"] == "I may not speak about that."


async def test_what_a_provider_says_cannot_hide_or_reorder(desk, visitor):
    desk.provider.begin(Level("answer"), Text("safe\u202e\u200b\x1b[31m <b>text</b>"), Done("end"))
    events = await collect(await desk.ask(visitor))
    assert ended(events)[1]["text"] == "safe[31m <b>text</b>"
    assert ended(events)[1]["parts"] == [{"type": "text", "text": "safe[31m <b>text</b>"}]


async def test_nothing_that_was_said_lies_in_clear(desk, visitor):
    desk.provider.begin(Level("answer"), Text("UnmistakableAnswer "), HOLD, Done("end"))
    follower = asyncio.create_task(collect(await desk.ask(visitor, "UnmistakableQuestion?")))
    await desk.provider.reached.wait()
    running = (await desk.runtime.conversations.history(visitor)).running
    live = desk.runtime.conversations._running.live.get(running.id)
    assert await desk.runtime.conversations._turns.flush(visitor.scope, running.id, list(live.events))
    await desk.runtime.conversations.to_person(visitor, desk.domain, "en", "unmistakable@example.com")
    await follower
    for table in ("omniops.message", "omniops.turn", "omniops.conversation", "jobs.procrastinate_jobs"):
        said = str(desk.rows(f"select t::text from {table} t")).lower()
        for spelt in ("unmistakable", b"unmistakable".hex(), b"Unmistakable".hex()):
            assert spelt not in said, table
    kept = await desk.runtime.vault.find(desk.domain.id, "email", "Unmistakable@Example.com")
    assert kept == visitor.subject_id, "an address that was left for the reply leads to its person"


@pytest.mark.parametrize(("text", "code"), [("", "empty"), (" \n\t ", "empty"), ("x" * 4001, "too_long")])
async def test_bad_text_is_not_taken(desk, visitor, text, code):
    with pytest.raises(Rejected) as refused:
        await desk.ask(visitor, text)
    assert (refused.value.code, refused.value.where) == (code, "text")
    assert await authors(desk, visitor) == []


async def test_a_rating_is_for_an_answer_of_ones_own_and_the_last_one_counts(desk, visitor):
    conversations = desk.runtime.conversations
    await collect(await desk.ask(visitor))
    (question, answer) = await desk.messages(visitor.conversation_id)
    for helpful in (True, False):
        await conversations.feedback(visitor, answer.id, helpful=helpful)
    assert desk.rows("select helpful from omniops.feedback where message_id = %s", answer.id) == [(False,)]
    for who, what in ((visitor, question.id), (await desk.visitor(), answer.id), (visitor, uuid4())):
        with pytest.raises(NotFound):
            await conversations.feedback(who, what, helpful=True)

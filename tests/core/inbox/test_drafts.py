"""What a person must see first: nothing of a draft leaves before an approval, and the edit is kept."""

import asyncio
from uuid import uuid4

import pytest
from desk import collect
from desk_plugins import HOLD, letter
from omniops.contracts.provider import Done, Level, Text
from omniops.contracts.scope import Actor
from omniops.conversation import answering
from omniops.conversation.drafts import cited
from omniops.errors import Rejected
from omniops.inbox.drafts import difference
from omniops.operations.firsts import OPERATOR

MARA = Actor("member", str(uuid4()))
SECRET = (Level("answer"), Text("Unapproved words."), Done("end"))


@pytest.fixture
async def visitor(desk):
    return await desk.visitor()


@pytest.fixture
async def drafting(desk):
    await review(desk, {"mode": "draft"})
    desk.provider.begin(*SECRET)


async def review(desk, *rules):
    changes = {"settings": {"review": list(rules)}}
    desk.domain = await desk.runtime.accounts.configure(desk.domain.scope, changes, actor=OPERATOR)


async def drafts(desk, state="open"):
    return await desk.runtime.inbox.drafts.all(desk.domain.scope, state=state, actor=MARA)


async def seen_by(desk, visitor):
    """Everything that a visitor can read: the history, and what is followed."""
    history = await desk.runtime.conversations.history(visitor)
    return str(history.messages) + str(await desk.runtime.visiting.own.read(visitor, visitor.conversation_id))


@pytest.mark.usefixtures("drafting")
async def test_nothing_of_a_draft_leaves_before_an_approval(desk, visitor):
    events = await collect(await desk.ask(visitor))
    assert [kind for kind, _ in events] == ["disclosure", "message", "turn", "none"]
    assert events[-1][1] == {"state": "draft"}
    assert "Unapproved" not in str(events) + await seen_by(desk, visitor)
    turn = next(data["id"] for kind, data in events if kind == "turn")
    again = await collect(await desk.runtime.conversations.follow(visitor, turn))
    assert again == [("none", {"state": "draft"})]
    told = (await desk.messages(visitor.conversation_id))[-1]
    assert (told.author, told.event) == ("system", "draft_waits")
    (draft,) = await drafts(desk)
    assert (draft.text, draft.state, draft.sent) == ("Unapproved words.", "open", None)
    assert "Unapproved" not in str(desk.rows("select d::text from omniops.draft d"))

    sent = await desk.runtime.inbox.drafts.approve(desk.domain.scope, draft.id, actor=MARA)
    assert (sent.author, sent.text, sent.approved) == ("ai", "Unapproved words.", True)
    assert "Unapproved words." in await seen_by(desk, visitor)
    assert (await collect(await desk.runtime.conversations.follow(visitor, turn)))[-1][0] == "done"
    (draft,) = await drafts(desk, "sent")
    assert (draft.message_id, draft.decided_by) == (sent.id, MARA.name)
    assert [(c.kind, c.text) for c in draft.difference] == [("same", "Unapproved words.")]
    assert (await desk.runtime.conversations.history(visitor)).state == "ai"


async def test_without_the_curtain_it_would_leave(desk, visitor, drafting, monkeypatch):
    monkeypatch.setattr(answering.LiveTurn, "held", property(lambda _: False, lambda *_: None), raising=False)
    assert "Unapproved" in str(await collect(await desk.ask(visitor)))


@pytest.mark.usefixtures("drafting")
async def test_an_edit_is_sent_and_kept_as_a_difference(desk, visitor):
    await collect(await desk.ask(visitor))
    (draft,) = await drafts(desk)
    sent = await desk.runtime.inbox.drafts.approve(desk.domain.scope, draft.id, "Approved words, Mara.", actor=MARA)
    assert sent.text == "Approved words, Mara."
    assert "Unapproved" not in await seen_by(desk, visitor)
    (draft,) = await drafts(desk, "sent")
    assert (draft.text, draft.sent) == ("Unapproved words.", "Approved words, Mara.")
    assert "".join(c.text for c in draft.difference if c.kind != "added") == draft.text
    assert "".join(c.text for c in draft.difference if c.kind != "removed") == draft.sent
    for act in (desk.runtime.inbox.drafts.approve, desk.runtime.inbox.drafts.reject):
        with pytest.raises(Rejected) as refused:
            await act(desk.domain.scope, draft.id, actor=MARA)
        assert refused.value.code == "draft_decided"


def test_a_citation_stays_behind_the_words_that_were_checked_and_nowhere_else():
    parts = [
        {"type": "text", "text": "Four days. "},
        {"type": "cite", "n": 1},
        {"type": "text", "text": "It is free."},
        {"type": "cite", "n": 2},
    ]
    sources = [{"n": 1, "url": "/one"}, {"n": 2, "url": "/two"}]
    kept, left = cited(parts, sources, "Hello! It is free. Mara")
    assert kept == [
        {"type": "text", "text": "Hello! It is free."},
        {"type": "cite", "n": 1},
        {"type": "text", "text": " Mara"},
    ]
    assert left == [{"n": 1, "url": "/two"}]
    assert cited(parts, sources, "Something else.") == [[{"type": "text", "text": "Something else."}], []]
    assert cited(parts, sources, "Four days. It is free.")[1] == sources


def test_a_difference_is_told_by_words():
    assert [(c.kind, c.text) for c in difference("Four days.", "Five days.")] == [
        ("removed", "Four"),
        ("added", "Five"),
        ("same", " days."),
    ]


@pytest.mark.usefixtures("drafting")
async def test_on_other_channels_too_and_marked_as_written_by_the_ai(desk):
    connection = await desk.connection()
    await desk.take(connection, letter("How long?"))
    await desk.work()
    assert [m.text for m in desk.channel.sent] == ["A person looks at the AI’s answer before you get it."]
    (draft,) = await drafts(desk)
    await desk.runtime.inbox.drafts.approve(desk.domain.scope, draft.id, actor=MARA)
    await desk.work()
    (_, sent) = desk.channel.sent
    assert (sent.text, sent.ai) == ("Unapproved words.", True)
    assert sent.disclosure


@pytest.mark.usefixtures("drafting")
async def test_a_rejected_draft_leaves_the_visitor_with_a_person(desk, visitor):
    await collect(await desk.ask(visitor))
    (draft,) = await drafts(desk)
    await desk.runtime.inbox.drafts.reject(desk.domain.scope, draft.id, actor=MARA)
    assert "Unapproved" not in await seen_by(desk, visitor)
    history = await desk.runtime.conversations.history(visitor)
    assert (history.state, history.messages[-1].event) == ("waiting", "handed_off")


@pytest.mark.parametrize("by", ["message", "take_over", "reply", "person", "close", "opt_out"])
@pytest.mark.usefixtures("drafting")
async def test_a_draft_that_was_overtaken_cannot_be_sent(desk, visitor, by):
    inbox, here = desk.runtime.inbox, (visitor.scope, visitor.conversation_id)
    await collect(await desk.ask(visitor))
    (draft,) = await drafts(desk)
    match by:
        case "message":
            await collect(await desk.ask(visitor, "Are you there?"))
        case "take_over":
            await inbox.take_over(*here, actor=MARA)
        case "reply":
            await inbox.reply(*here, "Mara here.", actor=MARA)
        case "person":
            await desk.runtime.conversations.to_person(visitor, desk.domain, "en", None)
        case "close":
            await inbox.close(*here, actor=MARA)
        case "opt_out":
            await desk.runtime.visiting.opt_outs.opt_out(visitor, "en")
    with pytest.raises(Rejected) as refused:
        await inbox.drafts.approve(desk.domain.scope, draft.id, actor=MARA)
    assert refused.value.code == "draft_decided"
    assert [d.id for d in await drafts(desk, "superseded")] == [draft.id]
    assert len(await drafts(desk)) == (by == "message"), "the new message has a draft of its own"


@pytest.mark.usefixtures("drafting")
async def test_a_visitor_cannot_talk_an_answer_past_the_person_who_must_see_it(desk, visitor):
    await collect(await desk.ask(visitor))
    with pytest.raises(Rejected) as refused:
        await desk.runtime.conversations.to_ai(visitor, "en")
    assert refused.value.code == "not_in_state"
    assert len(await drafts(desk)) == 1


async def test_while_nobody_has_looked_the_next_question_is_a_draft_as_well(desk, visitor):
    await review(desk, {"mode": "draft", "topics": ["refund"]})
    assert (await collect(await desk.ask(visitor, "My refund?")))[-1] == ("none", {"state": "draft"})
    assert (await collect(await desk.ask(visitor, "So what about it?")))[-1] == ("none", {"state": "draft"})
    (draft,) = await drafts(desk)
    await desk.runtime.inbox.drafts.approve(desk.domain.scope, draft.id, actor=MARA)
    assert (await collect(await desk.ask(visitor, "Your hours?")))[-1][0] == "done"


@pytest.mark.parametrize(
    ("level", "ends"), [("answer", ("done", None)), ("closest", ("none", "draft")), ("none", ("none", "waiting"))]
)
async def test_how_sure_it_is_decides_once_the_answer_is_complete(desk, visitor, level, ends):
    await review(desk, {"mode": "off", "levels": ["none"]}, {"mode": "draft", "levels": ["closest"]})
    desk.provider.begin(Level(level), Text("Unapproved words."), Done("end"))
    events = await collect(await desk.ask(visitor))
    kind, data = events[-1]
    assert (kind, data.get("state")) == ends
    assert not {"level", "text"} & {kind for kind, _ in events}, "nothing is told before it is decided"
    assert ("Unapproved" in await seen_by(desk, visitor)) == (kind == "done")


async def test_where_the_ai_is_off_no_model_is_asked(desk, visitor):
    await review(desk, {"mode": "off", "channel": "website"})
    assert (await collect(await desk.ask(visitor)))[-1] == ("none", {"state": "waiting"})
    assert desk.provider.requests == []
    assert (await desk.messages(visitor.conversation_id))[-1].event == "handed_off"


async def test_the_mode_of_one_conversation_is_switched_in_its_midst(desk, visitor):
    inbox, here = desk.runtime.inbox, (visitor.scope, visitor.conversation_id)
    assert (await collect(await desk.ask(visitor)))[-1][0] == "done"
    await inbox.set_mode(*here, "draft", actor=MARA)
    assert (await collect(await desk.ask(visitor)))[-1] == ("none", {"state": "draft"})
    view = await inbox.set_mode(*here, "off", actor=MARA)
    assert (view.state, view.mode) == ("waiting", "off")
    assert (await collect(await desk.ask(visitor)))[-1] == ("none", {"state": "waiting"})
    await inbox.hand_back(*here, actor=MARA)
    assert (await collect(await desk.ask(visitor)))[-1][0] == "done"


async def test_an_answer_in_sight_ends_when_it_may_not_go_on(desk, visitor):
    desk.provider.begin(Level("answer"), Text("Four "), HOLD, Text("Unapproved words."), Done("end"))
    follower = asyncio.create_task(collect(await desk.ask(visitor)))
    await desk.provider.reached.wait()
    await desk.runtime.inbox.set_mode(visitor.scope, visitor.conversation_id, "draft", actor=MARA)
    assert (await follower)[-1][0] == "none"
    assert "Unapproved" not in await seen_by(desk, visitor)


@pytest.mark.usefixtures("drafting")
async def test_a_draft_that_is_cut_short_leaves_no_word(desk, visitor):
    desk.provider.begin(Level("answer"), Text("Unapproved "), HOLD, Text("words."), Done("end"))
    follower = asyncio.create_task(collect(await desk.ask(visitor)))
    await desk.provider.reached.wait()
    running = (await desk.runtime.conversations.history(visitor)).running
    await desk.runtime.conversations.stop(visitor, running.id)
    assert (await follower)[-1][0] == "error"
    assert "Unapproved" not in await seen_by(desk, visitor)


def test_words_that_stand_beside_each_other_are_one_change():
    assert [(c.kind, c.text) for c in difference("Yes: it is rated for 80.", "Hello Tom. It holds for 80.")] == [
        ("removed", "Yes: it is rated"), ("added", "Hello Tom. It holds"), ("same", " for 80."),
    ]  # fmt: skip
    assert [(c.kind, c.text) for c in difference("One two", "One two three")] == [
        ("same", "One two"),
        ("added", " three"),
    ]

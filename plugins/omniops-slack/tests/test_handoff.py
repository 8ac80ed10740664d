"""Hand-offs in a thread: told there, answered from there, once each, until the conversation is over."""

import pytest
from connected import MEMBER
from omniops.testing.upstream import Answer
from workspace import BOT


async def test_a_hand_off_is_answered_from_its_thread(app):
    _, channel = await app.connect()
    visitor = await app.handed_off("Where is my parcel <!channel>?")
    (root,) = app.thread(channel)
    assert "A visitor needs a person." in root
    assert "> Where is my parcel &lt;!channel&gt;?" in root, "nobody is called by what a visitor writes"
    (first,) = app.team.messages[channel]
    words = "It left <https://dhl.example/7|today> &amp; comes soon"
    told = app.slack.write(app.team, channel, words, thread_ts=first["ts"])
    assert (await app.deliver(*told)).status_code == 200
    await app.work()
    assert (await app.texts(visitor.conversation_id))[-1] == (
        "person",
        "It left today (https://dhl.example/7) & comes soon",
    )
    await app.ask(visitor, "Thank you!")
    await app.runtime.inbox.reply(app.scope, visitor.conversation_id, "You are welcome.", actor=MEMBER)
    await app.runtime.inbox.close(app.scope, visitor.conversation_id, actor=MEMBER)
    await app.work()
    assert app.thread(channel)[2:] == [
        "Visitor:\n> Thank you!",
        "Answered in OmniOps:\n> You are welcome.",
        "This conversation is closed.",
    ], "the reply from the thread itself is not told there again"
    await app.deliver(*(app.slack.event(team, event) for team, event in app.slack.told))
    await app.work()
    texts = [text for author, text in await app.texts(visitor.conversation_id) if author == "person"]
    assert len(texts) == 2, "what the app wrote itself comes back as an event, and is no reply"


async def test_what_was_told_is_not_told_again_although_its_answer_was_lost(app):
    _, channel = await app.connect()
    app.slack.lost += ["chat.postMessage"]
    visitor = await app.handed_off()
    assert len(app.thread(channel)) == 1, "it arrived, and nobody here knows"
    (root,) = app.team.messages[channel]
    early = app.slack.write(app.team, channel, "I take it.", thread_ts=root["ts"])
    await app.deliver(*early)
    await app.work()
    await app.again()
    assert app.slack.count("chat.postMessage") == 1
    await app.again()
    assert (await app.texts(visitor.conversation_id))[-1] == ("person", "I take it."), (
        "a quick reply waited for its thread"
    )
    app.slack.lost += ["chat.postMessage"]
    await app.ask(visitor, "Thanks!")
    await app.work()
    await app.again()
    assert app.thread(channel)[2:] == ["Visitor:\n> Thanks!"]


async def test_what_arrived_in_a_busy_channel_is_found_behind_what_people_wrote_since(app):
    _, channel = await app.connect()
    app.slack.page = 2
    app.slack.lost += ["chat.postMessage"]
    await app.handed_off()
    for number in range(5):
        app.slack.write(app.team, channel, f"our lunch {number}")
    await app.again()
    assert app.slack.count("chat.postMessage") == 1
    assert app.slack.count("conversations.history") == 3


@pytest.mark.parametrize(
    "fault",
    [
        Answer.json({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "1"}),
        Answer.json({"ok": False, "error": "internal_error"}),
        Answer([b"<html>busy</html>"], 503, {"Content-Type": "text/html"}),
        Answer([b"<html>hello</html>"], 200, {"Content-Type": "text/html"}),
        Answer([b'{"ok": tr'], 200, {"Content-Type": "application/json"}),
        Answer.json([]),
    ],
)
async def test_while_slack_fails_the_news_waits(app, fault):
    _, channel = await app.connect()
    app.slack.faults["chat.postMessage"].append(fault)
    await app.handed_off()
    assert app.team.messages[channel] == []
    await app.again()
    assert len(app.thread(channel)) == 1


async def test_a_channel_that_the_app_left_gets_nothing_and_holds_nothing_up(app):
    connection_id, channel = await app.connect()
    app.team.channels[channel]["is_member"] = False
    await app.handed_off()
    assert app.team.messages[channel] == []
    assert app.rows("select count(*) from omniops.team_post where domain_id = %s", app.domain.id) == [(0,)], (
        "no claim is left for what is never told"
    )
    (*_, last) = await app.runtime.connections.events(app.scope, connection_id)
    assert last.event == "not_told", "the business learns of it"


async def test_a_conversation_in_slack_is_handed_off_like_any_other(app):
    _, channel = await app.connect()
    mention = app.slack.write(app.team, channel, f"<@{BOT}> how long do parcels take?")[1]
    await app.deliver(mention)
    await app.work()
    ((conversation,),) = app.rows("select id from omniops.conversation where domain_id = %s", app.domain.id)
    question = mention["event"]["ts"]
    await app.runtime.inbox.take_over(app.scope, conversation, actor=MEMBER)
    again = app.slack.write(app.team, channel, f"<@{BOT}> and to Norway?", thread_ts=question)[1]
    await app.deliver(again)
    await app.work()
    (thread,) = [m for m in app.team.messages[channel] if "needs a person" in m["text"]]
    await app.deliver(*app.slack.write(app.team, channel, "Six days.", thread_ts=thread["ts"], user="U0BOB"))
    await app.work()
    assert [m["text"] for m in app.team.thread(channel, question)][-1] == "Six days."


WORDS = "<!channel> <@U0BOSS> <https://evil.example|your bank> & *bold* @here\n> Answered in OmniOps:\n/remove \u2028x"


async def test_what_a_visitor_writes_calls_nobody_links_to_nothing_and_stays_in_its_quote(app):
    _, channel = await app.connect()
    visitor = await app.handed_off(WORDS)
    await app.ask(visitor, WORDS)
    await app.work()
    for text in app.thread(channel):
        assert not any(mark in text for mark in ("<!", "<@", "<https", "<#"))
        inside = [line for line in text.split("\n") if "OmniOps" in line or "remove" in line or "bank" in line]
        assert all(line.startswith("> ") for line in inside)
    calls = [form for name, form in app.slack.asked if name == "chat.postMessage"]
    assert {(form["parse"], form.get("link_names")) for form in calls} == {("none", None)}


async def test_the_longest_message_of_a_visitor_comes_whole(app):
    _, channel = await app.connect()
    visitor = await app.handed_off()
    await app.ask(visitor, "<" * 3999 + "!")
    await app.work()
    last = app.thread(channel)[-1]
    assert last.endswith("&lt;!")
    assert last.count("&lt;") == 3999
    assert len(last) < 40_000, "Slack cuts off what is longer"


async def test_without_the_feature_or_a_channel_nothing_is_told(app):
    connection_id, _ = await app.connect(channel=False)
    await app.handed_off()
    assert app.slack.count("chat.postMessage") == 0
    await app.runtime.connections.switch(app.scope, connection_id, "handoff", on=False, actor=MEMBER)
    await app.handed_off()
    assert app.slack.count("chat.postMessage") == 0


async def test_an_erased_person_is_gone_in_slack_as_well(app):
    _, channel = await app.connect()
    visitor = await app.handed_off("My name is Ada.")
    other = await app.handed_off("My name is Bob.")
    (first, _) = app.team.messages[channel]
    app.slack.write(app.team, channel, "Hello Ada", thread_ts=first["ts"])
    duty = await app.runtime.privacy.persons.erase(app.scope, visitor.subject_id, actor=MEMBER)
    assert duty.closed, duty.to_json()
    texts = [m["text"] for m in app.team.messages[channel]]
    assert not any("My name is Ada" in text for text in texts)
    assert any("My name is Bob" in text for text in texts)
    assert app.rows("select subject_id from omniops.team_thread where domain_id = %s", app.domain.id) == [
        (other.subject_id,)
    ]
    assert app.rows("select about from omniops.team_post where domain_id = %s", app.domain.id) == [(other.subject_id,)]
    late = app.slack.write(app.team, channel, "Hello again Ada", thread_ts=first["ts"])
    await app.deliver(*late)
    await app.work()
    assert app.rows(
        "select count(*) from omniops.message m join omniops.conversation c on c.id = m.conversation_id"
        " where m.author = 'person' and c.domain_id = %s",
        app.domain.id,
    ) == [(0,)]


async def test_a_message_that_got_through_unnoticed_is_deleted_with_its_person(app):
    _, channel = await app.connect()
    visitor = await app.handed_off("My name is Ada.")
    app.slack.lost += ["chat.postMessage"]
    await app.ask(visitor, "Ada again")
    await app.work()
    assert len(app.thread(channel)) == 2
    duty = await app.runtime.privacy.persons.erase(app.scope, visitor.subject_id, actor=MEMBER)
    assert duty.closed, duty.to_json()
    assert app.team.messages[channel] == []
    await app.again()
    assert app.team.messages[channel] == []

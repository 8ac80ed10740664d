"""Hand-offs in a Teams channel: told there, answered from there, once each, until the conversation is over."""

import pytest
from connected import MEMBER
from omniops.testing.upstream import Answer

POST = "POST /teams/{}/channels/{}/messages"
REPLY = "POST /teams/{}/channels/{}/messages/{}/replies"
READ = "GET /teams/{}/channels/{}/messages/{}/replies/{}"


async def test_a_hand_off_is_answered_from_its_thread(app):
    _, channel = await app.connect_teams()
    teams = app.account.teams
    visitor = await app.handed_off("Where is my parcel <at id='0'>all</at>?")
    (root,) = teams.roots(channel)
    (first,) = teams.thread(channel, root["id"])
    assert "A visitor needs a person." in first
    assert "Where is my parcel &lt;at id=" in first, "nobody is called by what a visitor writes"
    await app.told()
    teams.write(
        channel, "<div>It left <b>today</b> &amp; comes soon<blockquote>old words</blockquote></div>", root["id"]
    )
    await app.told()
    assert (await app.texts(visitor.conversation_id))[-1] == ("person", "It left today & comes soon")
    await app.ask(visitor, "Thank you!")
    await app.runtime.inbox.reply(app.scope, visitor.conversation_id, "You are welcome.", actor=MEMBER)
    await app.runtime.inbox.close(app.scope, visitor.conversation_id, actor=MEMBER)
    await app.told()
    texts = teams.thread(channel, root["id"])[2:]
    assert len(texts) == 3, "the reply from the thread itself is not told there again"
    for text, words in zip(texts, ["Visitor:", "Answered in OmniOps:", "This conversation is closed."], strict=True):
        assert words in text
    people = [text for author, text in await app.texts(visitor.conversation_id) if author == "person"]
    assert len(people) == 2, "what OmniOps wrote itself comes back as a notice, and is no reply"


async def test_the_account_that_connected_can_reply_as_a_person(app):
    _, channel = await app.connect_teams()
    visitor = await app.handed_off()
    (root,) = app.account.teams.roots(channel)
    app.account.teams.write(channel, "<p>I take it.</p>", root["id"], user=app.account.id)
    await app.told()
    assert (await app.texts(visitor.conversation_id))[-1] == ("person", "I take it.")


@pytest.mark.parametrize(
    "more",
    [
        {"kind": "anonymousGuest"},
        {"kind": "emailUser"},
        {"kind": "federatedUser"},
        {"from": {"application": {"id": "bot", "displayName": "Bot"}, "user": None}},
        {"messageType": "systemEventMessage"},
        {"deletedDateTime": "2026-01-01T00:00:00Z"},
    ],
    ids=str,
)
async def test_who_does_not_speak_for_the_business_is_not_heard(app, more):
    _, channel = await app.connect_teams()
    visitor = await app.handed_off()
    (root,) = app.account.teams.roots(channel)
    app.account.teams.write(channel, "<p>Buy now</p>", root["id"], **more)
    await app.told()
    assert [one for one in await app.texts(visitor.conversation_id) if one[0] == "person"] == []


async def test_other_talk_in_the_channel_is_never_read(app):
    _, channel = await app.connect_teams()
    await app.handed_off()
    own = app.account.teams.write(channel, "<p>Lunch?</p>")
    app.account.teams.write(channel, "<p>Yes!</p>", own["id"])
    asked = app.graph.count(READ)
    await app.told()
    await app.later(minutes=16)
    assert app.graph.count(READ) == asked


async def test_what_was_told_is_not_told_again_although_its_answer_was_lost(app):
    _, channel = await app.connect_teams()
    teams = app.account.teams
    app.graph.lost.append(POST)
    visitor = await app.handed_off()
    (root,) = teams.roots(channel)
    teams.write(channel, "<p>I take it.</p>", root["id"])
    await app.told()
    assert [one for one in await app.texts(visitor.conversation_id) if one[0] == "person"] == []
    await app.later(minutes=2)
    await app.later(minutes=2)
    assert app.graph.count(POST) == 1
    assert (await app.texts(visitor.conversation_id))[-1] == ("person", "I take it."), (
        "a quick reply waited for its thread"
    )
    app.graph.lost.append(REPLY)
    await app.ask(visitor, "Thanks!")
    await app.work()
    await app.later(minutes=2)
    assert sum("Thanks!" in text for text in teams.thread(channel, root["id"])) == 1


@pytest.mark.parametrize(
    "fault", [Answer(status=429, headers={"Retry-After": "1"}), Answer([b"<html>"], 502), Answer.json([])], ids=str
)
async def test_while_teams_fails_the_news_waits(app, fault):
    _, channel = await app.connect_teams()
    app.graph.faults[POST].append(fault)
    await app.handed_off()
    assert app.account.teams.roots(channel) == []
    await app.later(minutes=2)
    assert len(app.account.teams.roots(channel)) == 1


async def test_a_channel_that_is_gone_gets_nothing_and_holds_nothing_up(app):
    await app.connect_teams()
    app.account.teams.all.clear()
    await app.handed_off()
    assert app.rows("select count(*) from omniops.team_post where domain_id = %s", app.domain.id) == [(0,)], (
        "no claim is left for what is never told"
    )


async def test_a_reply_of_which_no_notice_came_is_fetched(app):
    _, channel = await app.connect_teams()
    visitor = await app.handed_off()
    (root,) = app.account.teams.roots(channel)
    app.account.teams.write(channel, "<p>Here I am.</p>", root["id"])
    app.graph.told.clear()
    await app.later(minutes=16)
    await app.later(minutes=16)
    people = [text for author, text in await app.texts(visitor.conversation_id) if author == "person"]
    assert people == ["Here I am."]


async def test_a_conversation_by_mail_is_handed_off_and_answered_by_mail(app):
    _, channel = await app.connect_teams()
    app.account.mail.write("ada@visitor.example", "I want to talk to a person")
    await app.told()
    (conversation,) = app.conversations()
    await app.runtime.inbox.take_over(app.scope, conversation, actor=MEMBER)
    app.account.mail.write(
        "ada@visitor.example", "Are you there?", conversation=app.account.mail.mails[0]["conversationId"]
    )
    await app.told()
    (root,) = app.account.teams.roots(channel)
    app.account.teams.write(channel, "<p>Yes, I am.</p>", root["id"])
    await app.told()
    assert app.account.mail.sent[-1]["body"]["content"] == "Yes, I am.\n"


async def test_without_the_feature_or_a_channel_nothing_is_told(app):
    connection_id = await app.connect(teams=True)
    channel = app.account.teams.channel("Support")
    await app.handed_off()
    await app.change(connection_id, channel=channel)
    await app.runtime.connections.switch(app.scope, connection_id, "teams", on=False, actor=MEMBER)
    await app.handed_off()
    assert app.account.teams.roots(channel) == []


async def test_an_erased_person_is_gone_in_teams_as_well(app):
    _, channel = await app.connect_teams()
    visitor = await app.handed_off("My name is Ada.")
    app.graph.lost.append(REPLY)
    await app.ask(visitor, "Ada again")
    await app.work()
    other = await app.handed_off("My name is Bob.")
    (first, _) = app.account.teams.roots(channel)
    duty = await app.runtime.privacy.persons.erase(app.scope, visitor.subject_id, actor=MEMBER)
    assert duty.closed, duty.to_json()
    left = str([m["body"] for m in app.account.teams.messages[channel]])
    assert "Ada" not in left, "one that got through unnoticed is deleted as well"
    assert "My name is Bob" in left
    assert app.rows("select about from omniops.team_post where domain_id = %s", app.domain.id) == [(other.subject_id,)]
    app.account.teams.write(channel, "<p>Hello again Ada</p>", first["id"])
    await app.told()
    assert app.rows(
        "select count(*) from omniops.message m join omniops.conversation c on c.id = m.conversation_id"
        " where m.author = 'person' and c.domain_id = %s",
        app.domain.id,
    ) == [(0,)]

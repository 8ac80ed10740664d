"""The mailbox: mail arrives, is answered in its thread, a person takes over; nothing else is read, nothing twice."""

import pytest
from connected import MEMBER
from ms_outlook import attached
from omniops.testing.upstream import Answer

REPLY = "POST /users/{}/messages/{}/reply"
READ = "GET /users/{}/messages/{}"


def replies(app):
    return [one["body"]["content"] for one in app.account.mail.sent]


async def test_mail_is_answered_with_its_source_and_a_person_takes_over(app):
    connection_id = await app.connect()
    url = await app.page("Parcels to Norway take six days.")
    mail = app.account.mail.write("Ada@Visitor.example", "How long do parcels to Norway take?", conversation="AAQk1")
    await app.told()
    (sent,) = app.account.mail.sent
    assert (sent["answers"], sent["conversationId"]) == (mail["id"], "AAQk1"), "the answer is in the mail's own thread"
    words = sent["body"]["content"]
    assert words.index("AI") < words.index("six days") < words.index(url), "disclosed first, the source last"
    headers = {one["name"]: one["value"] for one in sent["internetMessageHeaders"]}
    del headers["X-OmniOps-Key"]  # by which a bounce is known
    assert headers == {"X-Auto-Response-Suppress": "All", "X-AI-Generated": "yes"}
    (conversation,) = app.conversations()
    await app.runtime.inbox.take_over(app.scope, conversation, actor=MEMBER)
    app.account.mail.write("ada@visitor.example", "Thank you, and to Iceland?", conversation="AAQk1")
    await app.told()
    assert replies(app)[1:] == ["A person took over. The AI is silent.\n"]
    await app.runtime.inbox.reply(app.scope, conversation, "Eight days.", actor=MEMBER)
    await app.work()
    assert replies(app)[2] == "Eight days.\n"
    names = [one["name"] for one in app.account.mail.sent[2]["internetMessageHeaders"]]
    assert names == ["X-OmniOps-Key"], "a person's mail is none of a machine"
    assert app.conversations() == [conversation]
    await app.runtime.connections.disconnect(app.scope, connection_id, actor=MEMBER)
    assert app.graph.subscriptions == {}
    app.account.mail.write("ada@visitor.example", "Still there?", conversation="AAQk1")
    read = app.graph.count(READ)
    await app.later(minutes=16)
    assert app.graph.count(READ) == read, "nothing is read any more"


async def test_the_same_mail_is_one_message_however_it_is_found_out(app):
    connection_id = await app.connect()
    app.account.mail.write("ada@visitor.example", "Hello there")
    notices = list(app.graph.told)
    assert await app.deliver(notices + notices) == [200]
    assert await app.deliver(notices) == [200]
    await app.work()
    await app.runtime.traffic.tasks.now(app.scope, connection_id, "mail")
    await app.work()
    await app.told()
    (conversation,) = app.conversations()
    assert [author for author, _ in await app.texts(conversation)].count("visitor") == 1
    assert app.graph.count(READ) == 1


async def test_mail_of_which_no_notice_came_is_fetched(app):
    await app.connect()
    app.graph.page = 2
    for number in range(5):
        app.account.mail.write(f"v{number}@visitor.example", f"Question {number}")
    app.graph.told.clear()
    await app.later(minutes=16)
    assert len(app.conversations()) == 5
    app.account.mail.write("late@visitor.example", "One more")
    app.graph.told.clear()
    asked = app.graph.count(READ)
    await app.later(minutes=16)
    assert len(app.conversations()) == 6
    assert app.graph.count(READ) == asked + 1, "only what is new is read"


async def test_where_graph_forgot_how_far_we_were_it_is_begun_anew(app):
    await app.connect()
    app.account.mail.write("ada@visitor.example", "Before")
    await app.told()
    await app.later(minutes=16)
    app.account.mail.forgotten += 1
    app.account.mail.write("bob@visitor.example", "After")
    app.graph.told.clear()
    await app.later(minutes=16)
    assert len(app.conversations()) == 2
    assert [task.problem for task in await app.runtime.traffic.tasks.all(app.scope, (await one(app)).id)] == [None] * 3


async def one(app):
    (view,) = await app.runtime.connections.all(app.scope)
    return view


async def test_what_came_before_or_lies_elsewhere_is_never_read(app):
    app.account.mail.write("old@visitor.example", "From before")
    app.clock.forward(minutes=1)
    connection_id = await app.connect()
    private = app.account.mail.folder("Private")
    app.account.mail.write("ada@visitor.example", "In another folder", folder=private)
    moved = app.account.mail.write("bob@visitor.example", "Moved away at once")
    app.account.mail.move(moved, private)
    app.account.mail.write("cyd@visitor.example", "Old, moved here", receivedDateTime="2020-01-01T00:00:00Z")
    await app.told()
    await app.later(minutes=16)
    assert app.conversations() == []
    await app.change(connection_id, folder=private)
    assert app.subscribed() == [f"me/mailFolders('{private}')/messages"]
    app.clock.forward(minutes=1)
    app.account.mail.write("cyd@visitor.example", "Into the chosen folder", folder=private)
    app.account.mail.write("dan@visitor.example", "Into the inbox, which is not chosen now")
    await app.told()
    await app.later(minutes=16)
    (conversation,) = app.conversations()
    assert (await app.texts(conversation))[0] == ("visitor", "Into the chosen folder")


async def test_what_came_while_mail_was_switched_off_is_never_read(app):
    connection_id = await app.connect()
    connections = app.runtime.connections
    await connections.switch(app.scope, connection_id, "mail", on=False, actor=MEMBER)
    await app.settled()
    assert app.subscribed() == []
    app.account.mail.write("ada@visitor.example", "Meanwhile")
    await app.later(minutes=61)
    await connections.switch(app.scope, connection_id, "mail", on=True, actor=MEMBER)
    await app.settled()
    assert len(app.subscribed()) == 1
    await app.later(minutes=61)
    app.account.mail.write("bob@visitor.example", "Now")
    await app.told()
    await app.later(minutes=16)
    (conversation,) = app.conversations()
    assert (await app.texts(conversation))[0] == ("visitor", "Now")


async def test_mail_that_was_moved_is_answered_all_the_same(app):
    await app.connect()
    mail = app.account.mail.write("ada@visitor.example", "Where is it?")
    app.graph.faults[REPLY].append(Answer(status=503, headers={"Retry-After": "1"}))
    await app.told()
    assert replies(app) == []
    app.account.mail.move(mail, app.account.mail.folder("Done"))
    await app.later(minutes=5)
    assert len(replies(app)) == 1, "its id stays the same"


@pytest.mark.parametrize(
    "more",
    [
        {"headers": [("Auto-Submitted", "auto-replied")]},
        {"headers": [("auto-submitted", "auto-generated; type=x")]},
        {"headers": [("Precedence", "Bulk")]},
        {"headers": [("List-Unsubscribe", "<mailto:x@y>")]},
        {"headers": [("X-Auto-Response-Suppress", "DR, OOF, AutoReply")]},
        {"headers": [("X-AI-Generated", "yes")]},
        {"headers": [("X-AI-Generated", "yes")], "files": [attached("a.pdf", "application/pdf", b"%PDF-")]},
        {"headers": [("Content-Type", 'multipart/report; report-type="delivery-status"')]},
        {"@odata.type": "#microsoft.graph.eventMessageRequest"},
        {"isDraft": True},
        {"replyTo": [{"emailAddress": {"address": f"{name}@list.example"}} for name in "ab"]},
    ],
    ids=[
        "answer",
        "generated",
        "bulk",
        "list",
        "suppressed",
        "ours",
        "ours with a file",
        "report",
        "invitation",
        "draft",
        "many",
    ],
)
async def test_machines_and_lists_are_not_answered(app, more):
    await app.connect()
    app.account.mail.write("bot@sender.example", "I am out of office", **more)
    app.account.mail.write(app.account.address.upper(), "What the mailbox sent itself")
    app.account.mail.write("MAILER-DAEMON@sender.example", "Undelivered")
    await app.told()
    assert app.conversations() == []
    assert replies(app) == []
    assert app.graph.count(f"{READ}/attachments") == 0, "not even the names of their files are asked for"


async def test_nobody_writes_into_anothers_thread(app):
    await app.connect()
    app.account.mail.write("ada@visitor.example", "Mine", conversation="AAQkSame")
    app.account.mail.write("eve@visitor.example", "Also mine, I say", conversation="AAQkSame")
    await app.told()
    assert len(app.conversations()) == 2


async def test_quotes_of_earlier_mail_are_left_out(app):
    await app.connect()
    app.account.mail.write("ada@visitor.example", "Only this", quoted="\n\nOn Monday you wrote: secret of before")
    await app.told()
    (conversation,) = app.conversations()
    assert (await app.texts(conversation))[0] == ("visitor", "Only this")


async def test_an_answer_whose_sending_nobody_saw_goes_out_once(app):
    await app.connect()
    app.account.mail.write("ada@visitor.example", "Where is it?")
    app.graph.lost.append(REPLY)
    await app.told()
    assert len(replies(app)) == 1, "it was sent, and nobody here knows"
    await app.later(minutes=5)
    assert len(replies(app)) == 1
    assert app.graph.count(REPLY) == 1


async def test_an_answer_to_a_mail_that_is_gone_has_failed(app):
    await app.connect()
    mail = app.account.mail.write("ada@visitor.example", "Where is it?")
    app.graph.faults[REPLY].append(Answer(status=503))
    await app.told()
    app.account.mail.mails.remove(mail)
    await app.later(minutes=5)
    states = app.rows("select state from omniops.outbox where domain_id = %s", app.domain.id)
    assert states == [("failed",)]


@pytest.mark.parametrize(
    "fault",
    [
        Answer(status=429, headers={"Retry-After": "2"}),
        Answer(status=504),
        Answer([b"<html>busy</html>"], 200, {"Content-Type": "text/html"}),
        Answer([b'{"id": "AA'], 200, {"Content-Type": "application/json"}),
        Answer.json([]),
    ],
    ids=str,
)
async def test_while_graph_fails_the_mail_waits(app, fault):
    await app.connect()
    app.graph.faults[READ].append(fault)
    app.account.mail.write("ada@visitor.example", "Patience")
    await app.told()
    assert app.conversations() == []
    await app.later(minutes=5)
    assert len(app.conversations()) == 1


async def test_only_named_fields_of_a_mail_are_stored(app):
    """Whatever else Graph tells of a mail is dropped before anything is stored."""
    await app.connect()
    canary = "canary-7f3a"
    app.account.mail.write(
        "ada@visitor.example",
        "Just this",
        subject=f"{canary}-subject",
        bodyPreview=canary,
        categories=[canary],
        headers=[("X-Secret", canary)],
        bccRecipients=[{"emailAddress": {"address": f"{canary}@x.example"}}],
    )
    await app.told()
    assert len(app.conversations()) == 1
    assert canary not in app.everything()
    arrivals = await app.opened_arrivals()
    assert "Just this" in arrivals
    assert canary not in arrivals

"""Gmail as a channel: mail of one label in, answers out in its thread, people who answer in Gmail itself, no loops."""

import pytest
from connected import MEMBER
from google_acts import PAGE, QUESTION, push, told
from google_app import AUDIENCE, PUSHER
from joserfc.jwk import RSAKey
from omniops.testing.upstream import Answer


async def connect(app):
    connection_id = await app.connect("mail", label="Label_7")
    await app.runtime.documents.paste(app.scope, PAGE, "Shipping", f"{app.domain.origins[0]}/shipping", actor=MEMBER)
    await app.work()
    return connection_id


async def test_from_connecting_to_the_end(app):
    connection_id = await connect(app)
    assert app.account.watch["labelIds"] == ["Label_7", "SENT"]
    asked = app.google.write(app.account, f"{QUESTION}\n\nOn Monday Tom wrote:\n> old words\n")
    assert (await told(app)).headers["x-messages"] == "1"
    (conversation,) = app.conversations()
    (author, text), (_, answer) = await app.texts(conversation)
    assert (author, text) == ("visitor", QUESTION), "the words, without the quote"
    assert "four working days" in answer
    (sent,) = app.google.mails(app.account, "SENT")
    (kept,) = [one for one in app.account.messages.values() if "SENT" in one["labelIds"]]
    words = sent.get_content()
    assert kept["threadId"] == asked["threadId"], "it lies in the thread"
    assert sent["To"] == "ann@visitor.example"
    assert sent["Subject"] == "Re: Where is my parcel?"
    assert sent["In-Reply-To"] == app.google.mails(app.account, "Label_7")[0]["Message-ID"]
    assert (sent["Auto-Submitted"], sent["X-AI-Generated"]) == ("auto-replied", "yes")
    assert f"{app.domain.origins[0]}/shipping" in words, "the source is cited"
    assert words.index("AI") < words.index("four working days"), "that an AI writes comes first"
    await told(app)
    assert len(await app.texts(conversation)) == 2, "our own mail in the thread is nobody's answer"

    person = {
        "sender": app.account.email,
        "to": "ann@visitor.example",
        "labels": ("SENT",),
        "thread": asked["threadId"],
    }
    app.google.write(app.account, "Yours left this morning.", **person)
    await told(app)
    assert (await app.texts(conversation))[-1] == ("person", "Yours left this morning.")
    app.google.write(app.account, "Thanks, and to Austria?", thread=asked["threadId"])
    await told(app)
    assert (await app.texts(conversation))[-1] == ("visitor", "Thanks, and to Austria?"), "a person took over"
    assert len(app.google.mails(app.account, "SENT")) == 2
    await app.runtime.inbox.reply(app.scope, conversation, "Five days.", actor=MEMBER)
    await app.work()
    last = app.google.mails(app.account, "SENT")[-1]
    assert (last.get_content().strip(), last["X-AI-Generated"]) == ("Five days.", None)

    everything = app.everything()
    for words in ("ann@visitor.example", "Canary", "parcels to Germany", "this morning", app.account.email):
        assert words not in everything, "what people write lies nowhere in clear"
    assert await app.runtime.connections.disconnect(app.scope, connection_id, actor=MEMBER) == "revoked"
    assert app.account.watch is None
    for table in ("connection", "connection_task", "arrival"):
        assert app.rows(f"select count(*) from omniops.{table} where domain_id = %s", app.domain.id) == [(0,)]
    app.google.write(app.account, "Too late")
    late = await push(app)
    assert (late.status_code, late.headers["x-messages"]) == (200, "0")


async def test_what_a_notice_did_not_tell_the_sync_brings_and_nothing_comes_twice(app):
    await connect(app)
    app.google.page = 2
    for number in range(5):
        app.google.write(app.account, f"{QUESTION} {number}", sender=f"visitor{number}@visitor.example")
    await app.again()
    assert len(app.conversations()) == 5
    await told(app)
    await app.again()
    assert len(app.google.mails(app.account, "SENT")) == 5, "each was answered once"


async def test_a_history_that_is_too_old_begins_anew_and_loses_nothing(app):
    app.google.write(app.account, "From before the connection")
    app.clock.forward(minutes=5)
    await connect(app)
    app.clock.forward(hours=1)
    app.google.write(app.account, QUESTION)
    await told(app)
    app.google.page, app.google.too_old_mail = 1, True
    for number in range(3):
        app.google.write(app.account, QUESTION, sender=f"visitor{number}@visitor.example")
    await app.again()
    assert len(app.conversations()) == 4
    assert len(app.google.mails(app.account, "SENT")) == 4
    app.google.write(app.account, QUESTION, sender="later@visitor.example")
    await app.again()
    assert len(app.conversations()) == 5, "and it goes on from there"


@pytest.mark.parametrize(
    "more",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Precedence": "bulk"},
        {"List_Id": "<news.visitor.example>"},
        {"X_AI_Generated": "yes"},
        {"Return_Path": "<>"},
        {"sender": "mailer-daemon@visitor.example"},
        {"Reply_To": "a@visitor.example, b@visitor.example"},
        {"labels": ("INBOX",)},
        {"labels": ("Label_7", "SPAM")},
        {"labels": ("Label_7", "TRASH")},
        {"labels": ("Label_7", "DRAFT")},
    ],
)
async def test_mail_that_nobody_waits_for_or_of_no_concern_is_left_alone(app, more):
    await connect(app)
    app.google.write(app.account, QUESTION, **more)
    await told(app)
    await app.again()
    assert app.conversations() == []
    assert app.google.mails(app.account, "SENT") == []


async def test_mail_of_other_labels_is_not_even_read(app):
    await connect(app)
    other = app.google.write(app.account, "My secret", labels=("INBOX",))
    to_supplier = app.google.write(app.account, "Order", sender=app.account.email, to="s@s.example", labels=("SENT",))
    await told(app)
    await app.again()
    read = [
        given["id"]
        for name, given in app.google.asked
        if name == "gmail.users.messages.get" and given["format"] != "minimal"
    ]
    assert not {other["id"], to_supplier["id"]} & set(read)
    app.google.label(app.account, other["id"], "Label_7")
    await told(app)
    assert len(app.conversations()) == 1, "with its label, it is"


async def test_two_people_in_one_thread_have_each_their_own_conversation(app):
    await connect(app)
    first = app.google.write(app.account, QUESTION)
    app.google.write(app.account, "And to Austria?", sender="bob@visitor.example", thread=first["threadId"])
    await told(app)
    assert len(app.conversations()) == 2
    assert sorted(str(one["To"]) for one in app.google.mails(app.account, "SENT")) == [
        "ann@visitor.example",
        "bob@visitor.example",
    ]


async def test_an_answer_whose_receipt_was_lost_is_not_sent_twice(app):
    await connect(app)
    app.google.lost.append("gmail.users.messages.send")
    app.google.write(app.account, QUESTION)
    await told(app)
    await app.again()
    assert len(app.google.mails(app.account, "SENT")) == 1
    assert app.google.count("gmail.users.messages.send") == 1


async def test_a_push_is_believed_by_its_signature_alone_and_once(app):
    await connect(app)
    now = int(app.google.now())
    wrong = (
        {"aud": "https://elsewhere.example"},
        {"email": "other@omniops-test.example"},
        {"email_verified": False},
        {"iss": "https://evil.example"},
        {"exp": now - 3600},
    )
    for claims in wrong:
        assert (await push(app, **claims)).status_code == 401, claims
    own_key, app.google.key = app.google.key, RSAKey.generate_key(2048, {"kid": "key-1"}, private=True)
    assert (await push(app)).status_code == 401, "signed by somebody else's key of the same name"
    app.google.key = own_key
    for headers in ({"Authorization": "Bearer x"}, {"Authorization": ""}, {"Authorization": "Basic x"}):
        assert (await push(app, headers=headers)).status_code == 401
    given, body = app.google.push(app.account, audience=AUDIENCE, account_of=PUSHER)
    del given["Authorization"]
    assert (await app.deliver("/webhooks/google", given, body)).status_code == 401
    told = [(await push(app, number="77")).headers["x-messages"] for _ in range(2)]
    assert told == ["1", "0"]


async def test_changed_keys_are_got_and_strangers_do_not_make_us_ask(app):
    await connect(app)
    assert (await push(app)).status_code == 200
    app.clock.forward(minutes=5)
    app.google.key = RSAKey.generate_key(2048, {"kid": "key-2", "alg": "RS256", "use": "sig"}, private=True)
    asked = app.google.certs_asked
    assert (await push(app)).status_code == 200
    assert app.google.certs_asked == asked + 1
    for number in range(5):
        stranger = RSAKey.generate_key(2048, {"kid": f"stranger-{number}"}, private=True)
        token = app.google.signed({}, key=stranger)
        assert (await push(app, headers={"Authorization": f"Bearer {token}"})).status_code == 401
    assert app.google.certs_asked == asked + 1
    app.clock.forward(minutes=5)
    app.google.key = RSAKey.generate_key(2048, {"kid": "key-3", "alg": "RS256", "use": "sig"}, private=True)
    app.google.faults["certs"].append(Answer([b"<html>"], 503, {"Content-Type": "text/html"}))
    assert (await push(app)).status_code == 503, "it is sent again"


async def test_the_watch_is_asked_for_daily_and_follows_the_label(app):
    connection_id = await connect(app)
    before = app.google.count("gmail.users.watch")
    await app.again(hours=25)
    assert app.google.count("gmail.users.watch") == before + 1
    app.account.labels["Label_8"] = "Sales"
    await app.runtime.connections.change(app.scope, connection_id, {"label": "Label_8"}, actor=MEMBER)
    await app.work()
    assert app.account.watch["labelIds"] == ["Label_8", "SENT"]
    await app.runtime.connections.switch(app.scope, connection_id, "mail", on=False, actor=MEMBER)
    await app.work()
    assert app.account.watch is None
    choices = await app.runtime.connections.choices(app.scope, connection_id, "label")
    assert choices == (), "without the feature the mailbox is not asked"


async def test_an_erased_person_is_gone_here(app):
    await connect(app)
    app.google.write(app.account, "My name is Ada, where is my parcel?")
    await told(app)
    ((subject,),) = app.rows("select subject_id from omniops.conversation where domain_id = %s", app.domain.id)
    duty = await app.runtime.privacy.persons.erase(app.scope, subject, actor=MEMBER)
    assert duty.closed, duty.to_json()
    assert app.conversations() == []

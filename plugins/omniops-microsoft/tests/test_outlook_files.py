"""Files of mail, in and out, and what becomes of an answer that does not arrive."""

from base64 import b64decode

import pytest
from connected import MEMBER
from ms_outlook import MOST_ATTACHED, attached
from omniops.errors import Rejected
from omniops.testing.upstream import Answer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(3000)
ITEM = "#microsoft.graph.itemAttachment"
FETCH = "GET /users/{}/messages/{}/attachments/{}/$value"


async def pieces(content):
    yield content


async def files(app, conversation):
    found = await app.runtime.visiting.attachments.all(app.scope, conversation, actor=MEMBER)
    return [(one.name, one.media_type, one.size) for one in found]


async def test_files_come_with_a_mail_and_those_of_a_person_go_out(app):
    await app.connect()
    sent = [
        attached("broken.png", "application/octet-stream", PNG),
        attached("logo.png", "image/png", PNG, inline=True),
        attached("A mail", "message/rfc822", b"Subject: x", of=ITEM),
        attached("run.exe", "image/png", b"MZ\x90\x00\x03" + bytes(99)),
    ]
    app.account.mail.write("ada@visitor.example", "It came broken, see the picture", files=sent)
    app.graph.faults[FETCH].append(Answer(status=503))
    await app.told()
    await app.later(minutes=5)
    (conversation,) = app.conversations()
    assert await files(app, conversation) == [("broken.png", "image/png", len(PNG))], "what it is, its bytes say"
    assert app.graph.count(FETCH) == 3, "a fault is tried again; no logo, no other mail is fetched"
    read = await app.runtime.inbox.read(app.scope, conversation, actor=MEMBER)
    assert [part.get("problem") for part in read[0].parts if part["type"] == "incoming"] == ["file_type"]

    domain = await app.runtime.accounts.domain(app.scope)
    large = PNG + bytes(1_800_000)
    added = [
        await app.runtime.visiting.attachments.add(app.scope, conversation, domain, f"{number}.png", pieces(large))
        for number in range(2)
    ]
    before = len(app.account.mail.sent)
    app.graph.lost.append("POST /users/{}/messages/{}/reply")
    await app.runtime.inbox.reply(app.scope, conversation, "So it goes.", files=[one.id for one in added], actor=MEMBER)
    await app.work()
    await app.later(minutes=5)
    mails = [
        (one["body"]["content"], [f["name"] for f in one["attachments"]]) for one in app.account.mail.sent[before:]
    ]
    assert mails == [("So it goes.\n", ["0.png"]), ("\n", ["1.png"])], "as many mails as the files need, each once"
    assert b64decode(app.account.mail.sent[before]["attachments"][0]["contentBytes"]) == large

    too_large = PNG + bytes(MOST_ATTACHED)
    file = await app.runtime.visiting.attachments.add(app.scope, conversation, domain, "x.png", pieces(too_large))
    with pytest.raises(Rejected):
        await app.runtime.inbox.reply(app.scope, conversation, "", files=[file.id], actor=MEMBER)


async def test_a_mail_of_files_alone_is_a_message_and_one_of_a_logo_is_none(app):
    await app.connect()
    quiet = {"subject": "", "html": "<p></p>"}
    app.account.mail.write("ada@visitor.example", "", files=[attached("a.png", "image/png", PNG)], **quiet)
    app.account.mail.write("bob@visitor.example", "", files=[attached("b", "x/y", b"x", of=ITEM)], **quiet)
    await app.told()
    (conversation,) = app.conversations()
    assert await files(app, conversation) == [("a.png", "image/png", len(PNG))]


def report(key, *, status="5.1.1", action="failed"):
    """A delivery status as Exchange files it (RFC 3464)."""
    return (
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/html\r\n\r\n<p>Delivery has failed</p>\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; ada@visitor.example\r\nAction: {action}\r\nStatus: {status}\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Re\r\nX-OmniOps-Key: {key}\r\n\r\nWords\r\n--b--\r\n"
    ).encode()


async def test_a_bounce_marks_its_answer_as_failed_and_is_never_answered(app):
    await app.connect()
    app.account.mail.write("ada@visitor.example", "Where is it?")
    await app.told()
    (sent,) = app.account.mail.sent
    (key,) = [one["value"] for one in sent["internetMessageHeaders"] if one["name"] == "X-OmniOps-Key"]
    headers = [("Content-Type", 'multipart/report; report-type=delivery-status; boundary="b"')]

    def states():
        return app.rows("select state, problem from omniops.outbox where domain_id = %s", app.domain.id)

    for mime in (report("of-nobody"), report(key, action="delayed", status="4.4.1"), b"\xff\x00", bytes(6 * 2**20)):
        app.account.mail.write("postmaster@visitor.example", "Delayed", headers=headers, mime=mime)
    await app.told()
    assert states() == [("sent", None)], "what says nothing of our mail changes nothing"
    app.account.mail.write("postmaster@visitor.example", "Failed", headers=headers, mime=report(key))
    await app.told()
    assert states() == [("failed", "5.1.1")]
    (undelivered,) = await app.runtime.inbox.undelivered.all(app.scope)
    assert undelivered.problem == "5.1.1"
    assert len(app.account.mail.sent) == 1, "nobody answers a mail server"
    assert len(app.conversations()) == 1
    reasons = app.rows("select reason from omniops.suppression where domain_id = %s", app.domain.id)
    assert reasons == [("bounce",)], "the address itself does not work, so nothing more is sent there"

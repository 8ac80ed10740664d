"""Files of mail, in and out, and what becomes of an answer that does not arrive."""

from email import policy
from email.message import EmailMessage

import pytest
from connected import MEMBER
from google_acts import QUESTION, told
from omniops.contracts.channel import MediaLink
from omniops.errors import NotFound, NotReady, Rejected
from omniops.testing.upstream import Answer
from omniops_google.letters import MOST_FILES
from omniops_google.parts import files as files_of
from omniops_google.parts import opened, stream

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 12
GET = "gmail.users.messages.attachments.get"


async def pieces(*content):
    for one in content:
        yield one


async def kept(app, conversation):
    found = await app.runtime.visiting.attachments.all(app.scope, conversation, actor=MEMBER)
    return [(one.name, one.media_type, one.size) for one in found]


def sent(app):
    return app.google.mails(app.account, "SENT")


async def test_files_come_with_a_mail_and_those_of_a_person_go_out(app):
    await app.connect("mail", label="Label_7")
    files = [("broken.png", "application/octet-stream", PNG), ("run.exe", "image/png", b"MZ\x90\x00\x03" + bytes(99))]
    app.google.write(app.account, "It came broken, see the picture", files=files)
    app.google.faults[GET].append(Answer([b"<html>"], 503))
    await told(app)
    await app.again()
    (conversation,) = app.conversations()
    assert await kept(app, conversation) == [("broken.png", "image/png", len(PNG))], "what it is, its bytes say"
    assert app.google.count(GET) == 3, "a fault is tried again"
    read = await app.runtime.inbox.read(app.scope, conversation, actor=MEMBER)
    assert [part.get("problem") for part in read[0].parts if part["type"] == "incoming"] == ["file_type"]

    domain = await app.runtime.accounts.domain(app.scope)
    large = PNG + bytes(1_800_000)
    added = [
        await app.runtime.visiting.attachments.add(app.scope, conversation, domain, f"{number}.png", pieces(large))
        for number in range(2)
    ]
    before = len(sent(app))
    app.google.lost.append("gmail.users.messages.send")
    await app.runtime.inbox.reply(app.scope, conversation, "So it goes.", files=[one.id for one in added], actor=MEMBER)
    await app.work()
    await app.again()
    mails = [
        (one.get_body().get_content().strip(), [(f.get_filename(), f.get_content()) for f in one.iter_attachments()])
        for one in sent(app)[before:]
    ]
    assert mails == [("So it goes.", [("0.png", large)]), ("", [("1.png", large)])], "as many as needed, each once"

    too_large = PNG + bytes(MOST_FILES)
    file = await app.runtime.visiting.attachments.add(app.scope, conversation, domain, "x.png", pieces(too_large))
    with pytest.raises(Rejected):
        await app.runtime.inbox.reply(app.scope, conversation, "", files=[file.id], actor=MEMBER)


async def test_a_mail_of_files_alone_is_a_message_and_long_words_are_read_whole(app):
    await app.connect("mail", label="Label_7")
    app.google.write(app.account, "", files=[("a.png", "image/png", PNG)])
    await told(app)
    (conversation,) = app.conversations()
    assert await kept(app, conversation) == [("a.png", "image/png", len(PNG))]
    before = app.google.count(GET)
    long = "\n".join(f"Line {number} of what happened to my parcel." for number in range(600))
    app.google.write(app.account, long, sender="bob@visitor.example")
    await told(app)
    assert app.google.count(GET) == before + 1, "what Gmail gives by itself is got"
    (other,) = [one for one in app.conversations() if one != conversation]
    assert (await app.texts(other))[0][1].startswith("Line 0 of what happened")


async def test_a_file_is_got_by_its_part_and_one_that_is_gone_says_so(app):
    connection_id = await app.connect("mail", label="Label_7")
    mail = app.google.write(app.account, "See", files=[("a.png", "image/png", PNG)], labels=("INBOX",))
    connection, channel = (await app.link(connection_id)).connection, app.runtime.seams.channels()["google"]
    whole = b"".join([piece async for piece in channel.fetch(MediaLink(f"{mail['id']} 1"), connection)])
    assert whole == PNG
    for gone in (f"{mail['id']} 9", "0123456789abcdef 1"):
        with pytest.raises(NotFound):
            [piece async for piece in channel.fetch(MediaLink(gone), connection)]


def report(key, *, status="5.1.1", action="failed"):
    """A delivery status as Google's own mail servers write it (RFC 3464)."""
    return (
        "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\r\nTo: shop@shop.example\r\n"
        "Auto-Submitted: auto-replied\r\nSubject: Delivery Status Notification (Failure)\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; boundary="b"; report-type=delivery-status\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nAddress not found\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; googlemail.com\r\n\r\n"
        f"Final-Recipient: rfc822; ann@visitor.example\r\nAction: {action}\r\nStatus: {status}\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Re\r\nX-OmniOps-Key: {key}\r\n\r\nWords\r\n--b--\r\n"
    ).encode()


@pytest.mark.parametrize("labels", [["INBOX"], ["INBOX", "Label_7"]], ids=["without the label", "with it"])
async def test_a_bounce_marks_its_answer_as_failed_and_is_never_answered(app, labels):
    await app.connect("mail", label="Label_7")
    asked = app.google.write(app.account, QUESTION)
    await told(app)
    (answer,) = sent(app)
    key, thread = answer["X-OmniOps-Key"], asked["threadId"]

    def states():
        return app.rows("select state, problem from omniops.outbox where domain_id = %s", app.domain.id)

    damaged = report(key).replace(b"Action: failed", b"Action: \xff\x00")
    for raw in (report("of-nobody"), report(key, action="delayed", status="4.4.1"), damaged):
        app.google._keep_mail(app.account, raw, labels, thread)
    app.google._keep_mail(app.account, report(key), ["SPAM"], thread)
    await told(app)
    assert states() == [("sent", None)], "what says nothing of our mail, or is no mail of this mailbox, changes nothing"
    app.google._keep_mail(app.account, report(key), labels, thread)
    await told(app)
    await app.again()
    assert states() == [("failed", "5.1.1")]
    (undelivered,) = await app.runtime.inbox.undelivered.all(app.scope)
    assert undelivered.problem == "5.1.1"
    assert len(sent(app)) == 1, "nobody answers a mail server"
    assert len(app.conversations()) == 1
    reasons = app.rows("select reason from omniops.suppression where domain_id = %s", app.domain.id)
    assert reasons == [("bounce",)], "the address itself does not work, so nothing more is sent there"


async def test_other_mail_in_a_thread_is_not_read(app):
    """Somebody of the business is written to in the thread, without the label: that it is no report is all that is
    looked at, and in threads without the label not even that."""
    await app.connect("mail", label="Label_7")
    asked = app.google.write(app.account, QUESTION)
    await told(app)
    other = app.google.write(app.account, "My secret", labels=("INBOX",), thread=asked["threadId"])
    apart = app.google.write(app.account, "First", labels=("INBOX",))
    second = app.google.write(app.account, "Second", labels=("INBOX",), thread=apart["threadId"])
    app.google.asked.clear()
    await told(app)
    forms = {(given["id"], given["format"]) for name, given in app.google.asked if name == "gmail.users.messages.get"}
    assert {(other["id"], "metadata"), (second["id"], "minimal")} <= forms
    assert not {(other["id"], form) for form in ("full", "raw")} & forms
    assert not [one for one in forms if one[0] == apart["id"] or (one[0] == second["id"] and one[1] != "minimal")]


async def test_a_file_comes_in_any_pieces_and_half_of_one_is_none():
    whole = b'{\n  "data": "' + b"aGVsbG8gd29ybGQ_" * 3 + b'aGk="\n}'
    wanted = b"hello world?" * 3 + b"hi"
    for size in (1, 3, 7, 1000):
        cut = [whole[at : at + size] for at in range(0, len(whole), size)]
        assert b"".join([piece async for piece in stream(pieces(*cut))]) == wanted, size
    for half in (whole[:-4], b"{}", b"<html>" + bytes(2000)):
        with pytest.raises(NotReady):
            [piece async for piece in stream(pieces(half))]


def part(kind, content, number="", *, name="", headers=()):
    from base64 import urlsafe_b64encode

    given = [{"name": "Content-Type", "value": kind}, *({"name": n, "value": v} for n, v in headers)]
    body = {"size": len(content), "data": urlsafe_b64encode(content).decode().rstrip("=")}
    return {"partId": number, "mimeType": kind.partition(";")[0], "filename": name, "headers": given, "body": body}


def mixed(*parts):
    return {"mimeType": "multipart/mixed", "headers": [], "body": {"size": 0}, "parts": list(parts)}


@pytest.mark.parametrize(
    ("charset", "content"),
    [
        ("iso-8859-1", "Grüße".encode("iso-8859-1")),
        ("iso-8859-1", "Grüße".encode()),
        ("x-nobody-knows", "Grüße".encode()),
        ("iso-2022-jp", "荷物".encode("iso-2022-jp")),
    ],
    ids=["as it came", "in UTF-8 by now", "a set that nobody knows", "seven bits"],
)
def test_words_are_read_whether_gmail_gives_them_as_they_came_or_in_utf_8(charset, content):
    message = opened(mixed(part(f'text/plain; charset="{charset}"', content)))
    assert message.get_body().get_content().strip() in ("Grüße", "荷物")


def test_pictures_in_the_text_mails_and_empty_files_are_no_files():
    whole = mixed(
        part("text/html", b'<p>Hi <img src="cid:logo@x"></p>', "0"),
        part("image/png", PNG, "1", name="logo.png", headers=[("Content-Id", "<logo@x>")]),
        part("image/png", PNG, "2", name="photo.png", headers=[("Content-ID", "<other@x>")]),
        part("message/rfc822", b"Subject: x", "3", name="mail.eml"),
        part("text/plain", b"", "4", name="empty.txt"),
        part("text/plain", b"words", "5", name="notes.txt"),
    )
    assert [(one.id, one.name, one.size) for one in files_of(whole, "7")] == [
        ("7 2", "photo.png", len(PNG)),
        ("7 5", "notes.txt", 5),
    ]


def test_a_header_cannot_be_bent_by_what_gmail_tells():
    bent = mixed(part("text/plain", b"words"))
    bent["headers"] = [{"name": "Subject", "value": "a\r\nBcc: x@y.example"}, {"name": "Bad name:", "value": "b"}]
    message = opened(bent)
    assert isinstance(message, EmailMessage)
    assert message.keys() == ["Subject", "Content-Type"]
    assert b"\nBcc" not in message.as_bytes(policy=policy.SMTP)

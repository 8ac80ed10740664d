"""Mail that core sends: stored sealed, sent once, tried again, and never to an address that must be left alone."""

from uuid import uuid4

import pytest
from omniops.contracts.channel import Delivery, Receipt
from omniops.contracts.mail import Attachment
from omniops.errors import EgressRefused, NotReady, Permanent, Rejected
from omniops.mail.service import ATTEMPTS, MOST_BYTES
from omniops.operations.firsts import OPERATOR

TOM = "tom@customer.example"


def rows(desk):
    return desk.rows(
        "select state, attempts, problem, content is null from omniops.mail where domain_id = %s order by id",
        desk.domain.id,
    )


async def send(desk, **changes):
    values = {"to": TOM, "kind": "transcript", "subject": "Your chat", "text": "Hello\n\nGoodbye", "key": uuid4().hex}
    return await desk.runtime.mail.send(desk.domain.scope, **values | changes)


async def test_a_mail_is_sent_with_the_same_words_twice_over(desk):
    files = [Attachment("chat.txt", "text/plain", b"\x00 all of it")]
    mail_id = await send(desk, text="Look: https://shop.example/a?b=1&c=2.\n<b>Bye</b>", attachments=files, ai=True)
    await desk.work("mail")
    (mail,) = desk.mailer.sent
    assert (mail.to, mail.from_name, mail.subject, mail.ai) == (TOM, "Shop", "Your chat", True)
    assert (mail.purpose, mail.attachments) == ("support.provide", files)
    assert "Sent by Shop.\nThis mail was written by an AI." in mail.text
    assert '<a href="https://shop.example/a?b=1&amp;c=2">' in mail.html
    assert "&lt;b&gt;Bye&lt;/b&gt;" in mail.html
    assert "Sent by Shop." in mail.html
    assert rows(desk) == [("sent", 1, None, True)], "what was sent is not kept"
    assert await desk.runtime.mail.state(desk.domain.scope, mail_id) == "sent"
    assert await desk.runtime.mail.state(desk.other.scope, mail_id) is None


async def test_the_same_key_is_one_mail(desk):
    first, again = await send(desk, key="once"), await send(desk, key="once")
    await desk.work("mail")
    assert (first, len(desk.mailer.sent)) == (again, 1)


async def test_a_mail_handed_in_by_a_transaction_that_fails_is_not_sent(desk):
    async with desk.runtime.database.session(desk.domain.scope) as session:
        await send(desk, session=session)
    await desk.work("mail")
    assert (rows(desk), desk.mailer.sent) == ([], [])


async def test_what_waits_is_sealed_and_goes_with_its_person(desk):
    visitor = await desk.visitor()
    await send(desk, to="canary-address@customer.example", text="canary-words", subject_id=visitor.subject_id)
    ((stored,),) = desk.rows("select m::text from omniops.mail m where domain_id = %s", desk.domain.id)
    for word in ("canary-address", "canary-words"):
        assert word not in stored
        assert word.encode().hex() not in stored
    await desk.runtime.privacy.erasure.erase(desk.domain.scope, visitor.subject_id, actor=OPERATOR)
    await desk.work("mail")
    assert (rows(desk), desk.mailer.sent) == ([], [])


async def test_a_mailer_that_is_away_is_asked_again_with_the_same_key(desk):
    desk.mailer.begin(NotReady("away"), ConnectionError("cut"))
    await send(desk)
    await desk.work("mail")
    while desk.make_due("mail:deliver"):
        await desk.work("mail")
    assert rows(desk) == [("sent", 3, None, True)]
    assert len({mail.idempotency_key for mail in desk.mailer.asked}) == 1


async def test_what_is_refused_for_good_is_not_sent_again(desk):
    desk.mailer.begin(Permanent("too large"))
    await send(desk)
    await desk.work("mail")
    assert (rows(desk), desk.make_due("mail:deliver")) == ([("failed", 1, "refused", True)], [])
    assert not await desk.runtime.mail.suppressed(desk.domain.scope, TOM)


async def test_an_address_that_does_not_exist_is_left_alone_from_then_on(desk):
    desk.mailer.begin(Delivery("failed"))
    await send(desk)
    await desk.work("mail")
    assert rows(desk) == [("bounced", 1, "no_such_address", True)]
    assert await desk.runtime.mail.suppressed(desk.domain.scope, TOM)


async def test_a_gate_that_refuses_is_asked_again_since_a_certificate_can_be_renewed(desk):
    desk.mailer.begin(EgressRefused("no TLS 1.3", reason="tls"))
    await send(desk)
    await desk.work("mail")
    assert rows(desk) == [("waiting", 1, "tls", False)]
    desk.make_due("mail:deliver")
    await desk.work("mail")
    assert rows(desk) == [("sent", 2, None, True)]


async def test_it_gives_up_after_a_while(desk):
    desk.mailer.begin(*[NotReady("away")] * ATTEMPTS)
    await send(desk)
    await desk.work("mail")
    while desk.make_due("mail:deliver"):
        await desk.work("mail")
    assert rows(desk) == [("failed", ATTEMPTS, "gave_up", True)]


async def test_a_bounce_suppresses_its_address_here_and_what_the_law_requires_still_goes(desk):
    post, scope = desk.runtime.mail, desk.domain.scope
    mail_id = await send(desk)
    await desk.work("mail")
    async with desk.runtime.database.session(scope) as session:
        assert not await post.receipt(session, scope, Receipt("<of-nobody@x.example>", "failed", True))
        assert await post.receipt(session, scope, Receipt("mail-1", "failed", True, "5.1.1"))
        assert await post.receipt(session, scope, Receipt("mail-1", "failed", True, "5.1.1")), "told twice"
        await session.commit()
    assert await post.state(scope, mail_id) == "bounced"
    await send(desk, to=TOM.upper())
    await send(desk, kind="rights")
    desk.domain, mine = desk.other, desk.domain
    await send(desk)
    await desk.work("mail")
    purposes = sorted(mail.purpose for mail in desk.mailer.sent)  # jobs run side by side
    assert purposes == ["rights.answer", "support.provide", "support.provide"]
    desk.domain = mine
    assert [row[:3] for row in rows(desk)] == [("bounced", 1, "5.1.1"), ("failed", 1, "suppressed"), ("sent", 1, None)]
    stored = desk.rows("select s::text from omniops.suppression s where domain_id = %s", mine.id)
    assert len(stored) == 1
    assert "tom" not in stored[0][0]


async def test_a_passing_bounce_suppresses_nobody(desk):
    await send(desk)
    await desk.work("mail")
    async with desk.runtime.database.session(desk.domain.scope) as session:
        await desk.runtime.mail.receipt(session, desk.domain.scope, Receipt("mail-1", "failed", False, "4.2.2"))
        await session.commit()
    assert not await desk.runtime.mail.suppressed(desk.domain.scope, TOM)


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "nobody"},
        {"to": "a@b.example\r\nBcc: all@b.example"},
        {"to": "a@b.example, c@d.example"},
        {"to": "<a@b.example>"},
        {"subject": " \r\n"},
        {"attachments": [Attachment("a", "text/plain", bytes(MOST_BYTES + 1))]},
    ],
)
async def test_what_cannot_be_sent_is_refused_at_once(desk, changes):
    with pytest.raises(Rejected):
        await send(desk, **changes)
    assert rows(desk) == []


async def test_a_subject_is_one_line(desk):
    await send(desk, subject="Your chat\r\nBcc: all@b.example")
    await desk.work("mail")
    assert desk.mailer.sent[0].subject == "Your chat Bcc: all@b.example"


async def test_without_a_mailer_nothing_is_taken(desk, monkeypatch):
    monkeypatch.setattr(desk.mailer, "offered", False)
    with pytest.raises(NotReady, match="No enabled plugin sends mail"):
        await send(desk)
    assert rows(desk) == []

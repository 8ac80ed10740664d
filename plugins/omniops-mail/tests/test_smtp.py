"""Mail out over real servers: TLS 1.3 and nothing less, what servers say in few meanings, headers that nobody bends."""

import asyncio
from uuid import uuid4

import pytest
from conftest import HOST, PASSWORD, smtp_server
from doors import Door
from omniops.contracts.channel import Outgoing, SourceLink
from omniops.contracts.mail import Attachment, OutgoingMail
from omniops.errors import EgressRefused, NotReady, Permanent, Reconnect
from omniops.testing import context
from omniops_mail import MailPlugin
from omniops_mail.settings import Mailbox, MailSettings
from omniops_mail.writing import reply

OURS = "service@shop.example"


def mailer(tmp_path, ca, box, *, password=PASSWORD, **settings):
    values = MailSettings(
        smtp_host=HOST, smtp_port=box.port, smtp_user="service", smtp_password=password, sender=OURS, **settings
    )
    gate = Door(lambda: plugin, ca)
    plugin = MailPlugin(context("mail", values, folder=tmp_path, gate=gate))
    (found,) = plugin.mailers()
    return found, gate


def mail(to="tom@customer.example", **changes):
    values = {
        "idempotency_key": uuid4().hex,
        "to": to,
        "from_name": "Shop & Söhne",
        "subject": "Ihr Gespräch über Größen",
        "text": "Grüße\n",
        "html": "<p>Grüße</p>",
        "purpose": "support.provide",
        "categories": ("contact.email",),
    }
    return OutgoingMail(**values | changes)


@pytest.mark.parametrize("starttls", [False, True])
async def test_a_mail_arrives_as_it_was_meant(tmp_path, ca, authority, starttls):
    async with smtp_server(authority, starttls=starttls) as box:
        sender, gate = mailer(tmp_path, ca, box, smtp_starttls=starttls)
        files = [Attachment("Gespräch.txt", "text/plain", b"all of it"), Attachment("a.bin", "odd", b"\x00\xff")]
        delivery = await sender.send(sent := mail(attachments=files, ai=True))
    (got,) = box.mails
    assert (got["Subject"], got["To"]) == ("Ihr Gespräch über Größen", "tom@customer.example")
    assert got["From"].addresses[0].display_name == "Shop & Söhne"
    assert got["From"].addresses[0].addr_spec == box.taken[0].mail_from == OURS
    assert got.get_body(("plain",)).get_content().strip() == "Grüße"
    assert got.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"
    assert [(f.get_filename(), f.get_payload(decode=True)) for f in got.iter_attachments()] == [
        ("Gespräch.txt", b"all of it"),
        ("a.bin", b"\x00\xff"),
    ]
    assert (got["X-AI-Generated"], got["Auto-Submitted"]) == ("yes", "auto-generated")
    assert delivery.state == "sent"
    assert delivery.reference == got["Message-ID"]
    assert sent.idempotency_key in got["Message-ID"]
    (closing,) = gate.closings
    assert (closing.outcome, closing.tls) == ("ok", "TLSv1.3")
    assert closing.bytes_out > 500
    assert closing.bytes_in > 50


@pytest.mark.parametrize("starttls", [False, True])
async def test_a_server_with_tls_1_2_gets_nothing(tmp_path, ca, authority, starttls):
    async with smtp_server(authority, starttls=starttls, tls="1.2") as box:
        sender, gate = mailer(tmp_path, ca, box, smtp_starttls=starttls)
        with pytest.raises(EgressRefused) as refused:
            await sender.send(mail())
    assert refused.value.reason == "tls"
    assert "TLS 1.3" in str(refused.value)
    assert (box.taken, gate.closings[0].bytes_out) == ([], 0)


async def test_a_certificate_of_nobody_we_trust_gets_nothing(tmp_path, ca, smtp):
    sender, _ = mailer(tmp_path, None, smtp)
    with pytest.raises(EgressRefused, match="certificate"):
        await sender.send(mail())
    assert smtp.taken == []


async def talking(lines):
    """A server that says its lines in clear, one for each that it hears, and keeps what it hears."""
    heard = []

    async def serve(reader, writer):
        for line in lines:
            writer.write(line)
            await writer.drain()
            heard.append(await reader.readline())
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    return server, server.sockets[0].getsockname()[1], heard


@pytest.mark.parametrize(
    "lines",
    [
        [b"220 hi\r\n", b"250-smtp\r\n250 HELP\r\n", b"454 no TLS today\r\n"],
        [b"220 hi\r\n", b"250-smtp\r\n250 STARTTLS\r\n", b"220 go\r\n250 and this as if it were under TLS\r\n"],
        [b"220 hi\r\n", b"502 what?\r\n"],
    ],
)
async def test_without_tls_no_word_of_the_mail_is_said(tmp_path, ca, smtp, lines):
    server, smtp.port, heard = await talking(lines)
    async with server:
        sender, _ = mailer(tmp_path, ca, smtp, smtp_starttls=True)
        with pytest.raises(EgressRefused) as refused:
            await sender.send(mail())
    assert refused.value.reason == "tls"
    assert [line.split()[0] for line in heard if line] == [b"EHLO", b"STARTTLS"][: len(lines) - 1]


async def test_what_the_server_says_has_one_of_few_meanings(tmp_path, ca, smtp):
    sender, _ = mailer(tmp_path, ca, smtp)
    assert (await sender.send(mail("gone@customer.example"))).state == "failed"
    for to, meaning in (("later@customer.example", NotReady), ("closed@customer.example", Permanent)):
        with pytest.raises(meaning):
            await sender.send(mail(to))
    with pytest.raises(Permanent):
        await sender.send(mail(text="spam\n"))
    wrong, _ = mailer(tmp_path, ca, smtp, password="no")
    with pytest.raises(Reconnect):
        await wrong.send(mail())
    smtp.port, kept = 1, smtp.port
    away, _ = mailer(tmp_path, ca, smtp)
    with pytest.raises(NotReady):
        await away.send(mail())
    smtp.port = kept
    assert smtp.taken == []


async def test_a_host_that_is_not_declared_gets_nothing(tmp_path, ca, smtp):
    _, gate = mailer(tmp_path, ca, smtp)
    with pytest.raises(EgressRefused):
        async with gate.dial("mail-smtp", HOST, smtp.port + 1, purpose="support.provide"):
            pass
    with pytest.raises(EgressRefused):
        async with gate.dial("mail-smtp", HOST, smtp.port, purpose="knowledge.crawl"):
            pass


BOX = Mailbox(address="shop@shop.example", user="shop", password="x", plus=True)


def outgoing(**changes):
    values = {
        "idempotency_key": "k" * 32,
        "thread": "a" * 32,
        "recipient": "tom@customer.example",
        "text": "Four days.",
    }
    return Outgoing(**values | {"ai": True} | changes)


def test_a_reply_stands_in_its_thread_and_says_who_writes():
    about = {"subject": "Versand?", "message_id": "<2@tom>", "references": "<1@tom>"}
    sources = [SourceLink(1, "Shipping", "https://shop.example/shipping")]
    written = reply(outgoing(about=about, disclosure="You write to an AI.", sources=sources), BOX)
    assert (written["Subject"], written["In-Reply-To"], written["References"]) == (
        "Re: Versand?",
        "<2@tom>",
        "<1@tom> <2@tom>",
    )
    assert written["Reply-To"] == f"shop+{'a' * 32}@shop.example"
    assert (written["Auto-Submitted"], written["X-AI-Generated"]) == ("auto-replied", "yes")
    words = written.get_content()
    assert words.index("You write to an AI.") < words.index("Four days.") < words.index("[1] Shipping: https://shop")
    again = reply(outgoing(about={"subject": "RE: Versand?"}, ai=False), BOX)
    assert (again["Subject"], again["Auto-Submitted"], again["X-AI-Generated"]) == ("RE: Versand?", None, None)
    assert again["Message-ID"] == written["Message-ID"]


def test_nobody_bends_the_headers():
    about = {
        "subject": "Hi\r\nBcc: all@x.example",
        "message_id": "<1@x>\r\nBcc: all@x.example",
        "references": "a\nb: c",
    }
    assert reply(outgoing(about=about), BOX)["Bcc"] is None
    with pytest.raises(ValueError, match=r".*"):
        reply(outgoing(recipient="a@b.example\r\nBcc: c@d.example"), BOX)

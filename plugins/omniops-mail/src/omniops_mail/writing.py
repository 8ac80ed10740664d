"""Outgoing mail as `EmailMessage`s: headers are set by fields, never by joining strings."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime

from omniops.contracts.channel import Outgoing
from omniops.contracts.letters import one_line

from omniops_mail.settings import Mailbox

MOST_REFERENCES = 10


def addressed(sender: str, to: str, *, subject: str, key: str, name: str = "") -> EmailMessage:
    """A mail with its heading and no words. The same key gives the same Message-ID, so that a second sending is
    recognised."""
    message = EmailMessage()
    message["From"] = Address(one_line(name), addr_spec=sender)
    message["To"] = Address(addr_spec=to)
    message["Subject"] = one_line(subject)
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = f"<omniops.{key}@{sender.rpartition('@')[2]}>"
    return message


def in_words(message: EmailMessage, text: str, *, html: str | None, ai: bool) -> None:
    """Puts the words in, and the mark that a machine wrote them."""
    if ai:
        message["X-AI-Generated"] = "yes"
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")


def reply(outgoing: Outgoing, mailbox: Mailbox) -> EmailMessage:
    """An answer in its thread: disclosure first, then the text, then the sources."""
    about = outgoing.about
    subject = one_line(about.get("subject", ""))
    if not subject.casefold().startswith("re:"):
        subject = f"Re: {subject}".strip()
    key = f"{outgoing.thread}.{outgoing.idempotency_key}"
    message = addressed(mailbox.address, outgoing.recipient, subject=subject, key=key)
    if known := about.get("message_id"):
        message["In-Reply-To"] = one_line(known, 990)
        message["References"] = one_line(
            " ".join([*about.get("references", "").split()[-MOST_REFERENCES:], known]), 4000
        )
    if mailbox.plus:
        local, _, domain = mailbox.address.rpartition("@")
        message["Reply-To"] = Address(addr_spec=f"{local}+{outgoing.thread}@{domain}")
    if outgoing.ai:
        message["Auto-Submitted"] = "auto-replied"
    parts = [
        outgoing.disclosure,
        outgoing.text,
        "\n".join(f"[{s.number}] {s.title}: {s.url}" for s in outgoing.sources),
    ]
    in_words(message, "\n\n".join(part for part in parts if part) + "\n", html=None, ai=outgoing.ai)
    return message

"""From a mail's bytes to what core understands: a message, a receipt, or nothing."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import getaddresses

from omniops.contracts.channel import Heard, Incoming, Receipt
from omniops.contracts.plugin import Log

from omniops_mail.settings import Mailbox
from omniops_mail.words import words_of
from omniops_mail.writing import one_line

_OURS = re.compile(r"<omniops\.([0-9a-f]{32})\.[0-9a-f]+@[^>\s]+>")
_ID = re.compile(r"<[^<>\s]{1,900}>")
_BULK = ("bulk", "junk", "list")
NOT_THE_ADDRESS = ("5.2.2", "5.3.4", "5.7.")
"""Lasting failures that say nothing of the address: full, too large, policy (RFC 3463)."""


def read(raw: bytes, mailbox: Mailbox, log: Log) -> Heard:
    """What a mail says to us. A mail that cannot be read is passed over: it would stop all that come behind it."""
    try:
        message = message_from_bytes(raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        if message.get_content_type() == "multipart/report":
            return _receipt(message)
        return None if _automatic(message, mailbox) else _incoming(message, raw, mailbox)
    except Exception as error:  # the standard library's parser raises whatever strangers make it raise
        log.warning("mail.unreadable", bytes=len(raw), error=type(error).__name__)
        return None


def _incoming(message: EmailMessage, raw: bytes, mailbox: Mailbox) -> Incoming | None:
    sender = _sender(message)
    text = words_of(message)
    if sender is None or not text:
        return None
    own = next(iter(_ID.findall(str(message["Message-ID"] or ""))), "")
    references = _ID.findall(str(message["References"] or ""))
    answered = _ID.findall(str(message["In-Reply-To"] or ""))
    return Incoming(
        delivery_id=_digest(own or hashlib.sha256(raw).hexdigest()),
        thread=_thread(message, mailbox, [*references, *answered, own], sender),
        sender=sender,
        text=text,
        sent_at=_date(message),
        to=_reached(message),
        about={
            "subject": one_line(str(message["Subject"] or "")),
            "message_id": own,
            "references": " ".join((references or answered)[-8:])[-3000:],
        },
    )


def _thread(message: EmailMessage, mailbox: Mailbox, ids: list[str], sender: str) -> str:
    """32 digits: 16 of the thread's first mail, 16 of its sender. So nobody writes into another person's thread."""
    local, _, domain = mailbox.address.casefold().rpartition("@")
    plus = re.compile(re.escape(local) + r"\+([0-9a-f]{32})@" + re.escape(domain), re.I)
    reached = " ".join(_reached(message))
    known = plus.search(reached) or next((found for each in reversed(ids) if (found := _OURS.search(each))), None)
    first = known[1][:16].lower() if known else _digest(next(filter(None, ids), reached))[:16]
    return first + _digest(sender)[:16]


def _reached(message: EmailMessage) -> tuple[str, ...]:
    """The addresses that a mail was sent to, as far as it says."""
    named = [
        str(value) for name in ("To", "Cc", "Delivered-To", "X-Original-To") for value in message.get_all(name, [])
    ]
    return tuple(dict.fromkeys(address.strip().casefold() for _, address in getaddresses(named) if "@" in address))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _sender(message: EmailMessage) -> str | None:
    found = [
        address for _, address in getaddresses([str(message["Reply-To"] or message["From"] or "")]) if "@" in address
    ]
    return found[0].strip().casefold() if len(found) == 1 and not re.search(r"[\s<>,;]", found[0]) else None


def _automatic(message: EmailMessage, mailbox: Mailbox) -> bool:
    """Whether no person waits for an answer: RFC 3834 (section 2), mailing lists, and what we sent ourselves."""
    author = " ".join(address.casefold() for _, address in getaddresses([str(message["From"] or "")]))
    return (
        str(message["Auto-Submitted"] or "no").partition(";")[0].strip().casefold() != "no"
        or str(message["Precedence"] or "").strip().casefold() in _BULK
        or any(name in message for name in ("List-Id", "List-Post", "List-Unsubscribe", "X-AI-Generated"))
        or str(message["Return-Path"] or "").strip() == "<>"
        or author == mailbox.address.casefold()
        or author.startswith("mailer-daemon@")
    )


def _date(message: EmailMessage) -> datetime | None:
    found = getattr(message["Date"], "datetime", None)
    return found if isinstance(found, datetime) and found.tzinfo is not None else None


def _receipt(message: EmailMessage) -> Receipt | None:
    """A delivery status (RFC 3464) about a mail of ours, known by the Message-ID that it carries."""
    reference = ""
    fields: dict[str, str] = {}
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            for group in part.walk():
                fields |= {name.lower(): str(group[name]) for name in ("Action", "Status") if name in group}
        elif kind in ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers"):
            reference = _reference(part) or reference
    action, status = fields.get("action", "").strip().lower(), fields.get("status", "").split(" ")[0]
    if not reference or action not in ("failed", "delivered"):
        return None
    if action == "delivered":
        return Receipt(reference, "delivered")
    status = status if re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", status) else "5.0.0"
    permanent = status.startswith("5.") and not status.startswith(NOT_THE_ADDRESS)
    return Receipt(reference, "failed", permanent, status)


def _reference(part: Message) -> str:
    if part.is_multipart():
        inner = part.get_payload(0)
        return str(inner["Message-ID"] or "").strip() if isinstance(inner, Message) else ""
    head = part.get_payload(decode=True)
    found = message_from_bytes(head, policy=policy.default) if isinstance(head, bytes) else None
    return str(found["Message-ID"] or "").strip() if found is not None else ""

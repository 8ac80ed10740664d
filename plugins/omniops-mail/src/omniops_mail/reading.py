"""From a mail's bytes to what core understands: a message, a receipt, or nothing."""

from __future__ import annotations

import hashlib
import re
from email import message_from_bytes, policy
from email.message import EmailMessage

from omniops.contracts.channel import Heard, Incoming
from omniops.contracts.letters import automatic, one_line, reached, receipt, sender_of, sent_at, words_of
from omniops.contracts.plugin import Log

from omniops_mail.settings import Mailbox

_OURS = re.compile(r"<omniops\.([0-9a-f]{32})\.[0-9a-f]+@[^>\s]+>")
_ID = re.compile(r"<[^<>\s]{1,900}>")


def read(raw: bytes, mailbox: Mailbox, log: Log) -> Heard:
    """What a mail says to us. A mail that cannot be read is passed over: it would stop all that come behind it."""
    try:
        message = message_from_bytes(raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        if message.get_content_type() == "multipart/report":
            return receipt(message)
        return None if automatic(message, mailbox.address) else _incoming(message, raw, mailbox)
    except Exception as error:  # the standard library's parser raises whatever strangers make it raise
        log.warning("mail.unreadable", bytes=len(raw), error=type(error).__name__)
        return None


def _incoming(message: EmailMessage, raw: bytes, mailbox: Mailbox) -> Incoming | None:
    sender = sender_of(message)
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
        sent_at=sent_at(message),
        to=reached(message),
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
    addresses = " ".join(reached(message))
    known = plus.search(addresses) or next((found for each in reversed(ids) if (found := _OURS.search(each))), None)
    first = known[1][:16].lower() if known else _digest(next(filter(None, ids), addresses))[:16]
    return first + _digest(sender)[:16]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]

"""Mail as Gmail has it, and ours: pure functions."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

from omniops.contracts.channel import Echo, Incoming, Outgoing
from omniops.contracts.letters import automatic, one_line, reached, sender_of, sent_at, words_of

KEY = "X-OmniOps-Key"
"""The header by which a mail of ours is known: Gmail may give a mail another Message-ID than it was sent with."""
MOST_REFERENCES = 10
_ID = re.compile(r"<[^<>\s]{1,900}>")


def opened(raw: str) -> EmailMessage:
    """A mail of its text in base64url. Raises whatever strangers make the parser raise."""
    content = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def thread_of(thread: str, person: str) -> str:
    """A thread for one person: of several people in one thread of Gmail none writes into another's conversation."""
    return f"{thread}:{hashlib.sha256(person.casefold().encode('utf-8', 'replace')).hexdigest()[:16]}"


def incoming(message: EmailMessage, at: Mapping[str, Any], own: str) -> Incoming | None:
    """What a person wrote to the business. None for mail that nobody waits to be answered, and for our own."""
    sender = sender_of(message)
    if sender is None or KEY in message or automatic(message, own):
        return None
    text = words_of(message)
    if not text:
        return None
    known = "".join(_ID.findall(str(message["Message-ID"] or ""))[:1])
    references = _ID.findall(str(message["References"] or "")) or _ID.findall(str(message["In-Reply-To"] or ""))
    return Incoming(
        delivery_id=f"gmail:{at['id']}",
        thread=thread_of(str(at["threadId"]), sender),
        sender=sender,
        text=text,
        sent_at=_taken(at) or sent_at(message),
        to=reached(message),
        about={
            "subject": one_line(str(message["Subject"] or "")),
            "message_id": known,
            "references": " ".join(references[-8:])[-3000:],
        },
    )


def echo(message: EmailMessage, at: Mapping[str, Any], writers: frozenset[str]) -> Echo | None:
    """What a person of the business answered in Gmail itself, to one of those who wrote in the thread."""
    to = [address for address in reached(message) if address in writers]
    text = words_of(message)
    if KEY in message or not to or not text:
        return None
    return Echo(
        delivery_id=f"gmail:{at['id']}",
        reference=str(at["id"]),
        text=text,
        thread=thread_of(str(at["threadId"]), to[0]),
        sent_at=_taken(at),
    )


def answer(outgoing: Outgoing, own: str) -> str:
    """An answer in its thread, in base64url: disclosure first, then the text, then the sources. Raises `ValueError`
    or `IndexError` for an address that cannot be written to."""
    about, message = outgoing.about, EmailMessage()
    subject = one_line(about.get("subject", ""))
    message["From"] = Address(addr_spec=own)
    message["To"] = Address(addr_spec=outgoing.recipient)
    message["Subject"] = subject if subject.casefold().startswith("re:") else f"Re: {subject}".strip()
    message[KEY] = outgoing.idempotency_key
    if known := about.get("message_id"):
        before = about.get("references", "").split()[-MOST_REFERENCES:]
        message["In-Reply-To"] = one_line(known, 990)
        message["References"] = one_line(" ".join([*before, known]), 4000)
    if outgoing.ai:
        message["Auto-Submitted"] = "auto-replied"
        message["X-AI-Generated"] = "yes"
    sources = "\n".join(f"[{one.number}] {one.title}: {one.url}" for one in outgoing.sources)
    message.set_content("\n\n".join(part for part in (outgoing.disclosure, outgoing.text, sources) if part) + "\n")
    return base64.urlsafe_b64encode(message.as_bytes(policy=policy.SMTP)).decode()


def _taken(at: Mapping[str, Any]) -> datetime | None:
    """When Gmail took a mail in, which no sender can choose."""
    try:
        return datetime.fromtimestamp(int(at["internalDate"]) / 1000, UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None

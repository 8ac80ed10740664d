"""Mail as Gmail has it, and ours: pure functions."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

from omniops.contracts.channel import Echo, Incoming, Media, MediaLink, Outgoing, Receipt
from omniops.contracts.letters import automatic, one_line, reached, receipt, sender_of, sent_at, words_of

from omniops_google.parts import decoded

KEY, LOAD = "X-OmniOps-Key", "X-OmniOps-Load"
"""The headers by which a mail of ours is known, and which load of its files it carries: Gmail may give a mail another
Message-ID than it was sent with."""
MOST_FILES = 2_700_000
"""Bytes of the files of one mail. They are encoded twice, and what is not uploaded apart may have 5 MB
(developers.google.com/workspace/gmail/api/guides/uploads)."""
MOST_REFERENCES = 10
_ID = re.compile(r"<[^<>\s]{1,900}>")


def told(raw: str) -> Receipt | None:
    """What a report, in base64url, says of a mail of ours. Raises whatever strangers make the parser raise."""
    message = message_from_bytes(decoded(raw), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return receipt(message, KEY)


def thread_of(thread: str, person: str) -> str:
    """A thread for one person: of several people in one thread of Gmail none writes into another's conversation."""
    return f"{thread}:{hashlib.sha256(person.casefold().encode('utf-8', 'replace')).hexdigest()[:16]}"


def incoming(
    message: EmailMessage, at: Mapping[str, Any], own: str, media: Sequence[MediaLink] = ()
) -> Incoming | None:
    """What a person wrote to the business. None for mail that nobody waits to be answered, and for our own."""
    sender = sender_of(message)
    if sender is None or KEY in message or automatic(message, own):
        return None
    text = words_of(message)
    if not text and not media:
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
        media=media,
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


def loads(media: Sequence[Media]) -> Sequence[Sequence[Media]]:
    """Files as mails carry them, in order; the first load goes with the words, and may be empty."""
    found: list[list[Media]] = [[]]
    for file in media:
        if found[-1] and sum(len(one.content) for one in found[-1]) + len(file.content) > MOST_FILES:
            found.append([])
        found[-1].append(file)
    return found


def answer(outgoing: Outgoing, own: str, files: Sequence[Media] = (), load: int = 0) -> str:
    """An answer in its thread, in base64url: disclosure first, then the text, then the sources; a further load carries
    files alone. Raises `ValueError` or `IndexError` for an address that cannot be written to."""
    about, message = outgoing.about, EmailMessage()
    subject = one_line(about.get("subject", ""))
    message["From"] = Address(addr_spec=own)
    message["To"] = Address(addr_spec=outgoing.recipient)
    message["Subject"] = subject if subject.casefold().startswith("re:") else f"Re: {subject}".strip()
    message[KEY], message[LOAD] = outgoing.idempotency_key, str(load)
    if known := about.get("message_id"):
        before = about.get("references", "").split()[-MOST_REFERENCES:]
        message["In-Reply-To"] = one_line(known, 990)
        message["References"] = one_line(" ".join([*before, known]), 4000)
    if outgoing.ai:
        message["Auto-Submitted"] = "auto-replied"
        message["X-AI-Generated"] = "yes"
    sources = "\n".join(f"[{one.number}] {one.title}: {one.url}" for one in outgoing.sources)
    words = "" if load else "\n\n".join(part for part in (outgoing.disclosure, outgoing.text, sources) if part)
    message.set_content(f"{words}\n")
    for file in files:
        main, _, sub = file.media_type.partition("/")
        message.add_attachment(file.content, maintype=main, subtype=sub or "octet-stream", filename=file.name)
    return base64.urlsafe_b64encode(message.as_bytes(policy=policy.SMTP)).decode()


def _taken(at: Mapping[str, Any]) -> datetime | None:
    """When Gmail took a mail in, which no sender can choose."""
    try:
        return datetime.fromtimestamp(int(at["internalDate"]) / 1000, UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None

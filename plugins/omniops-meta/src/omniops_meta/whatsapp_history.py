"""What was written on a number before it was connected, as its telephone app gives it out: up to 180 days of it.

Meta tells it in pieces, once, within a day after the business shared it. Each message has its own date and id; one that
came by itself as well is the same message. See
https://developers.facebook.com/docs/whatsapp/embedded-signup/custom-flows/onboarding-business-app-users.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from omniops.contracts.channel import Echo, Incoming
from pydantic import Field

from omniops_meta.moments import moment
from omniops_meta.webhooks import Part, parts
from omniops_meta.whatsapp_content import Contact, Message, content, parsed, person

HISTORY = "history"
"""The feature, and the name of the field under which it is told."""


class _Thread(Part):
    id: str = Field(min_length=1)
    context: Contact = Contact()


def past(value: Mapping[str, Any]) -> Iterator[Incoming | Echo]:
    """Messages of both sides. What holds no words and no file is passed over: files of older messages are not given
    out, and where the business shares nothing there is an error in the place of messages."""
    contacts = [found for one in parts(value, "contacts") if (found := parsed(Contact, one)) is not None]
    for piece in parts(value, "history"):
        for one in parts(piece, "threads"):
            if (thread := parsed(_Thread, one)) is None:
                continue
            who = person(thread.id, thread.context.user_id, contacts)
            for message in parts(one, "messages"):
                if (read := parsed(Message, message)) is not None:
                    yield from _told(read, who, own=read.sender != thread.id)
    ours = _number_of(value)
    for one in parts(value, "messages"):  # files of the last two weeks come by themselves, later
        if (read := parsed(Message, one)) is not None and read.sender != ours:
            yield from _told(read, person(read.sender, read.sender_id, contacts), own=False)


def _told(message: Message, who: str, *, own: bool) -> Iterator[Incoming | Echo]:
    text, _, media = content(message)
    at = moment(message.timestamp)
    if not who or at is None:
        return
    if own and text:
        yield Echo(message.id, message.id, text, thread=who, sent_at=at, past=True)
    elif not own and (text or media):
        yield Incoming(message.id, who, who, text, sent_at=at, media=media, past=True)


def _number_of(value: Mapping[str, Any]) -> str:
    """The business's own number, as messages name it."""
    shown = value["metadata"].get("display_phone_number") if isinstance(value.get("metadata"), dict) else None
    return "".join(filter(str.isdigit, shown)) if isinstance(shown, str) else ""

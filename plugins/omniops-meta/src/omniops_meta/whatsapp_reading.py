"""What WhatsApp tells of a number: messages, changes of them, replies from the business's telephone, receipts.

A person is known by the id that Meta made for the business (`user_id`): a telephone number may be missing. Names and
pictures of a profile are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omniops.contracts.channel import Echo, Edited, Heard, Incoming, Receipt, Removed
from omniops.contracts.webhook import Arrived
from pydantic import Field

from omniops_meta.moments import moment
from omniops_meta.webhooks import Part, parts
from omniops_meta.whatsapp_content import Contact, Message, content, parsed, person
from omniops_meta.whatsapp_history import HISTORY, past

CHANNEL, OBJECT, MESSAGES = "whatsapp", "whatsapp_business_account", "messages"
_STATES = {"sent": "sent", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}


class _Problem(Part):
    code: int


class _Status(Part):
    id: str = Field(min_length=1)
    status: str
    errors: Sequence[_Problem] = ()


def read(entry: Mapping[str, Any]) -> Iterator[Arrived]:
    """What is in one entry, each thing under the id of the number that it came to."""
    for change in parts(entry, "changes"):
        value = change.get("value")
        if not isinstance(value, dict) or change.get("field") not in ("messages", "smb_message_echoes", HISTORY):
            continue
        phone = value["metadata"].get("phone_number_id") if isinstance(value.get("metadata"), dict) else None
        if not isinstance(phone, str) or not phone:
            continue
        if change["field"] == HISTORY:
            for told in past(value):
                yield Arrived(told, external_id=phone, channel=CHANNEL, feature=HISTORY)
            continue
        for heard in _heard(value, change["field"]):
            if heard is not None:
                yield Arrived(heard, external_id=phone, channel=CHANNEL, feature=MESSAGES)


def _heard(value: Mapping[str, Any], field: str) -> Iterator[Heard]:
    contacts = [found for one in parts(value, "contacts") if (found := parsed(Contact, one)) is not None]
    if field == "smb_message_echoes":
        for one in parts(value, "message_echoes"):
            if (message := parsed(Message, one)) is not None:
                yield _echo(message, person(message.to, message.to_user_id, contacts))
        return
    for one in parts(value, "messages"):
        if (message := parsed(Message, one)) is not None:
            yield _message(message, person(message.sender, message.sender_id, contacts))
    for one in parts(value, "statuses"):
        if (status := parsed(_Status, one)) is not None and status.status in _STATES:
            problem = f"meta_{status.errors[0].code}" if status.errors else None
            yield Receipt(status.id, _STATES[status.status], problem=problem)  # type: ignore[arg-type]  # of the table


def _message(message: Message, who: str) -> Heard:
    if message.type == "revoke" and message.revoke is not None:
        return Removed(message.id, message.revoke.original_message_id)
    if message.type == "edit" and message.edit is not None:
        text, _, _ = content(message.edit.message)
        return Edited(message.id, message.edit.original_message_id, text) if text else None
    text, button, media = content(message)
    if not who or not (text or media):
        return None
    return Incoming(
        delivery_id=message.id,
        thread=who,
        sender=who,
        text=text,
        sent_at=moment(message.timestamp),
        media=media,
        button=button,
    )


def _echo(message: Message, who: str) -> Heard:
    """A reply from the business's own telephone. What we send ourselves is not told in this way."""
    text, _, _ = content(message)
    if not text or not who or message.type in ("revoke", "edit"):
        return None
    return Echo(message.id, message.id, text, thread=who, sent_at=moment(message.timestamp))

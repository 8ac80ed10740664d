"""What Messenger and Instagram tell of a page or an account: messages, changes of them, replies given there, receipts.

Both speak the same, but for what they do not have. Nothing of a profile is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omniops.contracts.channel import Echo, Edited, Heard, Incoming, MediaLink, Receipt, Removed
from omniops.contracts.webhook import Arrived
from pydantic import Field, ValidationError

from omniops_meta.moments import moment
from omniops_meta.webhooks import Part, Read, parts

MESSAGES = "messages"
"""The feature that all of it is for."""
_FILES = frozenset({"image", "video", "audio", "file", "sticker"})
"""Attachments that are fetched. The rest (shared posts, templates, stories) is shown there and not copied."""


class _Id(Part):
    id: str = Field(min_length=1)


class _Payload(Part):
    url: str = ""


class _Attachment(Part):
    type: str = ""
    payload: _Payload | None = None


class _QuickReply(Part):
    payload: str = ""


class _Message(Part):
    mid: str = Field(min_length=1)
    text: str = ""
    is_echo: bool = False
    is_deleted: bool = False
    app_id: int | str | None = None
    attachments: Sequence[_Attachment] = ()
    quick_reply: _QuickReply | None = None


class _Postback(Part):
    mid: str = ""
    title: str = ""
    payload: str = ""


class _Edit(Part):
    mid: str = Field(min_length=1)
    text: str = ""
    num_edit: int = 0


class _Delivery(Part):
    mids: Sequence[str] = ()


class _Read(Part):
    mid: str = ""


class _Event(Part):
    sender: _Id
    recipient: _Id
    timestamp: int
    message: _Message | None = None
    postback: _Postback | None = None
    message_edit: _Edit | None = None
    delivery: _Delivery | None = None
    read: _Read | None = None


def reader(channel: str, app_id: str) -> Read:
    """Reads entries for a channel. Of echoes, those of the app with this id are our own sending come back.

    `changes` holds only test events of Meta's dashboard here, and `standby` what another app answers at this time.
    """

    def read(entry: Mapping[str, Any]) -> Iterator[Arrived]:
        place = entry.get("id")
        if not isinstance(place, str) or not place:
            return
        for one in parts(entry, "messaging"):
            try:
                event = _Event.model_validate(one)
            except ValidationError:
                continue
            if place not in (event.sender.id, event.recipient.id):
                continue
            for heard in _heard(event, place, app_id):
                yield Arrived(heard, external_id=place, channel=channel, feature=MESSAGES)

    return read


def _heard(event: _Event, place: str, app_id: str) -> Iterator[Heard]:
    if event.message is not None and (event.message.is_echo or event.sender.id == place):
        if (echo := _echo(event, event.message, app_id)) is not None:
            yield echo
    elif event.message is not None and event.message.is_deleted:
        yield Removed(f"deleted:{event.message.mid}", event.message.mid)
    elif event.message is not None:
        if (incoming := _incoming(event, event.message)) is not None:
            yield incoming
    elif event.message_edit is not None and event.sender.id != place:
        edit = event.message_edit
        if edit.text:
            yield Edited(f"edit:{edit.mid}:{edit.num_edit}", edit.mid, edit.text)
    elif event.postback is not None and event.postback.title:
        yield _postback(event, event.postback)
    elif event.delivery is not None:
        yield from (Receipt(mid, "delivered") for mid in dict.fromkeys(event.delivery.mids))
    elif event.read is not None and event.read.mid:
        yield Receipt(event.read.mid, "read")


def _incoming(event: _Event, message: _Message) -> Incoming | None:
    files = [
        MediaLink(one.payload.url)
        for one in message.attachments
        if one.type in _FILES and one.payload is not None and one.payload.url
    ]
    if not message.text and not files:
        return None
    return Incoming(
        delivery_id=message.mid,
        thread=event.sender.id,
        sender=event.sender.id,
        text=message.text,
        sent_at=moment(event.timestamp / 1000),
        media=files,
        button=message.quick_reply.payload if message.quick_reply is not None else "",
    )


def _postback(event: _Event, postback: _Postback) -> Incoming:
    return Incoming(
        delivery_id=postback.mid or f"postback:{event.sender.id}:{event.timestamp}",
        thread=event.sender.id,
        sender=event.sender.id,
        text=postback.title,
        sent_at=moment(event.timestamp / 1000),
        button=postback.payload,
    )


def _echo(event: _Event, message: _Message, app_id: str) -> Echo | None:
    if not message.text or message.is_deleted or (app_id and str(message.app_id) == app_id):
        return None
    return Echo(
        message.mid, message.mid, message.text, thread=event.recipient.id, sent_at=moment(event.timestamp / 1000)
    )

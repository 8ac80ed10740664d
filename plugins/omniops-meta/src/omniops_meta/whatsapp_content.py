"""What a message on WhatsApp holds, and who wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from omniops.contracts.channel import MediaLink
from pydantic import Field, ValidationError

from omniops_meta.webhooks import Part

_FILES = ("image", "video", "audio", "document", "sticker")


class _Text(Part):
    body: str = ""


class _File(Part):
    id: str
    mime_type: str = ""
    caption: str = ""
    filename: str = ""


class _Button(Part):
    payload: str = ""
    text: str = ""


class _Choice(Part):
    id: str = ""
    title: str = ""


class _Interactive(Part):
    button_reply: _Choice | None = None
    list_reply: _Choice | None = None


class _Location(Part):
    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


class _Name(Part):
    formatted_name: str = ""


class _Phone(Part):
    phone: str = ""


class _Card(Part):
    name: _Name = _Name()
    phones: Sequence[_Phone] = ()


class _Revoked(Part):
    original_message_id: str


class Content(Part):
    type: str = ""
    text: _Text | None = None
    image: _File | None = None
    video: _File | None = None
    audio: _File | None = None
    document: _File | None = None
    sticker: _File | None = None
    button: _Button | None = None
    interactive: _Interactive | None = None
    location: _Location | None = None
    contacts: Sequence[_Card] = ()


class _Edit(Part):
    original_message_id: str
    message: Content


class Message(Content):
    id: str = Field(min_length=1)
    timestamp: int
    sender: str = Field(default="", alias="from")
    sender_id: str = Field(default="", alias="from_user_id")
    to: str = ""
    to_user_id: str = ""
    revoke: _Revoked | None = None
    edit: _Edit | None = None


class Contact(Part):
    wa_id: str = ""
    user_id: str = ""


def person(phone: str, user_id: str, contacts: Sequence[Contact]) -> str:
    """The id that Meta made for the business, or the number where there is none."""
    known = [one for one in contacts if (phone and one.wa_id == phone) or (user_id and one.user_id == user_id)]
    if not known and len(contacts) == 1 and not phone and not user_id:
        known = list(contacts)
    return user_id or next((one.user_id for one in known if one.user_id), "") or phone


def content(message: Content) -> tuple[str, str, Sequence[MediaLink]]:
    """The words, the button that was pressed, and the files. Kinds that are not known have none of them."""
    match message.type:
        case "text":
            return (message.text.body if message.text else "", "", ())
        case "button" if message.button is not None:
            return (message.button.text, message.button.payload, ())
        case "interactive" if message.interactive is not None:
            chosen = message.interactive.button_reply or message.interactive.list_reply or _Choice()
            return (chosen.title, chosen.id, ())
        case "location" if message.location is not None:
            place = message.location
            named = ", ".join(part for part in (place.name, place.address) if part)
            return (f"{named} ({place.latitude}, {place.longitude})".strip(), "", ())
        case "contacts":
            return ("\n".join(_card(one) for one in message.contacts), "", ())
        case kind if kind in _FILES and (file := getattr(message, kind)) is not None:
            return (file.caption, "", [MediaLink(file.id, file.mime_type, file.filename)])
    return ("", "", ())


def _card(card: _Card) -> str:
    return " ".join(part for part in (card.name.formatted_name, *(one.phone for one in card.phones)) if part)


def parsed(kind: type[Any], one: Mapping[str, Any]) -> Any:
    try:
        return kind.model_validate(one)
    except ValidationError:
        return None

"""WhatsApp as a channel: what is sent to people, and the files that they send."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from omniops.contracts.channel import (
    Channel,
    ChannelCapabilities,
    Delivery,
    Filled,
    Media,
    MediaLink,
    Outgoing,
    ReplyButton,
    Template,
    Window,
)
from omniops.errors import NotFound, Permanent
from pydantic import BaseModel

from omniops_meta.client import RESPOND, GraphClient
from omniops_meta.mapping import answer, pieces
from omniops_meta.settings import WhatsAppConnection
from omniops_meta.whatsapp_reading import CHANNEL

LONGEST, BESIDE_BUTTONS, LABEL = 4096, 1024, 20
"""Characters of a text, of one above buttons, and of a button's label."""
_NUMBER = re.compile(r"\d{5,20}")
_PLACE = re.compile(r"\{\{(\d+)\}\}")
_KINDS = ("image", "audio", "video")


class WhatsAppChannel(Channel):
    """Answers go to the person's id, or to the number where there is none. 24 hours after their last message only
    templates may go out; core keeps to it, and Meta tells of a breach by a receipt."""

    name = CHANNEL
    title = "WhatsApp"
    capabilities = ChannelCapabilities(
        max_length=LONGEST,
        media=("image/jpeg", "image/png", "audio/*", "video/mp4", "application/pdf", "text/plain"),
        media_bytes=16 * 2**20,
        buttons=3,
        window=Window(timedelta(hours=24), templates=True),
    )

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    async def send(self, message: Outgoing) -> Delivery:
        connection = message.connection
        assert isinstance(connection, WhatsAppConnection)
        if not connection.phone:
            raise Permanent("No number is chosen for this connection.")
        if message.template is not None:
            return await self._sent(connection, message, _template(message.template))
        delivery = Delivery("failed")
        for content in await self._contents(connection, message):
            delivery = await self._sent(connection, message, content)
        return delivery

    async def _contents(self, connection: WhatsAppConnection, message: Outgoing) -> Sequence[Mapping[str, Any]]:
        """What is sent one after another: files first, then the words, the buttons below the last of them."""
        text = answer(message.text, message.disclosure, message.sources)
        contents: list[Mapping[str, Any]] = [await self._file(connection, one) for one in message.media]
        texts = list(pieces(text, LONGEST))
        if not message.buttons:
            return [*contents, *map(_text, texts)]
        *before, last = pieces(texts.pop(), BESIDE_BUTTONS)
        return [*contents, *map(_text, [*texts, *before]), _choice(last, message.buttons)]

    async def _sent(self, connection: WhatsAppConnection, message: Outgoing, content: Mapping[str, Any]) -> Delivery:
        person = {"to" if _NUMBER.fullmatch(message.recipient) else "recipient": message.recipient}
        body = {"messaging_product": "whatsapp", "recipient_type": "individual", **person, **content}
        said = await self._client.call(
            connection.access_token, "POST", f"{connection.phone}/messages", why=RESPOND, json=body
        )
        sent = said.get("messages") or [{}]
        reference = sent[0].get("id") if isinstance(sent[0], dict) else None
        if not isinstance(reference, str):
            raise Permanent("Meta took the message and names no id for it.")
        return Delivery("sent", reference)

    async def _file(self, connection: WhatsAppConnection, media: Media) -> Mapping[str, Any]:
        """Leaves a file with Meta, and gives the message that shows it."""
        said = await self._client.call(
            connection.access_token,
            "POST",
            f"{connection.phone}/media",
            why=RESPOND,
            data={"messaging_product": "whatsapp", "type": media.media_type},
            files={"file": (media.name, media.content, media.media_type)},
        )
        kind = media.media_type.partition("/")[0]
        kind = kind if kind in _KINDS else "document"
        named = {"filename": media.name} if kind == "document" else {}
        return {"type": kind, kind: {"id": str(said["id"]), **named}}

    async def fetch(self, media: MediaLink, connection: Any) -> AsyncIterator[bytes]:
        """The address of a file is good for five minutes and only with our access."""
        assert isinstance(connection, WhatsAppConnection)
        try:
            said = await self._client.call(
                connection.access_token,
                "GET",
                media.id,
                why=RESPOND,
                params={"phone_number_id": connection.phone},
            )
        except Permanent as error:
            raise NotFound("Meta has this file no more.") from error
        async for chunk in self._client.file(str(said.get("url", "")), connection.access_token):
            yield chunk

    async def templates(self, connection: BaseModel) -> Sequence[Template]:
        """Those that Meta approved and that need nothing but words in their text."""
        assert isinstance(connection, WhatsAppConnection)
        fields = {"fields": "name,language,status,parameter_format,components", "status": "APPROVED"}
        listed = self._client.items(connection.access_token, f"{connection.account}/message_templates", params=fields)
        return [template async for one in listed if (template := read_template(one)) is not None]


def read_template(one: Mapping[str, Any]) -> Template | None:
    """A template as it is listed, or None for one that needs more than words: a picture, a link that varies."""
    if one.get("status") != "APPROVED" or one.get("parameter_format") == "NAMED":
        return None
    text = ""
    for part in one.get("components") or ():
        match part.get("type"):
            case "BODY":
                text = str(part.get("text", ""))
            case "HEADER" if part.get("format") != "TEXT" or _PLACE.search(str(part.get("text", ""))):
                return None
            case "BUTTONS" if any(_varies(button) for button in part.get("buttons") or ()):
                return None
    if not text:
        return None
    places = {int(number) for number in _PLACE.findall(text)}
    return Template(str(one["name"]), str(one["language"]), _PLACE.sub(r"{\1}", text), len(places))


def _varies(button: Mapping[str, Any]) -> bool:
    plain = button.get("type") in ("QUICK_REPLY", "PHONE_NUMBER", "URL")
    return not plain or bool(_PLACE.search(str(button.get("url", ""))))


def _template(filled: Filled) -> Mapping[str, Any]:
    values = [{"type": "text", "text": value} for value in filled.values]
    if len(values) != filled.template.places:
        raise Permanent(f"The template has {filled.template.places} places, {len(values)} values were given.")
    components = {"components": [{"type": "body", "parameters": values}]} if values else {}
    named = {"name": filled.template.name, "language": {"code": filled.template.language}}
    return {"type": "template", "template": {**named, **components}}


def _text(text: str) -> Mapping[str, Any]:
    return {"type": "text", "text": {"body": text, "preview_url": False}}


def _choice(text: str, buttons: Sequence[ReplyButton]) -> Mapping[str, Any]:
    replies = [{"type": "reply", "reply": {"id": one.id, "title": one.label[:LABEL]}} for one in buttons]
    interactive = {"type": "button", "body": {"text": text}, "action": {"buttons": replies}}
    return {"type": "interactive", "interactive": interactive}

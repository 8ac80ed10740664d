"""Messenger and Instagram as channels. Both send as a page, by the same call."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from omniops.contracts.channel import Channel, ChannelCapabilities, Delivery, MediaLink, Outgoing, ReplyButton, Window
from omniops.errors import NotFound, Permanent

from omniops_meta.client import RESPOND, GraphClient
from omniops_meta.mapping import answer, pieces
from omniops_meta.settings import InstagramConnection, InstagramLoginConnection, MessengerConnection

MESSENGER, INSTAGRAM = "messenger", "instagram"
LABEL = 20
"""Characters of a button's label."""
WINDOW = Window(timedelta(hours=24), human=timedelta(days=7))


class PageChannel(Channel):
    """What both have in common. The longer time is a person's alone: an AI's message never gets the tag for it."""

    limit: ClassVar[int]
    """Of one message at the other side: room for the disclosure and the sources beside `max_length`."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    def texts(self, message: Outgoing) -> Sequence[str]:
        """The words, in as many messages as they need. Raises `Permanent` for what cannot be sent."""
        raise NotImplementedError

    async def send(self, message: Outgoing) -> Delivery:
        connection = message.connection
        if message.late and message.ai:
            raise Permanent("After the first day only a person may write, and this is none.")
        texts = self.texts(message)
        client, node, token = await self._way(connection)
        reference = None
        for media in message.media:
            content = {"attachment": {"type": _kind(media.media_type), "payload": {"is_reusable": False}}}
            fields = {name: _field(value) for name, value in self._body(message, content).items()}
            files = {"filedata": (media.name, media.content, media.media_type)}
            reference = await self._sent(client, token, node, data=fields, files=files)
        for number, text in enumerate(texts, 1):
            buttons = {"quick_replies": _replies(message.buttons)} if message.buttons and number == len(texts) else {}
            reference = await self._sent(client, token, node, json=self._body(message, {"text": text, **buttons}))
        return Delivery("sent", reference)

    def _body(self, message: Outgoing, content: Mapping[str, Any]) -> dict[str, Any]:
        kind = (
            {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"} if message.late else {"messaging_type": "RESPONSE"}
        )
        return {"recipient": {"id": message.recipient}, **kind, "message": content}

    async def _way(self, connection: Any) -> tuple[GraphClient, str, str]:
        """Through which API it goes, as what, and with which access."""
        assert isinstance(connection, MessengerConnection | InstagramConnection)
        if not connection.page:
            raise Permanent("No page is chosen for this connection.")
        token = await self._client.page_token(connection.access_token, connection.page)
        return self._client, connection.page, token

    async def _sent(self, client: GraphClient, token: str, node: str, **body: Any) -> str:
        said = await client.call(token, "POST", f"{node}/messages", why=RESPOND, **body)
        reference = said.get("message_id")
        if not isinstance(reference, str):
            raise Permanent("Meta took the message and names no id for it.")
        return reference

    async def fetch(self, media: MediaLink, connection: Any) -> AsyncIterator[bytes]:
        """Files lie at an address that came with the message and needs no access."""
        if not media.id:
            raise NotFound("This file has no address.")
        async for chunk in self._client.file(media.id, None):
            yield chunk


class MessengerChannel(PageChannel):
    """Messages to a page. A long answer goes out in several; our own are known by the app's id when they come back."""

    name = MESSENGER
    title = "Messenger"
    limit = 2000
    capabilities = ChannelCapabilities(
        max_length=limit,
        media=("image/*", "audio/*", "video/*", "application/pdf", "text/plain"),
        media_bytes=25 * 10**6,
        buttons=13,
        window=WINDOW,
    )

    def texts(self, message: Outgoing) -> Sequence[str]:
        return pieces(answer(message.text, message.disclosure, message.sources), self.limit)


class InstagramChannel(PageChannel):
    """Direct messages to an account. Its echoes do not name the app that sent them: one answer is one message, whose id
    is known, or a second one of ours would be taken for a person's reply."""

    name = INSTAGRAM
    title = "Instagram"
    limit = 1000
    """Bytes."""
    capabilities = ChannelCapabilities(max_length=500, buttons=13, window=WINDOW)

    def __init__(self, client: GraphClient, instagram: GraphClient) -> None:
        """`instagram` is Instagram's own API, for accounts that signed in without a page."""
        super().__init__(client)
        self._instagram = instagram

    async def _way(self, connection: Any) -> tuple[GraphClient, str, str]:
        if isinstance(connection, InstagramLoginConnection):
            return self._instagram, connection.account, connection.access_token
        return await super()._way(connection)

    def texts(self, message: Outgoing) -> Sequence[str]:
        text = answer(message.text, message.disclosure, message.sources, most=self.limit)
        if len(message.text) > self.capabilities.max_length or len(text.encode()) > self.limit:
            raise Permanent("This answer is longer than Instagram carries.")
        return [text]


def _kind(media_type: str) -> str:
    kind = media_type.partition("/")[0]
    return kind if kind in ("image", "audio", "video") else "file"


def _replies(buttons: Sequence[ReplyButton]) -> Sequence[Mapping[str, str]]:
    return [{"content_type": "text", "title": one.label[:LABEL], "payload": one.id} for one in buttons]


def _field(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)

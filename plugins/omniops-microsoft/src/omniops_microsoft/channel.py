"""The mailbox as a channel: answers go out as replies, in the mail's own conversation."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from omniops import PluginContext
from omniops.contracts.channel import Channel, ChannelCapabilities, Delivery, Media, MediaLink, Outgoing
from omniops.errors import NotFound, Permanent

from omniops_microsoft.client import CHAT, EMAIL, IMMUTABLE, Gone, Graph, Why, part, values
from omniops_microsoft.reading import FILE, KEY
from omniops_microsoft.settings import MicrosoftConnection

CHANNEL = "microsoft"
MARK = "String {5f0a2f5e-6a4e-4f0f-9c53-2d7b1c1e8a77} Name OmniOpsMessage"
"""The property of a mail of ours that holds the key of the message: by it one is found that was sent although nobody
was told (learn.microsoft.com/graph/api/resources/singlevaluelegacyextendedproperty)."""
MOST_BYTES = 2_900_000
"""Bytes of the files of one mail. Graph takes less than 3 MB; for more an app would have to write drafts, with leave to
change the whole mailbox (learn.microsoft.com/graph/api/message-post-attachments)."""
WHY = Why("chat.respond", (EMAIL, CHAT))


class MailChannel(Channel):
    """Who wrote gets the answer in their thread, from the business's own address."""

    name = CHANNEL
    title = "Outlook"
    capabilities = ChannelCapabilities(
        media=("image/*", "application/pdf", "text/plain"),
        media_bytes=MOST_BYTES,
    )

    def __init__(self, context: PluginContext, graph: Graph) -> None:
        self._graph = graph

    async def send(self, message: Outgoing) -> Delivery:
        """One reply, and one more for each further load of files that one mail does not carry."""
        connection = message.connection
        assert isinstance(connection, MicrosoftConnection)
        answered = message.about.get("message", "")
        if not answered:
            raise Permanent("There is no mail that this would answer.")
        for number, files in enumerate(_loads(message.media)):
            mark = f"{message.idempotency_key}:{number}" if number else message.idempotency_key
            if await self._sent(connection, mark):
                continue
            mail = _mail(message, _words(message) if not number else "", files, mark)
            try:
                await self._graph.call(
                    connection,
                    "POST",
                    f"/me/messages/{part(answered)}/reply",
                    WHY,
                    body={"message": mail},
                    prefer=(IMMUTABLE,),
                )
            except Gone as error:
                raise Permanent("The mail that this answers is not in the mailbox any more.") from error
        return Delivery("sent", message.idempotency_key)

    async def fetch(self, media: MediaLink, connection: Any) -> AsyncIterator[bytes]:
        """A file by the ids of its mail and of itself."""
        assert isinstance(connection, MicrosoftConnection)
        mail, _, attachment = media.id.partition(" ")
        at = f"/me/messages/{part(mail)}/attachments/{part(attachment)}/$value"
        try:
            async with aclosing(self._graph.content(connection, at, WHY, prefer=(IMMUTABLE,))) as pieces:
                async for piece in pieces:
                    yield piece
        except Gone as error:
            raise NotFound("This file is not in the mailbox any more.") from error

    async def _sent(self, connection: MicrosoftConnection, mark: str) -> bool:
        """Whether an earlier try got through: Outlook takes no key by which it would see that itself."""
        value = mark.replace("'", "''")
        mine = f"singleValueExtendedProperties/Any(ep: ep/id eq '{MARK}' and ep/value eq '{value}')"
        page = await self._graph.call(
            connection,
            "GET",
            "/me/mailFolders/sentitems/messages",
            WHY,
            query={"$filter": mine, "$select": "id", "$top": "1"},
        )
        return bool(values(page))


def _loads(media: Sequence[Media]) -> Sequence[Sequence[Media]]:
    """Files as mails carry them, in order; the first load goes with the words, and may be empty."""
    loads: list[list[Media]] = [[]]
    for file in media:
        if loads[-1] and sum(len(one.content) for one in loads[-1]) + len(file.content) > MOST_BYTES:
            loads.append([])
        loads[-1].append(file)
    return loads


def _words(message: Outgoing) -> str:
    """That an AI writes comes first, the sources last."""
    sources = "\n".join(f"[{one.number}] {one.title}: {one.url}" for one in message.sources)
    return "\n\n".join(filter(None, (message.disclosure, message.text, sources)))


def _mail(message: Outgoing, words: str, files: Sequence[Media], mark: str) -> dict[str, object]:
    """An answer. A machine's mail asks for no automatic answer."""
    headers = [{"name": KEY, "value": message.idempotency_key}]
    if message.ai:
        headers += [{"name": "X-Auto-Response-Suppress", "value": "All"}, {"name": "X-AI-Generated", "value": "yes"}]
    return {
        "body": {"contentType": "text", "content": f"{words}\n"},
        "singleValueExtendedProperties": [{"id": MARK, "value": mark}],
        "internetMessageHeaders": headers,
        **({"attachments": [_attached(one) for one in files]} if files else {}),
    }


def _attached(file: Media) -> dict[str, str]:
    return {
        "@odata.type": FILE,
        "name": file.name,
        "contentType": file.media_type,
        "contentBytes": base64.b64encode(file.content).decode(),
    }

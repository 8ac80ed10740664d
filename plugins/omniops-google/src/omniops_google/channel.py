"""Gmail as a channel: people write to the business's mailbox, and are answered in the thread."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from omniops.contracts.channel import Channel, ChannelCapabilities, Delivery, MediaLink, Outgoing
from omniops.errors import NotFound, Permanent

from omniops_google.client import Gone, GoogleClient
from omniops_google.letters import MOST_FILES, answer, loads
from omniops_google.mailbox import content, send, sent
from omniops_google.settings import GoogleConnection


class GmailChannel(Channel):
    """Mail of the chosen label."""

    name = "google"
    title = "Gmail"
    capabilities = ChannelCapabilities(
        media=("image/*", "application/pdf", "text/plain"),
        media_bytes=MOST_FILES,
    )

    def __init__(self, client: GoogleClient) -> None:
        self._client = client

    async def send(self, message: Outgoing) -> Delivery:
        """Sends into the thread what an earlier try did not: Gmail itself knows no key of a mail. One mail, and one
        more for each further load of files that one does not carry."""
        connection = message.connection
        assert isinstance(connection, GoogleConnection)
        try:
            mails = [
                answer(message, connection.address, files, load) for load, files in enumerate(loads(message.media))
            ]
        except (ValueError, IndexError) as error:  # the standard library's, for what is no address
            raise Permanent("The address of the person cannot be written to.") from error
        thread = message.thread.partition(":")[0]
        there, before = await sent(self._client, connection, thread, message.idempotency_key)
        for load, raw in enumerate(mails):
            if str(load) not in before:
                await send(self._client, connection, raw, thread if there else None)
        return Delivery("sent", message.idempotency_key)

    async def fetch(self, media: MediaLink, connection: Any) -> AsyncIterator[bytes]:
        """A file by the numbers of its mail and of its part."""
        assert isinstance(connection, GoogleConnection)
        mail, _, number = media.id.partition(" ")
        try:
            async with aclosing(content(self._client, connection, mail, number)) as pieces:
                async for piece in pieces:
                    yield piece
        except Gone as error:
            raise NotFound("This file is not in the mailbox any more.") from error

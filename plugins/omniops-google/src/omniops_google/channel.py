"""Gmail as a channel: people write to the business's mailbox, and are answered in the thread."""

from __future__ import annotations

from omniops.contracts.channel import Channel, ChannelCapabilities, Delivery, Outgoing
from omniops.errors import Permanent

from omniops_google.client import GoogleClient
from omniops_google.letters import answer
from omniops_google.mailbox import send, sent
from omniops_google.settings import GoogleConnection


class GmailChannel(Channel):
    """Mail of the chosen label."""

    name = "google"
    title = "Gmail"
    capabilities = ChannelCapabilities()

    def __init__(self, client: GoogleClient) -> None:
        self._client = client

    async def send(self, message: Outgoing) -> Delivery:
        """Sends into the thread, unless an earlier try did: Gmail itself knows no key of a mail."""
        connection = message.connection
        assert isinstance(connection, GoogleConnection)
        try:
            raw = answer(message, connection.address)
        except (ValueError, IndexError) as error:  # the standard library's, for what is no address
            raise Permanent("The address of the person cannot be written to.") from error
        thread = message.thread.partition(":")[0]
        there, before = await sent(self._client, connection, thread, message.idempotency_key)
        if before is None:
            before = await send(self._client, connection, raw, thread if there else None)
        return Delivery("sent", before)

"""Slack as a channel: colleagues ask by a mention, a direct message or a command."""

from __future__ import annotations

from omniops import PluginContext
from omniops.contracts.channel import Channel, ChannelCapabilities, Delivery, Outgoing
from omniops.errors import Permanent

from omniops_slack.client import CHAT, SlackClient, Why
from omniops_slack.mapping import answer
from omniops_slack.settings import SlackConnection
from omniops_slack.webhooks import CHANNEL

LONGEST = 12_000
"""Characters of an answer. Slack cuts off a text after 40,000, and a sign that is escaped takes up to five of them."""


class SlackChannel(Channel):
    """An answer goes into the thread of its question; that to a command only to who gave it."""

    name = CHANNEL
    title = "Slack"
    capabilities = ChannelCapabilities(max_length=LONGEST)

    def __init__(self, context: PluginContext, client: SlackClient) -> None:
        self._context = context
        self._client = client

    async def send(self, message: Outgoing) -> Delivery:
        connection = message.connection
        assert isinstance(connection, SlackConnection)
        text = answer(message.text, message.disclosure, message.sources)
        if len(message.text) > LONGEST or len(text) > 40_000:
            raise Permanent("This answer is longer than Slack carries.")
        why = Why("chat.respond", (CHAT,))
        place, _, thread = message.thread.partition(":")
        if place == "command":
            await self._client.respond(message.about.get("response_url", ""), text, why)
            return Delivery("sent")
        said = await self._client.call(
            connection,
            "chat.postMessage",
            why,
            channel=place,
            thread_ts=thread or None,
            text=text,
            unfurl_links=False,
            unfurl_media=False,
        )
        return Delivery("sent", f"{said['channel']}:{said['ts']}")

"""The link to a business's workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from omniops import Health, PluginContext
from omniops.contracts.integration import Choice, Feature, Integration, Link
from omniops.contracts.oauth import OAuth
from omniops.contracts.webhook import Arrived, Event, Received, Webhook
from omniops.errors import Permanent, Rejected

from omniops_slack.client import CHAT, PROCESSOR, SlackClient
from omniops_slack.oauth import oauth
from omniops_slack.posts import SlackPosts
from omniops_slack.settings import SlackConnection, SlackSettings
from omniops_slack.webhooks import ASK, EVENTS, HANDOFF, receive


class SlackIntegration(Integration):
    """Connected by OAuth; told by the app's one address; tells of conversations in a channel."""

    name = "slack"
    title = "Slack"
    processor = PROCESSOR
    Connection = SlackConnection
    changeable: ClassVar[Sequence[str]] = ("channel",)
    features: ClassVar[Sequence[Feature]] = (
        Feature(
            HANDOFF,
            "Hand-offs in a channel",
            taken="replies in the threads that OmniOps begins there; to Slack goes what the visitor and your people "
            "write from the hand-off on",
            scopes=("chat:write", "channels:read", "channels:history"),
            categories=(CHAT,),
        ),
        Feature(
            ASK,
            "Colleagues ask in Slack",
            taken="messages that mention the app, direct messages to it and its command",
            scopes=("chat:write", "app_mentions:read", "im:history", "commands"),
            categories=(CHAT,),
            default=False,
        ),
    )
    events = EVENTS

    def __init__(self, context: PluginContext, client: SlackClient, posts: SlackPosts) -> None:
        self._settings: SlackSettings = context.settings
        self._log = context.log
        self._clock = context.clock
        self._client = client
        self._posts = posts

    @property
    def oauth(self) -> OAuth:
        return oauth(self._settings, self._clock)

    @property
    def posts(self) -> SlackPosts:
        return self._posts

    async def check(self, connection: SlackConnection) -> Health:
        """Who we are there, and whether the app may write to the chosen channel."""
        said = await self._client.call(connection, "auth.test")
        team = said.get("team")
        if said.get("team_id") != connection.team:
            return Health(False, "The access is for another workspace than the one that was connected.")
        if not connection.channel:
            return Health(True, f"Connected to the workspace {team}. No channel is chosen for hand-offs.")
        try:
            found = await self._client.call(connection, "conversations.info", channel=connection.channel)
        except Permanent:
            return Health(False, f"The workspace has no channel {connection.channel} that the app may see.")
        channel = found.get("channel") or {}
        if channel.get("is_private"):
            return Health(False, f"#{channel.get('name')} is private: replies in it would not come through.")
        if channel.get("is_archived") or not channel.get("is_member"):
            return Health(False, f"The app is not in #{channel.get('name')}: invite it there, then choose it again.")
        return Health(True, f"Connected to the workspace {team}; hand-offs go to #{channel.get('name')}.")

    async def choices(self, link: Link, field: str) -> Sequence[Choice]:
        if field != "channel":
            return ()
        found = []
        async for one in self._client.pages(
            link.connection,
            "conversations.list",
            "channels",
            types="public_channel",
            exclude_archived=True,
            limit="200",
        ):
            note = "" if one.get("is_member") else " (invite the app first)"
            found.append(Choice(str(one["id"]), f"#{one.get('name')}{note}"))
        return found

    def external_ids(self, connection: SlackConnection) -> Sequence[str]:
        return (connection.team,)

    def receive(self, webhook: Webhook, link: Link | None) -> Received:
        """What Slack sends. At a connection's own address nothing of another workspace is taken."""
        if webhook.method != "POST":
            raise Rejected("Slack asks nothing by GET.", code="bad_signature")
        received = receive(webhook, self._settings)
        if link is None:
            return received
        own = [one for one in received.things if one.external_id == link.connection.team]
        return Received(own, received.reply)

    async def handle(self, event: Event, link: Link) -> Sequence[Arrived]:
        if event.kind == "access_ended":
            await self._client.call(link.connection, "auth.test")  # an old word: the app may be there again
        elif event.kind == "events_limited":
            self._log.warning("slack.events_limited", connection=str(link.id), minute=event.data["minute"])
        return ()

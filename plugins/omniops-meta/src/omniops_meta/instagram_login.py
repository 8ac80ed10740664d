"""The link to an Instagram account that signed in by itself, without a page on Facebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from omniops import Health, PluginContext
from omniops.contracts.integration import Feature, Integration, Link, Renewal
from omniops.contracts.oauth import OAuth
from omniops.contracts.webhook import Arrived, Event, Received, Webhook
from omniops.errors import NotReady, Permanent

from omniops_meta import instagram_oauth
from omniops_meta.client import CHAT, PROCESSOR, GraphClient
from omniops_meta.leaving import ENDED
from omniops_meta.page_channels import INSTAGRAM
from omniops_meta.page_reading import MESSAGES, reader
from omniops_meta.pages import LOOK_AGAIN, TAKEN
from omniops_meta.settings import InstagramLoginConnection, MetaSettings, giver
from omniops_meta.webhooks import Place, receive

SCOPES = ("instagram_business_basic", "instagram_business_manage_messages")
FIELDS = "messages,messaging_postbacks,messaging_seen,message_edit"
"""What an account tells the app, by Instagram's own names of the fields. Echoes come with the messages."""


class InstagramLoginIntegration(Integration):
    """Connected by Instagram Login; told by the app's one address. It speaks Instagram's own Graph API."""

    name = "meta-instagram-login"
    title = "Instagram (without a page)"
    processor = PROCESSOR
    Connection = InstagramLoginConnection
    channels: ClassVar[Sequence[str]] = (INSTAGRAM,)
    events: ClassVar[Mapping[str, Sequence[str]]] = {ENDED: ()}
    features: ClassVar[Sequence[Feature]] = (
        Feature(MESSAGES, "Messages", taken=TAKEN.format("the account"), scopes=SCOPES, categories=(CHAT,)),
    )
    renewals: ClassVar[Sequence[Renewal]] = (Renewal("subscription", "Deliveries", MESSAGES),)

    def __init__(self, context: PluginContext, client: GraphClient) -> None:
        self._settings: MetaSettings = context.settings
        self._clock = context.clock
        self._client = client
        self._read = reader(INSTAGRAM, "")

    @property
    def oauth(self) -> OAuth:
        return instagram_oauth.oauth(self._settings, self._clock)

    async def check(self, connection: InstagramLoginConnection) -> Health:
        said = await self._client.call(connection.access_token, "GET", "me", params={"fields": "user_id,username"})
        if str(said.get("user_id")) != connection.account:
            return Health(False, "Instagram gives access to another account than the one that was connected.")
        return Health(True, f"Connected to @{said.get('username')}.")

    def external_ids(self, connection: InstagramLoginConnection) -> Sequence[str]:
        return (connection.account,) if connection.account else ()

    def granted_by(self, connection: InstagramLoginConnection) -> str:
        return giver(connection)

    def receive(self, webhook: Webhook, link: Link | None) -> Received:
        own = self.external_ids(link.connection) if link is not None else None
        return receive(webhook, self._settings, Place(self.name, "instagram", self._read), own)

    async def handle(self, event: Event, link: Link) -> Sequence[Arrived]:
        """Somebody took access back, perhaps this one: a call shows it."""
        await self._client.call(link.connection.access_token, "GET", "me", params={"fields": "user_id"})
        return ()

    async def connected(self, link: Link) -> None:
        """An account tells the app once it is subscribed; a second time changes nothing."""
        if MESSAGES not in link.features:
            await self.disconnect(link)
            return
        path, params = f"{link.connection.account}/subscribed_apps", {"subscribed_fields": FIELDS}
        await self._client.call(link.connection.access_token, "POST", path, params=params)

    async def disconnect(self, link: Link) -> None:
        try:
            path = f"{link.connection.account}/subscribed_apps"
            await self._client.call(link.connection.access_token, "DELETE", path)
        except Permanent as error:
            raise NotReady("Meta did not end its deliveries.", do="Remove the app in Instagram's settings.") from error

    async def renew(self, name: str, link: Link) -> datetime | None:
        await self.connected(link)
        return self._clock.now() + LOOK_AGAIN

"""The links to a business's page on Facebook and to the Instagram account that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from omniops import Health, PluginContext
from omniops.contracts.integration import Choice, Feature, Integration, Link, Renewal
from omniops.contracts.oauth import OAuth
from omniops.contracts.webhook import Arrived, Event, Received, Webhook
from omniops.errors import NotReady, Permanent

from omniops_meta.client import CHAT, PROCESSOR, GraphClient
from omniops_meta.leaving import ENDED
from omniops_meta.oauth import oauth
from omniops_meta.page_channels import INSTAGRAM, MESSENGER
from omniops_meta.page_reading import MESSAGES, reader
from omniops_meta.settings import InstagramConnection, MessengerConnection, MetaSettings, giver
from omniops_meta.webhooks import Place, receive

PAGE_SCOPES = ("pages_manage_metadata", "pages_show_list")
MESSENGER_SCOPES = ("pages_messaging", *PAGE_SCOPES)
INSTAGRAM_SCOPES = ("instagram_basic", "instagram_manage_messages", *PAGE_SCOPES)
FIELDS = "messages,messaging_postbacks,message_deliveries,message_reads,message_echoes,message_edits"
"""What a page tells the app. The same for both, since the last word counts for the whole page."""
LOOK_AGAIN = timedelta(hours=6)
TAKEN = (
    "messages that people write to {0} and their changes, replies given there, and what became of each message; of a "
    "person nothing but the id that Meta made of them for {0}"
)


class PageIntegration(Integration):
    """What both have in common: a page, whose subscription brings the deliveries."""

    processor = PROCESSOR
    object: ClassVar[str]
    """What the deliveries are about."""
    events: ClassVar[Mapping[str, Sequence[str]]] = {ENDED: ()}
    renewals: ClassVar[Sequence[Renewal]] = (Renewal("subscription", "Deliveries", MESSAGES),)

    def __init__(self, context: PluginContext, client: GraphClient) -> None:
        self._settings: MetaSettings = context.settings
        self._clock = context.clock
        self._links = context.links
        self._client = client
        self._read = reader(self.channels[0], self._settings.app_id)

    def external_ids(self, connection: Any) -> Sequence[str]:
        place = self.place(connection)
        return (place,) if place else ()

    def place(self, connection: Any) -> str:
        """The id under which deliveries come."""
        raise NotImplementedError

    def receive(self, webhook: Webhook, link: Link | None) -> Received:
        own = self.external_ids(link.connection) if link is not None else None
        return receive(webhook, self._settings, Place(self.name, self.object, self._read), own)

    def granted_by(self, connection: Any) -> str:
        return giver(connection)

    async def handle(self, event: Event, link: Link) -> Sequence[Arrived]:
        """Somebody took access back, perhaps this one: a call shows it."""
        await self._client.call(link.connection.access_token, "GET", "me", params={"fields": "id"})
        return ()

    async def connected(self, link: Link) -> None:
        """A page tells the app once it is subscribed; a second time changes nothing."""
        page = link.connection.page
        if page and MESSAGES in link.features:
            token = await self._client.page_token(link.connection.access_token, page)
            params = {"subscribed_fields": FIELDS}
            await self._client.call(token, "POST", f"{page}/subscribed_apps", params=params)
        elif page:
            await self.disconnect(link)

    async def disconnect(self, link: Link) -> None:
        """Ends the subscription, unless the page's other channel is connected for the same website."""
        page = link.connection.page
        others = [one for one in await self._links.of(link.scope) if one.id != link.id and MESSAGES in one.features]
        if not page or any(getattr(one.connection, "page", "") == page for one in others):
            return
        try:
            token = await self._client.page_token(link.connection.access_token, page)
            await self._client.call(token, "DELETE", f"{page}/subscribed_apps")
        except Permanent as error:
            raise NotReady("Meta did not end its deliveries.", do="Remove the app in the page's settings.") from error

    async def renew(self, name: str, link: Link) -> datetime | None:
        await self.connected(link)
        return self._clock.now() + LOOK_AGAIN

    async def _page(self, token: str, page: str, fields: str) -> Mapping[str, Any]:
        return await self._client.call(token, "GET", page, params={"fields": fields})


class MessengerIntegration(PageIntegration):
    """Connected by Facebook Login for Business; told by the app's one address."""

    name = "meta-messenger"
    title = "Messenger"
    object = "page"
    Connection = MessengerConnection
    changeable: ClassVar[Sequence[str]] = ("page",)
    channels: ClassVar[Sequence[str]] = (MESSENGER,)
    features: ClassVar[Sequence[Feature]] = (
        Feature(MESSAGES, "Messages", taken=TAKEN.format("the page"), scopes=MESSENGER_SCOPES, categories=(CHAT,)),
    )

    @property
    def oauth(self) -> OAuth:
        return oauth(self._settings, self._clock, self._settings.messenger_config, ("pages_messaging",))

    async def check(self, connection: MessengerConnection) -> Health:
        token = connection.access_token
        if not connection.page:
            await self._client.call(token, "GET", "me", params={"fields": "id"})
            return Health(True, "Connected. No page is chosen yet.")
        try:
            said = await self._page(token, connection.page, "name")
        except Permanent:
            return Health(False, "There is no such page, or it gives no access.")
        return Health(True, f"Connected to the page {said.get('name')}.")

    async def choices(self, link: Link, field: str) -> Sequence[Choice]:
        if field != "page":
            return ()
        pages = self._client.items(link.connection.access_token, "me/accounts", params={"fields": "id,name"})
        return [Choice(str(one["id"]), str(one.get("name"))) async for one in pages]

    def place(self, connection: MessengerConnection) -> str:
        return connection.page


class InstagramIntegration(PageIntegration):
    """Connected by Facebook Login for Business through the page that the account belongs to."""

    name = "meta-instagram"
    title = "Instagram"
    object = "instagram"
    Connection = InstagramConnection
    changeable: ClassVar[Sequence[str]] = ("place",)
    channels: ClassVar[Sequence[str]] = (INSTAGRAM,)
    features: ClassVar[Sequence[Feature]] = (
        Feature(MESSAGES, "Messages", taken=TAKEN.format("the account"), scopes=INSTAGRAM_SCOPES, categories=(CHAT,)),
    )
    _belongs = "instagram_business_account{id,username}"

    @property
    def oauth(self) -> OAuth:
        ends = ("instagram_manage_messages", "instagram_basic")
        return oauth(self._settings, self._clock, self._settings.instagram_config, ends)

    async def check(self, connection: InstagramConnection) -> Health:
        token = connection.access_token
        if not connection.place:
            await self._client.call(token, "GET", "me", params={"fields": "id"})
            return Health(True, "Connected. No account is chosen yet.")
        try:
            said = await self._page(token, connection.page, self._belongs)
        except Permanent:
            return Health(False, "There is no such page, or it gives no access.")
        account = said.get("instagram_business_account") or {}
        if account.get("id") != connection.account:
            return Health(False, "The Instagram account belongs to this page no more.")
        return Health(True, f"Connected to @{account.get('username')}.")

    async def choices(self, link: Link, field: str) -> Sequence[Choice]:
        if field != "place":
            return ()
        params = {"fields": f"id,name,{self._belongs}"}
        pages = self._client.items(link.connection.access_token, "me/accounts", params=params)
        return [
            Choice(f"{one['id']}:{account['id']}", f"@{account.get('username')}")
            async for one in pages
            if (account := one.get("instagram_business_account"))
        ]

    def place(self, connection: InstagramConnection) -> str:
        return connection.account

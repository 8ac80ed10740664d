"""The link to a business's number on WhatsApp (Cloud API)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from omniops import Health, PluginContext
from omniops.contracts.integration import Choice, Feature, Integration, Link, Renewal
from omniops.contracts.oauth import OAuth
from omniops.contracts.webhook import Arrived, Event, Received, Webhook
from omniops.errors import NotReady, Permanent

from omniops_meta.client import CHAT, PROCESSOR, GraphClient
from omniops_meta.leaving import ENDED
from omniops_meta.oauth import oauth
from omniops_meta.settings import MetaSettings, WhatsAppConnection, giver
from omniops_meta.webhooks import Place, receive
from omniops_meta.whatsapp_history import HISTORY
from omniops_meta.whatsapp_reading import CHANNEL, MESSAGES, OBJECT, read

SCOPES = ("whatsapp_business_messaging", "whatsapp_business_management")
LOOK_AGAIN = timedelta(hours=6)
"""A subscription does not end by itself, but others can end it: it is looked after."""


class WhatsAppIntegration(Integration):
    """Connected by Facebook Login for Business; told by the app's one address."""

    name = "meta-whatsapp"
    title = "WhatsApp"
    processor = PROCESSOR
    Connection = WhatsAppConnection
    changeable: ClassVar[Sequence[str]] = ("number",)
    channels: ClassVar[Sequence[str]] = (CHANNEL,)
    features: ClassVar[Sequence[Feature]] = (
        Feature(
            MESSAGES,
            "Messages",
            taken="messages that people write to the number and their changes, replies from your own telephone, and "
            "what became of each message; of a person nothing but the id or number that they write from",
            scopes=SCOPES,
            categories=(CHAT,),
        ),
        Feature(
            HISTORY,
            "Messages of before",
            taken="what people and you wrote on the number in the 180 days before it was connected, where you share "
            "that in your telephone's WhatsApp Business app; files of the last two weeks",
            scopes=SCOPES,
            categories=(CHAT,),
            default=False,
            own_consent=True,
        ),
    )
    events: ClassVar[Mapping[str, Sequence[str]]] = {ENDED: ()}
    renewals: ClassVar[Sequence[Renewal]] = (Renewal("subscription", "Deliveries", MESSAGES),)

    def __init__(self, context: PluginContext, client: GraphClient) -> None:
        self._settings: MetaSettings = context.settings
        self._clock = context.clock
        self._log = context.log
        self._links = context.links
        self._client = client

    @property
    def oauth(self) -> OAuth:
        return oauth(self._settings, self._clock, self._settings.whatsapp_config, SCOPES)

    async def check(self, connection: WhatsAppConnection) -> Health:
        """Whose access it is, and whether the number is one of the chosen account's."""
        token = connection.access_token
        if not connection.number:
            await self._client.call(token, "GET", "me", params={"fields": "id"})
            return Health(True, "Connected. No number is chosen yet.")
        numbers = self._client.items(token, f"{connection.account}/phone_numbers", params=_NUMBER)
        found = [one async for one in numbers if one.get("id") == connection.phone]
        if not found:
            return Health(False, "The account at WhatsApp has no such number, or gives no access to it.")
        return Health(True, f"Connected to {found[0].get('display_phone_number')}.")

    async def choices(self, link: Link, field: str) -> Sequence[Choice]:
        if field != "number":
            return ()
        token = link.connection.access_token
        return [
            Choice(f"{account}:{one['id']}", str(one.get("display_phone_number")))
            for account in await self._client.assets(token, "whatsapp_business_management")
            async for one in self._client.items(token, f"{account}/phone_numbers", params=_NUMBER)
        ]

    def external_ids(self, connection: WhatsAppConnection) -> Sequence[str]:
        return (connection.phone,) if connection.phone else ()

    def receive(self, webhook: Webhook, link: Link | None) -> Received:
        own = self.external_ids(link.connection) if link is not None else None
        return receive(webhook, self._settings, Place(self.name, OBJECT, read), own)

    def granted_by(self, connection: WhatsAppConnection) -> str:
        return giver(connection)

    async def handle(self, event: Event, link: Link) -> Sequence[Arrived]:
        """Somebody took access back, perhaps this one: a call shows it."""
        await self._client.call(link.connection.access_token, "GET", "me", params={"fields": "id"})
        return ()

    async def connected(self, link: Link) -> None:
        """Meta sends what happens in an account to the app once it is subscribed; a second time changes nothing."""
        if link.connection.account and MESSAGES in link.features:
            await self._client.call(link.connection.access_token, "POST", f"{link.connection.account}/subscribed_apps")
        elif link.connection.account:
            await self.disconnect(link)
        if link.connection.phone and HISTORY in link.features and HISTORY not in link.memory:
            await self._ask_for_history(link)

    async def _ask_for_history(self, link: Link) -> None:
        """Once: Meta gives it out within a day after the number joined, and does not take a second order. A number that
        is in no telephone's app has none."""
        body = {"messaging_product": "whatsapp", "sync_type": HISTORY}
        path = f"{link.connection.phone}/smb_app_data"
        try:
            await self._client.call(link.connection.access_token, "POST", path, json=body)
        except Permanent as error:
            self._log.warning("meta.no_history", connection=str(link.id), said=str(error))
        await link.remember({HISTORY: link.connection.phone})

    async def disconnect(self, link: Link) -> None:
        """Ends the subscription, unless another number of the account is connected for the same website."""
        account = link.connection.account
        others = [one for one in await self._links.of(link.scope, self.name) if one.id != link.id]
        if not account or any(one.connection.account == account and MESSAGES in one.features for one in others):
            return
        try:
            await self._client.call(link.connection.access_token, "DELETE", f"{account}/subscribed_apps")
        except Permanent as error:
            raise NotReady("Meta did not end its deliveries.", do="Remove the app in the business settings.") from error

    async def renew(self, name: str, link: Link) -> datetime | None:
        await self.connected(link)
        return self._clock.now() + LOOK_AGAIN


_NUMBER = {"fields": "id,display_phone_number"}

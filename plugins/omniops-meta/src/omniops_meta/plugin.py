"""The plugin's hooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from omniops import Health, Info, Plugin, PluginContext, hookimpl
from omniops.contracts.channel import Channel
from omniops.contracts.declaration import Declaration, Mechanism, Processor, Tables
from omniops.contracts.integration import Integration
from omniops.contracts.proof import Probe
from omniops.contracts.surface import Page

from omniops_meta.ads import AdsIntegration
from omniops_meta.campaigns import CampaignsPage
from omniops_meta.client import CHAT, PROCESSOR, GraphClient
from omniops_meta.instagram_login import InstagramLoginIntegration
from omniops_meta.models import MetaInsight
from omniops_meta.page_channels import InstagramChannel, MessengerChannel
from omniops_meta.pages import InstagramIntegration, MessengerIntegration
from omniops_meta.settings import MetaSettings
from omniops_meta.whatsapp import WhatsAppIntegration
from omniops_meta.whatsapp_channel import WhatsAppChannel

if TYPE_CHECKING:
    from fastapi import APIRouter

TERMS = "https://www.facebook.com/legal/terms/dataprocessing"
CLAUSES = "https://www.facebook.com/legal/EU_data_transfer_addendum"
FILES = ("*.fbcdn.net", "*.cdninstagram.com")


class MetaPlugin(Plugin):
    """People write on WhatsApp, Messenger and Instagram, and are answered there."""

    info = Info(title="Meta", version="0.1.0", omniops=">=0.1,<0.2")
    Settings = MetaSettings

    def __init__(self, context: PluginContext) -> None:
        super().__init__(context)
        client, instagram = GraphClient(context), GraphClient(context, instagram=True)
        self._channels = [WhatsAppChannel(client), MessengerChannel(client), InstagramChannel(client, instagram)]
        self._integrations = [
            WhatsAppIntegration(context, client),
            MessengerIntegration(context, client),
            InstagramIntegration(context, client),
            InstagramLoginIntegration(context, instagram),
            AdsIntegration(context, client),
        ]

    @hookimpl
    def declares(self) -> Declaration:
        settings: MetaSettings = self.context.settings
        hosts = dict.fromkeys(place.hostname or "" for place in settings.places)
        processor = Processor(
            key=PROCESSOR,
            name="Meta",
            role="customer_chosen",
            hosts=(*hosts, *(() if settings.base_url else FILES)),
            ports=tuple(dict.fromkeys(place.port or 443 for place in settings.places)),
            countries=("IE", "US"),
            purposes=("connection.use", "chat.respond"),
            categories=(CHAT,),
            tls=settings.tls,
            legal_name="Meta Platforms Ireland Limited",
            contact="https://www.facebook.com/help/contact/540977946302970",
            policy_url="https://www.facebook.com/privacy/policy",
            contract_url=TERMS,
            retention="Messages as long as the business and the person keep them; undelivered ones for up to 30 days.",
            mechanisms=(
                Mechanism("dpf", "https://www.dataprivacyframework.gov/"),
                Mechanism("scc", CLAUSES, module="2 and 3"),
                Mechanism("uk_addendum", CLAUSES),
                Mechanism("swiss_addendum", CLAUSES),
            ),
        )
        tables = Tables((MetaInsight,), "omniops_meta.migrations")
        return Declaration(processors=[processor], tables=tables)

    @hookimpl
    def channels(self) -> Sequence[Channel]:
        return self._channels

    @hookimpl
    def integrations(self) -> Sequence[Integration]:
        return self._integrations

    @hookimpl
    def routes(self) -> APIRouter | None:
        from omniops_meta.routes import router

        return router(self.context)

    @hookimpl
    def pages(self) -> Sequence[Page]:
        return [CampaignsPage(self.context)]

    @hookimpl
    def probes(self) -> Sequence[type[Probe]]:
        from omniops_meta.probes import MessagesOnly, SumsOnly

        return [MessagesOnly, SumsOnly]

    @hookimpl
    async def health(self) -> Health | None:
        settings: MetaSettings = self.context.settings
        missing = [name for name in ("app_id", "app_secret", "verify_token") if not getattr(settings, name)]
        if missing:
            return Health(False, f"Not set: {', '.join(f'meta.{name}' for name in missing)}.")
        return Health(True, "The app's secrets are set; each business connects its own numbers and pages.")

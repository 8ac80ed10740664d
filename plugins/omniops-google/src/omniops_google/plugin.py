"""The plugin's hooks."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Health, Info, Plugin, PluginContext, hookimpl
from omniops.contracts.channel import Channel
from omniops.contracts.declaration import Declaration, Mechanism, Processor
from omniops.contracts.integration import Integration
from omniops.contracts.proof import Probe

from omniops_google.calendars import GoogleCalendar
from omniops_google.channel import GmailChannel
from omniops_google.client import CHAT, COMPANY, EMAIL, NAME, NOTE, PROCESSOR, GoogleClient
from omniops_google.integration import GoogleIntegration
from omniops_google.settings import GoogleConnection, GoogleSettings

TERMS = "https://cloud.google.com/terms/data-processing-addendum"


class GooglePlugin(Plugin):
    """Appointments in a Google calendar, Gmail as a channel, chosen files as knowledge, and contacts."""

    info = Info(title="Google Workspace", version="0.1.0", omniops=">=0.1,<0.2")
    Settings, Connection = GoogleSettings, GoogleConnection

    def __init__(self, context: PluginContext) -> None:
        super().__init__(context)
        client = GoogleClient(context)
        self._channel = GmailChannel(client)
        self._integration = GoogleIntegration(context, client, GoogleCalendar(client, context.clock))

    @hookimpl
    def declares(self) -> Declaration:
        settings: GoogleSettings = self.context.settings
        processor = Processor(
            key=PROCESSOR,
            name="Google Workspace",
            role="customer_chosen",
            hosts=tuple(settings.hosts),
            ports=tuple(dict.fromkeys(settings.hosts.values())),
            countries=("US",),
            purposes=("connection.use", "support.provide", "chat.respond"),
            categories=(CHAT, EMAIL, NAME, COMPANY, NOTE),
            tls=settings.tls,
            legal_name="Google LLC",
            contact="https://support.google.com/policies/contact/general_privacy_form",
            policy_url="https://policies.google.com/privacy",
            contract_url=TERMS,
            retention="As long as the business's own account keeps it.",
            mechanisms=(
                Mechanism("dpf", "https://www.dataprivacyframework.gov/"),
                Mechanism("scc", TERMS, module="2 and 3"),
                Mechanism("uk_addendum", TERMS),
                Mechanism("swiss_addendum", TERMS),
            ),
        )
        return Declaration(processors=[processor])

    @hookimpl
    def channels(self) -> Sequence[Channel]:
        return [self._channel]

    @hookimpl
    def integrations(self) -> Sequence[Integration]:
        return [self._integration]

    @hookimpl
    def probes(self) -> Sequence[type[Probe]]:
        from omniops_google.proving import OnlyWhatIsListed
        from omniops_google.proving_reading import OnlyChosenFilesAndListedContacts

        return [OnlyWhatIsListed, OnlyChosenFilesAndListedContacts]

    @hookimpl
    async def health(self) -> Health | None:
        settings: GoogleSettings = self.context.settings
        missing = [name for name in ("client_id", "client_secret") if not getattr(settings, name)]
        if missing:
            return Health(False, f"Not set: {', '.join(f'google.{name}' for name in missing)}.")
        return Health(True, "The app's secrets are set; each business connects its own account.")

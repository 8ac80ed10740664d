"""The plugin's hooks."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Health, Info, Plugin, PluginContext, hookimpl
from omniops.contracts.channel import Channel
from omniops.contracts.declaration import Declaration, Mechanism, Processor
from omniops.contracts.integration import Integration
from omniops.contracts.proof import Probe

from omniops_microsoft.calendar import MicrosoftCalendar
from omniops_microsoft.channel import MailChannel
from omniops_microsoft.client import CHAT, EMAIL, NAME, PROCESSOR, Graph
from omniops_microsoft.integration import MicrosoftIntegration
from omniops_microsoft.posts import TeamsPosts
from omniops_microsoft.settings import MicrosoftConnection, MicrosoftSettings

TERMS = "https://aka.ms/DPA"


class MicrosoftPlugin(Plugin):
    """Answers mail of an Outlook mailbox, hands off to a Teams channel, and books appointments."""

    info = Info(title="Microsoft 365", version="0.1.0", omniops=">=0.1,<0.2")
    Settings, Connection = MicrosoftSettings, MicrosoftConnection

    def __init__(self, context: PluginContext) -> None:
        super().__init__(context)
        graph = Graph(context)
        self._channel = MailChannel(context, graph)
        self._integration = MicrosoftIntegration(context, graph, TeamsPosts(graph), MicrosoftCalendar(graph))

    @hookimpl
    def declares(self) -> Declaration:
        settings: MicrosoftSettings = self.context.settings
        processor = Processor(
            key=PROCESSOR,
            name="Microsoft 365",
            role="customer_chosen",
            hosts=tuple(dict.fromkeys(place.hostname or "" for place in settings.places)),
            ports=tuple(dict.fromkeys(place.port or 443 for place in settings.places)),
            countries=("US",),
            purposes=("connection.use", "support.provide", "chat.respond"),
            categories=(EMAIL, CHAT, NAME),
            tls=settings.tls,
            legal_name="Microsoft Corporation",
            contact="https://aka.ms/privacyresponse",
            policy_url="https://privacy.microsoft.com/privacystatement",
            contract_url=TERMS,
            retention="As long as the business's tenant keeps its mail and messages.",
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
        from omniops_microsoft.proving import OnlyCalendarMailAndTeams

        return [OnlyCalendarMailAndTeams]

    @hookimpl
    async def health(self) -> Health | None:
        settings: MicrosoftSettings = self.context.settings
        missing = [name for name in ("client_id", "client_secret") if not getattr(settings, name)]
        if missing:
            return Health(False, f"Not set: {', '.join(f'microsoft.{name}' for name in missing)}.")
        return Health(True, "The app's secrets are set; each business connects its own account.")

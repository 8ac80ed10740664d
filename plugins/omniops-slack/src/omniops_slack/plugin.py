"""The plugin's hooks."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Health, Info, Plugin, PluginContext, hookimpl
from omniops.contracts.channel import Channel
from omniops.contracts.declaration import Declaration, Mechanism, Processor
from omniops.contracts.integration import Integration
from omniops.contracts.proof import Probe

from omniops_slack.channel import SlackChannel
from omniops_slack.client import CHAT, PROCESSOR, SlackClient
from omniops_slack.integration import SlackIntegration
from omniops_slack.posts import SlackPosts
from omniops_slack.settings import SlackConnection, SlackSettings

TERMS = "https://slack.com/terms-of-service/data-processing"


class SlackPlugin(Plugin):
    """Hand-offs go into a thread, replies there reach the visitor, and colleagues ask what the business knows."""

    info = Info(title="Slack", version="0.1.0", omniops=">=0.1,<0.2")
    Settings, Connection = SlackSettings, SlackConnection

    def __init__(self, context: PluginContext) -> None:
        super().__init__(context)
        client = SlackClient(context)
        self._channel = SlackChannel(context, client)
        self._integration = SlackIntegration(context, client, SlackPosts(client))

    @hookimpl
    def declares(self) -> Declaration:
        settings: SlackSettings = self.context.settings
        processor = Processor(
            key=PROCESSOR,
            name="Slack",
            role="customer_chosen",
            hosts=tuple(dict.fromkeys(place.hostname or "" for place in settings.places)),
            ports=tuple(dict.fromkeys(place.port or 443 for place in settings.places)),
            countries=("US",),
            purposes=("connection.use", "support.provide", "chat.respond"),
            categories=(CHAT,),
            tls=settings.tls,
            legal_name="Slack Technologies, LLC",
            contact="privacy@slack.com",
            policy_url="https://slack.com/trust/privacy/privacy-policy",
            contract_url=TERMS,
            retention="As long as the business's workspace keeps its messages.",
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
        from omniops_slack.proving import OnlySlacksMessages

        return [OnlySlacksMessages]

    @hookimpl
    async def health(self) -> Health | None:
        settings: SlackSettings = self.context.settings
        missing = [name for name in ("client_id", "client_secret", "signing_secret") if not getattr(settings, name)]
        if missing:
            return Health(False, f"Not set: {', '.join(f'slack.{name}' for name in missing)}.")
        return Health(True, "The app's secrets are set; each business connects its own workspace.")

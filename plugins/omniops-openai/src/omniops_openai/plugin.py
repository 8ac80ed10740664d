"""The plugin's hooks."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Health, Info, Plugin, hookimpl
from omniops.contracts.declaration import Declaration
from omniops.contracts.integration import Integration
from omniops.contracts.proof import Probe
from omniops.contracts.provider import Provider
from omniops.contracts.vendor import endings

from omniops_openai.deployments import deployments, processor
from omniops_openai.integration import OpenAIIntegration
from omniops_openai.provider import OpenAIProvider
from omniops_openai.proving import OpenAIIsCovered
from omniops_openai.settings import OpenAIConnection, OpenAISettings


class OpenAIPlugin(Plugin):
    """Answers with OpenAI's models, or with those of a server that speaks its protocol."""

    info = Info(title="OpenAI", version="0.1.0", omniops=">=0.1,<0.2")
    Settings, Connection = OpenAISettings, OpenAIConnection

    @hookimpl
    def declares(self) -> Declaration:
        return Declaration(processors=[processor(self.context.settings)])

    @hookimpl
    def providers(self) -> Sequence[Provider]:
        return [OpenAIProvider(self.context)]

    @hookimpl
    def integrations(self) -> Sequence[Integration]:
        """None for a server of the operator's: a business's key for OpenAI has no business there."""
        return [OpenAIIntegration(self.context)] if self.context.settings.official else ()

    @hookimpl
    def probes(self) -> Sequence[type[Probe]]:
        return [OpenAIIsCovered]

    @hookimpl
    async def health(self) -> Health | None:
        settings: OpenAISettings = self.context.settings
        today = self.context.clock.now().date()
        if (ending := endings(deployments(settings), today, "openai.models")) is not None:
            return ending
        if settings.official and settings.api_key is None:
            return Health(True, "No key of the operator's: only businesses with a key of their own are served.")
        return Health(True, f"Asks {settings.place.hostname} ({settings.region}) for {', '.join(settings.models)}.")

"""The plugin's hooks."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Health, Info, Plugin, hookimpl
from omniops.contracts.declaration import Declaration
from omniops.contracts.integration import Integration
from omniops.contracts.proof import Probe
from omniops.contracts.provider import Provider
from omniops.contracts.vendor import endings

from omniops_gemini.deployments import deployments, processor
from omniops_gemini.integration import GeminiIntegration
from omniops_gemini.provider import GeminiProvider
from omniops_gemini.proving import GoogleIsCovered
from omniops_gemini.settings import GeminiConnection, GeminiSettings


class GeminiPlugin(Plugin):
    """Answers with Google's Gemini models."""

    info = Info(title="Google Gemini", version="0.1.0", omniops=">=0.1,<0.2")
    Settings, Connection = GeminiSettings, GeminiConnection

    @hookimpl
    def declares(self) -> Declaration:
        return Declaration(processors=[processor(self.context.settings)])

    @hookimpl
    def providers(self) -> Sequence[Provider]:
        return [GeminiProvider(self.context)]

    @hookimpl
    def integrations(self) -> Sequence[Integration]:
        """None where the operator has another address: a business's key for Google has no business there."""
        return [GeminiIntegration(self.context)] if self.context.settings.base_url is None else ()

    @hookimpl
    def probes(self) -> Sequence[type[Probe]]:
        return [GoogleIsCovered]

    @hookimpl
    async def health(self) -> Health | None:
        settings: GeminiSettings = self.context.settings
        today = self.context.clock.now().date()
        if (ending := endings(deployments(settings, today), today, "gemini.models")) is not None:
            return ending
        if settings.api_key is None:
            return Health(True, "No key of the operator's: only businesses with a key of their own are served.")
        return Health(True, f"Asks {settings.place.hostname} for {', '.join(settings.models)}.")

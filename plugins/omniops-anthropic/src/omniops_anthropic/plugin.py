"""The plugin's hooks."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Health, Info, Plugin, PluginContext, hookimpl
from omniops.contracts.declaration import Declaration
from omniops.contracts.integration import Integration
from omniops.contracts.proof import Probe
from omniops.contracts.provider import Provider
from omniops.contracts.vendor import endings

from omniops_anthropic.integration import AnthropicIntegration
from omniops_anthropic.processor import processor
from omniops_anthropic.provider import AnthropicProvider
from omniops_anthropic.proving import AnthropicIsCovered
from omniops_anthropic.settings import AnthropicConnection, AnthropicSettings


class AnthropicPlugin(Plugin):
    """Answers by Anthropic's Claude models."""

    info = Info(title="Anthropic", version="0.1.0", omniops=">=0.1,<0.2")
    Settings, Connection = AnthropicSettings, AnthropicConnection

    def __init__(self, context: PluginContext) -> None:
        super().__init__(context)
        self._provider = AnthropicProvider(context)

    @hookimpl
    def declares(self) -> Declaration:
        settings: AnthropicSettings = self.context.settings
        return Declaration(processors=[processor(settings)])

    @hookimpl
    def providers(self) -> Sequence[Provider]:
        return [self._provider]

    @hookimpl
    def integrations(self) -> Sequence[Integration]:
        return [AnthropicIntegration(self.context)]

    @hookimpl
    def probes(self) -> Sequence[type[Probe]]:
        return [AnthropicIsCovered]

    @hookimpl
    async def health(self) -> Health:
        settings: AnthropicSettings = self.context.settings
        today = self.context.clock.now().date()
        if (ending := endings(self._provider.deployments(), today, "anthropic.models")) is not None:
            return ending
        whose = "the operator's key" if settings.api_key is not None else "businesses' own keys only"
        return Health(True, f"{', '.join(settings.models)} by {whose}, {settings.inference_geo}.")

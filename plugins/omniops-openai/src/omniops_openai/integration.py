"""A business's own key, tried before it is saved."""

from __future__ import annotations

from collections.abc import Collection

from omniops import PluginContext
from omniops.contracts.provider import Timeouts
from omniops.contracts.vendor import CONNECT, KeyIntegration
from pydantic import BaseModel

from omniops_openai.deployments import PROCESSOR
from omniops_openai.errors import problem
from omniops_openai.provider import client, sdk
from omniops_openai.settings import OpenAIConnection, OpenAISettings


class OpenAIIntegration(KeyIntegration):
    """The key of a business, which its answers are then paid by."""

    name = "openai"
    title = "OpenAI"
    processor = PROCESSOR

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._settings: OpenAISettings = context.settings
        super().__init__(self._settings.models)

    async def listed(self, connection: BaseModel) -> Collection[str]:
        assert isinstance(connection, OpenAIConnection)
        await sdk()
        try:
            async with self._context.gate.http(PROCESSOR, purpose=CONNECT) as http:
                speaker = client(http, connection.api_key.get_secret_value(), self._settings.url, Timeouts())
                return {model.id async for model in speaker.models.list()}
        except Exception as error:
            raise problem(error) from error

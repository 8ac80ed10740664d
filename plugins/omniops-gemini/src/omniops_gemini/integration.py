"""A business's own key, tried before it is saved."""

from __future__ import annotations

from collections.abc import Collection

from omniops import PluginContext
from omniops.contracts.provider import Timeouts
from omniops.contracts.vendor import CONNECT, KeyIntegration
from pydantic import BaseModel

from omniops_gemini.deployments import PROCESSOR
from omniops_gemini.errors import problem
from omniops_gemini.provider import Wire, sdk
from omniops_gemini.settings import GeminiConnection, GeminiSettings


class GeminiIntegration(KeyIntegration):
    """The key of a business, which its answers are then paid by."""

    name = "gemini"
    title = "Google Gemini"
    processor = PROCESSOR

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._settings: GeminiSettings = context.settings
        super().__init__(self._settings.models)

    async def listed(self, connection: BaseModel) -> Collection[str]:
        assert isinstance(connection, GeminiConnection)
        await sdk()
        try:
            async with self._context.gate.http(PROCESSOR, purpose=CONNECT) as http:
                wire = Wire(http, connection.api_key.get_secret_value(), self._settings.url, Timeouts())
                pages = await wire.sdk.models.list(config={"page_size": 1000})
                return {(model.name or "").removeprefix("models/") async for model in pages}
        except Exception as error:
            raise problem(error) from error

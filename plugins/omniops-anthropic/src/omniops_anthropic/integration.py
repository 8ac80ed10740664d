"""A business's own key, tried before it is saved."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from omniops import PluginContext
from omniops.contracts.vendor import KeyIntegration
from pydantic import BaseModel

from omniops_anthropic.names import ANTHROPIC
from omniops_anthropic.provider import models
from omniops_anthropic.settings import AnthropicConnection


class AnthropicIntegration(KeyIntegration):
    """The key of a business, which its answers are then paid by."""

    name: ClassVar[str] = ANTHROPIC
    title: ClassVar[str] = "Anthropic"
    processor: ClassVar[str] = ANTHROPIC

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        super().__init__(context.settings.models)

    async def listed(self, connection: BaseModel) -> Collection[str]:
        assert isinstance(connection, AnthropicConnection)
        return await models(self._context, connection.api_key.get_secret_value())

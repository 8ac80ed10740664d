"""The provider: one streamed message for each answer, through the gate, in one attempt."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from omniops import PluginContext, PluginSettings
from omniops.contracts.provider import Deployment, Done, Event, Provider, Request, Started, Timeouts
from omniops.contracts.vendor import CONNECT, way_out
from omniops.contracts.vendor import account as account_of

from omniops_anthropic.asking import ask, counted
from omniops_anthropic.errors import meaning, no_key, truncated
from omniops_anthropic.models import deployment as made
from omniops_anthropic.models import learned
from omniops_anthropic.names import ANTHROPIC
from omniops_anthropic.reading import Reader
from omniops_anthropic.settings import AnthropicConnection, AnthropicSettings

if TYPE_CHECKING:
    import anthropic
    import httpx2
    from anthropic.types import ModelInfo

SDK = "anthropic.resources.messages"
DRAIN_SECONDS = 0.05
"""How long the last bytes after the end may take, so that the connection can be used again."""


class AnthropicProvider(Provider):
    """Claude models, by the operator's key or by a business's own."""

    name: ClassVar[str] = ANTHROPIC

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        settings: AnthropicSettings = context.settings
        self._deployments = tuple(
            made(name, geo=settings.inference_geo, retention=settings.retention, keyed=settings.api_key is not None)
            for name in dict.fromkeys(settings.models)
        )

    def deployments(self) -> Sequence[Deployment]:
        return self._deployments

    @asynccontextmanager
    async def stream(
        self,
        request: Request,
        deployment: Deployment,
        *,
        limits: Timeouts,
        connection: PluginSettings | None = None,
    ) -> AsyncIterator[AsyncIterator[Event]]:
        async with aclosing(self._events(request, deployment, limits, self._key(connection))) as events:
            yield events

    async def _events(
        self, request: Request, deployment: Deployment, limits: Timeouts, key: str
    ) -> AsyncGenerator[Event, None]:
        settings: AnthropicSettings = self._context.settings
        account = account_of(key)
        asked = ask(request, deployment, effort=settings.effort, geo=deployment.region, account=account)
        begun = False
        try:
            await imported()
            async with (
                way_out(self._context.gate, ANTHROPIC, request) as http,
                await client(settings, key, http, limits).messages.create(**asked.body, stream=True) as stream,
            ):
                request_id = stream.response.headers.get("request-id", "")
                reader = Reader(asked.documents, model=deployment.model, account=account, request_id=request_id)
                async for told in stream:
                    for event in reader.read(told):
                        begun = begun or not isinstance(event, Started)
                        if isinstance(event, Done):
                            try:
                                yield event
                            finally:
                                await _drain(stream)
                            return
                        yield event
        except Exception as error:
            raise meaning(error, begun=begun) from error
        raise truncated()

    async def count_tokens(self, request: Request, deployment: Deployment) -> int | None:
        """As Anthropic counts, which is free. None where it cannot be asked now."""
        settings: AnthropicSettings = self._context.settings
        if settings.api_key is None:
            return None
        key = settings.api_key.get_secret_value()
        try:
            await imported()
            async with way_out(self._context.gate, ANTHROPIC, request) as http:
                body = counted(request, deployment, account=account_of(key))
                return (await client(settings, key, http, Timeouts()).messages.count_tokens(**body)).input_tokens
        except Exception as error:
            self._context.log.warning("anthropic.uncounted", kind=meaning(error, begun=False).kind)
            return None

    async def warm(self) -> None:
        """Imports the SDK, and shakes hands with the API by asking what it says of its models."""
        await imported()
        settings: AnthropicSettings = self._context.settings
        if settings.api_key is None:
            return
        said = await models(self._context, settings.api_key.get_secret_value())
        for one in self._deployments:
            if one.model not in said:
                self._context.log.warning("anthropic.no_such_model", model=one.model)
        self._deployments = tuple(
            learned(one, said[one.model]) if one.model in said else one for one in self._deployments
        )

    def _key(self, connection: PluginSettings | None) -> str:
        settings: AnthropicSettings = self._context.settings
        if isinstance(connection, AnthropicConnection):
            return connection.api_key.get_secret_value()
        if settings.api_key is None:
            raise no_key()
        return settings.api_key.get_secret_value()


async def imported() -> None:
    """Sees that the SDK is there. Its three thousand modules take a second: not in the event loop."""
    if SDK not in sys.modules:
        await asyncio.to_thread(import_module, SDK)


def client(
    settings: AnthropicSettings, key: str, http: httpx2.AsyncClient, limits: Timeouts
) -> anthropic.AsyncAnthropic:
    """The SDK on a client of the gate: it tries once, and adds nothing of its own to what is sent."""
    import anthropic
    import httpx2

    return anthropic.AsyncAnthropic(
        api_key=key,
        base_url=settings.base_url,
        max_retries=0,
        timeout=httpx2.Timeout(max(limits.first, limits.gap), connect=limits.connect, pool=limits.connect),
        http_client=http,
        open_telemetry={"propagation": False, "traces": False},
    )


async def models(context: PluginContext, key: str) -> dict[str, ModelInfo]:
    """The models that a key may use, by id. It costs nothing and says nothing about anybody. Raises `ProviderError`."""
    try:
        await imported()
        async with context.gate.http(ANTHROPIC, purpose=CONNECT) as http:
            page = await client(context.settings, key, http, Timeouts()).models.list(limit=100)
            return {model.id: model for model in page.data}
    except Exception as error:
        raise meaning(error, begun=False) from error


async def _drain(stream: Any) -> None:
    """Reads what is left after the end, which is nothing but the end of the body."""
    with suppress(Exception):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in stream:
                pass

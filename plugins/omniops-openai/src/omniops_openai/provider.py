"""The provider: one call to one deployment, in one attempt, over the gate's connections."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, ClassVar

from omniops import PluginContext, PluginSettings
from omniops.contracts.provider import (
    Cap,
    Deployment,
    Done,
    Event,
    Provider,
    ProviderError,
    Refusal,
    Request,
    Timeouts,
)
from omniops.contracts.vendor import account, timely, way_out

from omniops_openai import chat, responses
from omniops_openai.asking import estimated
from omniops_openai.deployments import NAME, PROCESSOR, deployments
from omniops_openai.errors import problem, refused_as, told
from omniops_openai.settings import OpenAIConnection, OpenAISettings

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

Speaks = Callable[["AsyncOpenAI", Request, Deployment, OpenAISettings, str], AsyncGenerator[Event]]
_SPEAKS: dict[str, Speaks] = {"responses": responses.events, "chat": chat.events}
_NO_KEY = "none"
"""What servers get that want no key: the SDK does not go without one."""


async def sdk() -> None:
    """Imports the SDK, once, beside the event loop: it takes about a second."""
    await asyncio.to_thread(importlib.import_module, "openai")


def client(http: httpx2.AsyncClient, key: str, url: str, limits: Timeouts) -> AsyncOpenAI:
    """The SDK's client over a client of the gate. It tries once, and takes nothing from the environment."""
    import httpx2
    import openai

    made = openai.AsyncOpenAI(
        api_key=key,
        base_url=url,
        http_client=http,
        max_retries=0,
        timeout=httpx2.Timeout(limits.gap, connect=limits.connect, pool=limits.connect),
    )
    made.organization = made.project = None  # an operator's OPENAI_ORG_ID does not fit a business's key
    return made


class OpenAIProvider(Provider):
    """OpenAI, or the compatible server that the operator named."""

    name: ClassVar[str] = NAME

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._settings: OpenAISettings = context.settings
        self._deployments = deployments(self._settings)

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
        async with aclosing(self._events(request, deployment, limits, connection)) as events:
            yield events

    async def _events(
        self, request: Request, deployment: Deployment, limits: Timeouts, connection: PluginSettings | None
    ) -> AsyncGenerator[Event]:
        key = self._key(connection)
        await sdk()
        try:
            async with way_out(self._context.gate, PROCESSOR, request) as http:
                speaker = client(http, key, self._settings.url, limits)
                speak = _SPEAKS[self._settings.api]
                origin = _origin(deployment, key)
                async with aclosing(speak(speaker, request, deployment, self._settings, origin)) as events:
                    async for event in timely(events, limits):
                        yield event
        except Exception as error:
            code = refused_as(error)
            if code is None:
                raise problem(error) from error
            yield Refusal("", code)
            yield Done("filter", estimated(request, 0))

    async def count_tokens(self, request: Request, deployment: Deployment) -> int | None:
        """OpenAI counts for nothing. None where it does not, or not now."""
        if Cap.TOKEN_COUNT not in deployment.caps or not deployment.keyed:
            return None
        await sdk()
        with suppress(Exception):
            key = self._key(None)
            body = responses.asked(request, deployment, self._settings, _origin(deployment, key))
            fields = {name: body[name] for name in ("model", "input", "instructions", "tools", "text") if name in body}
            async with way_out(self._context.gate, PROCESSOR, request) as http:
                speaker = client(http, key, self._settings.url, Timeouts())
                return (await speaker.responses.input_tokens.count(**fields)).input_tokens
        return None

    async def warm(self) -> None:
        """Imports the SDK and builds the types of its events, with an answer out of thin air."""
        await sdk()
        await asyncio.to_thread(asyncio.run, self._rehearse())

    async def _rehearse(self) -> None:
        import httpx2

        async with httpx2.AsyncClient(transport=httpx2.MockTransport(_nothing), trust_env=False) as http:
            speaker = client(http, _NO_KEY, self._settings.url, Timeouts())
            question = Request("", (), (), "en", 0.0, 0.0, 0.0, "")
            with suppress(ProviderError):  # an answer without its end
                async for _ in _SPEAKS[self._settings.api](speaker, question, self._deployments[0], self._settings, ""):
                    pass

    def _key(self, connection: PluginSettings | None) -> str:
        if isinstance(connection, OpenAIConnection):
            return connection.api_key.get_secret_value()
        key = self._settings.api_key
        if key is None and self._settings.official:
            raise told(None, kind="auth")  # and nothing is sent
        return key.get_secret_value() if key is not None else _NO_KEY


def _origin(deployment: Deployment, key: str) -> str:
    """A deployment and an account, without telling its key."""
    return f"{deployment.name} {account(key)}"


def _nothing(request: httpx2.Request) -> httpx2.Response:
    import httpx2

    event = b'data: {"type": "response.output_text.delta", "delta": "", "choices": []}\n\n'
    return httpx2.Response(200, content=event, headers={"content-type": "text/event-stream"}, request=request)

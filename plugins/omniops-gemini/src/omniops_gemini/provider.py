"""The provider: one call to one deployment, in one attempt, over the gate's connections."""

from __future__ import annotations

import asyncio
import importlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar

from omniops import PluginContext, PluginSettings
from omniops.contracts.provider import (
    Deployment,
    Event,
    Provider,
    ProviderError,
    Request,
    Timeouts,
)
from omniops.contracts.vendor import account, timely, way_out

from omniops_gemini import asking
from omniops_gemini.deployments import NAME, PROCESSOR, deployments
from omniops_gemini.errors import problem, told
from omniops_gemini.reading import read
from omniops_gemini.settings import GeminiConnection, GeminiSettings

if TYPE_CHECKING:
    import httpx2
    from google.genai.client import AsyncClient

_UNUSED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Handed to the SDK for transports of its own that are never opened: it would load the machine's certificates for each,
40 ms of every call. It trusts nobody."""


async def sdk() -> None:
    """Imports the SDK, once, beside the event loop: it takes about a second."""
    await asyncio.to_thread(importlib.import_module, "google.genai")


class Wire:
    """The SDK over a client of the gate, for one call.

    The SDK cannot close its streams: leaving its iterator leaves the vendor writing. So the responses are kept here,
    and closed with this. Without an async client of ours it would also go round the gate.
    """

    def __init__(self, http: httpx2.AsyncClient, key: str, url: str, limits: Timeouts) -> None:
        from google import genai
        from google.genai import types

        self._limits = limits
        self._responses: list[httpx2.Response] = []
        http.event_hooks = {"request": [self._timed], "response": [self._kept]}
        self.sdk: AsyncClient = genai.Client(
            vertexai=False,
            api_key=key,
            http_options=types.HttpOptions(
                base_url=url,
                api_version="v1beta",  # all of v1 and more, and what proxies know
                httpx_async_client=http,
                client_args={"verify": _UNUSED},
                async_client_args={"verify": _UNUSED, "ssl": _UNUSED},
                retry_options=types.HttpRetryOptions(attempts=1),
            ),
        ).aio

    async def _timed(self, request: httpx2.Request) -> None:
        # The SDK's own timeout is one number for everything, and is sent along as a deadline for the whole answer.
        gap, connect = self._limits.gap, self._limits.connect
        request.extensions["timeout"] = {"connect": connect, "read": gap, "write": gap, "pool": connect}

    async def _kept(self, response: httpx2.Response) -> None:
        self._responses.append(response)

    async def close(self, stream: Any = None) -> None:
        """Closes what is open at the vendor, then lets the SDK's iterator run into that, so that none of it is left."""
        for response in self._responses:
            await response.aclose()
        if stream is not None and self._responses:
            with suppress(Exception):
                async for _ in stream:
                    pass


class GeminiProvider(Provider):
    """Gemini by an API key of Google AI Studio."""

    name: ClassVar[str] = NAME

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._settings: GeminiSettings = context.settings

    def deployments(self) -> Sequence[Deployment]:
        return deployments(self._settings, self._context.clock.now().date())

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
        origin = _origin(deployment, key)
        await sdk()
        try:
            async with way_out(self._context.gate, PROCESSOR, request) as http:
                wire = Wire(http, key, self._settings.url, limits)
                stream: Any = None
                try:
                    # The SDK asks when its iterator is first read, not here.
                    stream = await wire.sdk.models.generate_content_stream(
                        model=deployment.model,
                        contents=list(asking.contents(request, origin)),
                        config=asking.config(request, deployment, self._settings),
                    )
                    async with aclosing(read(aiter(stream), request, deployment, origin)) as events:
                        async for event in timely(events, limits):
                            yield event
                finally:
                    await wire.close(stream)
        except Exception as error:
            raise problem(error) from error

    async def count_tokens(self, request: Request, deployment: Deployment) -> int | None:
        """Google counts for nothing, but neither system text nor tools at this address: they go along as plain text.
        None where it does not, or not now."""
        if not deployment.keyed:
            return None
        await sdk()
        with suppress(Exception):
            key = self._key(None)
            async with way_out(self._context.gate, PROCESSOR, request) as http:
                wire = Wire(http, key, self._settings.url, Timeouts())
                told = [
                    request.system,
                    *(f"{tool.name} {tool.description} {dict(tool.schema)}" for tool in request.tools),
                ]
                counted = await wire.sdk.models.count_tokens(
                    model=deployment.model,
                    contents=[*(text for text in told if text), *asking.contents(request, _origin(deployment, key))],
                )
                return counted.total_tokens
        return None

    async def warm(self) -> None:
        """Imports the SDK and builds the types of its chunks, with an answer out of thin air."""
        await sdk()
        await asyncio.to_thread(asyncio.run, self._rehearse())

    async def _rehearse(self) -> None:
        import httpx2

        async with httpx2.AsyncClient(transport=httpx2.MockTransport(_nothing), trust_env=False) as http:
            wire = Wire(http, "none", self._settings.url, Timeouts())
            question, deployment = Request("", (), (), "en", 0.0, 0.0, 0.0, ""), self.deployments()[0]
            stream = await wire.sdk.models.generate_content_stream(
                model=deployment.model,
                contents=list(asking.contents(question, "")),
                config=asking.config(question, deployment, self._settings),
            )
            with suppress(ProviderError):  # an answer without its end
                async for _ in read(aiter(stream), question, deployment, ""):
                    pass

    def _key(self, connection: PluginSettings | None) -> str:
        if isinstance(connection, GeminiConnection):
            return connection.api_key.get_secret_value()
        if self._settings.api_key is None:
            raise told(None, kind="auth")  # and nothing is sent
        return self._settings.api_key.get_secret_value()


def _origin(deployment: Deployment, key: str) -> str:
    """A deployment and an account, without telling its key."""
    return f"{deployment.name} {account(key)}"


def _nothing(request: httpx2.Request) -> httpx2.Response:
    import httpx2

    chunk = b'data: {"candidates": [{"content": {"role": "model", "parts": [{"text": ""}]}}]}\n\n'
    return httpx2.Response(200, content=chunk, headers={"content-type": "text/event-stream"}, request=request)

"""What every plugin, provider and integration must be, over both protocols."""

import asyncio
from typing import Any, ClassVar

import httpx2
import pytest
from omniops.contracts.provider import ProviderError, Timeouts
from omniops.testing import AnsweringGate, IntegrationSuite, PluginSuite, UpstreamSuite
from omniops.testing.upstream import Answer, Endless, Stall
from omniops_openai import OpenAIPlugin
from omniops_openai.catalogue import MODELS
from openai_wires import Chat, Responses

KEY = "sk-test-0123456789abcdef"
SERVER: dict[str, Any] = {
    "api_key": KEY,
    "region": "eu",
    "countries": ["DE"],
    "title": "A server of ours",
    "models": ["llama-4"],
    "reasoning": True,
}


def vendor(request):
    """OpenAI's list of models, for one key."""
    if request.headers["authorization"] != f"Bearer {KEY}":
        return httpx2.Response(401, json={"error": {"message": "Incorrect API key", "code": "invalid_api_key"}})
    found = [{"id": name, "object": "model", "created": 1, "owned_by": "openai"} for name in MODELS]
    return httpx2.Response(200, json={"object": "list", "data": found})


class TestOpenAI(PluginSuite):
    plugin_name = "openai"
    settings: ClassVar[dict[str, Any]] = {"api_key": KEY, "region": "eu"}

    @pytest.fixture
    def gate(self):
        return AnsweringGate(vendor)


class TestWithoutKey(TestOpenAI):
    settings: ClassVar[dict[str, Any]] = {}


class TestKey(IntegrationSuite):
    plugin_name = "openai"
    connection_values: ClassVar[dict[str, Any]] = {"api_key": KEY}

    @pytest.fixture
    def gate(self):
        return AnsweringGate(vendor, processors=["openai"])

    @pytest.fixture
    def bad_connection(self):
        return OpenAIPlugin.Connection(api_key="sk-wrong-0123456789abcdef")


class TestServer(TestOpenAI):
    settings: ClassVar[dict[str, Any]] = {**SERVER, "base_url": "http://localhost:11434/v1"}


class TestResponses(UpstreamSuite):
    plugin_name = "openai"
    settings: ClassVar[dict[str, Any]] = SERVER
    wire = Responses()

    async def test_signs_of_life_are_no_answer(self, provider, deployment, upstream):
        """A server that keeps the line open and says nothing does not hold the visitor for ever."""
        upstream.answer = self.answer([self.wire.text("No.").opening], Endless(b": still here\n\n"))
        error, _ = await self.failure(provider, deployment, limits=Timeouts(connect=0.2, first=0.2, gap=600))
        assert (error.kind, error.retry) == ("timeout", "other")

    async def test_the_end_is_the_end(self, provider, deployment, upstream):
        """Whatever the server does with the connection, and however long a gap may be."""
        upstream.answer = self.answer(self.wire.text("No."), Stall())
        limits = Timeouts(connect=5, first=10, gap=600)
        async with asyncio.timeout(5), provider.stream(self.ask(), deployment, limits=limits) as stream:
            assert [event async for event in stream][-1].stop == "end"

    async def test_a_proxy_that_leads_elsewhere_is_not_followed(self, provider, deployment, upstream):
        upstream.answer = Answer(status=302, headers={"Location": "https://elsewhere.example/"})
        with pytest.raises(ProviderError) as caught:
            await self.events(provider, self.ask(), deployment)
        assert (caught.value.kind, caught.value.retry) == ("server", "other")
        assert len(upstream.exchanges) == 1


class TestChat(TestResponses):
    settings: ClassVar[dict[str, Any]] = {**SERVER, "api": "chat"}
    wire = Chat()

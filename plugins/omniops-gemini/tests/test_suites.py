"""What every plugin, provider and integration must be."""

import asyncio
from typing import Any, ClassVar

import httpx2
import pytest
from gemini_wire import Gemini
from omniops.contracts.provider import Timeouts
from omniops.testing import AnsweringGate, IntegrationSuite, PluginSuite, UpstreamSuite
from omniops.testing.upstream import Endless, Stall
from omniops_gemini import GeminiPlugin
from omniops_gemini.catalogue import MODELS

KEY = "AIza-test-0123456789abcdef"


def vendor(request):
    """Google's list of models, for one key."""
    if request.headers["x-goog-api-key"] != KEY:
        error = {"code": 400, "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}
        return httpx2.Response(400, json={"error": error})
    return httpx2.Response(200, json={"models": [{"name": f"models/{name}"} for name in MODELS]})


class TestGemini(PluginSuite):
    plugin_name = "gemini"
    settings: ClassVar[dict[str, Any]] = {"api_key": KEY}

    @pytest.fixture
    def gate(self):
        return AnsweringGate(vendor)


class TestWithoutKey(TestGemini):
    settings: ClassVar[dict[str, Any]] = {}


class TestKey(IntegrationSuite):
    plugin_name = "gemini"
    connection_values: ClassVar[dict[str, Any]] = {"api_key": KEY}

    @pytest.fixture
    def gate(self):
        return AnsweringGate(vendor, processors=["gemini"])

    @pytest.fixture
    def bad_connection(self):
        return GeminiPlugin.Connection(api_key="AIza-wrong-0123456789abcdef")


class TestUpstream(UpstreamSuite):
    plugin_name = "gemini"
    settings: ClassVar[dict[str, Any]] = {"api_key": KEY, "region": "global", "countries": ["DE"], "title": "A proxy"}
    wire = Gemini()

    async def test_signs_of_life_are_no_answer(self, provider, deployment, upstream):
        """A model that thinks for ever does not hold the visitor for ever."""
        upstream.answer = self.answer([], Endless(self.wire.text("No.").opening))
        error, _ = await self.failure(provider, deployment, limits=Timeouts(connect=0.2, first=0.2, gap=600))
        assert (error.kind, error.retry) == ("timeout", "other")

    async def test_the_end_is_the_end(self, provider, deployment, upstream):
        """Whatever the server does with the connection, and however long a gap may be."""
        upstream.answer = self.answer(self.wire.text("No."), Stall())
        limits = Timeouts(connect=5, first=10, gap=600)
        async with asyncio.timeout(5), provider.stream(self.ask(), deployment, limits=limits) as stream:
            assert [event async for event in stream][-1].stop == "end"

"""Against llmock, which learned the protocol elsewhere than we did, and grades the client. It speaks no TLS: an
exception of the operator lets the gate through."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from asked import QUESTION, TOOLS
from omniops.contracts.ids import new_id
from omniops.contracts.provider import ChatMessage, Done, ProviderError, Started, Text, Timeouts, ToolCall
from omniops.doors import PluginGate, Rooms
from omniops.gate.grants import Allow
from omniops.gate.service import Gate
from omniops.privacy.register import ProcessorRegister
from omniops.testing import context
from omniops_openai import OpenAIPlugin


class Ledger:
    async def opened(self, call):
        return new_id()

    def closed(self, entry, call, closing): ...


class Exceptions:
    def __init__(self, url):
        self._at = urlsplit(url)

    async def find(self, host, port):
        found = (host, port) == (self._at.hostname, self._at.port)
        return Allow(host, port, "llmock", plaintext=True) if found else None


@pytest.fixture(params=["responses", "chat"])
async def ask(llmock, tmp_path, request):
    settings = OpenAIPlugin.Settings(
        api_key="llmock-test-key",
        base_url=llmock.base_url("openai"),
        api=request.param,
        region="local",
        countries=["DE"],
        title="llmock",
        models=["gpt-6.1-terra"],
    )
    rooms = Rooms()
    plugin = OpenAIPlugin(context("openai", settings, folder=tmp_path, gate=PluginGate("openai", rooms)))
    rooms.register = ProcessorRegister([("openai", plugin.declares())], Exceptions(settings.base_url))
    rooms.gate = Gate(rooms.register, Ledger())
    (provider,) = plugin.providers()

    async def asked(**changes):
        limits = Timeouts(connect=5.0, first=5.0, gap=5.0)
        async with provider.stream(replace(QUESTION, **changes), provider.deployments()[0], limits=limits) as stream:
            return [event async for event in stream]

    yield asked
    await rooms.gate.close()


async def test_an_answer_comes_whole(ask, llmock):
    llmock.reply("We open at ten.")
    events = await ask()
    assert isinstance(events[0], Started)
    assert "".join(event.delta for event in events if isinstance(event, Text)) == "We open at ten."
    assert isinstance(events[-1], Done)
    assert events[-1].usage.measured
    llmock.assert_resilient()


async def test_a_tool_is_called(ask, llmock):
    llmock.call_tool("order_status", {"number": "A-100"})
    events = await ask(tools=TOOLS)
    (call,) = (event for event in events if isinstance(event, ToolCall))
    assert (call.name, dict(call.args)) == ("order_status", {"number": "A-100"})
    assert events[-1].stop == "tool"


async def test_who_does_what_the_errors_say_is_resilient(ask, llmock):
    faults = {
        "overloaded": lambda: llmock.fail(529),
        "server": lambda: llmock.fail(500),
        "auth": lambda: llmock.fail(401),
        "truncated": lambda: llmock.truncate(after_chunks=3),
        "malformed": lambda: llmock.corrupt(after_chunks=3),
        "connection": lambda: llmock.disconnect(after_chunks=3),
    }
    for kind, break_it in faults.items():
        break_it()
        own = [ChatMessage("visitor", f"A question of its own: {kind}?")]
        with pytest.raises(ProviderError) as failed:
            await ask(messages=own)
        assert failed.value.kind == kind
        if failed.value.scope == "deployment" and failed.value.retry_after is None:  # another might be asked at once
            assert (await ask(messages=own))[-1].stop == "end"
    assert len(llmock.requests) == 2 * len(faults) - 2, "one attempt for each question"
    llmock.assert_resilient()

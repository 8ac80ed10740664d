"""Against llmock, which grades the client. It speaks no TLS: an exception of the operator lets the gate through."""

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from omniops.contracts.ids import new_id
from omniops.contracts.provider import (
    ChatMessage,
    Done,
    ProviderError,
    Request,
    Started,
    Text,
    Timeouts,
    ToolCall,
    ToolSpec,
)
from omniops.doors import PluginGate, Rooms
from omniops.gate.grants import Allow
from omniops.gate.service import Gate
from omniops.privacy.register import ProcessorRegister
from omniops.testing import context
from omniops_anthropic import AnthropicPlugin
from omniops_anthropic.settings import AnthropicSettings

REQUEST = Request(
    question="When are you open?",
    messages=[ChatMessage("visitor", "When are you open?")],
    passages=[],
    language="en",
    cover=1.0,
    answer_cut=0.5,
    closest_cut=0.3,
    idempotency_key="k",
)
ORDER = ToolSpec(
    "order_status", "The state of an order.", {"type": "object", "properties": {"number": {"type": "string"}}}
)


class Ledger:
    async def opened(self, call):
        return new_id()

    def closed(self, entry, call, closing): ...


class Exceptions:
    def __init__(self, url):
        self._at = urlsplit(url)

    async def find(self, host, port):
        return (
            Allow(host, port, "llmock", plaintext=True) if (host, port) == (self._at.hostname, self._at.port) else None
        )


@pytest.fixture
async def ask(llmock, tmp_path):
    url = llmock.base_url("anthropic")
    rooms = Rooms()
    settings = AnthropicSettings(api_key="llmock-test-key", base_url=url)
    plugin = AnthropicPlugin(context("anthropic", settings, folder=tmp_path, gate=PluginGate("anthropic", rooms)))
    rooms.register = ProcessorRegister([("anthropic", plugin.declares())], Exceptions(url))
    rooms.gate = Gate(rooms.register, Ledger())
    (provider,) = plugin.providers()

    async def asked(request=REQUEST):
        limits = Timeouts(connect=5.0, first=5.0, gap=5.0)
        async with provider.stream(request, provider.deployments()[0], limits=limits) as stream:
            return [event async for event in stream]

    yield asked
    await rooms.gate.close()


async def test_an_answer_comes_whole(ask, llmock):
    llmock.reply("We open at ten.")
    events = await ask()
    assert isinstance(events[0], Started)
    assert "".join(event.delta for event in events if isinstance(event, Text)) == "We open at ten."
    assert isinstance(events[-1], Done)
    assert events[-1].usage.input > 0
    llmock.assert_resilient()


async def test_a_tool_is_called(ask, llmock):
    llmock.call_tool("order_status", {"number": "A-100"})
    events = await ask(replace(REQUEST, tools=[ORDER]))
    (call,) = (event for event in events if isinstance(event, ToolCall))
    assert (call.name, dict(call.args)) == ("order_status", {"number": "A-100"})
    assert events[-1].stop == "tool"


async def test_who_does_what_the_errors_say_is_resilient(ask, llmock):
    faults = {
        "rate_limit": lambda: llmock.rate_limit(retry_after=0.05),
        "overloaded": lambda: llmock.fail(529),
        "server": lambda: llmock.fail(500),
        "auth": lambda: llmock.fail(401),
        "truncated": lambda: llmock.truncate(after_chunks=3),
        "malformed": lambda: llmock.corrupt(after_chunks=3),
        "connection": lambda: llmock.disconnect(after_chunks=3),
    }
    for kind, break_it in faults.items():
        break_it()
        request = replace(REQUEST, messages=[ChatMessage("visitor", f"A question of its own: {kind}?")])
        with pytest.raises(ProviderError) as failed:
            await ask(request)
        error = failed.value
        assert error.kind == kind
        if error.scope == "deployment":  # as the router does, at another deployment
            await asyncio.sleep(error.retry_after or 0)
            assert (await ask(request))[-1].stop == "end"
    assert len(llmock.requests) == 2 * len(faults) - 1, "one attempt for each question"
    llmock.assert_resilient()

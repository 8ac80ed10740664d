"""A vendor's provider against llmock, which learned the protocols elsewhere than we did, and grades the client.

It needs `pip install llmock`, whose pytest plugin brings the fixture `llmock`.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from omniops.contracts.plugin import PluginSettings
from omniops.contracts.provider import (
    ChatMessage,
    Done,
    Event,
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
from omniops.hookspecs import Plugin
from omniops.privacy.register import ProcessorRegister
from omniops.testing.asked_outside import Ledger
from omniops.testing.fakes import context

SCHEMA = {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]}
ORDER = ToolSpec("order_status", "The state of an order.", SCHEMA)
QUESTION = Request(
    question="And on Sunday?",
    messages=[
        ChatMessage("visitor", "Are you open on Saturday?"),
        ChatMessage("person", "Yes, from 10."),
        ChatMessage("visitor", "And on Sunday?"),
    ],
    passages=(),
    language="en",
    cover=1.0,
    answer_cut=0.5,
    closest_cut=0.3,
    idempotency_key="turn-1",
    system="You answer for a small shop.",
    context="[1] We are closed on Sunday.",
    cache_key="shop.example",
    end_user="9f86d081884c7d65",
)
Ask = Callable[..., Coroutine[Any, Any, list[Event]]]


class _Plain:
    """The operator's exception for llmock, which speaks no TLS."""

    def __init__(self, url: str) -> None:
        self._at = urlsplit(url)

    async def find(self, host: str, port: int) -> Allow | None:
        found = (host, port) == (self._at.hostname, self._at.port)
        return Allow(host, port, "llmock", plaintext=True) if found else None


class GradedSuite:
    """Subclass it in the tests of a provider whose protocol llmock speaks, beside `UpstreamSuite`."""

    plugin_name: ClassVar[str]
    plugin_class: ClassVar[type[Plugin]]
    says_when: ClassVar[bool] = False
    """Whether the vendor says after how long to ask again, in a header that llmock writes."""

    @abstractmethod
    @pytest.fixture
    def settings(self, llmock: Any) -> PluginSettings:
        """The plugin's settings, with the address of llmock."""

    @pytest.fixture
    async def ask(self, settings: PluginSettings, tmp_path: Path) -> AsyncIterator[Ask]:
        """Asks once, and gives all events of the answer."""
        rooms, name = Rooms(), self.plugin_name
        plugin = self.plugin_class(context(name, settings, folder=tmp_path, gate=PluginGate(name, rooms)))
        rooms.register = ProcessorRegister([(name, plugin.declares())], _Plain(str(settings.base_url)))  # type: ignore[attr-defined]
        rooms.gate = gate = Gate(rooms.register, Ledger())
        (provider,) = plugin.providers()

        async def asked(**changes: Any) -> list[Event]:
            request, limits = replace(QUESTION, **changes), Timeouts(connect=5.0, first=5.0, gap=5.0)
            async with provider.stream(request, provider.deployments()[0], limits=limits) as stream:
                return [event async for event in stream]

        yield asked
        await gate.close()

    async def test_an_answer_comes_whole(self, ask: Ask, llmock: Any) -> None:
        llmock.reply("We open at ten.")
        events = await ask()
        assert isinstance(events[0], Started)
        assert "".join(event.delta for event in events if isinstance(event, Text)) == "We open at ten."
        done = events[-1]
        assert isinstance(done, Done)
        assert done.usage.measured
        assert done.usage.input > 0
        llmock.assert_resilient()

    async def test_a_tool_is_called(self, ask: Ask, llmock: Any) -> None:
        llmock.call_tool("order_status", {"number": "A-100"})
        events = await ask(tools=[ORDER])
        (call,) = (event for event in events if isinstance(event, ToolCall))
        assert (call.name, dict(call.args)) == ("order_status", {"number": "A-100"})
        done = events[-1]
        assert isinstance(done, Done)
        assert done.stop == "tool"

    async def test_who_does_what_the_errors_say_is_resilient(self, ask: Ask, llmock: Any) -> None:
        faults: dict[str, Callable[[], Any]] = {
            "overloaded": lambda: llmock.fail(529),
            "server": lambda: llmock.fail(500),
            "auth": lambda: llmock.fail(401),
            "truncated": lambda: llmock.truncate(after_chunks=3),
            "malformed": lambda: llmock.corrupt(after_chunks=3),
            "connection": lambda: llmock.disconnect(after_chunks=3),
        }
        if self.says_when:
            faults["rate_limit"] = lambda: llmock.rate_limit(retry_after=0.05)
        asked, alone = 0, set()
        for kind, break_it in faults.items():
            break_it()
            own = [ChatMessage("visitor", f"A question of its own: {kind}?")]
            asked += 1
            with pytest.raises(ProviderError) as failed:
                await ask(messages=own)
            error = failed.value
            assert error.kind == kind
            if error.scope == "deployment":  # as the router does, at another one; the vendor says when
                await asyncio.sleep(error.retry_after or 0)
                asked += 1
                done = (await ask(messages=own))[-1]
                assert isinstance(done, Done)
                assert done.stop == "end"
            else:
                alone.add(kind)
        assert alone == {"auth"}, "all others are mended by asking again"
        assert len(llmock.requests) == asked, "one attempt for each question"
        llmock.assert_resilient()

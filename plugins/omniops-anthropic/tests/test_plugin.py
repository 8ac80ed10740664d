"""What every plugin, integration and provider must be, and what this provider does beside."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx2
import pytest
from anthropic_wire import AnthropicWire, block, sse, told
from omniops.contracts.provider import Done, ProviderError, Reasoning, Started, Text, ToolCall, ToolResult, ToolRound
from omniops.errors import NotReady, Reconnect
from omniops.testing import Answer, AnsweringGate, Called, IntegrationSuite, ManualClock, PluginSuite, UpstreamSuite
from omniops.testing.asked_outside import register
from omniops_anthropic.settings import AnthropicConnection

KEY = "sk-ant-api03-not-a-real-key-0123456789"
OTHER = "sk-ant-api03-of-the-business-9876543210"


def models(*names):
    known = {"type": "model", "created_at": "2026-01-01T00:00:00Z", "lifecycle": "active"}
    data = [{"id": name, "display_name": name, **known} for name in names]
    return {"data": data, "has_more": False, "first_id": None, "last_id": None}


class TestAnthropic(PluginSuite):
    plugin_name = "anthropic"
    settings: ClassVar[dict[str, Any]] = {"api_key": KEY, "models": "claude-sonnet-5-5, claude-haiku-5-5"}


class TestAnthropicNotSetUp(PluginSuite):
    plugin_name = "anthropic"


class TestAnthropicProvider(UpstreamSuite):
    plugin_name = "anthropic"
    settings: ClassVar[dict[str, Any]] = {"api_key": KEY}
    wire = AnthropicWire()

    async def test_who_answered_and_where_is_told(self, provider, deployment, upstream):
        upstream.answer = replace(upstream.answer, headers={**upstream.answer.headers, "request-id": "req_42"})
        events = await self.events(provider, self.ask(), deployment)
        assert events[0] == Started("claude-sonnet-5-5", "req_42")
        assert events[-1].usage.region_served == "us"

    async def test_a_businesss_own_key_signs(self, provider, deployment, upstream):
        connection = AnthropicConnection(api_key=OTHER)
        async with provider.stream(self.ask(), deployment, limits=self.limits, connection=connection) as stream:
            assert [event async for event in stream][-1].stop == "end"
        (exchange,) = upstream.exchanges
        sent = str(exchange.headers)
        assert OTHER in sent
        assert KEY not in sent

    async def test_thinking_is_a_sign_of_life_and_goes_back(self, provider, deployment, upstream):
        thought = block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "Let me "},
            {"type": "thinking_delta", "thinking": "look."},
            {"type": "signature_delta", "signature": "c2lnbmF0dXJl"},
        )
        hidden = block(1, {"type": "redacted_thinking", "data": "aGlkZGVu"})
        said = block(2, {"type": "text", "text": ""}, {"type": "text_delta", "text": "One moment."})
        called = block(
            3,
            {"type": "tool_use", "id": "toolu_1", "name": "order_status", "input": {}},
            {"type": "input_json_delta", "partial_json": ""},
        )
        blank = block(4, {"type": "text", "text": ""}, {"type": "text_delta", "text": "\n"})
        whole = [self.wire.opening(), *thought, *hidden, *said, *called, *blank, self.wire.ending("tool_use")]
        upstream.answer = self.answer(whole)
        request = self._with_tools(deployment)
        events = await self.events(provider, request, deployment)
        assert [event for event in events if not isinstance(event, Started | Done)] == [
            Reasoning(),
            Reasoning(),
            Text("One moment."),
            ToolCall("toolu_1", "order_status", {}),
            Text("\n"),
        ]
        upstream.answer = self.answer(self.wire.text("It is on its way."))
        back = ToolRound("One moment.", (events[-3],), (ToolResult("toolu_1", "shipped"),), events[-1].replay)
        await self.events(provider, replace(request, rounds=[back]), deployment)
        *_, assistant, _ = upstream.exchanges[-1].json()["messages"]
        assert assistant["content"] == [
            {"type": "thinking", "thinking": "Let me look.", "signature": "c2lnbmF0dXJl"},
            {"type": "redacted_thinking", "data": "aGlkZGVu"},
            {"type": "text", "text": "One moment."},
            {"type": "tool_use", "id": "toolu_1", "name": "order_status", "input": {}},
        ]

    @pytest.mark.parametrize(
        ("said", "stop"),
        [("stop_sequence", "end"), ("pause_turn", "paused"), ("model_context_window_exceeded", "context")],
    )
    async def test_stops(self, provider, deployment, upstream, said, stop):
        written = self.wire.text("Well.")
        upstream.answer = self.answer([written.opening, *written.body, self.wire.ending(said)])
        assert (await self.events(provider, self.ask(), deployment))[-1].stop == stop

    async def test_a_call_is_a_call_whatever_the_vendor_calls_its_end(self, provider, deployment, upstream):
        written = self.wire.calls(Called("toolu_1", "order_status", "{}"))
        upstream.answer = self.answer([written.opening, *written.body, self.wire.ending("end_turn")])
        assert (await self.events(provider, self._with_tools(deployment), deployment))[-1].stop == "tool"

    async def test_unknown_events_and_blocks_are_passed_over(self, provider, deployment, upstream):
        written = self.wire.text("Well.")
        new = sse("brand_new_event", thing=1) + b"".join(block(7, {"type": "brand_new_block"}, {"type": "new_delta"}))
        upstream.answer = self.answer([written.opening, new, *written.body, new, written.ending])
        events = await self.events(provider, self.ask(), deployment)
        assert [type(event) for event in events] == [Started, Text, Done]

    @pytest.mark.parametrize(
        "event",
        [
            sse("message_start"),
            sse("content_block_delta", index=0),
            sse("content_block_start", index=0, content_block=None),
            sse("message_delta", delta={}, usage=None),
            b"event: message_start\ndata: []\n\n",
            b"event: message_start\ndata: \xff\xfe\n\n",
        ],
        ids=["no message", "no delta", "no block", "no usage", "a list", "no text"],
    )
    async def test_events_without_their_parts_are_malformed(self, provider, deployment, upstream, event):
        upstream.answer = self.answer([self.wire.opening(), event])
        error, _ = await self.failure(provider, deployment)
        assert error.kind in ("malformed", "truncated")

    async def test_without_a_key_nothing_is_sent(self, plugin_class, context, upstream):
        keyless = replace(context, settings=context.settings.model_copy(update={"api_key": None}))
        (provider,) = plugin_class(keyless).providers()
        (first, *_) = provider.deployments()
        error, _ = await self.failure(provider, first)
        assert (error.kind, error.scope) == ("auth", "account")
        assert await provider.count_tokens(self.ask(), first) is None
        assert not upstream.connections

    async def test_tokens_are_counted_by_the_vendor(self, provider, deployment, upstream, passages):
        upstream.answer = Answer.json({"input_tokens": 321})
        request = self.request_for(self.question, passages)
        assert await provider.count_tokens(request, deployment) == 321
        (exchange,) = upstream.exchanges
        assert exchange.path == "/v1/messages/count_tokens"
        assert "Saturday" in exchange.body.decode()
        upstream.answer = Answer.json(told("api_error"), status=500)
        assert await provider.count_tokens(request, deployment) is None

    async def test_warming_shakes_hands_and_sends_nothing_about_anybody(self, provider, deployment, upstream, ledger):
        upstream.answer = Answer.json(models("claude-sonnet-5-5"))
        await provider.warm()
        assert [(call.grant.purpose, call.grant.categories) for call in ledger.calls] == [("connection.use", ())]
        upstream.answer = self.answer(self.wire.text("Yes."))
        await self.events(provider, self.ask(), deployment)
        assert upstream.connections == 1, "the first visitor does not wait for a handshake"

    async def test_what_the_vendor_says_of_its_models_is_learned(self, plugin_class, context, rooms, upstream):
        settings = context.settings.model_copy(update={"models": ["claude-sonnet-5-5", "claude-new-9", "claude-gone"]})
        made = plugin_class(replace(context, settings=settings, clock=ManualClock()))
        register(rooms, self.plugin_name, made)
        said = models("claude-sonnet-5-5", "claude-new-9")
        said["data"][0]["retires_at"] = (datetime.now(UTC) + timedelta(days=30)).isoformat()
        said["data"][1].update(max_input_tokens=500_000, max_tokens=64_000)
        upstream.answer = Answer.json(said)
        (provider,) = made.providers()
        await provider.warm()
        ending, new, _ = provider.deployments()
        assert (new.max_input, new.max_output) == (500_000, 64_000)
        assert ending.retires is not None
        assert "claude-sonnet-5-5 ends on" in (await made.health()).said
        assert ("warning", "anthropic.no_such_model", {"model": "claude-gone"}) in context.log.events

    async def test_warming_without_the_vendor_is_one_error(self, provider, upstream):
        upstream.answer = Answer.json(told("authentication_error"), status=401)
        with pytest.raises(ProviderError) as refused:
            await provider.warm()
        assert refused.value.kind == "auth"


class TestAnthropicKey(IntegrationSuite):
    plugin_name = "anthropic"
    connection_values: ClassVar[dict[str, Any]] = {"api_key": OTHER}

    @pytest.fixture
    def vendor(self):
        """Status and body of every answer to the good key."""
        return {"status": 200, "body": models("claude-sonnet-5-5")}

    @pytest.fixture
    def gate(self, vendor):
        def answer(request):
            assert request.url.path == "/v1/models", "the check is free"
            if OTHER not in request.headers.get("authorization", request.headers.get("x-api-key", "")):
                return httpx2.Response(401, json=told("authentication_error"))
            return httpx2.Response(vendor["status"], json=vendor["body"])

        return AnsweringGate(answer, processors=["anthropic"])

    @pytest.fixture
    def bad_connection(self):
        return AnthropicConnection(api_key="sk-ant-nobody")

    async def test_a_key_without_the_models_is_refused_by_name(self, integration, connection, vendor):
        vendor["body"] = models("claude-opus-4-8")
        health = await integration.check(connection)
        assert not health.ok
        assert "claude-sonnet-5-5" in health.said

    async def test_only_the_vendors_no_is_a_no(self, integration, connection, vendor):
        vendor.update(status=529, body=told("overloaded_error"))
        with pytest.raises(NotReady):
            await integration.check(connection)
        vendor.update(status=403, body=told("permission_error"))
        with pytest.raises(Reconnect):
            await integration.check(connection)

"""What a provider that asks a vendor makes of good answers: text, usage, tools, refusals, citations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from omniops.contracts.knowledge import Hit
from omniops.contracts.provider import (
    Cap,
    Citation,
    Deployment,
    Opaque,
    Provider,
    Refusal,
    Request,
    Text,
    Timeouts,
    ToolCall,
    ToolResult,
    ToolRound,
    ToolSpec,
)
from omniops.testing.asked_outside import SAID, SCOPE, SUBJECT, AskedOutside, Ledger, done
from omniops.testing.upstream import Pause, Stall, Upstream
from omniops.testing.wire import Called

ORDER = ToolSpec(
    "order_status",
    "The state of an order.",
    {
        "type": "object",
        "properties": {"number": {"type": "string"}},
        "required": ["number"],
        "additionalProperties": False,
    },
)
KEPT_FOR_OTHERS = "signature-of-another-provider"
KEPT_FOR_OTHERS = "signature-of-another-provider"


class Answered(AskedOutside):
    """The good paths."""

    async def test_the_text_comes_whole_and_in_pieces(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        events = await self.events(provider, self.ask(), deployment)
        assert [event.delta for event in events if isinstance(event, Text)] == list(SAID)
        assert done(events).stop == "end", f"a finished answer stopped by {done(events).stop!r}"
        assert len(upstream.exchanges) == 1, "one answer took more than one request"

    async def test_usage_is_normalised(self, provider: Provider, deployment: Deployment) -> None:
        usage, spent = done(await self.events(provider, self.ask(), deployment)).usage, self.wire.spent
        assert usage.measured, "the vendor counted, and the count was lost"
        assert (usage.cache_read, usage.cache_write) == (spent.cache_read, spent.cache_write)
        assert usage.input == spent.fresh + spent.cache_read + spent.cache_write, "input includes what a cache gave"
        assert (usage.output, usage.reasoning) == (spent.output, spent.reasoning), "output includes reasoning"

    async def test_a_cut_off_answer_says_so(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        upstream.answer = self.answer(self.wire.text(*SAID, stop="length"))
        assert done(await self.events(provider, self.ask(), deployment)).stop == "length"

    async def test_the_ledger_knows_who_got_what_about_whom(
        self, provider: Provider, deployment: Deployment, ledger: Ledger
    ) -> None:
        await self.events(provider, self.ask(), deployment)
        (call,) = ledger.calls
        assert call.grant.processor == deployment.processor
        assert call.grant.purpose == "chat.respond"
        assert "user.content.chat" in call.grant.categories, "the visitor's words went along, and the ledger says not"
        assert call.grant.subjects == (SUBJECT,), "the ledger does not say about whom"
        assert call.grant.scope == SCOPE, "the ledger does not say for which business"

    async def test_no_inner_id_is_sent(self, provider: Provider, deployment: Deployment, upstream: Upstream) -> None:
        await self.events(provider, self.ask(), deployment)
        (exchange,) = upstream.exchanges
        sent = f"{exchange.path} {exchange.headers} {exchange.body!r}"
        for what, value in (("account", SCOPE.account_id), ("domain", SCOPE.domain_id), ("visitor", SUBJECT)):
            assert str(value) not in sent, f"the {what}'s id went to the vendor"
        assert "traceparent" not in exchange.headers, "trace headers went to the vendor"

    async def test_two_answers_share_a_connection(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        for _ in range(2):
            await self.events(provider, self.ask(), deployment)
        assert upstream.connections == 1, "every answer shakes hands anew, and the visitor waits for it"

    async def test_done_does_not_wait_for_the_connection(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        upstream.answer = self.answer(self.wire.text(*SAID), Stall())
        assert done(await self.events(provider, self.ask(), deployment)).stop == "end"

    async def test_a_slow_answer_is_not_cut(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        written = self.wire.text(*SAID)
        steps = [written.opening, *(step for piece in written.body for step in (Pause(0.24), piece)), written.ending]
        upstream.answer = self.answer(steps)
        limits = Timeouts(connect=0.6, first=0.6, gap=0.6)
        async with provider.stream(self.ask(), deployment, limits=limits) as stream:
            events = [event async for event in stream]
        assert done(events).stop == "end"

    def test_the_sdk_waits_for_the_first_call(self, tmp_path: Path) -> None:
        loaded = sorted(set(self.observe(tmp_path)["loaded"]) - set(self.light))
        assert not loaded, f"{', '.join(loaded)} is imported before anybody asked anything"

    def _with_tools(self, deployment: Deployment) -> Request:
        if Cap.TOOLS not in deployment.caps:
            pytest.skip("the deployment has no Cap.TOOLS")
        return replace(self.ask(), tools=[ORDER])

    async def test_tools_are_called_whole(self, provider: Provider, deployment: Deployment, upstream: Upstream) -> None:
        request = self._with_tools(deployment)
        upstream.answer = self.answer(
            self.wire.calls(
                Called("call_1", ORDER.name, '{"number": "A-100"}'), Called("call_2", ORDER.name, '{"number": "Ü\\n2"}')
            )
        )
        events = await self.events(provider, request, deployment)
        calls = [event for event in events if isinstance(event, ToolCall)]
        assert [(call.name, dict(call.args), call.problem) for call in calls] == [
            (ORDER.name, {"number": "A-100"}, None),
            (ORDER.name, {"number": "Ü\n2"}, None),
        ]
        assert len({call.id for call in calls}) == 2, "two calls have one id"
        assert done(events).stop == "tool", f"tools were called, and it stopped by {done(events).stop!r}"

    async def test_a_broken_call_is_a_problem_and_no_error(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        request = self._with_tools(deployment)
        written = self.wire.broken_call()
        if written is None:
            pytest.skip("this vendor's arguments cannot be broken")
        upstream.answer = self.answer(written)
        events = await self.events(provider, request, deployment)
        (call,) = (event for event in events if isinstance(event, ToolCall))
        assert (call.name, dict(call.args)) == (ORDER.name, {})
        assert call.problem, "half an argument, and no word about it"
        assert done(events).stop == "tool"

    async def test_a_half_streamed_call_is_never_told(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        self._with_tools(deployment)
        written = self.wire.calls(Called("call_1", ORDER.name, '{"number": "A-100"}'))
        if len(written.body) < 2:
            pytest.skip("this vendor streams calls in one piece")
        upstream.answer = self.answer([written.opening, *written.body[:-1]])
        error, events = await self.failure(provider, deployment)
        assert error.kind == "truncated"
        assert not [event for event in events if isinstance(event, ToolCall)], "half a call was handed out"

    async def test_a_round_of_tools_goes_back(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        request = self._with_tools(deployment)
        upstream.answer = self.answer(self.wire.calls(Called("call_1", ORDER.name, '{"number": "A-100"}')))
        events = await self.events(provider, request, deployment)
        (call,) = (event for event in events if isinstance(event, ToolCall))
        replay = done(events).replay
        assert replay is None or replay.provider == provider.name, "its replay names another provider"
        upstream.answer = self.answer(self.wire.text(*SAID))
        back = ToolRound("", (call,), (ToolResult(call.id, "shipped-on-monday"),), replay)
        assert done(await self.events(provider, replace(request, rounds=[back]), deployment)).stop == "end"
        sent = upstream.exchanges[-1].body.decode()
        assert "shipped-on-monday" in sent, "the tool's result did not reach the model"
        assert "A-100" in sent, "the model is not told what it called"

    async def test_replay_never_crosses_providers(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        request = self._with_tools(deployment)
        call = ToolCall("call_1", ORDER.name, {"number": "A-100"})
        back = ToolRound(
            "", (call,), (ToolResult("call_1", "shipped"),), Opaque("somebody-else", [{"signature": KEPT_FOR_OTHERS}])
        )
        assert done(await self.events(provider, replace(request, rounds=[back]), deployment)).stop == "end"
        sent = upstream.exchanges[-1].body.decode()
        assert KEPT_FOR_OTHERS not in sent, "what one provider keeps for itself went to another"
        assert "A-100" in sent, "without a replay, the round itself was lost"

    async def test_a_refusal_is_a_refusal(self, provider: Provider, deployment: Deployment, upstream: Upstream) -> None:
        upstream.answer = self.answer(self.wire.refused("I cannot help with that."))
        events = await self.events(provider, self.ask(), deployment)
        assert done(events).stop in ("refusal", "filter"), f"a refusal stopped by {done(events).stop!r}"
        assert sum(isinstance(event, Refusal) for event in events) == 1, "exactly one Refusal says that it declined"

    async def test_citations_stand_in_their_passages(
        self, provider: Provider, deployment: Deployment, upstream: Upstream, passages: Sequence[Hit]
    ) -> None:
        first, second = passages[0].passage, passages[1].passage
        written = self.wire.cited("Within 30 days.", 1, second.text[:20])
        if Cap.CITATIONS not in deployment.caps or written is None:
            pytest.skip("the deployment has no citations of its own")
        upstream.answer = self.answer(written)
        events = await self.events(provider, self.request_for(self.question, passages), deployment)
        assert [event for event in events if isinstance(event, Citation)] == [Citation(second.id, second.text[:20])]
        for number, quote in ((1, first.text[:20]), (0, "words that nobody wrote"), (99, second.text[:20])):
            invented = self.wire.cited("Within 30 days.", number, quote)
            assert invented is not None
            upstream.answer = self.answer(invented)
            events = await self.events(provider, self.request_for(self.question, passages), deployment)
            assert not [event for event in events if isinstance(event, Citation)], "it cites what does not stand there"
            assert any(isinstance(event, Text) for event in events), "with the false citation, the text was lost"

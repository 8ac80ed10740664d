"""What a provider that asks a vendor makes of what goes wrong: one meaning each, and nothing left running."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from omniops.contracts.provider import Deployment, Event, Provider, Text, Timeouts
from omniops.doors import Rooms
from omniops.hookspecs import Plugin
from omniops.testing.answered import Answered
from omniops.testing.asked_outside import ECHO, PATIENCE, SAID, Ledger, register
from omniops.testing.upstream import Answer, Cut, Endless, Exchange, HangUp, Stall, Step, Upstream
from omniops.testing.wire import Fault

SHORT = Timeouts(connect=1.0, first=0.3, gap=0.3)
"""For what must end by itself."""
STATUSES: dict[int, tuple[set[str], set[str], set[str]]] = {
    400: ({"invalid"}, {"never"}, {"request"}),
    401: ({"auth"}, {"other"}, {"account"}),
    402: ({"quota"}, {"other"}, {"account"}),
    403: ({"auth"}, {"other"}, {"account"}),
    404: ({"model"}, {"other"}, {"deployment"}),
    408: ({"server", "overloaded", "timeout"}, {"other"}, {"deployment"}),
    409: ({"server", "overloaded"}, {"other"}, {"deployment"}),
    413: ({"invalid", "context_length"}, {"never", "other"}, {"request"}),
    422: ({"invalid"}, {"never"}, {"request"}),
    429: ({"rate_limit"}, {"other"}, {"deployment", "account"}),
    500: ({"server"}, {"other"}, {"deployment"}),
    503: ({"overloaded", "server"}, {"other"}, {"deployment"}),
    529: ({"overloaded", "server"}, {"other"}, {"deployment"}),
}
"""Kinds, retries and scopes that a status may become. The table of the router's docs says why."""
LEAVING = ("cancelled in the read", "cancelled while it waits", "break", "an error of its own")


class UpstreamSuite(Answered):
    """`ProviderSuite` for a provider that asks a vendor: all of it, and everything that goes wrong on the way.

    Give the `wire`, and `settings` with a key that looks real. The plugin's operator settings must have `base_url`,
    whose host and port its declared processor then names: the suite sets it to its server.
    """

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each error that only this vendor has."""
        if "fault" in metafunc.fixturenames:
            wire = getattr(self, "wire", None)
            faults = [*wire.in_band(), *wire.faults()] if wire is not None else []
            metafunc.parametrize("fault", faults, ids=[fault.what for fault in faults])

    # Errors -----------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("status", STATUSES)
    async def test_a_status_has_one_meaning(
        self, provider: Provider, deployment: Deployment, upstream: Upstream, status: int
    ) -> None:
        upstream.answer = _refusal(status, self.wire.error(status, f"It is wrong: {ECHO}"))
        error, events = await self.failure(provider, deployment)
        kinds, retries, scopes = STATUSES[status]
        assert error.kind in kinds, f"{status} became {error.kind!r}"
        assert error.retry in retries, f"{status} is tried again: {error.retry!r}"
        assert error.scope in scopes, f"{status} breaks the {error.scope}"
        assert error.status == status
        assert not events, "an error, and still it said something"
        assert len(upstream.exchanges) == 1, f"{status} was tried {len(upstream.exchanges)} times: the router does that"

    @pytest.mark.parametrize("status", [401, 429, 500])
    async def test_an_error_in_no_words_of_the_vendors(
        self, provider: Provider, deployment: Deployment, upstream: Upstream, status: int
    ) -> None:
        """A proxy's page, or nothing at all."""
        for body in (b"<html>Bad gateway</html>", b"", b"[]", b'{"error": null}'):
            upstream.answer = _refusal(status, body)
            error, _ = await self.failure(provider, deployment)
            assert error.kind in STATUSES[status][0], f"{status} with {body!r} became {error.kind!r}"

    async def test_retry_after_is_a_number(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        for said, meant in ((("7"), 7.0), ("0.5", 0.5), (None, None), ("soon", None), ("-3", None), ("nan", None)):
            headers = {} if said is None else {"Retry-After": said}
            upstream.answer = _refusal(429, self.wire.error(429, "Slow down."), headers)
            error, _ = await self.failure(provider, deployment)
            assert error.retry_after == meant, f"Retry-After: {said} became {error.retry_after!r}"
        assert len(upstream.exchanges) == 6

    async def test_an_error_of_this_vendor(
        self, provider: Provider, deployment: Deployment, upstream: Upstream, fault: Fault
    ) -> None:
        if fault.status == 200:
            upstream.answer = self.answer([self.wire.text(*SAID).opening, fault.body])
        else:
            upstream.answer = _refusal(fault.status, fault.body, dict(fault.headers))
        error, _ = await self.failure(provider, deployment)
        assert (error.kind, error.retry, error.scope) == (fault.kind, fault.retry, fault.scope)
        assert len(upstream.exchanges) == 1

    async def test_an_error_after_the_first_words(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        written = self.wire.text(*SAID)
        fault = self.wire.in_band()[0]
        upstream.answer = self.answer([written.opening, written.body[0], fault.body])
        error, events = await self.failure(provider, deployment)
        assert error.kind == fault.kind
        assert [event.delta for event in events if isinstance(event, Text)] == [SAID[0]]

    # Streams that break -----------------------------------------------------------------------------------------------

    async def test_an_answer_without_its_end_is_truncated(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        written = self.wire.text(*SAID)
        for steps in ([], [written.opening], [written.opening, *written.body]):
            upstream.answer = self.answer(steps)
            error, _ = await self.failure(provider, deployment)
            assert (error.kind, error.retry, error.scope) == ("truncated", "other", "deployment")
        assert len(upstream.exchanges) == 3

    async def test_a_cut_connection_is_a_connection_error(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        written = self.wire.text(*SAID)
        for end in (Cut(), HangUp()):
            upstream.answer = self.answer(written.whole[:2], end)
            error, _ = await self.failure(provider, deployment)
            assert error.kind in ("connection", "truncated"), f"after {end} it is {error.kind!r}"
            assert (error.retry, error.scope) == ("other", "deployment")
        for end in (Cut(), HangUp()):
            upstream.answer = Answer(before=[end])
            error, _ = await self.failure(provider, deployment)
            assert error.kind == "connection", f"{end} before the first byte is {error.kind!r}"
            assert error.retry in ("same", "other")
        assert len(upstream.exchanges) == 4, "it tried again by itself"

    async def test_an_event_that_is_no_json_is_malformed(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        written = self.wire.text(*SAID)
        upstream.answer = self.answer([written.opening, written.body[0], self.wire.broken(), written.ending])
        error, _ = await self.failure(provider, deployment)
        assert (error.kind, error.retry, error.scope) == ("malformed", "other", "deployment")

    async def test_silence_is_a_timeout(self, provider: Provider, deployment: Deployment, upstream: Upstream) -> None:
        written = self.wire.text(*SAID)
        upstream.answer = Answer(before=[Stall()])
        error, _ = await self.failure(provider, deployment, limits=SHORT)
        assert error.kind == "timeout"
        assert error.retry in ("same", "other")
        upstream.answer = self.answer(written.whole[:2], Stall())
        error, _ = await self.failure(provider, deployment, limits=SHORT)
        assert (error.kind, error.retry, error.scope) == ("timeout", "other", "deployment")
        for exchange in upstream.exchanges:
            await _left(exchange)
        assert len(upstream.exchanges) == 2

    async def test_nobody_answers_the_connection(
        self, provider: Provider, deployment: Deployment, upstream: Upstream
    ) -> None:
        await upstream.close()
        error, _ = await self.failure(provider, deployment)
        assert error.kind == "connection"
        assert error.retry in ("same", "other")

    async def test_what_the_gate_refuses_is_never_tried_again(
        self,
        provider: Provider,
        deployment: Deployment,
        upstream: Upstream,
        plugin: Plugin,
        rooms: Rooms,
        ledger: Ledger,
    ) -> None:
        register(rooms, self.plugin_name, plugin, hosts=("elsewhere.example",))
        error, _ = await self.failure(provider, deployment)
        assert (error.kind, error.retry) == ("residency", "never"), f"the gate's no became {error.kind}, {error.retry}"
        assert not upstream.connections
        assert not ledger.calls

    # Leaving ----------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("how", ["cancelled", "left", "failed"])
    @pytest.mark.parametrize("speaking", ["silent", "talking"])
    async def test_the_upstream_sees_that_we_left(
        self, provider: Provider, deployment: Deployment, upstream: Upstream, how: str, speaking: str
    ) -> None:
        """The consumer does something else, or leaves, or fails, with the stream open."""
        written = self.wire.text(*SAID)
        after: Step = Stall() if speaking == "silent" else Endless(written.body[0])
        upstream.answer = self.answer(written.whole[:2], after)
        begun = asyncio.Event()

        async def visitor() -> None:
            async with provider.stream(self.ask(), deployment, limits=self.limits) as stream:
                async for event in stream:
                    if isinstance(event, Text):
                        begun.set()
                        if how == "cancelled":
                            await asyncio.Event().wait()
                        elif how == "failed":
                            raise LookupError("the consumer's own")
                        break

        task = asyncio.create_task(visitor())
        async with asyncio.timeout(PATIENCE):
            await begun.wait()
            if how == "cancelled":
                task.cancel()
            with suppress(asyncio.CancelledError, LookupError):
                await task
        await _left(upstream.exchanges[0])

    @pytest.mark.parametrize("where", ["before the first byte", "in the read"])
    async def test_a_cancelled_read_reaches_the_upstream(
        self, provider: Provider, deployment: Deployment, upstream: Upstream, where: str
    ) -> None:
        written = self.wire.text(*SAID)
        upstream.answer = Answer(before=[Stall()]) if "before" in where else self.answer(written.whole[:2], Stall())
        reading = asyncio.Event()
        seen: list[Event] = []

        async def visitor() -> None:
            async with provider.stream(self.ask(), deployment, limits=self.limits) as stream:
                async for event in stream:
                    seen.append(event)
                    if isinstance(event, Text):
                        reading.set()

        task = asyncio.create_task(visitor())
        async with asyncio.timeout(PATIENCE):
            await upstream.came.wait()
            if "before" not in where:
                await reading.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await _left(upstream.exchanges[0])


def _refusal(status: int, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    return Answer([body], status, {"Content-Type": "application/json", **(headers or {})})


async def _left(exchange: Exchange) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await exchange.left.wait()
    except TimeoutError:
        pytest.fail("the visitor is gone, and the upstream still answers")

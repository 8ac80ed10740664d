"""The ground of `UpstreamSuite`: the plugin behind the real gate, and a server on the other side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar, get_args
from uuid import UUID

import pytest

from omniops.contracts.ids import new_id
from omniops.contracts.knowledge import Hit
from omniops.contracts.plugin import GateDoor, PluginContext
from omniops.contracts.provider import (
    Deployment,
    Done,
    ErrorKind,
    Event,
    Provider,
    ProviderError,
    Request,
    Timeouts,
)
from omniops.contracts.scope import Scope
from omniops.doors import PluginGate, Rooms
from omniops.gate.addresses import Address
from omniops.gate.grants import Allow, Call, Closing
from omniops.gate.service import Gate
from omniops.hookspecs import Plugin
from omniops.privacy.register import ProcessorRegister
from omniops.testing.fakes import context as make_context
from omniops.testing.provider import ProviderSuite, check_order
from omniops.testing.signed import AllSigned
from omniops.testing.upstream import HOST, Answer, Step, Upstream, write_authority
from omniops.testing.wire import Wire, Written

SCOPE = Scope(new_id(), new_id())
SUBJECT = new_id()
PATIENCE = 5.0
"""Seconds until a test that waits for something to happen is a failed one."""
ECHO = "Ada Lovelace, +44 20 7946 0000"
"""What a vendor's error repeats of the request. It may stand in no message of ours."""
SAID = ("We are open ", "on Saturday ", "from 10:00.")


@dataclass
class Ledger:
    """The gate's ledger, in memory."""

    calls: list[Call] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)

    async def opened(self, call: Call) -> UUID:
        self.calls.append(call)
        return new_id()

    def closed(self, entry: UUID, call: Call, closing: Closing) -> None:
        self.closings.append(closing)


class _Loopback:
    """The operator's exceptions: the server of the tests."""

    async def find(self, host: str, port: int) -> Allow | None:
        return Allow(host, port, "a server of this test") if host == HOST else None


async def _resolve(host: str, port: int) -> Sequence[Address]:
    if host != HOST:
        raise OSError("no such name")
    return [ip_address("127.0.0.1")]


class AskedOutside(ProviderSuite):
    """Fixtures and helpers of `UpstreamSuite`."""

    wire: ClassVar[Wire]
    limits: ClassVar[Timeouts] = Timeouts(connect=5.0, first=5.0, gap=5.0)
    light: ClassVar[tuple[str, ...]] = ()
    """Modules of required packages that may be imported with the plugin because they cost next to nothing."""

    @pytest.fixture
    async def upstream(self) -> AsyncIterator[Upstream]:
        """The server. It gives a good answer until a test says something else."""
        async with Upstream.open(self.answer(self.wire.text(*SAID))) as server:
            yield server

    @pytest.fixture
    def ledger(self) -> Ledger:
        """What the gate wrote down."""
        return Ledger()

    @pytest.fixture
    async def rooms(self, ledger: Ledger, tmp_path: Path) -> AsyncIterator[Rooms]:
        """What is behind the plugin's door: the real gate, whose names lead to the server."""
        nobody = ProcessorRegister([], _Loopback())
        gate = Gate(nobody, ledger, ca=write_authority(tmp_path / "ca.pem"), resolver=_resolve)
        yield Rooms(gate=gate)
        await gate.close()

    @pytest.fixture
    def gate(self, rooms: Rooms) -> GateDoor:
        """The plugin's way out."""
        return PluginGate(self.plugin_name, rooms)

    @pytest.fixture
    def context(self, plugin_class: type[Plugin], gate: GateDoor, tmp_path: Path, upstream: Upstream) -> PluginContext:
        """What the plugin is built with."""
        values = {**self.settings, "base_url": upstream.url + self.wire.path}
        return make_context(self.plugin_name, plugin_class.Settings(**values), folder=tmp_path, gate=gate)

    @pytest.fixture
    def plugin(self, plugin_class: type[Plugin], context: PluginContext, rooms: Rooms) -> Plugin:
        """The plugin, its processors in the register."""
        made = plugin_class(context)
        register(rooms, self.plugin_name, made)
        return made

    def answer(self, written: Written | Sequence[Step], *after: Step) -> Answer:
        """What the server says, with the vendor's content type, and what happens after it."""
        steps = written.whole if isinstance(written, Written) else written
        return Answer([*steps, *after], headers={"Content-Type": self.wire.content_type})

    def request_for(self, question: str, passages: Sequence[Hit]) -> Request:
        return replace(
            super().request_for(question, passages),
            system="You answer for a small shop.",
            context="\n".join(f"[{n}] {found.passage.text}" for n, found in enumerate(passages, 1)),
            cache_key="shop.example",
            end_user="9f86d081884c7d65",
            scope=SCOPE,
            subject=SUBJECT,
        )

    def ask(self) -> Request:
        """A plain request."""
        return self.request_for(self.question, [])

    async def failure(
        self, provider: Provider, deployment: Deployment, *, limits: Timeouts | None = None
    ) -> tuple[ProviderError, list[Event]]:
        """How it fails, and the events before. Nothing but `ProviderError` comes out of a provider."""
        events: list[Event] = []
        failed: Exception | None = None
        try:
            async with (
                asyncio.timeout(PATIENCE),
                provider.stream(self.ask(), deployment, limits=limits or self.limits) as stream,
            ):
                async for event in stream:
                    events.append(event)  # noqa: PERF401  # what came before the error counts
        except Exception as error:  # whatever comes out, the test says what it is
            failed = error
        if failed is None:
            pytest.fail(f"it took that for a whole answer: {events}")
        if isinstance(failed, TimeoutError):
            pytest.fail("it waits for ever, or a bare TimeoutError came out")
        if not isinstance(failed, ProviderError):
            pytest.fail(f"a bare {type(failed).__module__}.{type(failed).__name__} came out: {failed}")
        assert not any(isinstance(event, Done) for event in events), "it ended, and then failed as well"
        assert failed.kind in get_args(ErrorKind), f"{failed.kind!r} is no kind of error"
        self._tells_nothing(failed)
        return failed, events

    def _tells_nothing(self, error: ProviderError) -> None:
        said = f"{error} {error.code}"
        assert ECHO not in said, "the error's message holds what the visitor wrote"
        for value in self.settings.values():
            assert not (isinstance(value, str) and len(value) > 15 and value in said), "the error's message holds a key"


def register(rooms: Rooms, name: str, plugin: Plugin, *, hosts: tuple[str, ...] | None = None) -> None:
    """Puts the plugin's processors into the register that its door and its gate ask, as the runtime does. With `hosts`
    they are registered for these instead of their own."""
    declaration = plugin.declares()
    if hosts is not None:
        moved = [replace(processor, hosts=hosts) for processor in declaration.processors]
        declaration = replace(declaration, processors=moved)
    assert rooms.gate is not None
    rooms.register = rooms.gate.register = ProcessorRegister([(name, declaration)], _Loopback(), AllSigned(declaration))


def done(events: Sequence[Event]) -> Done:
    """The end of an answer, which is the last event and the only one of its kind."""
    check_order(events)
    end = events[-1]
    assert isinstance(end, Done)
    return end

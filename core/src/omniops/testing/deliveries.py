"""What every integration must do beside being connected: believe nobody unsigned, take the same thing for the same,
give each fault one meaning, fetch to the end and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest
from pydantic import BaseModel, SecretStr

from omniops.contracts.integration import Integration, Link, Step
from omniops.contracts.oauth import OAuthConnection
from omniops.contracts.plugin import GateDoor, PluginContext
from omniops.contracts.webhook import AccountErased, Arrived, Event, Received, RightUsed, Webhook
from omniops.errors import NotReady, OmniOpsError, Reconnect, Rejected
from omniops.hookspecs import Plugin
from omniops.testing.fakes import AnsweringGate
from omniops.testing.fakes import context as make_context
from omniops.testing.suite import Suite, left_behind

Sign = Callable[[bytes], Webhook]
Answers = Callable[[httpx2.Request], httpx2.Response]
NONSENSE = (b"\x00\xff\xfe", b"", b"nonsense", b"<html>Oops</html>", b"null", b"[]", b"{}", b"7", b'{"id": 7}', b"[[{")
MOST_STEPS = 1000
SECONDS = 10.0
LATER = 90
"""Seconds that the other side asks for in these tests."""


def _in_a_while() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=LATER), usegmt=True)


_JSON = {"content-type": "application/json"}
FAULTS: dict[str, Callable[[], httpx2.Response]] = {
    "429 with seconds": lambda: httpx2.Response(429, headers={"Retry-After": str(LATER)}),
    "429 with a date": lambda: httpx2.Response(429, headers={"Retry-After": _in_a_while()}),
    "429 without": lambda: httpx2.Response(429),
    "500": lambda: httpx2.Response(500, text="<html>Oops</html>"),
    "503 as a page": lambda: httpx2.Response(503, html="<html>Maintenance</html>"),
    "200 as a page": lambda: httpx2.Response(200, html="<html>Coming soon</html>"),
    "half an answer": lambda: httpx2.Response(200, content=b'{"data": [{"id": 1', headers=_JSON),
}


def _timeout(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadTimeout("no answer", request=request)


def _refused(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("no such host", request=request)


class DeliverySuite(Suite):
    """Part of `IntegrationSuite`. Override `sign` and `sample` where the integration takes webhooks, `foreign` where it
    fetches pages whose links the other side gives."""

    signature_header: ClassVar[str | None] = None
    """The header that the signature, or a secret of ours, comes back in. None where it stands in the body."""
    signs_body: ClassVar[bool] = True
    """Whether the signature is one of the body. Say False where the other side only sends a secret of ours back."""

    @pytest.fixture
    def sign(self) -> Sign | None:
        """Makes a delivery to the connection of a body, signed as the other side signs."""
        return None

    @pytest.fixture
    def sample(self) -> bytes:
        """A body with at least one thing that the integration takes."""
        pytest.skip("no sample of what the other side sends: override the fixture `sample`")

    @pytest.fixture
    def foreign(self) -> Answers | None:
        """The other side, with links to a next page that lie at `https://elsewhere.example`."""
        return None

    @pytest.fixture
    def faulty(self, plugin_class: type[Plugin], context: PluginContext, tmp_path: Path) -> Callable[[Answers], Any]:
        """The integration before another other side. Gives it and its gate."""

        def faulty(answer: Answers) -> tuple[Integration, AnsweringGate]:
            gate = AnsweringGate(answer)
            plugin = plugin_class(make_context(context.name, context.settings, folder=tmp_path, gate=gate))
            found: Sequence[Integration] = self.offered(plugin, "integrations")
            name = getattr(self, "integration_name", None)
            return self.only(found, [one.name for one in found], name, "integration_name"), gate

        return faulty

    # Deliveries -------------------------------------------------------------------------------------------------------

    def test_a_signed_delivery_is_taken_and_told_again_it_is_the_same(
        self, integration: Integration, link: Link, sign: Sign | None, sample: bytes
    ) -> None:
        delivery = _signed(integration, sign, sample)
        first, again = (_received(integration, delivery, link) for _ in range(2))
        assert first.things, "receive() found nothing in the sample"
        keys = [_key(one) for one in first.things]
        assert len(set(keys)) == len(keys), "two things have one id: one of them would be dropped"
        assert [_key(one) for one in again.things] == keys, (
            "the same delivery gives other ids: one that is sent again would be taken twice"
        )
        for one in first.things:
            at = getattr(one.what, "at", None) or getattr(one.what, "sent_at", None)
            assert at is None or at.tzinfo, "a time has no time zone"

    def test_what_happens_is_declared(
        self, integration: Integration, link: Link, sign: Sign | None, sample: bytes
    ) -> None:
        things = _received(integration, _signed(integration, sign, sample), link).things
        for event in [one.what for one in things if isinstance(one.what, Event)]:
            assert event.kind in integration.events, (
                f"{event.kind!r} is not among `events`: core drops what nobody declared"
            )
            missing = [name for name in integration.events[event.kind] if name not in event.data]
            assert not missing, f"{event.kind!r} declares {missing[0]!r} and does not bring it"

    def test_letters_of_any_language_are_no_reason_to_doubt(
        self, integration: Integration, link: Link, sign: Sign | None, sample: bytes
    ) -> None:
        for body in (sample + b"\n", sample.replace(b'": "', b'":  "'), sample):
            _received(integration, _signed(integration, sign, body), link)

    def test_an_altered_delivery_is_refused(
        self, integration: Integration, link: Link, sign: Sign | None, sample: bytes
    ) -> None:
        delivery = _signed(integration, sign, sample)
        if not self.signs_body:
            pytest.skip("the other side does not sign what it sends")
        n = len(sample) // 2
        for body in (sample[:n] + bytes([sample[n] ^ 1]) + sample[n + 1 :], sample + b" ", sample[:-1], b""):
            assert _refuses(integration, replace(delivery, body=body), link), f"receive() believes {body[:60]!r}"

    def test_a_delivery_without_its_signature_is_refused(
        self, integration: Integration, link: Link, sign: Sign | None, sample: bytes
    ) -> None:
        delivery = _signed(integration, sign, sample)
        name = self.signature_header
        if name is None:
            pytest.skip("the secret stands in the body: set `signature_header` where it does not")
        rest = [(key, value) for key, value in delivery.headers if key != name.lower()]
        own = [(key, value) for key, value in delivery.headers if key == name.lower()]
        assert own, f"the sample has no header {name!r}"
        for what, headers in (
            ("missing", rest),
            ("empty", [*rest, (name.lower(), "")]),
            ("wrong", [*rest, (name.lower(), "x")]),
            ("not ASCII", [*rest, (name.lower(), "Größe")]),
            ("there twice", [*rest, (name.lower(), "x"), *own]),
            ("there twice", [*rest, *own, *own]),
        ):
            assert _refuses(integration, replace(delivery, headers=headers), link), (
                f"receive() believes a delivery whose {name} is {what}"
            )

    def test_without_a_secret_nothing_is_believed(
        self, integration: Integration, link: Link, sign: Sign | None, sample: bytes
    ) -> None:
        delivery = _signed(integration, sign, sample)
        connection = link.connection
        secrets = [n for n in type(connection).model_fields if isinstance(getattr(connection, n), SecretStr)]
        if not secrets and not link.memory:
            pytest.skip("the secret is the operator's")
        empty = connection.model_copy(update=dict.fromkeys(secrets, SecretStr("")))
        bare = replace(link, connection=empty, memory=dict.fromkeys(link.memory, ""))
        headers = [(key, "" if key == (self.signature_header or "").lower() else v) for key, v in delivery.headers]
        for one in (delivery, replace(delivery, headers=headers)):
            assert _refuses(integration, one, bare), "receive() believes a delivery where no secret is set"

    def test_nonsense_is_refused_or_ignored(self, integration: Integration, link: Link, sign: Sign | None) -> None:
        for body in NONSENSE:
            try:
                received = integration.receive(_signed(integration, sign, body), link)
            except Rejected:
                continue
            except Exception as error:
                pytest.fail(f"receive() of {body!r} raised {type(error).__name__}; only Rejected is an answer")
            assert not received.things, f"receive() found something in {body!r}"

    async def test_an_event_can_be_handled_twice(
        self, integration: Integration, link: Link, sign: Sign | None, sample: bytes, gate: GateDoor
    ) -> None:
        things = _received(integration, _signed(integration, sign, sample), link).things
        events = [one.what for one in things if isinstance(one.what, Event)]
        if not events:
            pytest.skip("nothing in the sample is an event")
        self.skip_shut(gate, outside=True)
        before = asyncio.all_tasks()
        for event in events:
            for time in ("", " a second time"):
                try:
                    async with asyncio.timeout(SECONDS):
                        told = await integration.handle(event, link)
                except Exception as error:
                    pytest.fail(f"handle() of {event.kind!r}{time} raised {type(error).__name__}: {error}")
                assert all(isinstance(one, Arrived) for one in told), "handle() gave something else than Arrived"
        left = await left_behind(before)
        assert not left, f"after handle(), still running: {', '.join(left)}"

    def test_its_ids_at_the_other_side_are_stable(self, integration: Integration, connection: BaseModel) -> None:
        if isinstance(connection, OAuthConnection) and connection.tokens is None:
            pytest.skip("no access was given to the connection: give it tokens, whose account the ids may be of")
        first = list(integration.external_ids(connection))
        assert all(isinstance(one, str) and one for one in first), "an external id is no text, or empty"
        assert list(integration.external_ids(connection)) == first, "external_ids() gives other ids each time"

    # Faults -----------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("fault", FAULTS)
    async def test_a_fault_of_the_other_side_has_one_meaning(
        self, faulty: Callable[[Answers], Any], link: Link, gate: GateDoor, fault: str
    ) -> None:
        self.skip_shut(gate, outside=True)
        for what, error in await self._asked(faulty, lambda request: FAULTS[fault](), link):
            assert isinstance(error, NotReady), f"{fault}: {what} raised {error!r}, not NotReady"
            if fault in ("429 with seconds", "429 with a date"):
                wait = error.retry_after or 0
                assert LATER - 15 <= wait <= LATER + 15, f"{fault}: {what} says to wait {error.retry_after} s"

    @pytest.mark.parametrize("answer", [_timeout, _refused], ids=["no answer", "no connection"])
    async def test_an_other_side_that_is_away_is_asked_again_later(
        self, faulty: Callable[[Answers], Any], link: Link, gate: GateDoor, answer: Answers
    ) -> None:
        self.skip_shut(gate, outside=True)
        for what, error in await self._asked(faulty, answer, link):
            assert isinstance(error, NotReady), f"{what} raised {error!r}, not NotReady"

    async def test_refused_credentials_need_a_person(
        self, faulty: Callable[[Answers], Any], link: Link, gate: GateDoor
    ) -> None:
        self.skip_shut(gate, outside=True)
        for what, error in await self._asked(faulty, lambda request: httpx2.Response(401), link):
            assert isinstance(error, Reconnect), f"401: {what} raised {error!r}, not Reconnect"

    # Syncs ------------------------------------------------------------------------------------------------------------

    async def test_a_sync_comes_to_its_end_and_goes_on_from_there(
        self, integration: Integration, link: Link, gate: GateDoor
    ) -> None:
        self.skip_shut(gate, outside=True)
        for sync in _syncs(integration):
            last, steps = await _fetched(integration, sync.name, link, None)
            await _fetched(integration, sync.name, link, last)
            for cursor in steps[:-1][:3]:
                await _fetched(integration, sync.name, link, cursor)

    async def test_a_next_page_elsewhere_is_not_asked(
        self, faulty: Callable[[Answers], Any], link: Link, foreign: Answers | None
    ) -> None:
        if foreign is None:
            pytest.skip("the other side gives no links to follow: override the fixture `foreign` where it does")
        integration, gate = faulty(foreign)
        for sync in _syncs(integration):
            try:
                await _fetched(integration, sync.name, link, None)
            except OmniOpsError:
                continue
        asked = {request.url.host for request in gate.requests}
        assert gate.requests, "nothing was asked at all"
        assert "elsewhere.example" not in asked, "the next page was asked of another host, with the credentials"

    async def _asked(
        self, faulty: Callable[[Answers], Any], answer: Answers, link: Link
    ) -> list[tuple[str, Exception]]:
        """What check() and the syncs raise before such an other side, where they ask it over HTTP at all. A check may
        say no in a Health instead."""
        raised: list[tuple[str, Exception]] = []
        integration, gate = faulty(answer)
        try:
            async with asyncio.timeout(SECONDS):
                health = await integration.check(link.connection)
            assert not health.ok or not gate.requests, "check() is content with an other side that does not work"
        except Exception as error:
            if gate.requests:
                raised.append(("check()", error))
        for sync in integration.syncs:
            integration, gate = faulty(answer)
            try:
                await _fetched(integration, sync.name, link, None)
                assert not gate.requests, f"sync {sync.name!r} is content with an other side that does not work"
            except Exception as error:
                if gate.requests:
                    raised.append((f"sync {sync.name!r}", error))
        return raised


def _signed(integration: Integration, sign: Sign | None, body: bytes) -> Webhook:
    if type(integration).receive is Integration.receive:
        pytest.skip("the integration takes no webhooks")
    if sign is None:
        pytest.skip("nobody can sign a delivery: override the fixture `sign`")
    return sign(body)


def _received(integration: Integration, delivery: Webhook, link: Link) -> Received:
    try:
        received = integration.receive(delivery, link)
    except Exception as error:
        pytest.fail(f"receive() of a signed delivery raised {type(error).__name__}: {error}")
    assert isinstance(received, Received), f"receive() gave {type(received).__name__}, not Received"
    assert all(isinstance(one, Arrived) for one in received.things), "a thing in it is no Arrived"
    return received


def _refuses(integration: Integration, delivery: Webhook, link: Link) -> bool:
    """Whether `Rejected` is raised. Anything else that is raised would be told to the sender as a fault of ours."""
    try:
        integration.receive(delivery, link)
    except Rejected:
        return True
    except Exception as error:
        pytest.fail(f"receive() raised {type(error).__name__}: {error}; only Rejected is an answer")
    return False


def _key(arrived: Arrived) -> tuple[str, ...]:
    what: Any = arrived.what
    if isinstance(what, Event | RightUsed | AccountErased):
        return ("event", what.id)
    if hasattr(what, "delivery_id"):
        return (type(what).__name__, arrived.channel, what.delivery_id)
    return ("receipt", what.reference, what.state)


def _syncs(integration: Integration) -> Sequence[Any]:
    if not integration.syncs:
        pytest.skip("the integration fetches nothing")
    return integration.syncs


async def _fetched(integration: Integration, name: str, link: Link, cursor: str | None) -> tuple[str | None, list[str]]:
    """All cursors of a run from `cursor` on, and the last one. Fails the test for a run that goes in circles."""
    found: list[str] = []
    steps = integration.sync(name, link, cursor)
    assert isinstance(steps, AsyncGenerator), "sync() is no async generator: core could not close it"
    try:
        async with asyncio.timeout(SECONDS):
            async for step in steps:
                assert isinstance(step, Step), f"sync() gave {type(step).__name__}, not a Step"
                assert len(step.cursor) <= 2000, "a cursor has at most 2,000 characters"
                before = found[-1] if found else cursor
                assert step.cursor != before, f"sync {name!r} gave the same cursor twice in a row: it turns in circles"
                found.append(step.cursor)
                assert len(found) < MOST_STEPS, f"sync {name!r} does not end"
    except TimeoutError:
        pytest.fail(f"sync {name!r} gave {len(found)} steps in {SECONDS:g} s and no end")
    finally:
        await steps.aclose()
    return (found[-1] if found else cursor), found

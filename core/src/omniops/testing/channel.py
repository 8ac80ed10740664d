"""What every channel must do: tell what became of a message, disclose first, believe no unsigned webhook."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from omniops.contracts.channel import (
    Channel,
    Delivery,
    Echo,
    Edited,
    Incoming,
    Outgoing,
    Receipt,
    Removed,
)
from omniops.contracts.ids import new_id
from omniops.contracts.plugin import GateDoor
from omniops.errors import Permanent, Rejected
from omniops.hookspecs import Plugin
from omniops.testing.carrying import CarryingSuite, close_stream
from omniops.testing.fakes import AnsweringGate
from omniops.testing.suite import left_behind

DISCLOSURE, ANSWER = "AnAIWritesHere", "TheAnswerItself"
"""Single words, which come through every encoding of a form, a URL or JSON as they are."""
LISTEN_SECONDS = 10.0
HEARD = Incoming | Edited | Removed | Echo | Receipt
NONSENSE = (b"\x00\xff\xfe", b"", b"nonsense", b"<xml/>", b"null", b"[]", b"{}", b"7", b'{"messages": 7}', b"[[[]]]")


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as the other side sends it, signed for `connection_values`, and how many messages it carries."""

    body: bytes
    headers: Mapping[str, str]
    messages: int = 1


@dataclass(frozen=True, slots=True)
class Line:
    """What waits for a listener: the double holds this many messages behind the cursor."""

    cursor: str
    messages: int = 1


class ChannelSuite(CarryingSuite):
    """The contract of a channel. Override `gate` to see what is sent, `webhook` or `line` where the channel receives,
    and `media` where it fetches files."""

    channel_name: ClassVar[str | None] = None
    """Which channel, where the plugin offers several."""
    passes_idempotency_key: ClassVar[bool] = True
    """Whether the other side takes a key by which it recognises a second sending. Say False where it has no place."""

    @pytest.fixture
    def channel(self, plugin: Plugin) -> Channel:
        """The channel under test."""
        found: Sequence[Channel] = self.offered(plugin, "channels")
        return self.only(found, [channel.name for channel in found], self.channel_name, "channel_name")

    @pytest.fixture
    def webhook(self) -> Webhook | None:
        """A signed webhook with at least one message. Override it where the channel receives."""
        return None

    @pytest.fixture
    def line(self) -> Line | None:
        """What waits at the double for a channel that listens. Override it where yours does."""
        return None

    @pytest.fixture
    def received(self, channel: Channel, gate: GateDoor) -> Callable[[], Sequence[str]]:
        """What the other side was sent so far, headers and body of each. Override it where the double is no gate."""
        if channel.capabilities.streams:
            pytest.skip("the visitor reads along, so nothing is sent")
        if not isinstance(gate, AnsweringGate):
            pytest.skip("nobody sees what is sent: override the fixture `gate` by AnsweringGate, or `received`")

        def seen() -> Sequence[str]:
            return [
                "\n".join(
                    [
                        *(f"{name}: {value}" for name, value in request.headers.items()),
                        request.content.decode("utf-8", "replace"),
                    ]
                )
                for request in gate.requests
            ]

        return seen

    def shown(self, sent: str) -> Sequence[str]:
        """The texts that a person would read of one thing that was sent; by default all strings of its JSON body."""
        try:
            return list(_strings(json.loads(sent.rpartition("\n")[2])))
        except ValueError:
            pytest.skip("what is sent is no JSON: override the method `shown`")

    def message(self, connection: BaseModel, text: str = ANSWER, disclosure: str | None = None) -> Outgoing:
        """A message as core sends it."""
        return Outgoing(
            idempotency_key=new_id().hex,
            thread="thread-1",
            recipient="person-1",
            text=text,
            ai=True,
            disclosure=disclosure,
            connection=connection,
        )

    async def deliver(self, channel: Channel, plugin: Plugin, gate: GateDoor, message: Outgoing) -> Delivery:
        """Sends a message, unless there is nobody to take it."""
        self.skip_shut(gate, bool(plugin.declares().processors))
        delivery = await channel.send(message)
        assert isinstance(delivery, Delivery), f"send() gave {type(delivery).__name__}, not a Delivery"
        return delivery

    def test_it_is_named(self, channel: Channel) -> None:
        assert channel.name, "the channel has no name"
        assert channel.title.strip(), "the channel has no title for people"

    async def test_send_gives_a_delivery(
        self, channel: Channel, plugin: Plugin, gate: GateDoor, connection: BaseModel
    ) -> None:
        delivery = await self.deliver(channel, plugin, gate, self.message(connection))
        assert delivery.state in ("sent", "delivered"), f"the double took the message, send() says {delivery.state!r}"

    async def test_the_idempotency_key_is_passed_on(
        self,
        channel: Channel,
        plugin: Plugin,
        gate: GateDoor,
        connection: BaseModel,
        received: Callable[[], Sequence[str]],
    ) -> None:
        if not self.passes_idempotency_key:
            pytest.skip("the other side takes no key")
        message = self.message(connection)
        for _ in range(2):
            await self.deliver(channel, plugin, gate, message)
        sent = received()
        assert sent, "nothing was sent"
        without = [one for one in sent if message.idempotency_key not in one]
        assert not without, "something was sent without the idempotency key: a retry would show a message twice"

    async def test_the_disclosure_comes_before_the_text(
        self,
        channel: Channel,
        plugin: Plugin,
        gate: GateDoor,
        connection: BaseModel,
        received: Callable[[], Sequence[str]],
    ) -> None:
        await self.deliver(channel, plugin, gate, self.message(connection, disclosure=DISCLOSURE))
        sent = "\n".join(received())
        assert ANSWER in sent, "the text was not sent"
        assert DISCLOSURE in sent, "the disclosure was not sent: a person must be told that an AI writes"
        assert sent.index(DISCLOSURE) < sent.index(ANSWER), "the disclosure came after the text"

    async def test_no_text_is_longer_than_max_length(
        self,
        channel: Channel,
        plugin: Plugin,
        gate: GateDoor,
        connection: BaseModel,
        received: Callable[[], Sequence[str]],
    ) -> None:
        most = channel.capabilities.max_length
        if not most:
            pytest.skip("the channel has no limit")
        words = [f"word{number}" for number in range(most // 2)]
        try:
            await self.deliver(channel, plugin, gate, self.message(connection, " ".join(words), DISCLOSURE))
        except (Permanent, Rejected):
            return
        texts = [text for sent in received() for text in self.shown(sent)]
        longest = max(map(len, texts))
        assert longest <= most, f"a text of {longest} characters was sent; the channel carries {most}"
        missing = [word for word in words if not any(word in text.split() for text in texts)]
        assert not missing, f"{len(missing)} of {len(words)} words were lost without an error, first {missing[0]!r}"

    async def test_a_text_of_max_length_is_carried(
        self,
        channel: Channel,
        plugin: Plugin,
        gate: GateDoor,
        connection: BaseModel,
        received: Callable[[], Sequence[str]],
    ) -> None:
        most = channel.capabilities.max_length
        if not most:
            pytest.skip("the channel has no limit")
        text = ("word " * most)[: most - 4] + "last"
        await self.deliver(channel, plugin, gate, self.message(connection, text))
        assert any(text in shown for sent in received() for shown in self.shown(sent)), (
            f"a text of {most} characters, which core cuts for this channel, was not sent as it is"
        )

    def test_an_unsigned_webhook_is_rejected(self, channel: Channel, connection: BaseModel) -> None:
        assert _rejects("verify() without headers", lambda: channel.verify(b"{}", {}, connection)), (
            "verify() believes a webhook without headers"
        )

    def test_what_parses_also_verifies(self, channel: Channel) -> None:
        kind = type(channel)
        if kind.parse is not Channel.parse:
            assert kind.verify is not Channel.verify, "parse() without verify(): no webhook would ever be let in"

    def test_a_signed_webhook_is_taken(self, channel: Channel, connection: BaseModel, webhook: Webhook | None) -> None:
        signed = _given(channel, webhook)
        channel.verify(signed.body, signed.headers, connection)
        taken = channel.parse(signed.body)
        assert len(taken) == signed.messages, (
            f"parse() found {len(taken)} messages, the webhook carries {signed.messages}"
        )
        for incoming in taken:
            assert isinstance(incoming, Incoming), f"parse() gave {type(incoming).__name__}, not Incoming"
            for field in ("delivery_id", "thread", "sender"):
                assert getattr(incoming, field), f"an incoming message has an empty {field}"
            assert incoming.sent_at is None or incoming.sent_at.tzinfo, "sent_at has no time zone"
        ids = [incoming.delivery_id for incoming in taken]
        assert len(set(ids)) == len(ids), "two messages share a delivery_id: one of them would be dropped"
        again = [incoming.delivery_id for incoming in channel.parse(signed.body)]
        assert again == ids, "the same webhook gives other delivery ids: a repeated delivery would be taken twice"

    def test_an_altered_webhook_is_rejected(
        self, channel: Channel, connection: BaseModel, webhook: Webhook | None
    ) -> None:
        signed = _given(channel, webhook)
        body = signed.body
        flipped = [body[:n] + bytes([body[n] ^ 1]) + body[n + 1 :] for n in (0, len(body) // 2, len(body) - 1)]
        for altered in (*flipped, body + b" ", body[:-1], b""):
            assert _rejects("verify()", partial(channel.verify, altered, signed.headers, connection)), (
                f"verify() believes an altered body: {altered[:80]!r}"
            )

    def test_a_webhook_without_its_signature_is_rejected(
        self, channel: Channel, connection: BaseModel, webhook: Webhook | None
    ) -> None:
        signed = _given(channel, webhook)
        refused: set[str] = set()
        for name in signed.headers:
            rest = {key: value for key, value in signed.headers.items() if key != name}
            for what, headers in (
                ("missing", rest),
                ("empty", {**rest, name: ""}),
                ("wrong", {**rest, name: "x"}),
                ("not ASCII", {**rest, name: "Größe"}),
            ):
                if _rejects(f"verify() with {name} {what}", partial(channel.verify, signed.body, headers, connection)):
                    refused.add(what)
        for what in ("missing", "empty", "wrong", "not ASCII"):
            assert what in refused, f"verify() believes a webhook whichever of its headers is {what}"

    async def test_what_waits_is_heard_from_the_cursor_on(
        self, channel: Channel, connection: BaseModel, line: Line | None
    ) -> None:
        waiting = _listening(channel, line)
        before = asyncio.all_tasks()
        first = await _heard(channel, connection, waiting.cursor, waiting.messages)
        again = await _heard(channel, connection, waiting.cursor, waiting.messages)
        ids = [message.delivery_id for message, _ in first]
        assert len(set(ids)) == len(ids), "two messages share a delivery_id: one of them would be dropped"
        assert [message.delivery_id for message, _ in again] == ids, (
            "listening again from the same cursor gives other delivery ids: after a crash a message would come twice"
        )
        rest = await _heard(channel, connection, first[0][1], waiting.messages - 1)
        assert [message.delivery_id for message, _ in rest] == ids[1:], (
            "listening from the cursor behind the first message does not go on with the second"
        )
        left = await left_behind(before)
        assert not left, f"after the listener was closed, still running: {', '.join(left)}"

    async def test_a_first_listening_gives_a_cursor(
        self, channel: Channel, connection: BaseModel, line: Line | None
    ) -> None:
        _listening(channel, line)
        stream = channel.listen(connection, None)
        try:
            async with asyncio.timeout(LISTEN_SECONDS):
                _, cursor = await anext(stream)
        finally:
            await close_stream(stream)
        assert cursor, "the first item has no cursor: what comes before the next one would be lost in a crash"

    def test_nonsense_is_rejected(self, channel: Channel) -> None:
        if type(channel).parse is Channel.parse:
            pytest.skip("the channel takes no webhooks")
        for body in NONSENSE:
            rejected = _rejects(f"parse({body!r})", partial(channel.parse, body))
            assert rejected or not channel.parse(body), f"parse({body!r}) found messages in it"
        assert _rejects("parse()", partial(channel.parse, NONSENSE[0])), (
            f"parse({NONSENSE[0]!r}) takes bytes for a webhook"
        )


def _rejects(tried: str, call: Callable[[], object]) -> bool:
    """Whether the call raises `Rejected`. Any other error fails the test: core would answer it with a failure."""
    try:
        call()
    except Rejected:
        return True
    except Exception as error:
        pytest.fail(f"{tried} raised {type(error).__name__}: {error}; only Rejected is an answer")
    return False


def _given(channel: Channel, webhook: Webhook | None) -> Webhook:
    if type(channel).verify is Channel.verify:
        pytest.skip("the channel takes no webhooks")
    if webhook is None:
        pytest.skip("no signed webhook to try: override the fixture `webhook`")
    return webhook


def _listening(channel: Channel, line: Line | None) -> Line:
    if type(channel).listen is Channel.listen:
        pytest.skip("the channel does not listen")
    if line is None:
        pytest.skip("nothing waits for a listener: override the fixture `line`")
    return line


async def _heard(channel: Channel, connection: BaseModel, cursor: str, messages: int) -> list[tuple[Incoming, str]]:
    """The next messages behind a cursor, each with the cursor behind it."""
    found: list[tuple[Incoming, str]] = []
    if not messages:
        return found
    stream = channel.listen(connection, cursor)
    try:
        async with asyncio.timeout(LISTEN_SECONDS):
            async for heard, after in stream:
                assert isinstance(after, str), f"a cursor is text, not {type(after).__name__}"
                assert len(after) <= 500, "a cursor has at most 500 characters"
                assert heard is None or isinstance(heard, HEARD), f"heard {type(heard).__name__}"
                if isinstance(heard, Incoming):
                    found.append((heard, after))
                if len(found) == messages:
                    break
    except TimeoutError:
        pytest.fail(f"within {LISTEN_SECONDS:g} s listen() gave {len(found)} messages, the double holds {messages}")
    finally:
        await close_stream(stream)
    return found


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _strings(item)

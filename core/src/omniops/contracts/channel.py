"""Where people write: channels, what comes in and what goes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import BaseModel

from omniops.errors import Rejected


@dataclass(frozen=True, slots=True)
class ChannelCapabilities:
    """What a channel can carry. `max_length` is in characters; 0 means no limit. `streams`: the visitor reads the
    answer while it is written, so nothing is sent afterwards."""

    streams: bool = False
    max_length: int = 0
    links: bool = True


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message from a visitor, after verification.

    `thread` names the conversation on the channel's side, `sender` the person; `delivery_id` is unique per delivery,
    so that a message that comes twice is taken once. `sent_at` is the channel's own time, or None.

    `about` is what the channel wants back with every answer in this thread, such as a subject or the other side's id of
    the message: at most 4 KB, kept sealed with the conversation; the newest counts.
    `to` are the addresses that it was sent to, in lower case, where one place of a channel has several: by them a mail
    to the privacy address is known.
    """

    delivery_id: str
    thread: str
    sender: str
    text: str
    sent_at: datetime | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    to: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of something that was sent, told later. `reference` is that of the `Delivery`; one that is unknown is
    not believed. `permanent` says that the address itself does not work. `problem` is a stable code, no free text."""

    reference: str
    state: Literal["delivered", "failed"]
    permanent: bool = False
    problem: str | None = None


Heard = Incoming | Receipt | None
"""What a listening channel hears: a message, a receipt, or nothing for us (the cursor alone moves on)."""


@dataclass(frozen=True, slots=True)
class SourceLink:
    """A cited source, for channels that show links."""

    number: int
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to a visitor. `idempotency_key` is the same at every retry: pass it on to the other side.

    `disclosure` is the sentence that tells a person that an AI writes. It is set on the first AI message of a
    conversation and then must be shown before the text. `ai` marks a message that a machine wrote. `about` is that of
    the thread's newest `Incoming`.
    """

    idempotency_key: str
    thread: str
    recipient: str
    text: str
    ai: bool
    disclosure: str | None = None
    sources: Sequence[SourceLink] = ()
    connection: BaseModel | None = None
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the other side said of a message. `reference` is its id there."""

    state: Literal["sent", "delivered", "failed"]
    reference: str | None = None


class Channel(ABC):
    """A way to write to the business. Core stores, decides who answers and sends; a channel translates."""

    name: ClassVar[str]
    title: ClassVar[str]
    capabilities: ClassVar[ChannelCapabilities]

    @abstractmethod
    async def send(self, message: Outgoing) -> Delivery:
        """Sends one message. Raises `NotReady` to be asked again later, `Reconnect` when the credentials are refused,
        `Permanent` when it can never work."""

    def verify(self, body: bytes, headers: Mapping[str, str], connection: BaseModel) -> None:
        """Checks the signature of a webhook over its raw bytes, in constant time. Raises `Rejected`.

        Names of `headers` are in lower case.

        The default rejects: a channel that cannot verify cannot receive webhooks.
        """
        raise Rejected(f"Channel {self.name!r} takes no webhooks.", code="no_webhooks")

    def parse(self, body: bytes) -> Sequence[Incoming]:
        """The messages in a verified webhook. Empty for a notice that carries none. Raises `Rejected` for nonsense."""
        return ()

    def listen(self, connection: BaseModel, cursor: str | None) -> AsyncIterator[tuple[Heard, str]]:
        """What comes in over a connection of our own making (long poll, socket, IMAP), from `cursor` on, without end.
        An async generator; leave it out where the channel receives webhooks.

        Each item is what was heard and the cursor after it, which core stores in the transaction that stores the
        message: after a crash, listening goes on from the last stored one, so an item may come again but none is lost.
        None is the cursor of a connection that was never listened to: begin with what comes from now on. A cursor is an
        id or number of the other side, at most 500 characters, and nothing personal.

        Core runs one listener per connection across all workers, closes the generator at any `yield` or await (clean up
        in `finally`), and begins again after some minutes. Raises `NotReady` to be begun again later, ever more slowly,
        and `Reconnect` when the credentials are refused: then a person must connect again. Any other error counts as
        `NotReady`. An iterator that ends is begun again.
        """
        raise NotImplementedError(f"Channel {self.name!r} does not listen.")

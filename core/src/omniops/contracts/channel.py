"""Where people write: channels, what comes in and what goes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel

from omniops.errors import Rejected


@dataclass(frozen=True, slots=True)
class Window:
    """How long after a person's last message they may be written to. Core keeps to it: afterwards an AI is silent.

    `human` is the longer time in which a person of the business may still write, where the other side allows that;
    `templates` whether texts that it approved before may be sent at any time.
    """

    open: timedelta
    human: timedelta | None = None
    templates: bool = False


@dataclass(frozen=True, slots=True)
class ChannelCapabilities:
    """What a channel can carry. `max_length` is in characters, at least 400; 0 means no limit. Core splits what is
    longer, at ends of paragraphs, sentences and words, into messages with keys of their own. It leaves room for the
    disclosure and an empty line before the first, and behind the last for each source's title, address and 8
    characters. `streams`: the visitor reads the answer while it is written, so nothing is sent
    afterwards.

    `media` are the types of files that can be sent, such as `image/jpeg` or `image/*`, and `media_bytes` the largest
    (0: no limit). `buttons` is how many a message may offer: core writes the others out as text, as it does with cards.
    `window` is None where people may be written to at any time.
    """

    streams: bool = False
    max_length: int = 0
    links: bool = True
    media: Sequence[str] = ()
    media_bytes: int = 0
    buttons: int = 0
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class MediaLink:
    """A file in a message that came in, still at the other side. `id` is what `Channel.fetch` gets it by; the rest is
    what the other side says of it, and is not believed. `size` is in bytes, 0 where it is not known."""

    id: str
    media_type: str = ""
    name: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message from a visitor, after verification.

    `thread` names the conversation on the channel's side, `sender` the person; `delivery_id` is unique per delivery,
    so that a message that comes twice is taken once. `sent_at` is the channel's own time, or None.

    `about` is what the channel wants back with every answer in this thread, such as a subject or the other side's id of
    the message: at most 4 KB, kept sealed with the conversation; the newest counts.
    `to` are the addresses that it was sent to, in lower case, where one place of a channel has several: by them a mail
    to the privacy address is known.

    `media` are its files; without `text` it is a message all the same. `button` is the id of the button that was
    pressed, with its label as the text; core puts what the button says in its place.
    `past` says that it is from before the connection, told now: it is stored with `sent_at`, which it needs, ages from
    then on, and is never answered.
    """

    delivery_id: str
    thread: str
    sender: str
    text: str
    sent_at: datetime | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    to: Sequence[str] = ()
    media: Sequence[MediaLink] = ()
    button: str = ""
    past: bool = False


@dataclass(frozen=True, slots=True)
class Edited:
    """A visitor changed a message of theirs. `message` is the `delivery_id` that it came with; one that is not known is
    passed over. Only the newest words are kept."""

    delivery_id: str
    message: str
    text: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A visitor took a message of theirs back, `message` as in `Edited`: its words and files are erased here too."""

    delivery_id: str
    message: str


@dataclass(frozen=True, slots=True)
class Echo:
    """A person of the business answered in the other system. It is stored as a person's reply, is not sent again, and
    whoever answers takes the conversation over.

    `reference` is the message's id there: one that is that of a `Delivery` of ours is our own sending come back, and
    is passed over. The conversation is the `thread`'s, or where it belongs to another channel `conversation_id`: then
    the reply is sent to the visitor there. `member` is the address of the member who wrote, if the other system vouches
    for it; `past` as in `Incoming`.
    """

    delivery_id: str
    reference: str
    text: str
    thread: str = ""
    conversation_id: UUID | None = None
    member: str = ""
    sent_at: datetime | None = None
    past: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of something that was sent, told later. `reference` is that of the `Delivery`; one that is unknown is
    not believed. What comes in another order is put right: `read` stays when `delivered` comes after it. `permanent`
    says that the address itself does not work. `problem` is a stable code, no free text."""

    reference: str
    state: Literal["sent", "delivered", "read", "failed"]
    permanent: bool = False
    problem: str | None = None


Heard = Incoming | Edited | Removed | Echo | Receipt | None
"""What a channel hears: a message, a change of one, a reply given elsewhere, a receipt, or nothing for us (where it
listens, the cursor alone moves on)."""


@dataclass(frozen=True, slots=True)
class SourceLink:
    """A cited source, for channels that show links."""

    number: int
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Media:
    """A file to send."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ReplyButton:
    """A choice that a visitor may press instead of writing. `id` comes back in `Incoming.button`."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Template:
    """A text that the other side approved before, with its places `{1}`, `{2}` … in `text`."""

    name: str
    language: str
    text: str
    places: int = 0


@dataclass(frozen=True, slots=True)
class Filled:
    """A template that a person chose, and what stands in its places, in order."""

    template: Template
    values: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to a visitor. `idempotency_key` is the same at every retry: pass it on to the other side.

    `disclosure` is the sentence that tells a person that an AI writes. It is set on the first AI message of a
    conversation and then must be shown before the text. `ai` marks a message that a machine wrote. `about` is that of
    the thread's newest `Incoming`.

    `media`, `buttons` and `template` are there only where the capabilities say so; a template's `text` is that of the
    filled one. `late` says that the window is over and that a person writes in the longer one: mark it as the other
    side wants it. An AI's message never is late.
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
    media: Sequence[Media] = ()
    buttons: Sequence[ReplyButton] = ()
    template: Filled | None = None
    late: bool = False


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

    def verify(self, body: bytes, headers: Mapping[str, str], connection: Any) -> None:
        """Checks the signature of a webhook over its raw bytes, in constant time. Raises `Rejected`.

        Names of `headers` are in lower case.

        The default rejects: a channel that cannot verify cannot receive webhooks.
        """
        raise Rejected(f"Channel {self.name!r} takes no webhooks.", code="no_webhooks")

    def parse(self, body: bytes) -> Sequence[Incoming]:
        """The messages in a verified webhook. Empty for a notice that carries none. Raises `Rejected` for nonsense."""
        return ()

    def listen(self, connection: Any, cursor: str | None) -> AsyncIterator[tuple[Heard, str]]:
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

    def fetch(self, media: MediaLink, connection: Any) -> AsyncIterator[bytes]:
        """The bytes of a file that came with a message. An async generator; leave it out where messages carry none.

        Core looks at the type itself, cuts off what is too large and closes the generator. Raises `NotFound` for a file
        that is gone, `NotReady` and `Reconnect` as `send` does.
        """
        raise NotImplementedError(f"Channel {self.name!r} carries no files.")

    async def templates(self, connection: Any) -> Sequence[Template]:
        """The texts that may be sent at any time, for a person to choose from. Raises `NotReady` or `Reconnect`."""
        return ()

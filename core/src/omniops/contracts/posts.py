"""A channel of the business's team at the other side: what happens in conversations is told there, in one thread for
each, and what people of the business write in the thread reaches the visitor.

Core keeps the books: which thread is whose, what was told already, what may have arrived although nobody was told, and
what must be deleted there when its person is erased here. A plugin sends, finds and deletes single messages.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from omniops.contracts.integration import Link
from omniops.contracts.webhook import Arrived, Event

REPLY, MISSED = "post.reply", "post.missed"
POST_EVENTS: Mapping[str, tuple[str, ...]] = {REPLY: ("channel", "thread", "message", "text"), MISSED: ()}
"""Kinds of events by which core learns of replies; they stand in `Integration.events`. `REPLY`: make it by `reply`.
`MISSED`: notices were lost, and lively threads are looked through at once, where they ever are (`TeamPosts.looks`). Its
id is of its own: an event with the id of the notice that said so is that notice, and passed over."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands, in the other side's ids. `thread` is the id of the message that begins its thread; it is
    None for that message itself, and where a message is yet to be written `message` is empty."""

    channel: str
    thread: str | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """What the people of the business read, in parts that are each nothing but text: no mention, link or command in
    `quoted`, which may be a visitor's, may work. `lead` comes first, `note` last; both may be empty. Where a person is
    `wanted` a thread alone may be overlooked."""

    lead: str
    quoted: str = ""
    note: str = ""
    wanted: bool = False


@dataclass(frozen=True, slots=True)
class Post:
    """One message to the team. `mark` is 16 hex digits that no other message of the connection has: send it along, so
    that the message is found by it. `subject_id` is whom it is about: name it to the gate. `begun_at` is when it was
    first tried; what is there earlier is another one."""

    mark: str
    place: Place
    subject_id: UUID
    begun_at: datetime


class TeamPosts(ABC):
    """Messages in a channel of the team. All methods may raise `NotReady`, `Reconnect` and `NotReachable`."""

    feature: ClassVar[str]
    """Key of the integration's feature that it is for."""
    looks: ClassVar[timedelta | None] = None
    """How often lively threads are looked through for replies of which no delivery came. None: deliveries are sure."""

    @abstractmethod
    def channel(self, link: Link) -> str:
        """The channel in which threads are begun, empty where none is chosen. Asks nobody."""

    @abstractmethod
    async def send(self, link: Link, post: Post, words: Words) -> str:
        """Writes the message at `post.place`, and gives its id there. Raises `Permanent` where nothing was written and
        nothing will be, such as in a channel that is gone."""

    @abstractmethod
    async def find(self, link: Link, post: Post) -> str | None:
        """The id of this message where it was written, however much was written behind it since. Asked after a `send`
        whose end nobody saw. Raises `Permanent` where there is no such thread or channel (any more)."""

    @abstractmethod
    async def delete(self, link: Link, place: Place) -> None:
        """Deletes one message of ours. One that is gone, also with its channel, is no error."""

    async def read(self, link: Link, place: Place, subject_id: UUID) -> str:
        """The words of a reply, empty where a machine wrote it or somebody who does not speak for the business. Asked
        where its event had no `text`: only needed for plugins whose events have none."""
        raise NotImplementedError(f"{type(self).__name__} gives events without text, and reads none.")

    async def replies(self, link: Link, place: Place) -> Sequence[str]:
        """Ids of the newest messages in a thread, ours among them; `place.message` is empty. Asked where `looks` says
        how often. Raises `Permanent` where the thread is gone."""
        raise NotImplementedError(f"{type(self).__name__} looks through no threads.")


def reply(place: Place, *, text: str | None = None, feature: str = "", external_id: str = "") -> Arrived:
    """Somebody wrote in a thread; however that was found out, it is the same event. Without `text` the words are read
    when it is handled. With it they are not kept in the log. `feature` and `external_id` as in `Arrived`."""
    data = {"channel": place.channel, "thread": place.thread, "message": place.message}
    if text is not None:
        data["text"] = text
    about = f"reply:{place.channel}:{place.thread}"
    event = Event(f"{about}:{place.message}", REPLY, data, about=about, forget=text is not None)
    return Arrived(event, external_id, feature=feature)

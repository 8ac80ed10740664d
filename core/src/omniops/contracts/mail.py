"""Mail that core sends: what a plugin that can send mail must be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from omniops.contracts.channel import Delivery
from omniops.contracts.scope import Scope


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along. `media_type` is such as `text/plain` or `application/pdf`."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One mail to one address. `idempotency_key` is the same at every retry: make the Message-ID from it.

    `from_name` is the business's name; the address belongs to the mailer. `html` says the same words as `text`. `ai`
    marks text that a machine wrote: the mail must say so in its header. `purpose`, `categories` and `subject_id` are
    what the gate asks for; `subject_id` is the person that it is about, or None, and `scope` the domain that it is of.
    """

    idempotency_key: str
    to: str
    from_name: str
    subject: str
    text: str
    html: str
    purpose: str
    categories: Sequence[str] = ()
    attachments: Sequence[Attachment] = ()
    ai: bool = False
    subject_id: UUID | None = None
    scope: Scope | None = None


class Mailer(ABC):
    """Sends mail. Core keeps what waits, tries again, and knows who must not be written to."""

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    async def send(self, mail: OutgoingMail) -> Delivery:
        """Hands one mail to the other side. The `Delivery`'s reference is the Message-ID: a bounce names it. `failed`
        says that the address does not exist: it gets no more mail.

        Raises `NotReady` to be asked again later, `Permanent` when this mail can never be sent, `Reconnect` when the
        operator's credentials are refused.
        """

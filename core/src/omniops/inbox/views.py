"""What a person sees beside the messages of a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from omniops.conversation.service import WindowView
from omniops.inbox.drafts import DraftView
from omniops.inbox.queue import ConversationView
from omniops.inbox.summary import Summary


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note, in clear."""

    id: UUID
    text: str
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EventView:
    """What was done with a conversation, by whom and why."""

    event: str
    before: str
    after: str
    actor: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LabelView:
    """A label of a website."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class ConsentView:
    """One answer of the visitor to a purpose. `stands` says whether it is what counts now."""

    purpose: str
    event: str
    method: str
    signal: str
    at: datetime
    until: datetime | None
    stands: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """All that a person sees beside the messages. `draft` is the one that waits, `origin` where the visitor said that
    their data comes from, `window` what may be written to them now."""

    conversation: ConversationView
    summary: Summary
    draft: DraftView | None
    notes: Sequence[NoteView]
    labels: Sequence[LabelView]
    events: Sequence[EventView]
    consents: Sequence[ConsentView]
    origin: str | None = None
    window: WindowView | None = None

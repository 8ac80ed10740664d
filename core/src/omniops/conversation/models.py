"""Conversations: messages and turns of a visitor, sealed under that visitor's key, and what waits to be sent."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB

from omniops.contracts.ids import utcnow
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, personal
from omniops.database.models import SubjectModel, belongs_to

CHAT = ("chat.respond", "support.provide")


class VisitorSession(SubjectModel, table=True):
    """A visitor's session. The token exists in the visitor's tab only; here is its hash."""

    __tablename__ = "visitor_session"
    hash: bytes = not_personal("hash of a random token")
    expires_at: datetime = not_personal("end of the session")
    created_at: datetime = not_personal("first message", default_factory=utcnow)


class Conversation(SubjectModel, table=True):
    """A thread between one visitor and the business, on one channel."""

    __tablename__ = "conversation"
    __table_args__ = (Index("ix_conversation_state", "domain_id", "state"),)
    channel: str = not_personal("name of the channel")
    connection_id: UUID | None = not_personal("the channel's connection", default=None)
    thread: Sealed[str] | None = personal("contact.channel", purposes=CHAT, retain="chat", find="thread", default=None)
    sender: Sealed[str] | None = personal("contact.channel", purposes=CHAT, retain="chat", default=None)
    reply_to: Sealed[str] | None = personal(
        "contact.email", purposes=("support.provide",), retain="chat", find="email", default=None
    )
    state: str = not_personal("ai, draft, waiting, human or closed", default="ai")
    language: str = not_personal("language of the conversation", default="en")
    last_seq: int = not_personal("number of the newest message", default=0)
    disclosed_at: datetime | None = not_personal("when the AI was disclosed", default=None)
    created_at: datetime = not_personal("begin", default_factory=utcnow)


class Message(SubjectModel, table=True):
    """One message. `seq` orders a conversation; clocks and ids do not."""

    __tablename__ = "message"
    __table_args__ = (
        belongs_to(Conversation, "conversation_id"),
        Index("uq_message_seq", "domain_id", "conversation_id", "seq", unique=True),
        Index("uq_message_delivery", "domain_id", "conversation_id", "delivery_id", unique=True),
    )
    conversation_id: UUID
    seq: int = not_personal("order in the conversation")
    author: str = not_personal("visitor, ai, person or system")
    event: str | None = not_personal("what a system message tells", default=None)
    language: str = not_personal("language of the message", default="")
    interrupted: bool = not_personal("the answer was cut short", default=False)
    text: Sealed[str] = personal("user.content.chat", purposes=CHAT, retain="chat")
    parts: Sealed[list[Any]] | None = personal("user.content.chat", purposes=CHAT, retain="chat", default=None)
    level: str | None = not_personal("answer, closest or none", default=None)
    turn_id: UUID | None = not_personal("the turn that made it", default=None)
    delivery_id: str | None = not_personal("id at the channel, unique per delivery", default=None)
    created_at: datetime = not_personal("when it was written", default_factory=utcnow)


class Turn(SubjectModel, table=True):
    """One visitor message and all that happens until its answer is complete."""

    __tablename__ = "turn"
    __table_args__ = (
        belongs_to(Conversation, "conversation_id"),
        Index("uq_turn_running", "domain_id", "conversation_id", unique=True, postgresql_where="state = 'running'"),
        Index("uq_turn_key", "domain_id", "conversation_id", "key", unique=True),
    )
    conversation_id: UUID
    message_id: UUID = not_personal("the visitor's message")
    state: str = not_personal("running, done, interrupted, handed_off or failed")
    owner: str = not_personal("the process that answers")
    lease_until: datetime = not_personal("when another process may take it")
    seq: int = not_personal("number of the newest event", default=0)
    key: str = not_personal("random idempotency key of the request")
    parts: Sealed[list[Any]] | None = personal("user.content.chat", purposes=CHAT, retain="chat", default=None)
    deployment: str | None = not_personal("who answered", default=None)
    record: dict[str, Any] = not_personal("ids, counts and times", sa_type=JSONB, default_factory=dict)
    created_at: datetime = not_personal("begin", default_factory=utcnow)
    ended_at: datetime | None = not_personal("end", default=None)


class Outbox(SubjectModel, table=True):
    """A message that must reach another side. Its key goes along, so that a second sending is recognised there."""

    __tablename__ = "outbox"
    __table_args__ = (
        belongs_to(Message, "message_id"),
        Index("uq_outbox_message", "domain_id", "message_id", unique=True),
    )
    message_id: UUID
    key: str = not_personal("random idempotency key")
    state: str = not_personal("waiting, sent or failed", default="waiting")
    attempts: int = not_personal("tries so far", default=0)
    reference: str | None = not_personal("id at the other side", default=None)
    problem: str | None = not_personal("stable code of what went wrong", default=None)
    created_at: datetime = not_personal("when it was written", default_factory=utcnow)
    sent_at: datetime | None = not_personal("when it was taken", default=None)


class Feedback(SubjectModel, table=True):
    """A visitor's yes or no to one answer."""

    __tablename__ = "feedback"
    __table_args__ = (Index("uq_feedback_message", "domain_id", "message_id", unique=True),)
    message_id: UUID = not_personal("random id")
    helpful: bool = not_personal("a yes or no about an answer")
    created_at: datetime = not_personal("when it was given", default_factory=utcnow)

"""Conversations: messages and turns of a visitor, sealed under that visitor's key, and what waits to be sent."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB

from omniops.contracts.ids import new_id, utcnow
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, personal, secret
from omniops.database.models import DomainModel, SubjectModel, belongs_to
from omniops.vault.blob_models import PersonalBlob

CHAT = ("chat.respond", "chat.serve", "support.provide")
"""The AI reads for `chat.respond`, which a visitor may opt out of; the visitor for `chat.serve`; a person who helps for
`support.provide`."""
IMPROVE = "knowledge.improve"


class VisitorSession(SubjectModel, table=True):
    """A visitor's session. The token exists in the visitor's tab only; here is its hash.

    Tokens that were rotated one into the next share `chain_id` and end together.
    """

    __tablename__ = "visitor_session"
    __table_args__ = (Index("ix_visitor_session_chain", "domain_id", "chain_id"),)
    hash: bytes = not_personal("hash of a random token")
    chain_id: UUID = not_personal("random id of the session through its rotations", default_factory=new_id)
    conversation_id: UUID = not_personal("the conversation that it writes in")
    origin: str | None = not_personal("the website that it was opened on; none for an app", default=None)
    expires_at: datetime = not_personal("end of the token in any case", retain="session")
    created_at: datetime = not_personal("when the token was made", retain="chat", default_factory=utcnow)


class IdentitySecret(DomainModel, table=True):
    """A secret with which the business vouches for who its visitors are. Shown once, when it is made."""

    __tablename__ = "identity_secret"
    secret: Sealed[str] = secret("signs the identities of visitors")
    retires_at: datetime | None = not_personal("end of its life, once another took its place", default=None)
    created_at: datetime = not_personal("when it was made", default_factory=utcnow)


class VisitorIdentity(SubjectModel, table=True):
    """Who the business says that a visitor is."""

    __tablename__ = "visitor_identity"
    __table_args__ = (Index("uq_visitor_identity_subject", "domain_id", "subject_id", unique=True),)
    external_id: Sealed[str] = personal("contact.external_id", purposes=CHAT, retain="chat")
    fingerprint: Sealed[str] = personal("contact.external_id", purposes=CHAT, retain="chat", find="external_id")
    """A hash of the external id. Look-ups disregard case; the business's ids may not."""
    email: Sealed[str] | None = personal("contact.email", purposes=("support.provide",), retain="chat", default=None)
    """Where the business vouches for it as well. No look-up finds a person by it."""
    method: str = not_personal("jwt or hash")
    created_at: datetime = not_personal("when it was vouched for", default_factory=utcnow)


class Conversation(SubjectModel, table=True):
    """A thread between one visitor and the business, on one channel."""

    __tablename__ = "conversation"
    __table_args__ = (
        Index("ix_conversation_state", "domain_id", "state"),
        Index("ix_conversation_waiting", "domain_id", "waiting_since", "id"),
    )
    channel: str = not_personal("name of the channel")
    connection_id: UUID | None = not_personal("the channel's connection", default=None)
    thread: Sealed[str] | None = personal("contact.channel", purposes=CHAT, retain="chat", find="thread", default=None)
    sender: Sealed[str] | None = personal("contact.channel", purposes=CHAT, retain="chat", default=None)
    reply_to: Sealed[str] | None = personal(
        "contact.email", purposes=("support.provide",), retain="chat", find="email", default=None
    )
    about: Sealed[dict[str, Any]] | None = personal("user.content.chat", purposes=CHAT, retain="chat", default=None)
    state: str = not_personal("ai, draft, waiting, human or closed; only `states.move` writes it", default="ai")
    mode: str | None = not_personal("automatic, draft or off, where a person chose it for this one", default=None)
    assigned_to: UUID | None = not_personal("random id of the member who takes care of it", default=None)
    waiting_since: datetime | None = not_personal("since when its visitor waits for a person", default=None)
    snoozed_until: datetime | None = not_personal("until when nobody needs to look at it", default=None)
    language: str = not_personal("language of the conversation", default="en")
    last_seq: int = not_personal("number of the newest message", default=0)
    heard_at: datetime | None = not_personal("when its visitor last wrote through a channel", default=None)
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
    text: Sealed[str] = personal("user.content.chat", purposes=(*CHAT, IMPROVE), retain="chat")
    parts: Sealed[list[Any]] | None = personal("user.content.chat", purposes=CHAT, retain="chat", default=None)
    level: str | None = not_personal("answer, closest or none", default=None)
    turn_id: UUID | None = not_personal("the turn that made it", default=None)
    approved_by: str | None = not_personal("id of the member or key that sent an AI's draft", default=None)
    delivery_id: str | None = not_personal("id at the channel, unique per delivery", default=None)
    created_at: datetime = not_personal("when it was written", default_factory=utcnow)


class ConversationEvent(SubjectModel, table=True):
    """What moved a conversation from one state to another, or was done with it: by whom, and why."""

    __tablename__ = "conversation_event"
    __table_args__ = (
        belongs_to(Conversation, "conversation_id"),
        Index("ix_conversation_event_conversation", "domain_id", "conversation_id", "id"),
    )
    conversation_id: UUID
    event: str = not_personal("one of a closed list")
    before: str = not_personal("the state before")
    after: str = not_personal("the state after")
    actor: str = not_personal("visitor, or kind and id of the member, key or task")
    reason: str = not_personal("one of a closed list")
    created_at: datetime = not_personal("when it happened", default_factory=utcnow)


class Draft(SubjectModel, table=True):
    """An answer of the AI that a person must approve. Its visitor never sees it: what is sent becomes a message."""

    __tablename__ = "draft"
    __table_args__ = (
        belongs_to(Conversation, "conversation_id"),
        Index("uq_draft_open", "domain_id", "conversation_id", unique=True, postgresql_where="state = 'open'"),
        Index("ix_draft_conversation", "domain_id", "conversation_id", "id"),
    )
    conversation_id: UUID
    turn_id: UUID = not_personal("the turn that made it")
    text: Sealed[str] = personal("user.content.chat", purposes=("support.provide",), retain="chat")
    parts: Sealed[list[Any]] = personal("user.content.chat", purposes=("support.provide",), retain="chat")
    level: str | None = not_personal("answer, closest or none", default=None)
    language: str = not_personal("language of the draft", default="")
    state: str = not_personal("open, sent, rejected or superseded", default="open")
    message_id: UUID | None = not_personal("what was sent of it; holds the edited text", default=None)
    edited: bool = not_personal("a person changed it before it was sent", default=False)
    decided_by: str | None = not_personal("id of the member or key", default=None)
    decided_at: datetime | None = not_personal("when it was decided", default=None)
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
    state: str = not_personal("running, done, drafted, interrupted, handed_off or failed")
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
    """A message that must reach another side, or where the channel takes no longer ones a part of it: one row per part.
    Its key goes along, so that a second sending is recognised there."""

    __tablename__ = "outbox"
    __table_args__ = (
        belongs_to(Message, "message_id"),
        Index("uq_outbox_part", "domain_id", "message_id", "part", unique=True),
        Index("ix_outbox_reference", "domain_id", "reference"),
        Index("ix_outbox_waiting", "domain_id", "message_id", postgresql_where="state = 'waiting'"),
    )
    message_id: UUID
    part: int = not_personal("which part, from 0", default=0)
    start: int = not_personal("the character of the text that it begins with", default=0)
    stop: int | None = not_personal("the character before which it ends; none: it was not cut yet", default=None)
    key: str = not_personal("random idempotency key")
    state: str = not_personal("waiting, sent, kept (of a sandbox), delivered, read or failed", default="waiting")
    attempts: int = not_personal("tries since it last waited for the other side", default=0)
    reference: str | None = not_personal("id at the other side", default=None)
    problem: str | None = not_personal("stable code of what went wrong", default=None)
    waiting_since: datetime | None = not_personal("since when the other side keeps it waiting", default=None)
    next_at: datetime | None = not_personal("until when it waits", default=None)
    created_at: datetime = not_personal("when it was written", default_factory=utcnow)
    sent_at: datetime | None = not_personal("when it was taken", default=None)


class IncomingFile(SubjectModel, table=True):
    """A file of a message that a channel brought: named there, and fetched by a job."""

    __tablename__ = "incoming_file"
    __table_args__ = (
        belongs_to(Message, "message_id"),
        Index("uq_incoming_file_number", "domain_id", "message_id", "number", unique=True),
    )
    message_id: UUID
    number: int = not_personal("which file of the message, from 0")
    link: Sealed[dict[str, Any]] = personal("user.content.file", purposes=CHAT, retain="chat")
    state: str = not_personal("waiting, stored or failed", default="waiting")
    attempts: int = not_personal("tries so far", default=0)
    problem: str | None = not_personal("stable code of what went wrong", default=None)
    created_at: datetime = not_personal("when it was named", default_factory=utcnow)


class Feedback(SubjectModel, table=True):
    """A visitor's yes or no to one answer."""

    __tablename__ = "feedback"
    __table_args__ = (Index("uq_feedback_message", "domain_id", "message_id", unique=True),)
    message_id: UUID = not_personal("random id")
    helpful: bool = not_personal("a yes or no about an answer")
    reason: str | None = not_personal("one of a closed list", default=None)
    comment: Sealed[str] | None = personal("user.content.chat", purposes=CHAT, retain="chat", default=None)
    created_at: datetime = not_personal("when it was given", default_factory=utcnow)


class ReviewRequest(SubjectModel, table=True):
    """A visitor's wish that a person looks at an answer of the AI, with the date until which one must have."""

    __tablename__ = "review_request"
    __table_args__ = (
        belongs_to(Message, "message_id"),
        Index("uq_review_request_message", "domain_id", "message_id", unique=True),
        Index("ix_review_request_state", "domain_id", "state", "due_at"),
    )
    message_id: UUID
    conversation_id: UUID = not_personal("random id")
    note: Sealed[str] | None = personal("user.content.chat", purposes=CHAT, retain="chat", default=None)
    state: str = not_personal("open or resolved", default="open")
    outcome: str | None = not_personal("confirmed, corrected or not_answerable", default=None)
    due_at: datetime = not_personal("until when a person must have looked")
    resolved_at: datetime | None = not_personal("when a person did", default=None)
    resolved_by: str | None = not_personal("id of the member or key", default=None)
    created_at: datetime = not_personal("when it was asked for", default_factory=utcnow)


class Attachment(SubjectModel, table=True):
    """A file that a visitor sent into a conversation. Its bytes are a blob under the same person's key."""

    __tablename__ = "attachment"
    __table_args__ = (
        belongs_to(Conversation, "conversation_id"),
        belongs_to(PersonalBlob, "blob_id"),
        Index("ix_attachment_conversation", "domain_id", "conversation_id"),
        Index("ix_attachment_blob", "domain_id", "blob_id"),
    )
    conversation_id: UUID
    blob_id: UUID
    name: Sealed[str] = personal("user.content.file", purposes=CHAT, retain="chat")
    media_type: str = not_personal("one of a closed list, as its first bytes say")
    size: int = not_personal("bytes")
    created_at: datetime = not_personal("when it came", default_factory=utcnow)

"""Rows that only the people who work there see."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index

from omniops.contracts.ids import utcnow
from omniops.contracts.sealed import Sealed
from omniops.conversation.models import Conversation, Message
from omniops.database.marks import not_personal, personal
from omniops.database.models import DomainModel, SubjectModel, belongs_to


class Note(SubjectModel, table=True):
    """A note about a conversation, for those who work there; it is its visitor's data, and never shown in the chat."""

    __tablename__ = "note"
    __table_args__ = (
        belongs_to(Conversation, "conversation_id"),
        Index("ix_note_conversation", "domain_id", "conversation_id", "id"),
    )
    conversation_id: UUID
    text: Sealed[str] = personal("user.content.chat", purposes=("support.provide",), retain="chat")
    author: str = not_personal("kind and id of the member or key")
    created_at: datetime = not_personal("when it was written", default_factory=utcnow)


class Label(DomainModel, table=True):
    """A word of a website by which its people sort conversations. It is made and removed, never renamed."""

    __tablename__ = "label"
    __table_args__ = (Index("uq_label_folded", "domain_id", "folded", unique=True),)
    name: str = not_personal("a word of the business for its own work")
    folded: str = not_personal("the name as names are compared")
    created_at: datetime = not_personal("when it was made", default_factory=utcnow)


class LabelPut(SubjectModel, table=True):
    """A label that is on a conversation. It is the visitor's data: `word` is the label's name."""

    __tablename__ = "label_put"
    __table_args__ = (
        belongs_to(Conversation, "conversation_id"),
        belongs_to(Label, "label_id"),
        Index("uq_label_put", "domain_id", "conversation_id", "label_id", unique=True),
        Index("ix_label_put_label", "domain_id", "label_id"),
    )
    conversation_id: UUID
    label_id: UUID
    word: Sealed[str] = personal("user.content.chat", purposes=("support.provide",), retain="chat")
    created_at: datetime = not_personal("when it was put on", default_factory=utcnow)


class Verdict(SubjectModel, table=True):
    """What a member says of an answer of the AI: right or not, and why in few words. The last one counts. Calibration
    and gaps take it before the visitor's own yes or no."""

    __tablename__ = "answer_verdict"
    __table_args__ = (
        belongs_to(Message, "message_id"),
        Index("uq_answer_verdict_message", "domain_id", "message_id", unique=True),
    )
    message_id: UUID
    fits: bool = not_personal("right or not")
    words: Sealed[str] | None = personal(
        "user.content.chat", purposes=("support.provide",), retain="chat", default=None
    )
    given_by: str = not_personal("kind and id of the member or key")
    created_at: datetime = not_personal("when it was given", default_factory=utcnow)


class ContactCard(SubjectModel, table=True):
    """What an address book of the business says of a visitor whose address was proved. Asked for again after a day."""

    __tablename__ = "contact_card"
    __table_args__ = (
        Index("uq_contact_card", "domain_id", "subject_id", "connection_id", unique=True),
        Index("ix_contact_card_connection", "domain_id", "connection_id"),
    )
    connection_id: UUID = not_personal("random id of the connection whose address book it is")
    email: Sealed[str] = personal("contact.email", purposes=("support.provide",), retain="chat")
    name: Sealed[str] | None = personal("contact.name", purposes=("support.provide",), retain="chat", default=None)
    company: Sealed[str] | None = personal(
        "contact.company", purposes=("support.provide",), retain="chat", default=None
    )
    note: Sealed[str] | None = personal("contact.note", purposes=("support.provide",), retain="chat", default=None)
    looked_at: datetime = not_personal("when the address book was asked")
    created_at: datetime = not_personal("when it was first asked", default_factory=utcnow)

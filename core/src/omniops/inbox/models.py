"""Rows that only the people who work there see."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index

from omniops.contracts.ids import utcnow
from omniops.contracts.sealed import Sealed
from omniops.conversation.models import Conversation
from omniops.database.marks import not_personal, personal
from omniops.database.models import SubjectModel, belongs_to


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

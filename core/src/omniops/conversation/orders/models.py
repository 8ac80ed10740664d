"""Claims of visitors that an order is theirs. Of the order itself nothing is kept."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index

from omniops.contracts.ids import utcnow
from omniops.contracts.sealed import Sealed
from omniops.conversation.models import CHAT, Conversation
from omniops.database.marks import not_personal, personal
from omniops.database.models import SubjectModel, belongs_to


class OrderCheck(SubjectModel, table=True):
    """A visitor named an order and an e-mail address. Whether they belong together no column tells: a claim that does
    not fit has a hash as well, of a code that nobody got."""

    __tablename__ = "order_check"
    __table_args__ = (
        belongs_to(Conversation, "conversation_id"),
        Index("ix_order_check_conversation", "domain_id", "conversation_id", "id"),
    )
    conversation_id: UUID
    chain_id: UUID | None = not_personal("random id of the session that asked; none outside the website", default=None)
    plugin: str = not_personal("the plugin whose shop it is")
    number: Sealed[str] = personal("user.content.chat", purposes=CHAT, retain="chat")
    email: Sealed[str] | None = personal("contact.email", purposes=("support.provide",), retain="chat", default=None)
    """Until the code was sent, or not. No look-up finds a person by it: whoever writes an address need not own it."""
    code: bytes | None = not_personal("keyed hash of a random code of eight digits", default=None)
    tries: int = not_personal("codes that were entered", default=0)
    heard_seq: int | None = not_personal("number of the message that held a code last", default=None)
    ended: bool = not_personal("neither its code nor what it showed holds any more", default=False)
    expires_at: datetime | None = not_personal("end of the code", default=None)
    verified_at: datetime | None = not_personal("when the right code was entered", default=None)
    created_at: datetime = not_personal("when it was asked for", default_factory=utcnow)

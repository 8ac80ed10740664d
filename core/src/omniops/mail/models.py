"""Mail that was handed in, and addresses that get no more of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index

from omniops.contracts.ids import utcnow
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, personal
from omniops.database.models import DomainModel, SubjectModel

PURPOSES = ("support.provide", "chat.respond", "rights.answer", "breach.handle")


class Mail(SubjectModel, table=True):
    """One mail to one address. `content` is there only as long as the mail waits.

    `subject_id` is the person that the mail is about; where there is none it is the account, whose key then seals it.
    """

    __tablename__ = "mail"
    __table_args__ = (
        Index("uq_mail_key", "domain_id", "key", unique=True),
        Index("ix_mail_reference", "domain_id", "reference"),
    )
    kind: str = not_personal("what the mail is")
    key: str = not_personal("random idempotency key")
    to: Sealed[str] = personal("contact.email", purposes=PURPOSES, retain="mail")
    content: Sealed[dict[str, Any]] | None = personal(
        "user.content.chat", purposes=PURPOSES, retain="mail", default=None
    )
    state: str = not_personal("waiting, sent, kept (of a sandbox), bounced or failed", default="waiting")
    attempts: int = not_personal("tries so far", default=0)
    reference: str | None = not_personal("random id of the mail at the other side", default=None)
    problem: str | None = not_personal("stable code of what went wrong", default=None)
    created_at: datetime = not_personal("when it was handed in", default_factory=utcnow)
    sent_at: datetime | None = not_personal("when it was taken", default=None)


class Suppression(DomainModel, table=True):
    """An address that gets nothing but what the law requires. Outlives the person's erasure, since it only forbids."""

    __tablename__ = "suppression"
    __table_args__ = (Index("uq_suppression_hash", "domain_id", "hash", unique=True),)
    hash: bytes = not_personal("hash of an address under a key that exists only at the root")
    reason: str = not_personal("bounce or request")
    created_at: datetime = not_personal("since when", default_factory=utcnow)

"""The audit chain's tables. Subjects appear as keyed pseudonyms only, so the chain survives erasure."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from omniops.database.marks import not_personal
from omniops.database.models import Marked


class AuditEntry(Marked, table=True):
    """One act. Its hash covers every field and the hash before it."""

    __tablename__ = "audit_entry"
    __table_args__ = {"info": {"append_only": True}}  # noqa: RUF012
    account_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    at: datetime = not_personal("when it happened")
    actor: str = not_personal("member, key, plugin or task id")
    action: str = not_personal("what was done")
    object: str = not_personal("kind of thing")
    subject_refs: list[str] = not_personal("keyed pseudonyms", sa_type=JSONB)
    purpose: str = not_personal("declared purpose")
    detail: dict[str, Any] = not_personal("counts and ids", sa_type=JSONB)
    prev_hash: bytes = not_personal("hash of the entry before")
    hash: bytes = not_personal("hash of this entry")


class AuditHead(Marked, table=True):
    """The end of an account's chain; locking it makes the writers of all processes take turns."""

    __tablename__ = "audit_head"
    account_id: UUID = Field(primary_key=True)
    seq: int = not_personal("number of the newest entry")
    hash: bytes = not_personal("hash of the newest entry")

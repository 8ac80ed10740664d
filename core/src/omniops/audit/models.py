"""The audit's tables. Subjects appear as keyed pseudonyms only, so the chain survives erasure."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlmodel import Field

from omniops.contracts.ids import new_id
from omniops.database.marks import not_personal
from omniops.database.models import Marked


class AuditEntry(Marked, table=True):
    """One act. Its hash covers every field and the hash before it. `JSON` and not `JSONB`: the text that was hashed is
    kept to the byte. Written by the database's function `audit_append` only."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_at", "account_id", "at"), {"info": {"append_only": True}})
    account_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    at: datetime = not_personal("when it happened")
    actor: str = not_personal("member, key, plugin or task id")
    action: str = not_personal("what was done")
    object: str = not_personal("kind of thing")
    subject_refs: list[str] = not_personal("keyed pseudonyms", sa_type=JSON)
    purpose: str = not_personal("declared purpose")
    detail: dict[str, Any] = not_personal("counts and ids", sa_type=JSON)
    prev_hash: bytes = not_personal("hash of the entry before")
    hash: bytes = not_personal("hash of this entry")


class AuditHead(Marked, table=True):
    """The end of an account's chain; locking it makes the writers of all processes take turns."""

    __tablename__ = "audit_head"
    account_id: UUID = Field(primary_key=True)
    seq: int = not_personal("number of the newest entry")
    hash: bytes = not_personal("hash of the newest entry")


class AuditWaiting(Marked, table=True):
    """An act that was written down in the transaction of what it tells of, and is not in the chain yet."""

    __tablename__ = "audit_waiting"
    account_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    at: datetime = not_personal("when it happened")
    actor: str = not_personal("member, key, plugin or task id")
    action: str = not_personal("what was done")
    object: str = not_personal("kind of thing")
    subject_refs: list[str] = not_personal("keyed pseudonyms", sa_type=JSON)
    purpose: str = not_personal("declared purpose")
    detail: dict[str, Any] = not_personal("counts and ids", sa_type=JSON)


class AuditSegment(Marked, table=True):
    """A stretch of an account's chain under a signed head: its Merkle root, and the way from there to the head's root.
    It stays when its entries expire."""

    __tablename__ = "audit_segment"
    __table_args__ = {"info": {"append_only": True}}  # noqa: RUF012
    account_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    first: int = not_personal("number of its first entry")
    last: int = not_personal("number of its last entry")
    before: bytes = not_personal("hash before its first entry")
    end: bytes = not_personal("hash of its last entry")
    root: bytes = not_personal("Merkle root over its entries' hashes")
    newest_at: datetime = not_personal("when its head was signed: none of its entries is younger")
    head: int = not_personal("number of the signed head")
    place: int = not_personal("which leaf of that head's tree it is")
    size: int = not_personal("leaves of that tree")
    path: list[str] = not_personal("hashes from the leaf to the root", sa_type=JSONB)
    expired_at: datetime | None = not_personal("when its entries were deleted", default=None)


class AuditSignedHead(Marked, table=True):
    """A signed statement over all chains at one moment. The whole deployment's; no business's data is in it."""

    __tablename__ = "audit_signed_head"
    number: int = Field(primary_key=True)
    at: datetime = not_personal("when it was signed")
    statement: str = not_personal("the signed statement, public")

"""Files at rest: a head that holds the file's key, sealed like any field, and the chunks under that key.

Shredding the key above the head, or deleting the head, makes every chunk unreadable.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index

from omniops.contracts.ids import utcnow
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, personal, secret
from omniops.database.models import DomainModel, SubjectModel, belongs_to

_SIZE = "bytes of the whole file; null while it is being written"
_KEPT = "since when another row needs it; null while nothing does"


class OwnBlob(DomainModel, table=True):
    """A file of the business itself, under the account's key."""

    __tablename__ = "own_blob"
    head: Sealed[dict[str, Any]] = secret(
        "name, type and key of a file of the business", purposes=("knowledge.manage",)
    )
    size: int | None = not_personal(_SIZE, default=None)
    kept_at: datetime | None = not_personal(_KEPT, default=None)
    created_at: datetime = not_personal("when it came", retain="content", default_factory=utcnow)


class PersonalBlob(SubjectModel, table=True):
    """A file that a person sent or that is about a person, under that person's key."""

    __tablename__ = "personal_blob"
    head: Sealed[dict[str, Any]] = personal(
        "user.content.file",
        purposes=("chat.respond", "chat.serve", "support.provide", "rights.answer"),
        retain="chat",
    )
    size: int | None = not_personal(_SIZE, default=None)
    kept_at: datetime | None = not_personal(_KEPT, default=None)
    created_at: datetime = not_personal("when it came", default_factory=utcnow)


class BlobChunk(DomainModel, table=True):
    """A piece of one of the two, in ciphertext."""

    __tablename__ = "blob_chunk"
    __table_args__ = (
        belongs_to(OwnBlob, "own_id"),
        belongs_to(PersonalBlob, "personal_id"),
        Index("uq_chunk_own", "domain_id", "own_id", "number", unique=True),
        Index("uq_chunk_personal", "domain_id", "personal_id", "number", unique=True),
    )
    own_id: UUID | None = None
    personal_id: UUID | None = None
    number: int = not_personal("place in the file, from 0")
    body: bytes = not_personal("ciphertext under the key in the file's sealed head")

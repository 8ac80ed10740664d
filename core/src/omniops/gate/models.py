"""The gate's tables: the operator's exceptions and the ledger."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from omniops.contracts.ids import utcnow
from omniops.database.marks import not_personal
from omniops.database.models import AccountModel, Marked


class GateAllow(Marked, table=True):
    """An exception of the operator to the address table: one host, one port, one reason. Shown in `/readyz`."""

    __tablename__ = "gate_allow"
    host: str = Field(primary_key=True)
    port: int = Field(primary_key=True)
    reason: str = not_personal("why the exception exists")
    plaintext: bool = not_personal("also without TLS", default=False)
    created_at: datetime = not_personal("when it was made", default_factory=utcnow)


class EgressEntry(AccountModel, table=True):
    """One outgoing call: written before its first byte leaves, closed with what went through."""

    __tablename__ = "egress_entry"
    __table_args__ = (Index("ix_egress_entry_at", "account_id", "at"), {"info": {"append_only": True}})
    for_domain: UUID | None = not_personal("the domain it was made for", default=None)
    processor: str = not_personal("key of the register entry, or own-site")
    host: str = not_personal("host of an outside party")
    port: int = not_personal("port")
    purpose: str = not_personal("declared purpose")
    categories: list[str] = not_personal("declared categories", sa_type=JSONB)
    subjects: list[str] = not_personal("random ids", sa_type=JSONB)
    tls: str | None = not_personal("version of TLS", default=None)
    bytes_out: int = not_personal("size", default=0)
    bytes_in: int = not_personal("size", default=0)
    outcome: str | None = not_personal("how it ended", default=None)
    at: datetime = not_personal("when it began", retain="security", default_factory=utcnow)
    ended_at: datetime | None = not_personal("when it ended", default=None)

"""Rules that shorten, runs with their plans, and legal holds. `home_id` is as in `vault.models`."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from omniops.contracts.ids import new_id, utcnow
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, secret
from omniops.database.models import Marked


class RetentionRule(Marked, table=True):
    """A shorter time for a class: of one domain, or, with the account as its home, of all domains of the account."""

    __tablename__ = "retention_rule"
    account_id: UUID = not_personal("the account it belongs to")
    home_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True)
    by: str = Field(primary_key=True)
    """`business`, or `plugin:NAME`."""
    days: int = not_personal("how long rows of the class are kept")
    title: str | None = not_personal("what the class is, where a plugin adds it", default=None)
    changed_by: str = not_personal("kind and id of the member, key or plugin")
    created_at: datetime = not_personal("since when", default_factory=utcnow)


class RetentionRun(Marked, table=True):
    """One run: what it is to delete, who approved it, and what it deleted. Counts are written with the rows' deletion,
    in one transaction."""

    __tablename__ = "retention_run"
    __table_args__ = (Index("ix_retention_run_state", "home_id", "state"),)
    account_id: UUID = not_personal("the account it belongs to")
    home_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    state: str = not_personal("planned, approved, running, done, incomplete or refused")
    at: datetime = not_personal("the moment that times are counted back from")
    plan: dict[str, Any] = not_personal("periods, and counts by table and field", sa_type=JSONB)
    hash: str = not_personal("SHA-256 of the plan")
    deleted: dict[str, Any] = not_personal("counts by table and field", sa_type=JSONB, default_factory=dict)
    shredded: int = not_personal("persons of whom nothing was left", default=0)
    problems: list[str] = not_personal("why it is incomplete or refused", sa_type=JSONB, default_factory=list)
    planned_by: str = not_personal("kind and id of the member, key or task")
    approved_by: str | None = not_personal("kind and id of the member or key", default=None)
    created_at: datetime = not_personal("when it was planned", retain="audit", default_factory=utcnow)
    ended_at: datetime | None = not_personal("when it was over", default=None)


class LegalHold(Marked, table=True):
    """A ban on deleting what is known of one person, or, without a person, of a whole domain."""

    __tablename__ = "legal_hold"
    __table_args__ = (Index("ix_legal_hold_subject", "home_id", "subject_id"),)
    account_id: UUID = not_personal("the account it belongs to")
    home_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    subject_id: UUID | None = not_personal("random id; none for the whole domain", default=None)
    authority: Sealed[str] = secret("who demands it", purposes=("legal.defend",))
    reason: Sealed[str] = secret("why; may name people", purposes=("legal.defend",))
    review_on: date = not_personal("when somebody must look whether it is still needed")
    placed_by: str = not_personal("id of the member")
    lifted_by: str | None = not_personal("id of the member", default=None)
    why_lifted: Sealed[str] | None = secret("why; may name people", purposes=("legal.defend",), default=None)
    created_at: datetime = not_personal("since when", default_factory=utcnow)
    lifted_at: datetime | None = not_personal("until when", retain="requests", default=None)

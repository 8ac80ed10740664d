"""The duty to erase: what is to be done about one person, by whom, and what came of it. It outlives the person's data,
so it holds no more of the person than random ids.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from omniops.contracts.ids import new_id, utcnow
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, personal, secret
from omniops.database.models import Marked


class ErasureDuty(Marked, table=True):
    """One person's erasure. Open until nothing is left here and every store outside has answered."""

    __tablename__ = "erasure_duty"
    __table_args__ = (Index("ix_erasure_duty_state", "state", "next_at"),)
    account_id: UUID = not_personal("the account it belongs to")
    home_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    subjects: list[str] = not_personal("random ids, which lead nowhere once the keys are gone", sa_type=JSONB)
    contact_id: UUID | None = not_personal("random id of the key that its identifiers lie under", default=None)
    requested_by: str = not_personal("kind and id of the member, key or task")
    state: str = not_personal("open or closed", default="open")
    waits_for: str | None = not_personal("hold, rows or stores", default=None)
    deleted: dict[str, Any] = not_personal("rows deleted by table", sa_type=JSONB, default_factory=dict)
    attempts: int = not_personal("runs so far", default=0)
    next_at: datetime = not_personal("when it is tried again", default_factory=utcnow)
    created_at: datetime = not_personal("when it began", default_factory=utcnow)
    closed_at: datetime | None = not_personal("when nothing was left", default=None)


def _of_duty(name: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["home_id", "duty_id"], ["erasure_duty.home_id", "erasure_duty.id"], ondelete="CASCADE", name=name
    )


class ErasureTask(Marked, table=True):
    """What one store outside has to do about it, and what it answered."""

    __tablename__ = "erasure_task"
    __table_args__ = (
        _of_duty("fk_task_duty"),
        Index("uq_erasure_task_store", "home_id", "duty_id", "store", unique=True),
    )
    account_id: UUID = not_personal("the account it belongs to")
    home_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    duty_id: UUID
    store: str = not_personal("plugin and key of the store, or processor:KEY where no loaded plugin knows it")
    title: str = not_personal("what the store is called")
    state: str = not_personal("waiting, done, nothing_held, refused or failed", default="waiting")
    code: str = not_personal("stable code of a refusal or failure", default="")
    evidence: str = not_personal("what shows it, in a sentence of ours or of a store, which names nobody", default="")
    words: Sealed[str] | None = secret(
        "what a member says shows it; may name people", purposes=("rights.answer",), default=None
    )
    attempts: int = not_personal("how often it was asked", default=0)
    by: str | None = not_personal("id of the member or key that closed it by hand", default=None)
    answered_at: datetime | None = not_personal("when it answered last", default=None)


class ErasureContact(Marked, table=True):
    """What outside systems know the person by, while they are still to be asked. It lies under a key of the duty's own,
    which is shredded when the duty is closed."""

    __tablename__ = "erasure_contact"
    __table_args__ = (
        _of_duty("fk_contact_duty"),
        Index("ix_erasure_contact_duty", "home_id", "duty_id"),
    )
    account_id: UUID = not_personal("the account it belongs to")
    home_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    subject_id: UUID = not_personal("random id of the duty's own key", index=True)
    duty_id: UUID
    kind: str = not_personal("email, phone, external_id …")
    value: Sealed[str] = personal("contact.identifier", purposes=("rights.answer",), retain="requests")

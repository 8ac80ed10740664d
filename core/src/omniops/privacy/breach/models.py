"""The register of breaches, which is only added to, and the people of a case who are to be told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from omniops.contracts.ids import new_id
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, secret
from omniops.database.models import AccountModel, Marked

PURPOSE = "breach.handle"


class BreachEvent(AccountModel, table=True):
    """One step of a case, as it was written. A case is the sum of its steps; nothing is changed afterwards, and the
    audit's chain holds the hash of each."""

    __tablename__ = "breach_event"
    __table_args__ = (
        Index("uq_breach_event_seq", "account_id", "breach_id", "seq", unique=True),
        {"info": {"append_only": True}},
    )
    breach_id: UUID = not_personal("random id of the case")
    seq: int = not_personal("order in the case")
    kind: str = not_personal("what was done")
    actor: str = not_personal("member, key or task that did it")
    aware_at: datetime | None = not_personal("when the business became aware, on the first step", default=None)
    body: Sealed[dict[str, Any]] = secret("what a business writes about its breach", purposes=(PURPOSE,))
    hash: bytes = not_personal("hash over the whole step, as the audit holds it")
    at: datetime = not_personal("when it was written")


class BreachPerson(Marked, table=True):
    """Somebody whose data a breach touched, and what became of telling them (Art. 34 GDPR). Goes when they are erased;
    the numbers stay in the register."""

    __tablename__ = "breach_person"
    __table_args__ = (Index("uq_breach_person", "home_id", "breach_id", "subject_id", unique=True),)
    account_id: UUID = not_personal("the account it belongs to")
    home_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    breach_id: UUID = not_personal("random id of the case")
    subject_id: UUID = not_personal("random id; leads to a person only through the vault")
    state: str = not_personal("found, told, no_address, or drill")
    mail_id: UUID | None = not_personal("random id of the mail", default=None)
    told_at: datetime | None = not_personal("when the mail was handed in", default=None)

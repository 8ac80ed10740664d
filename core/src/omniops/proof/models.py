"""The tables of proof: reports that were made, signed records, and where probes act."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from omniops.contracts.ids import new_id, utcnow
from omniops.database.marks import not_personal
from omniops.database.models import Marked


class ProofReport(Marked, table=True):
    """A signed report of a whole run. The deployment's own; no business's data is in it."""

    __tablename__ = "proof_report"
    id: UUID = Field(default_factory=new_id, primary_key=True)
    body: dict[str, Any] = not_personal("the report with key and signature, as it is published", sa_type=JSONB)
    made_at: datetime = not_personal("when it was made", default_factory=utcnow)


class Attestation(Marked, table=True):
    """What a named person signed for, until a day. Published beside the promise; added to, never changed."""

    __tablename__ = "attestation"
    id: UUID = Field(default_factory=new_id, primary_key=True)
    claim: str = not_personal("number of the promise")
    author: str = not_personal("who signs in public, in an office")
    said: str = not_personal("what is signed for, as published")
    evidence: str = not_personal("hash of the document that shows it")
    statement: str = not_personal("hash of the words that it was signed under")
    signed_on: date = not_personal("day of the signature")
    valid_until: date = not_personal("last day")


class ProofStage(Marked, table=True):
    """The accounts and domains in which probes act, so that each run finds those of the run before."""

    __tablename__ = "proof_stage"
    name: str = Field(primary_key=True)
    in_account: UUID = not_personal("the account")
    in_domain: UUID = not_personal("its domain")

"""The register's tables: what the operator signed, what is known of processors, and what accounts were told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from omniops.contracts.ids import new_id
from omniops.database.marks import not_personal
from omniops.database.models import AccountModel, DomainModel, Marked


class ProcessorSignature(Marked, table=True):
    """A contract of the operator with a processor, or a mechanism of transfer in it. Of the deployment as a whole.

    It is signed with a party for countries: another company behind the same key, or another country, is not covered.
    """

    __tablename__ = "processor_signature"
    __table_args__ = (Index("ix_processor_signature_processor", "processor"),)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    processor: str = not_personal("key of the register entry")
    party: str = not_personal("company that signed on the other side")
    kind: str = not_personal("contract, or the kind of mechanism")
    origins: list[str] = not_personal("whose data it lets go", sa_type=JSONB)
    countries: list[str] = not_personal("where to", sa_type=JSONB)
    module: str = not_personal("module of the clauses")
    source: str = not_personal("where it can be read")
    document: str = not_personal("SHA-256 of the signed document, as hex")
    assessment: str = not_personal("reference of the transfer impact assessment")
    measures: list[str] = not_personal("keys of the measures that it asks for", sa_type=JSONB, default_factory=list)
    valid_from: datetime = not_personal("in force from")
    valid_until: datetime | None = not_personal("in force until", default=None)
    signed_by: str = not_personal("actor that signed")
    signed_at: datetime = not_personal("when it was signed here")
    revoked_at: datetime | None = not_personal("when it was taken back", default=None)


class ProcessorWords(Marked, table=True):
    """What the operator knows of a processor that its plugin does not say. Wins over the plugin's words."""

    __tablename__ = "processor_words"
    processor: str = Field(primary_key=True)
    contact: str = not_personal("how a company is reached about privacy", default="")
    policy_url: str = not_personal("its privacy policy", default="")
    contract_url: str = not_personal("its data-processing terms", default="")
    retention: str = not_personal("what it keeps, in words", default="")


class ProcessorFact(Marked, table=True):
    """Something that accounts were told of a processor: that it is there, a country, a category."""

    __tablename__ = "processor_fact"
    processor: str = Field(primary_key=True)
    what: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    since: datetime = not_personal("when it was announced")
    until: datetime = not_personal("end of the period in which accounts may object")


class CollectedCategory(DomainModel, table=True):
    """When a website last collected a kind of data. Outlives the data: California asks for twelve months."""

    __tablename__ = "collected_category"
    __table_args__ = (Index("uq_collected_category", "domain_id", "category", unique=True),)
    category: str = not_personal("kind of data")
    last_at: datetime = not_personal("when it was last collected")


class ProcessorNotice(AccountModel, table=True):
    """What an account was told about a processor, and what it answered. Until it agreed or the period is over, the
    processor receives nothing of it; after an objection, never."""

    __tablename__ = "processor_notice"
    __table_args__ = (Index("ix_processor_notice_at", "account_id", "announced_at"),)
    processor: str = not_personal("key of the register entry")
    party: str = not_personal("company behind it")
    changes: list[list[str]] = not_personal("what is new, in pairs of what and value", sa_type=JSONB)
    announced_at: datetime = not_personal("begin of the period")
    ends_at: datetime = not_personal("end of the period")
    answer: str | None = not_personal("agreed or objected", default=None)
    answered_at: datetime | None = not_personal("when it answered", default=None)
    answered_by: str | None = not_personal("actor that answered", default=None)
    mailed_at: datetime | None = not_personal("when mail about it was handed in", default=None)

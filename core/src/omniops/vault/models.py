"""Subjects and keys. The keys live in the schema `vault` of the same database, so that a key and its first row commit
in one transaction.

`home_id` is the domain of a visitor or contact; for a member of an account, and for the account's own credentials, it
is the account.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from omniops.contracts.ids import new_id, utcnow
from omniops.database.marks import not_personal
from omniops.database.models import Marked


class Subject(Marked, table=True):
    """A person that data is about. Holds no personal data: only what the vault's door must know of the person."""

    __tablename__ = "subject"
    __table_args__ = (
        Index("ix_subject_consents_end", "consents_end", postgresql_where=text("consents_end is not null")),
    )
    account_id: UUID = not_personal("the account it belongs to")
    home_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    kind: str = not_personal("visitor, contact, member, or browser of somebody who chose")
    consents: dict[str, Any] = not_personal("purpose and state of consent", sa_type=JSONB, default_factory=dict)
    consents_until: dict[str, Any] = not_personal(
        "when a given consent ends, by purpose", sa_type=JSONB, default_factory=dict
    )
    consents_end: datetime | None = not_personal("when the first of them ends", default=None)
    child_below: int | None = not_personal("known to be younger than this many years", default=None)
    parent_verified_at: datetime | None = not_personal("when a parent's consent was verified", default=None)
    objections: list[str] = not_personal("purposes objected to", sa_type=JSONB, default_factory=list)
    objections_refused: list[str] = not_personal(
        "those of them that were refused on compelling grounds", sa_type=JSONB, default_factory=list
    )
    opt_outs: list[str] = not_personal("purposes opted out of", sa_type=JSONB, default_factory=list)
    shut_for_age: list[str] = not_personal("purposes that a child's age shut", sa_type=JSONB, default_factory=list)
    parent_allows: list[str] = not_personal(
        "purposes that a parent's verified consent names", sa_type=JSONB, default_factory=list
    )
    sensitive_limited: bool = not_personal("the use of sensitive data is limited to what the law lists", default=False)
    restricted_at: datetime | None = not_personal("processing is restricted since", default=None)
    hold: bool = not_personal("a legal hold forbids deletion", default=False)
    erased_at: datetime | None = not_personal("keys were shredded", default=None)
    origin: str | None = not_personal("EEA, UK or CH, as the person declared it", default=None)
    created_at: datetime = not_personal("first seen", default_factory=utcnow)


class AccountKey(Marked, table=True):
    """A version of an account's key, wrapped by the key of an epoch that exists only at the root provider."""

    __tablename__ = "account_key"
    __table_args__ = {"schema": "vault"}  # noqa: RUF012  (SQLAlchemy's own convention)
    account_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    epoch: int = not_personal("number of the wrapping epoch key")
    wrapped: bytes = not_personal("key material, wrapped")
    state: str = not_personal("active, or old while what hangs from it is wrapped anew")
    created_at: datetime = not_personal("when it was made", default_factory=utcnow)


class SubjectKey(Marked, table=True):
    """The key of one person, and the pepper of that person's pseudonym in the audit, wrapped by an account key.

    Shredding sets both to null in the transaction that writes the state: there is no live key after `shredded`. A key
    that was replaced is `old` while a field may stand under it, then `retired`, and null as well.
    """

    __tablename__ = "subject_key"
    __table_args__ = (
        # The version is in none that every key stands in: wrapping a key anew then touches no index.
        Index("ix_subject_key_account", "account_id", "home_id"),
        Index("ix_subject_key_dead", "account_id", "account_key_version", postgresql_where=text("wrapped is null")),
        {"schema": "vault"},
    )
    account_id: UUID = not_personal("the account it belongs to")
    home_id: UUID = Field(primary_key=True)
    subject_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    account_key_version: int = not_personal("which account key wraps it")
    wrapped: bytes | None = not_personal("key material, wrapped", default=None)
    pepper_wrapped: bytes | None = not_personal("pepper of the pseudonym, wrapped", default=None)
    state: str = not_personal("active, old, retired or shredded")
    shredded_at: datetime | None = not_personal("when it was destroyed", default=None)
    created_at: datetime = not_personal("when it was made", default_factory=utcnow)


class Identifier(Marked, table=True):
    """An exact look-up: AES-SIV of a normalised value under the account key. Here and never in the row."""

    __tablename__ = "identifier"
    __table_args__ = (
        Index("ix_identifier_row", "home_id", "row_id"),
        Index("ix_identifier_account", "account_id", "home_id"),
        {"schema": "vault"},
    )
    account_id: UUID = not_personal("the account it belongs to")
    home_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    hash: bytes = Field(primary_key=True)
    row_id: UUID = Field(primary_key=True)
    subject_id: UUID = not_personal("random id", index=True)
    account_key_version: int = not_personal("which account key it stands under")


class Shred(Marked, table=True):
    """The shred list: replayed after a restore, before the system serves."""

    __tablename__ = "shred"
    __table_args__ = {"schema": "vault"}  # noqa: RUF012
    account_id: UUID = not_personal("the account it belongs to")
    home_id: UUID = Field(primary_key=True)
    subject_id: UUID = Field(primary_key=True)
    at: datetime = not_personal("when the keys were destroyed", default_factory=utcnow)


class Root(Marked, table=True):
    """The fingerprint of the root key that this database's keys hang from. One row."""

    __tablename__ = "root"
    __table_args__ = {"schema": "vault"}  # noqa: RUF012
    fingerprint: str = Field(primary_key=True)
    created_at: datetime = not_personal("first start", default_factory=utcnow)


class Epoch(Marked, table=True):
    """When each epoch key was in use. The keys themselves exist at the root provider only; member addresses stand under
    the newest one."""

    __tablename__ = "epoch"
    __table_args__ = {"schema": "vault"}  # noqa: RUF012
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    made_at: datetime = not_personal("from when on keys were wrapped under it", default_factory=utcnow)
    ended_at: datetime | None = not_personal("when the next one took over", default=None)
    destroyed_at: datetime | None = not_personal("when its key was destroyed at the provider", default=None)

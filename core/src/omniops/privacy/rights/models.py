"""Cases and what belongs to them. What stays after a person's erasure holds random ids, states and codes; whatever
leads to the person lies under a key of the case's own (`subject_id`), which goes with the answer to an erasure. What
members write about a case, to show later that it was right, is the business's: sealed under the account's key.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB

from omniops.contracts.ids import utcnow
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, personal, secret
from omniops.database.models import DomainModel, SubjectModel, belongs_to

PURPOSES = ("rights.answer",)


class RightsCase(DomainModel, table=True):
    """One request of one person, from its receipt to its answer."""

    __tablename__ = "rights_case"
    __table_args__ = (
        Index("uq_rights_case_key", "domain_id", "key", unique=True),
        Index("ix_rights_case_state", "state", "due_at"),
    )
    account_id: UUID = not_personal("the account it belongs to")
    key: str = not_personal("random, or a hash of the delivery: what comes twice is one case")
    reference: str = not_personal("short random code that people name the case by")
    requester_id: UUID = not_personal("random id of the key that the words and the address lie under")
    right: str = not_personal("which right")
    channel: str = not_personal("page, chat, api, mail, system, member or age")
    language: str = not_personal("language of the reply")
    region: str = not_personal("EEA, UK, California, elsewhere, or empty: where the person says to live", default="")
    subjects: list[str] = not_personal("random ids of whom it is about", sa_type=JSONB, default_factory=list)
    conversation_id: UUID | None = not_personal("random id of the chat that it came from", default=None)
    by_agent: bool = not_personal("somebody asks for another", default=False)
    identity: str = not_personal("none, session, email, system or person: what showed who asks", default="none")
    state: str = not_personal("unproven, open or closed", default="unproven")
    outcome: str | None = not_personal("done, nothing_held, refused, not_proven or withdrawn", default=None)
    refusal: str | None = not_personal("code of the law's reason", default=None)
    received_at: datetime = not_personal("when it was received; the clocks run from that day")
    due_at: datetime = not_personal("end of the strictest term")
    confirm_by: datetime | None = not_personal("until when the receipt is to be confirmed", default=None)
    confirmed_at: datetime | None = not_personal("when the receipt was confirmed", default=None)
    pauses: list[list[str | None]] = not_personal(
        "days on which clocks stood still", sa_type=JSONB, default_factory=list
    )
    extended_at: datetime | None = not_personal("when the person was told of the extension", default=None)
    escalated: int = not_personal("per cent of the term at which people were told last", default=0)
    duties: list[str] = not_personal("ids of the erasures that it began", sa_type=JSONB, default_factory=list)
    consent_shown: bool = not_personal("of a child: a parent's consent was verified", default=False)
    forgotten_at: datetime | None = not_personal("when the requester's own key was destroyed", default=None)
    closed_at: datetime | None = not_personal("when it was closed", default=None)
    certificate: dict[str, Any] | None = not_personal(
        "what was signed at the end: ids, states, codes", sa_type=JSONB, default=None
    )


class RightsWords(SubjectModel, table=True):
    """What the requester wrote, and where the answer goes."""

    __tablename__ = "rights_words"
    __table_args__ = (belongs_to(RightsCase, "case_id"), Index("ix_rights_words_case", "domain_id", "case_id"))
    case_id: UUID
    email: Sealed[str] | None = personal("contact.email", purposes=PURPOSES, retain="requests", default=None)
    text: Sealed[str] | None = personal("user.content.chat", purposes=PURPOSES, retain="requests", default=None)


class RightsEvent(DomainModel, table=True):
    """What happened to a case. Added to, never changed."""

    __tablename__ = "rights_event"
    __table_args__ = (belongs_to(RightsCase, "case_id"), Index("ix_rights_event_case", "domain_id", "case_id", "id"))
    case_id: UUID
    name: str = not_personal("what happened")
    actor: str = not_personal("kind and id of who did it")
    detail: dict[str, Any] = not_personal("codes and numbers", sa_type=JSONB, default_factory=dict)
    words: Sealed[str] | None = secret("what a member wrote; may name people", purposes=PURPOSES, default=None)
    at: datetime = not_personal("when", default_factory=utcnow)


class RightsTask(DomainModel, table=True):
    """What one place has to do about a case: our own database, a plugin's store, a processor, a person."""

    __tablename__ = "rights_task"
    __table_args__ = (
        belongs_to(RightsCase, "case_id"),
        Index("uq_rights_task_store", "domain_id", "case_id", "store", unique=True),
    )
    case_id: UUID
    store: str = not_personal("own, person, plugin and key of a store, or processor:KEY")
    title: str = not_personal("what it is called")
    state: str = not_personal("waiting, done, nothing_held, refused or failed", default="waiting")
    code: str = not_personal("stable code of a refusal or failure", default="")
    evidence: str = not_personal("what shows it, in a sentence of ours or of a store, which names nobody", default="")
    words: Sealed[str] | None = secret("what a member says shows it; may name people", purposes=PURPOSES, default=None)
    attempts: int = not_personal("how often it was tried", default=0)
    by: str | None = not_personal("who settled it by hand", default=None)
    answered_at: datetime | None = not_personal("when it answered last", default=None)


class RightsLink(DomainModel, table=True):
    """A one-time link. Its random number is in the hands of who got it; here is the hash."""

    __tablename__ = "rights_link"
    __table_args__ = (
        belongs_to(RightsCase, "case_id"),
        Index("uq_rights_link_hash", "domain_id", "hash", unique=True),
    )
    case_id: UUID
    hash: bytes = not_personal("hash of a random token")
    use: str = not_personal("confirm or copy")
    proves: str = not_personal("session or email: what its holder has shown", default="email")
    expires_at: datetime = not_personal("end of its life")
    used_at: datetime | None = not_personal("when it was used", default=None)


class RightsLetter(SubjectModel, table=True):
    """A reply in the visitor's language: drafted from a template, sent once somebody approved it or the rules may."""

    __tablename__ = "rights_letter"
    __table_args__ = (belongs_to(RightsCase, "case_id"), Index("ix_rights_letter_case", "domain_id", "case_id"))
    case_id: UUID
    kind: str = not_personal("confirm, copy, done, nothing, refused, extended, received or late")
    language: str = not_personal("language of the words")
    text: Sealed[str] = personal("user.content.chat", purposes=PURPOSES, retain="requests")
    state: str = not_personal("drafted, sent, or unsendable where there is no way to its reader", default="drafted")
    mail_id: UUID | None = not_personal("random id of the mail", default=None)
    approved_by: str | None = not_personal("who approved it; the rules themselves where nobody had to", default=None)
    created_at: datetime = not_personal("when it was drafted", default_factory=utcnow)


class AuthorityRequest(DomainModel, table=True):
    """A lawful request of an authority for data about people. Refused without two approvals by two people."""

    __tablename__ = "authority_request"
    account_id: UUID = not_personal("the account it belongs to")
    authority: Sealed[str] | None = secret("who asks", purposes=PURPOSES, default=None)
    statute: str = not_personal("the law that it rests on")
    file_number: Sealed[str] | None = secret(
        "the authority's own reference; may name people", purposes=PURPOSES, default=None
    )
    subjects: list[str] = not_personal("random ids of whom it is about", sa_type=JSONB)
    categories: list[str] = not_personal("what may be given: categories of data, and nothing else", sa_type=JSONB)
    reason: Sealed[str] | None = secret(
        "why the business must comply; may name people", purposes=PURPOSES, default=None
    )
    state: str = not_personal("open, approved, refused or given", default="open")
    approvals: list[dict[str, Any]] = not_personal("who approved, and when", sa_type=JSONB, default_factory=list)
    rows: dict[str, Any] = not_personal("rows that were given, by table", sa_type=JSONB, default_factory=dict)
    recorded_by: str = not_personal("who recorded it")
    created_at: datetime = not_personal("when it was recorded", default_factory=utcnow)
    given_at: datetime | None = not_personal("when the data was given", default=None)

"""The ledger of consent, the words that were shown, and the browsers that carry a choice."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from omniops.contracts.ids import new_id, utcnow
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, personal
from omniops.database.models import Marked, SubjectModel


class ConsentEvent(Marked, table=True):
    """One answer of one person to one purpose, as it was given. Added to, never changed; it goes with its person, or
    when nothing can be claimed from it any more. What stands is on the subject, and needs no row here.

    Somebody who says no before anything is known of them gets an id that nobody holds: the no counts, and leads to no
    person. `home_id` is as in `vault.models`.
    """

    __tablename__ = "consent_event"
    __table_args__ = (Index("ix_consent_event_subject", "home_id", "subject_id"), {"info": {"append_only": True}})
    account_id: UUID = not_personal("the account it belongs to")
    home_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    subject_id: UUID = not_personal("random id; leads to a person only through the vault")
    purpose: str = not_personal("what was asked for")
    answer: str = not_personal("given, refused, withdrawn, expired or renewed")
    before: str | None = not_personal("the state until then; null where nothing was asked", default=None)
    valid_until: datetime | None = not_personal("when a given consent ends", default=None)
    notice_id: str = not_personal("which notice was shown; source.NAME where another consent manager asked")
    notice_version: str = not_personal("hash of the words that were shown, or of the manager's statement")
    locale: str = not_personal("language tag of the reader")
    method: str = not_personal(
        "banner, widget, api, preferences, a case's channel, signal, age, child, or a source's name"
    )
    signal: str = not_personal("what the browser asks for: none, gpc or dnt")
    jurisdiction: str = not_personal("country whose law applies, from settings or language; never from an address")
    vetoes: list[Any] = not_personal(
        "who was asked, whether it may stand, and why", sa_type=JSONB, default_factory=list
    )
    statement: dict[str, Any] = not_personal(
        "facts of another consent manager's statement", sa_type=JSONB, default_factory=dict
    )
    created_at: datetime = not_personal("when it was answered", retain="consent", default_factory=utcnow)


class NoticeText(Marked, table=True):
    """The words of a notice in one language. The whole deployment's; no business's data is in it."""

    __tablename__ = "notice_text"
    id: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    locale: str = not_personal("language of the words")
    body: str = not_personal("the words")
    created_at: datetime = not_personal("first shown", default_factory=utcnow)


class ConsentBrowser(SubjectModel, table=True):
    """A browser that said yes to something. Its random number is kept there only; here is the hash."""

    __tablename__ = "consent_browser"
    __table_args__ = (
        Index("uq_consent_browser_hash", "domain_id", "hash", unique=True),
        Index("ix_consent_browser_visitor", "domain_id", "visitor_id"),
    )
    hash: bytes = not_personal("hash of a random number")
    visitor_id: UUID | None = not_personal("random id of whoever chatted in it last", default=None)
    created_at: datetime = not_personal("first yes", retain="choices", default_factory=utcnow)


class ConsentRequest(SubjectModel, table=True):
    """A yes that waits until its person confirms it: by a link that was sent to the address, good once, for some days.

    `email` is found by nobody before the link was used; `confirmed_email` from then on.
    """

    __tablename__ = "consent_request"
    __table_args__ = (
        Index("uq_consent_request_hash", "domain_id", "hash", unique=True),
        Index("ix_consent_request_expires", "expires_at"),
    )
    hash: bytes = not_personal("hash of the link's random number")
    purpose: str = not_personal("what was asked for")
    email: Sealed[str] = personal("contact.email", purposes=("consent.keep",), retain="account")
    confirmed_email: Sealed[str] | None = personal(
        "contact.email", purposes=("marketing", "consent.keep"), retain="account", find="email", default=None
    )
    notice_id: str = not_personal("which notice was shown")
    notice_version: str = not_personal("hash of the words that were shown")
    locale: str = not_personal("language tag of the reader")
    jurisdiction: str = not_personal("country whose law applies")
    expires_at: datetime = not_personal("until when the link is good")
    confirmed_at: datetime | None = not_personal("when the link was used", default=None)
    created_at: datetime = not_personal("when it was asked for", default_factory=utcnow)


class SubjectLink(SubjectModel, table=True):
    """Two subjects that were found to be one person: `subject_id` is whom `other_id` is, on this evidence."""

    __tablename__ = "subject_link"
    __table_args__ = (
        Index("uq_subject_link_subject", "domain_id", "subject_id", unique=True),
        Index("ix_subject_link_other", "domain_id", "other_id"),
    )
    other_id: UUID = not_personal("random id of the subject that was known first")
    evidence: str = not_personal("what shows it: identity by jwt or by hash")
    created_at: datetime = not_personal("when it was found", default_factory=utcnow)

"""Accounts, their domains, members, keys and what is switched on."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from omniops.contracts.ids import new_id, utcnow
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, personal, secret
from omniops.database.models import AccountModel, DomainModel, Marked, MemberModel, SubjectModel, belongs_to

_NO = {"server_default": "false"}


class Account(Marked, table=True):
    """A business, the customer of OmniOps."""

    __tablename__ = "account"
    account_id: UUID = Field(default_factory=new_id, primary_key=True)
    name: str = not_personal("name of the business")
    created_at: datetime = not_personal("when it was opened", default_factory=utcnow)
    closed_at: datetime | None = not_personal("when it was closed", default=None)
    for_probes: bool = not_personal("probes act in it, and no business", default=False, sa_column_kwargs=_NO)


class Domain(AccountModel, table=True):
    """One website of an account: the unit of isolation."""

    __tablename__ = "domain"
    __table_args__ = (UniqueConstraint("id", name="uq_domain_id"),)
    title: str = not_personal("name of the shop or site")
    origins: list[str] = not_personal("where the widget may run", sa_type=JSONB)
    widget_key: str = not_personal("public; stands in the script tag")
    settings: dict[str, Any] = not_personal("look and behaviour", sa_type=JSONB, default_factory=dict)
    calibrated: dict[str, Any] = not_personal("cuts that marks brought", sa_type=JSONB, default_factory=dict)
    sandbox: bool = not_personal(
        "for trying out: nothing of it reaches people", default=False, sa_column_kwargs={"server_default": "false"}
    )
    created_at: datetime = not_personal("when it was added", default_factory=utcnow)
    seen_at: datetime | None = not_personal("when a page of it last asked for the chat, to the day", default=None)


class Member(MemberModel, table=True):
    """A person of the account, with a role."""

    __tablename__ = "member"
    __table_args__ = (Index("uq_member_subject", "account_id", "subject_id", unique=True),)
    email: Sealed[str] = personal("contact.email", purposes=("account.manage",), retain="account", find="email")
    name: Sealed[str] = personal("contact.name", purposes=("account.manage",), retain="account")
    password: Sealed[str] = personal("account.credential", purposes=("account.sign_in",), retain="account")
    role: str = not_personal("what the member may do")
    created_at: datetime = not_personal("when the member joined", default_factory=utcnow)


class MemberSession(AccountModel, table=True):
    """A signed-in browser. The token exists at the member's side only; here is its hash."""

    __tablename__ = "member_session"
    __table_args__ = (
        belongs_to(Member, "member_id"),
        Index("ix_member_session_member", "account_id", "member_id"),
    )
    member_id: UUID
    hash: bytes = not_personal("hash of a random token")
    expires_at: datetime = not_personal("end of the session", retain="session")
    used_at: datetime | None = not_personal("last use, to the hour", default=None)
    created_at: datetime = not_personal("sign-in", default_factory=utcnow)


class Factor(MemberModel, table=True):
    """The second factor of a member: the key that an authenticator app holds as well. It counts once confirmed."""

    __tablename__ = "member_factor"
    __table_args__ = (
        belongs_to(Member, "member_id"),
        Index("uq_member_factor", "account_id", "member_id", unique=True),
    )
    member_id: UUID
    key: Sealed[str] = personal("account.credential", purposes=("account.sign_in",), retain="account")
    last_step: int = not_personal("time step of the last code that was taken", default=0)
    confirmed_at: datetime | None = not_personal("when a first code fitted", default=None)
    created_at: datetime = not_personal("when it was begun", default_factory=utcnow)


class RecoveryCode(AccountModel, table=True):
    """A code for who lost their app. It is gone once it was used."""

    __tablename__ = "recovery_code"
    __table_args__ = (
        belongs_to(Factor, "factor_id"),
        Index("uq_recovery_code", "account_id", "factor_id", "hash", unique=True),
    )
    factor_id: UUID
    hash: bytes = not_personal("hash of a random code")


class SignInTicket(AccountModel, table=True):
    """A sign-in whose password fitted, and whose code is still to come. It opens nothing by itself."""

    __tablename__ = "sign_in_ticket"
    __table_args__ = (
        belongs_to(Member, "member_id"),
        Index("ix_sign_in_ticket_member", "account_id", "member_id"),
    )
    member_id: UUID
    hash: bytes = not_personal("hash of a random token")
    expires_at: datetime = not_personal("end of its life", retain="session")
    created_at: datetime = not_personal("when the password fitted", default_factory=utcnow)


class ApiKey(AccountModel, table=True):
    """A key for the business API, with its own permissions, for the whole account or one domain."""

    __tablename__ = "api_key"
    name: str = not_personal("what the key is for")
    hash: bytes = not_personal("hash of a random key")
    test: bool = not_personal(
        "reaches sandbox domains only", default=False, sa_column_kwargs={"server_default": "false"}
    )
    permissions: list[str] = not_personal("what the key may do", sa_type=JSONB)
    only_domain: UUID | None = not_personal("the one domain it is for", default=None)
    created_at: datetime = not_personal("when it was made", default_factory=utcnow)
    revoked_at: datetime | None = not_personal("when it was revoked", default=None)
    expires_at: datetime | None = not_personal("end of its life", default=None)
    last_used_at: datetime | None = not_personal("when it was last used, to the hour", default=None)


class SetupLink(AccountModel, table=True):
    """A one-time link with which somebody becomes a member, or a member chooses a new password. Whom it was sent to
    stands in the mail alone."""

    __tablename__ = "setup_link"
    hash: bytes = not_personal("hash of a random token")
    expires_at: datetime = not_personal("end of its life", retain="session")
    used_at: datetime | None = not_personal("when it was used", default=None)
    role: str = not_personal(
        "what the new member may do", default="owner", sa_column_kwargs={"server_default": "owner"}
    )
    given_by: str | None = not_personal("who invites; none for the operator's first link", default=None)
    for_member: UUID | None = not_personal("the member who chooses a new password by it", default=None)
    created_at: datetime = not_personal("when it was made", default_factory=utcnow)


class PluginSwitch(DomainModel, table=True):
    """Whether a plugin that the operator enabled is on for this domain."""

    __tablename__ = "plugin_switch"
    __table_args__ = (Index("uq_plugin_switch", "domain_id", "plugin", unique=True),)
    plugin: str = not_personal("name of the plugin")
    is_on: bool = not_personal("switched on")
    changed_at: datetime = not_personal("when it was switched", default_factory=utcnow)


class KeptAnswer(AccountModel, table=True):
    """The answer to a write of the business API with an `Idempotency-Key`. Without an answer the write still runs, or
    was cut short."""

    __tablename__ = "kept_answer"
    __table_args__ = (Index("uq_kept_answer", "account_id", "hash", unique=True),)
    for_domain: UUID | None = not_personal("the domain that the write was about", default=None)
    hash: bytes = not_personal("hash of who wrote and of the key")
    fingerprint: bytes = not_personal("hash of the request")
    answer: Sealed[dict[str, Any]] | None = secret("may hold a new key", purposes=("request.repeat",), default=None)
    created_at: datetime = not_personal("when the write began", default_factory=utcnow)


class KeptVisitorAnswer(SubjectModel, table=True):
    """The same for a write of a visitor, under the visitor's own key."""

    __tablename__ = "kept_visitor_answer"
    __table_args__ = (Index("uq_kept_visitor_answer", "domain_id", "hash", unique=True),)
    hash: bytes = not_personal("hash of who wrote and of the key")
    fingerprint: bytes = not_personal("hash of the request")
    answer: Sealed[dict[str, Any]] | None = personal(
        "user.content.chat", purposes=("chat.serve",), retain="chat", default=None
    )
    created_at: datetime = not_personal("when the write began", default_factory=utcnow)


class Throttle(Marked, table=True):
    """How often something was tried in the current window. The key is a keyed hash: no address is ever stored."""

    __tablename__ = "throttle"
    key: bytes = Field(primary_key=True)
    window_ends: datetime = not_personal("end of the window")
    tries: int = not_personal("number of tries")

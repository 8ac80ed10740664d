"""Connections: one domain's link to an outside system, with its credentials sealed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB

from omniops.contracts.ids import utcnow
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, secret
from omniops.database.models import DomainModel


class Connection(DomainModel, table=True):
    """A saved connection. `settings` is the `Connection` model of its kind as JSON, under the account's own key."""

    __tablename__ = "connection"
    __table_args__ = (Index("ix_connection_granted_by", "granted_by", postgresql_where="granted_by is not null"),)
    plugin: str = not_personal("name of the plugin")
    kind: str = not_personal("name of the integration or channel")
    settings: Sealed[dict[str, Any]] = secret("credentials of an outside system")
    memory: Sealed[dict[str, str]] | None = secret("what the plugin remembers of it", default=None)
    state: str = not_personal("connected or needs_reauth")
    said: str = not_personal("what the last check saw", default="")
    wanted: dict[str, bool] = not_personal("features that are switched on or off", sa_type=JSONB, default_factory=dict)
    granted: list[str] | None = not_personal("scopes that were granted", sa_type=JSONB, default=None)
    lookups: list[str] = not_personal("hashes of its ids at the other side", sa_type=JSONB, default_factory=list)
    granted_by: bytes | None = not_personal("hash of the other side's id of who gave the access", default=None)
    expires_at: datetime | None = not_personal("when the access token ends", default=None)
    ends_at: datetime | None = not_personal("when all access ends unless a person connects again", default=None)
    warned_at: datetime | None = not_personal("when that was told", default=None)
    forced_at: datetime | None = not_personal("when a token was last refreshed because it was refused", default=None)
    checked_at: datetime = not_personal("last check", default_factory=utcnow)
    created_at: datetime = not_personal("when it was connected", default_factory=utcnow)
    cursor: str | None = not_personal("how far was listened, in the other side's numbers", default=None)
    listening: str | None = not_personal("listening, failing or off; null where the channel does not", default=None)
    failures: int = not_personal("failed listenings in a row", default=0, sa_column_kwargs={"server_default": "0"})
    listened_at: datetime | None = not_personal("when listening was last begun", default=None)
    heard_at: datetime | None = not_personal("when something was last heard", default=None)
    troubles: int = not_personal(
        "failures of the other side in a row", default=0, sa_column_kwargs={"server_default": "0"}
    )
    trouble: str | None = not_personal("stable code of the last of them", default=None)
    troubled_since: datetime | None = not_personal("since when the other side counts as away", default=None)
    resumes_at: datetime | None = not_personal("until when nothing is asked of it", default=None)


class ConnectionConsent(DomainModel, table=True):
    """The business's yes to an integration, and its end. Added to, never changed; outlives the connection."""

    __tablename__ = "connection_consent"
    connection_id: UUID = not_personal("the connection, which may be gone")
    plugin: str = not_personal("name of the plugin")
    feature: str = not_personal("the feature that it is for, where it is for one only", default="")
    event: str = not_personal("given or withdrawn")
    actor: str = not_personal("kind and id of the member, API key or task")
    version: str = not_personal("hash of what was agreed to")
    receivers: list[Any] = not_personal("who receives what, why and where", sa_type=JSONB)
    features: list[Any] = not_personal("what is taken for which feature", sa_type=JSONB, default_factory=list)
    created_at: datetime = not_personal("when it was said", default_factory=utcnow)


class ConnectionEvent(DomainModel, table=True):
    """What happened to a connection. Added to, never changed; outlives it."""

    __tablename__ = "connection_event"
    __table_args__ = (
        Index("ix_connection_event_of", "domain_id", "connection_id", "id"),
        {"info": {"append_only": True}},
    )
    connection_id: UUID = not_personal("the connection, which may be gone")
    kind: str = not_personal("name of the integration or channel")
    event: str = not_personal("what happened")
    actor: str = not_personal("kind and id of the member, API key or task")
    detail: dict[str, Any] = not_personal("scopes, features and codes", sa_type=JSONB, default_factory=dict)
    at: datetime = not_personal("when it happened", default_factory=utcnow)


class ConnectionGrant(DomainModel, table=True):
    """A member on the way to the other side and back. The state leads here by its hash, once, for ten minutes."""

    __tablename__ = "connection_grant"
    plugin: str = not_personal("name of the plugin")
    kind: str = not_personal("name of the integration")
    connection_id: UUID | None = not_personal("the connection that it is for, or that came of it", default=None)
    state_hash: bytes = not_personal("hash of the state")
    entered: Sealed[dict[str, Any]] = secret("what the member entered")
    verifier: Sealed[str] | None = secret("PKCE's verifier", default=None)
    session_hash: bytes | None = not_personal("hash of the member's session that began it", default=None)
    actor: str = not_personal("kind and id of who began it")
    wanted: dict[str, bool] = not_personal("features that are to be on or off", sa_type=JSONB)
    agreed: dict[str, str] = not_personal("hashes of what was agreed to, by feature", sa_type=JSONB)
    asked: list[str] = not_personal("scopes that were asked for", sa_type=JSONB)
    created_at: datetime = not_personal("when it was begun", default_factory=utcnow)
    expires_at: datetime = not_personal("until when the state counts")
    used_at: datetime | None = not_personal("when the state was used", default=None)
    outcome: str | None = not_personal("what came of it", default=None)
    said: str = not_personal("the same in a sentence", default="")

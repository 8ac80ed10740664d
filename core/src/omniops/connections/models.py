"""Connections: one domain's link to an outside system, with its credentials sealed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB

from omniops.contracts.ids import utcnow
from omniops.contracts.sealed import Sealed
from omniops.database.marks import not_personal, secret
from omniops.database.models import DomainModel


class Connection(DomainModel, table=True):
    """A saved connection. `settings` is the plugin's `Connection` model as JSON, under the account's own key."""

    __tablename__ = "connection"
    plugin: str = not_personal("name of the plugin")
    settings: Sealed[dict[str, Any]] = secret("credentials of an outside system")
    state: str = not_personal("connected or needs_reauth")
    said: str = not_personal("what the last check saw", default="")
    checked_at: datetime = not_personal("last check", default_factory=utcnow)
    created_at: datetime = not_personal("when it was connected", default_factory=utcnow)
    cursor: str | None = not_personal("how far was listened, in the other side's numbers", default=None)
    listening: str | None = not_personal("listening, failing or off; null where the channel does not", default=None)
    failures: int = not_personal("failed listenings in a row", default=0, sa_column_kwargs={"server_default": "0"})
    listened_at: datetime | None = not_personal("when listening was last begun", default=None)
    heard_at: datetime | None = not_personal("when something was last heard", default=None)


class ConnectionConsent(DomainModel, table=True):
    """The business's yes to an integration, and its end. Added to, never changed; outlives the connection."""

    __tablename__ = "connection_consent"
    connection_id: UUID = not_personal("the connection, which may be gone")
    plugin: str = not_personal("name of the plugin")
    event: str = not_personal("given or withdrawn")
    actor: str = not_personal("kind and id of the member, API key or task")
    version: str = not_personal("hash of what was agreed to")
    receivers: list[Any] = not_personal("who receives what, why and where", sa_type=JSONB)
    created_at: datetime = not_personal("when it was said", default_factory=utcnow)

"""Connections: one domain's link to an outside system, with its credentials sealed."""

from datetime import datetime
from typing import Any

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

"""What is done again and again for a connection, begun before its time."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, update
from sqlmodel import col

from omniops.connections.arriving_models import ConnectionTask
from omniops.contracts.scope import Scope


def due_now(scope: Scope, connection_id: UUID, now: datetime, name: str = "") -> Any:
    """The statement that makes a task of a connection due, or all of them: the schedule queues them within a minute."""
    later = or_(col(ConnectionTask.next_at).is_(None), col(ConnectionTask.next_at) > now)
    statement = (
        update(ConnectionTask)
        .where(col(ConnectionTask.domain_id) == scope.domain_id, col(ConnectionTask.connection_id) == connection_id)
        .where(later)
        .values(next_at=now)
    )
    return statement.where(col(ConnectionTask.name) == name) if name else statement

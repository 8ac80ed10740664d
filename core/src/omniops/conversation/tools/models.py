"""Uses of tools that change something: on record before they run, so that none runs twice."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index

from omniops.contracts.ids import utcnow
from omniops.contracts.sealed import Sealed
from omniops.conversation.models import CHAT, Turn
from omniops.database.marks import not_personal, personal
from omniops.database.models import SubjectModel, belongs_to


class ToolRun(SubjectModel, table=True):
    """One use of a tool that writes. A row in `running` whose process is gone has an unknown outcome: it is never run
    again, a person looks."""

    __tablename__ = "tool_run"
    __table_args__ = (
        belongs_to(Turn, "turn_id"),
        Index("ix_tool_run_turn", "domain_id", "turn_id"),
        Index("ix_tool_run_state", "domain_id", "state"),
    )
    turn_id: UUID
    conversation_id: UUID = not_personal("random id")
    tool: str = not_personal("name of the tool")
    plugin: str = not_personal("the plugin that brings it")
    risk: str = not_personal("write or significant")
    state: str = not_personal("proposed, running, done, failed or rejected")
    key: str = not_personal("random idempotency key that goes to the other side")
    args: Sealed[dict[str, Any]] = personal("user.content.chat", purposes=CHAT, retain="chat")
    result: Sealed[dict[str, Any]] | None = personal("user.content.chat", purposes=CHAT, retain="chat", default=None)
    decided_by: str | None = not_personal("id of the member or key that approved or rejected it", default=None)
    created_at: datetime = not_personal("when the AI asked for it", default_factory=utcnow)
    ended_at: datetime | None = not_personal("when it was over", default=None)

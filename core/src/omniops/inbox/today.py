"""What came in since a moment, counted: nothing of it is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from omniops.contracts.scope import Scope
from omniops.database.service import Database

# Ids carry their time in front (RFC 9562), so the primary key finds what is new.
_COUNTED = text(
    "select count(*) as total, count(*) filter (where person) as person,"
    " count(*) filter (where ai and not person) as alone"
    " from (select bool_or(author = 'visitor') as wrote, bool_or(author = 'ai') as ai,"
    " bool_or(author = 'person' or event is not distinct from 'handed_off') as person from message"
    " where domain_id = :domain and id >= :since group by conversation_id) as talk where wrote"
)
_ANSWERS = text(
    "select distinct on (m.conversation_id) m.conversation_id, m.level, m.created_at, f.helpful from message m"
    " left join feedback f on f.domain_id = m.domain_id and f.message_id = m.id"
    " where m.domain_id = :domain and m.conversation_id = any(:talks) and m.author = 'ai'"
    " order by m.conversation_id, m.seq desc"
)


@dataclass(frozen=True, slots=True)
class Counted:
    """Conversations in which visitors wrote: `alone` were answered by the AI and by nobody else, `person` went to one;
    some have neither yet."""

    total: int
    person: int
    alone: int


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """The newest answer of the AI in a conversation: how well the pages held it, and what the visitor said to it."""

    level: str | None
    at: datetime
    helpful: bool | None


class Today:
    """Counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def counted(self, scope: Scope, since: datetime) -> Counted:
        """What was written from `since` on."""
        first = UUID(int=int(since.timestamp() * 1000) << 80)
        async with self._database.session(scope) as session:
            connection = await session.connection()
            row = (await connection.execute(_COUNTED, {"domain": scope.domain_id, "since": first})).one()
        return Counted(row.total, row.person, row.alone)

    async def answers(self, scope: Scope, conversations: Sequence[UUID]) -> Mapping[UUID, LastAnswer]:
        """The newest answer of each conversation that has one."""
        async with self._database.session(scope) as session:
            connection = await session.connection()
            found = await connection.execute(_ANSWERS, {"domain": scope.domain_id, "talks": list(conversations)})
            rows = found.all()
        return {row.conversation_id: LastAnswer(row.level, row.created_at, row.helpful) for row in rows}

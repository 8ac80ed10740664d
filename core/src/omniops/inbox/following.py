"""What happens in a domain's conversations, as it happens: ids and kinds, from rows, woken by notifications."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import String, literal, literal_column, union_all
from sqlmodel import col, select

from omniops.contracts.ids import new_id
from omniops.contracts.scope import Scope
from omniops.conversation.models import ConversationEvent, Message
from omniops.database.notices import Notices
from omniops.database.service import Database

LOOK_SECONDS = 30.0
OVERLAP_MS = 30_000
"""Rows get their ids before they are committed, so that a later id may be seen first. So far back a follower looks
again: nothing is missed, and what it was told before is not told again, unless it comes back with an id of its own."""
MOST = 500


@dataclass(frozen=True, slots=True)
class Happened:
    """A message (`seq` is its number) or what was done with a conversation."""

    id: UUID
    kind: str
    conversation_id: UUID
    seq: int | None


class Following:
    """Streams of domains."""

    def __init__(self, database: Database, notices: Notices) -> None:
        self._database = database
        self._notices = notices

    async def domain(self, scope: Scope, after: UUID | None = None) -> AsyncIterator[Happened]:
        """What happens from now on; with `after`, the id of the last event that was seen, what happened since as well.
        Those of the half minute before `after` may come a second time: their ids are the same."""
        assert scope.domain_id is not None
        with self._notices.watch(scope.domain_id, "message", "conversation") as woken:
            told: set[UUID] = {after} if after is not None else set()
            floor = _before(after or new_id())
            if after is None:
                told |= {row.id for row in await self._since(scope, floor)}
            while True:
                woken.clear()
                cursor = floor
                while rows := await self._since(scope, cursor):
                    for row in rows:
                        if row.id not in told:
                            told.add(row.id)
                            yield row
                    cursor = rows[-1].id
                floor = max(floor, _before(new_id()))
                told = {known for known in told if known > floor}
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), LOOK_SECONDS)

    async def _since(self, scope: Scope, after: UUID) -> Sequence[Happened]:
        messages = select(
            Message.id, literal("message", String).label("kind"), Message.conversation_id, Message.seq
        ).where(Message.domain_id == scope.domain_id, Message.id > after)
        events = select(  # type: ignore[var-annotated]
            ConversationEvent.id,
            ConversationEvent.event,
            ConversationEvent.conversation_id,
            literal_column("null::integer"),
        ).where(ConversationEvent.domain_id == scope.domain_id, col(ConversationEvent.id) > after)
        statement = union_all(messages, events).order_by("id").limit(MOST)
        async with self._database.session(scope) as session:
            return [Happened(*row) for row in (await (await session.connection()).execute(statement)).all()]


def _before(identifier: UUID) -> UUID:
    """The least id of the moment that the overlap reaches back to."""
    moment = max(0, (identifier.int >> 80) - OVERLAP_MS)
    return UUID(int=moment << 80)

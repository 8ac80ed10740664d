"""A visitor's own conversations: all of the same person, read, begun anew, closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import DomainView
from omniops.contracts.ids import Clock
from omniops.conversation.messages import MessageView, Reader, append, locked
from omniops.conversation.models import Conversation, Message, VisitorSession
from omniops.conversation.running import Running
from omniops.conversation.states import move
from omniops.conversation.visitors import WEBSITE, Visitor, check_identity, new_conversation
from omniops.conversation.wording import say
from omniops.database.service import Database
from omniops.errors import NotFound

PURPOSE = "chat.serve"


@dataclass(frozen=True, slots=True)
class OwnConversation:
    """A conversation in its visitor's list. `current` is the one that the session writes in."""

    id: UUID
    state: str
    language: str
    messages: int
    created_at: datetime
    current: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a conversation, oldest message first. `earlier` says whether there are messages before it."""

    conversation: OwnConversation
    messages: Sequence[MessageView]
    earlier: bool


class OwnConversations:
    """What a visitor can do with conversations beside writing in one."""

    def __init__(self, database: Database, reader: Reader, running: Running, clock: Clock) -> None:
        self._database = database
        self._reader = reader
        self._running = running
        self._clock = clock

    async def all(self, visitor: Visitor, *, before: UUID | None = None, limit: int = 50) -> Sequence[OwnConversation]:
        """Newest first, after the one with the id `before`."""
        async with self._database.session(visitor.scope) as session:
            statement = (
                select(Conversation)
                .where(Conversation.domain_id == visitor.scope.domain_id, Conversation.channel == WEBSITE)
                .where(col(Conversation.subject_id).in_(visitor.subjects))
            )
            if before is not None:
                statement = statement.where(Conversation.id < before)
            rows = (await session.exec(statement.order_by(col(Conversation.id).desc()).limit(limit))).all()
        return [_view(row, visitor) for row in rows]

    async def read(
        self, visitor: Visitor, conversation_id: UUID, *, before: int | None = None, limit: int = 50
    ) -> Page:
        """The newest `limit` messages, of those with a number below `before` if it is given. Raises `NotFound`."""
        async with self._database.session(visitor.scope) as session:
            row = await self.own(session, visitor, conversation_id)
        end = row.last_seq + 1 if before is None else min(before, row.last_seq + 1)
        start = max(1, end - limit)
        messages: list[MessageView] = []
        if end > start:
            messages = await self._reader.read(
                visitor.scope,
                conversation_id,
                after=start - 1,
                limit=end - start,
                purpose=PURPOSE,
                actor=visitor.actor,
            )
        return Page(_view(row, visitor), messages, start > 1)

    async def begin(self, visitor: Visitor, domain: DomainView, language: str) -> OwnConversation:
        """A new conversation, in which the session writes from now on. One that is still empty is taken again."""
        check_identity(visitor, domain)
        async with self._database.session(visitor.scope) as session:
            current = await self.own(session, visitor, visitor.conversation_id)
            if current.last_seq == 0 and current.state == "ai":
                return _view(current, visitor)
            row = new_conversation(current.domain_id, visitor.subject_id, language)
            own = await session.get(VisitorSession, (current.domain_id, visitor.session_id), with_for_update=True)
            if own is None:
                raise NotFound("This chat session is over.")
            session.add(row)
            tokens = select(VisitorSession).where(
                VisitorSession.domain_id == own.domain_id, VisitorSession.chain_id == own.chain_id
            )
            for token in (await session.exec(tokens)).all():
                token.conversation_id = row.id
                session.add(token)
            await session.commit()
        return OwnConversation(row.id, row.state, row.language, 0, row.created_at, True)

    async def close(self, visitor: Visitor, conversation_id: UUID) -> OwnConversation:
        """Ends a conversation; an answer that is being written stops. Safe to repeat. Raises `NotFound`."""
        async with self._database.session(visitor.scope) as session:
            await self.own(session, visitor, conversation_id)
        async with self._database.session(visitor.scope) as session:
            row = await locked(session, visitor.scope, conversation_id)
            if row.state == "closed":
                return _view(row, visitor)
            let_go, now = await self._running.silence(session, visitor.scope, row, "closed"), self._clock.now()
            await move(session, row, "closed", visitor.actor, "by_visitor", at=now)
            await append(session, row, author="system", text=say("closed", row.language), event="closed", at=now)
            await session.commit()
        await let_go()
        return _view(row, visitor)

    async def own(self, session: AsyncSession, visitor: Visitor, conversation_id: UUID) -> Conversation:
        """The visitor's conversation. Raises `NotFound` for anybody else's."""
        row = await session.get(Conversation, (visitor.scope.domain_id, conversation_id))
        if row is None or row.subject_id not in visitor.subjects:
            raise NotFound("There is no such conversation.")
        return row


async def own_answer(session: AsyncSession, visitor: Visitor, message_id: UUID) -> Message:
    """An AI message in one of the visitor's conversations. Raises `NotFound`."""
    message = await session.get(Message, (visitor.scope.domain_id, message_id))
    if message is None or message.subject_id not in visitor.subjects or message.author != "ai":
        raise NotFound("There is no such answer.")
    return message


def _view(row: Conversation, visitor: Visitor) -> OwnConversation:
    return OwnConversation(
        row.id, row.state, row.language, row.last_seq, row.created_at, row.id == visitor.conversation_id
    )

"""Messages of a conversation: appended in order, read through the vault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.models import Conversation, Message
from omniops.conversation.parts import Answer
from omniops.database.service import Database, Notice, notify
from omniops.errors import NotFound, Rejected
from omniops.vault.opening import Opened
from omniops.vault.service import Vault

LONGEST = 4000
"""Characters of a message."""


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message in clear, for one who may read it."""

    id: UUID
    seq: int
    author: str
    at: datetime
    language: str
    text: str
    parts: Sequence[dict[str, Any]]
    sources: Sequence[dict[str, Any]]
    level: str | None
    event: str | None
    interrupted: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "seq": self.seq,
            "author": self.author,
            "at": self.at.isoformat(),
            "lang": self.language,
            "level": self.level,
            "interrupted": self.interrupted,
            "text": self.text,
            "parts": list(self.parts),
            "sources": list(self.sources),
            "event": self.event,
        }


async def locked(session: AsyncSession, scope: Scope, conversation_id: UUID) -> Conversation:
    """The conversation, locked until the transaction ends, so that its messages get their numbers one by one."""
    statement = (
        select(Conversation)
        .where(Conversation.domain_id == scope.domain_id, Conversation.id == conversation_id)
        .with_for_update()
    )
    conversation = (await session.exec(statement)).first()
    if conversation is None:
        raise NotFound("There is no such conversation.")
    return conversation


async def taken(session: AsyncSession, conversation: Conversation, delivery_id: str) -> Message | None:
    """The message that an earlier delivery with the same id left in a locked conversation, or None."""
    statement = select(Message).where(
        Message.domain_id == conversation.domain_id,
        Message.conversation_id == conversation.id,
        Message.delivery_id == delivery_id,
    )
    return (await session.exec(statement)).first()


def checked_text(text: str) -> str:
    """A message's text without outer space. Raises `Rejected` when nothing is left or it is too long."""
    text = text.strip()
    if not text:
        raise Rejected("The message is empty.", code="empty", where="text")
    if len(text) > LONGEST:
        raise Rejected(
            f"The message has {len(text)} characters; {LONGEST} are the limit.", code="too_long", where="text"
        )
    return text


async def append(
    session: AsyncSession,
    conversation: Conversation,
    *,
    author: str,
    text: str,
    answer: Answer | None = None,
    turn_id: UUID | None = None,
    event: str | None = None,
    language: str = "",
    interrupted: bool = False,
    delivery_id: str | None = None,
    at: datetime,
) -> Message:
    """Adds the next message to a locked conversation, in the session's transaction, and tells those who follow it."""
    conversation.last_seq += 1
    session.add(conversation)
    message = Message(
        domain_id=conversation.domain_id,
        subject_id=conversation.subject_id,
        conversation_id=conversation.id,
        seq=conversation.last_seq,
        author=author,
        text=seal(text),
        parts=seal(answer.to_json()) if answer else None,
        level=answer.level if answer else None,
        turn_id=turn_id,
        event=event,
        language=language or conversation.language,
        interrupted=interrupted,
        delivery_id=delivery_id,
        created_at=at,
    )
    session.add(message)
    await session.flush()
    await notify(session, Notice("message", conversation.domain_id, conversation.id, message.seq))
    return message


def view(message: Message, opened: Opened) -> MessageView:
    """A message in clear. A value that stays shut is shown as absent, never as a ciphertext."""
    parts, sources = opened(message.parts, otherwise=None) or ([], [])
    return MessageView(
        id=message.id,
        seq=message.seq,
        author=message.author,
        at=message.created_at,
        language=message.language,
        text=opened(message.text, otherwise=""),
        parts=parts,
        sources=sources,
        level=message.level,
        event=message.event,
        interrupted=message.interrupted,
    )


class Reader:
    """Reads messages through the vault, for a purpose."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def read(
        self, scope: Scope, conversation_id: UUID, *, after: int = 0, limit: int = 200, purpose: str, actor: Actor
    ) -> list[MessageView]:
        """The messages of a conversation after number `after`, oldest first."""
        async with self._database.session(scope) as session:
            statement = (
                select(Message)
                .where(
                    Message.domain_id == scope.domain_id,
                    Message.conversation_id == conversation_id,
                    Message.seq > after,
                )
                .order_by(col(Message.seq))
                .limit(limit)
            )
            rows = (await session.exec(statement)).all()
        opened = await self._vault.open(rows, purpose=purpose, actor=actor)
        return [view(row, opened) for row in rows]

    async def one(self, scope: Scope, message: Message, *, purpose: str, actor: Actor) -> MessageView:
        opened = await self._vault.open([message], purpose=purpose, actor=actor)
        return view(message, opened)

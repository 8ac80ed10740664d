"""Messages of a conversation: appended in order, read through the vault."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.cleaning import clean_text
from omniops.conversation.models import Conversation, Message, Outbox
from omniops.conversation.news import pass_on
from omniops.conversation.parts import Answer
from omniops.conversation.redaction.cards import mask_cards
from omniops.database.service import Database, Notice, notify
from omniops.errors import NotFound, Rejected
from omniops.vault.opening import Opened
from omniops.vault.service import Vault
from omniops.webhooks.service import emit

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's name for what a machine made: the mark of AI text for machines (Art. 50(2) AI Act)."""
LONGEST = 4000
"""Characters of a message."""
_FAR = ("failed", "waiting", "kept", "sent", "delivered", "read")
"""States of a sending, the least far first."""
_ONE_AT_A_TIME = sql("select pg_advisory_xact_lock(number) from unnest(cast(:numbers as bigint[])) as number")


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
    approved: bool = False
    """The AI wrote it, and a person approved it before it was sent."""
    delivery: str | None = None
    """Of a message that a channel sends: waiting, sent, delivered, read, failed, or kept (of a sandbox). Else None."""
    problem: str | None = None
    """Stable code of what went wrong with it; of one that waits, why: away, or reconnect."""
    waiting_since: datetime | None = None
    """Since when the other side keeps it waiting."""

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
            "approved": self.approved,
            "delivery": self.delivery,
            "problem": self.problem,
            "waiting_since": self.waiting_since.isoformat() if self.waiting_since else None,
            "ai_generated": SOURCE_TYPE if self.author == "ai" else None,
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


async def open_(session: AsyncSession, scope: Scope, conversation_id: UUID) -> Conversation:
    """`locked` for one that is not closed. Raises `Rejected` for one that is."""
    conversation = await locked(session, scope, conversation_id)
    if conversation.state == "closed":
        raise Rejected("This conversation is closed.", code="conversation_closed", do="Start a new one.")
    return conversation


async def taken(session: AsyncSession, conversation: Conversation, delivery_id: str) -> Message | None:
    """The message that an earlier delivery with the same id left in a locked conversation, or None."""
    statement = select(Message).where(
        Message.domain_id == conversation.domain_id,
        Message.conversation_id == conversation.id,
        Message.delivery_id == delivery_id,
    )
    return (await session.exec(statement)).first()


async def one_at_a_time(session: AsyncSession, *what: str) -> None:
    """Waits until no other transaction works on any of `what`: of two that look, one makes it and the other finds it.
    They are taken in one order, so that two who want several never wait in a circle."""
    numbers = sorted(int.from_bytes(hashlib.sha256(one.encode()).digest()[:8], signed=True) for one in set(what))
    await (await session.connection()).execute(_ONE_AT_A_TIME, {"numbers": numbers})


def checked_text(text: str) -> str:
    """A message's text, cleaned and without outer space. Raises `Rejected` when nothing is left or it is too long."""
    text = clean_text(text)
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
    parts: list[dict[str, Any]] | None = None,
    sources: list[dict[str, Any]] | None = None,
    level: str | None = None,
    turn_id: UUID | None = None,
    approved_by: str | None = None,
    event: str | None = None,
    language: str = "",
    interrupted: bool = False,
    delivery_id: str | None = None,
    told: bool = True,
    at: datetime,
) -> Message:
    """Adds the next message to a locked conversation, in the session's transaction, and tells those who follow it.
    `told` False leaves the business's receivers out: for history that is no news.

    Payment cards in what a visitor wrote are masked before they are stored, whoever took the message.
    """
    if author == "visitor":
        text = mask_cards(text)
    conversation.last_seq += 1
    if author == "visitor":
        conversation.snoozed_until = None
    if author == "person" or approved_by is not None:
        conversation.waiting_since = None
    elif author == "visitor" and conversation.state != "ai":
        conversation.waiting_since = conversation.waiting_since or at
    session.add(conversation)
    message = Message(
        domain_id=conversation.domain_id,
        subject_id=conversation.subject_id,
        conversation_id=conversation.id,
        seq=conversation.last_seq,
        author=author,
        text=seal(text),
        parts=seal(answer.to_json()) if answer else seal([parts, sources or []]) if parts else None,
        level=answer.level if answer else level,
        turn_id=turn_id,
        approved_by=approved_by,
        event=event,
        language=language or conversation.language,
        interrupted=interrupted,
        delivery_id=delivery_id,
        created_at=at,
    )
    session.add(message)
    await session.flush()
    await notify(session, Notice("message", conversation.domain_id, conversation.id, message.seq))
    if told:
        await _tell(session, conversation, message)
    return message


async def _tell(session: AsyncSession, conversation: Conversation, message: Message) -> None:
    """The business's receivers: a conversation begins with its first message."""
    scope: Scope = session.info["scope"]
    place: dict[str, UUID | str] = {"conversation_id": conversation.id, "channel": conversation.channel}
    if message.seq == 1:
        await emit(session, scope, "conversation.created", **place)
    if message.author != "system":
        await emit(session, scope, "message.created", **place, message_id=message.id, author=message.author)
    elif message.event == "handed_off":
        await emit(session, scope, "conversation.handed_off", **place)
    elif message.event == "closed":
        await emit(session, scope, "conversation.closed", **place)
    await pass_on(session, scope, conversation, message)


@dataclass(frozen=True, slots=True)
class Sending:
    """What became of a message that a channel sends."""

    state: str
    problem: str | None
    waiting_since: datetime | None


async def deliveries(session: AsyncSession, messages: Sequence[Message]) -> dict[UUID, Sending]:
    """What became of those that a channel sends. A message in parts is as far as the part that is least far, and failed
    with any of them."""
    statement = (
        select(Outbox)
        .where(
            col(Outbox.domain_id).in_({message.domain_id for message in messages}),
            col(Outbox.message_id).in_([message.id for message in messages]),
        )
        .order_by(col(Outbox.part))
    )
    found: dict[UUID, Sending] = {}
    for row in (await session.exec(statement)).all():
        before = found.get(row.message_id)
        if before is None or _FAR.index(row.state) < _FAR.index(before.state):
            found[row.message_id] = Sending(row.state, row.problem, row.waiting_since)
    return found


def view(message: Message, opened: Opened, sent: Sending | None = None) -> MessageView:
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
        approved=message.approved_by is not None,
        delivery=sent.state if sent else None,
        problem=sent.problem if sent else None,
        waiting_since=sent.waiting_since if sent is not None and sent.state == "waiting" else None,
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
            sent = await deliveries(session, rows)
        opened = await self._vault.open(rows, purpose=purpose, actor=actor)
        return [view(row, opened, sent.get(row.id)) for row in rows]

    async def last_said(
        self, scope: Scope, conversations: Sequence[UUID], *, purpose: str, actor: Actor
    ) -> dict[UUID, MessageView]:
        """What the visitor of each conversation said last, by its id, in one look."""
        if not conversations:
            return {}
        statement = (
            select(Message)
            .where(
                Message.domain_id == scope.domain_id,
                col(Message.conversation_id).in_(conversations),
                Message.author == "visitor",
            )
            .ext(distinct_on(col(Message.conversation_id)))
            .order_by(col(Message.conversation_id), col(Message.seq).desc())
        )
        async with self._database.session(scope) as session:
            rows = (await session.exec(statement)).all()
        opened = await self._vault.open(rows, purpose=purpose, actor=actor)
        return {row.conversation_id: view(row, opened) for row in rows}

    async def one(self, scope: Scope, message: Message, *, purpose: str, actor: Actor) -> MessageView:
        opened = await self._vault.open([message], purpose=purpose, actor=actor)
        return view(message, opened)

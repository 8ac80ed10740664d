"""What channels did not deliver: listed, and sent again when a member says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from omniops.audit.service import Audit, Entry
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.models import Conversation, Message, Outbox
from omniops.conversation.service import Sender, locked
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected


@dataclass(frozen=True, slots=True)
class UndeliveredView:
    """A message that did not reach its visitor, without its words. `id` is the message's."""

    id: UUID
    conversation_id: UUID
    channel: str
    author: str
    problem: str
    written_at: datetime


class Undelivered:
    """The dead letters of a domain."""

    def __init__(self, database: Database, audit: Audit, sender: Sender) -> None:
        self._database = database
        self._audit = audit
        self._sender = sender

    async def all(self, scope: Scope, *, after: UUID | None = None, limit: int = 50) -> Sequence[UndeliveredView]:
        """Newest first, those older than the one with the id `after`. What was withdrawn because a person took over was
        not to be delivered, and is not among them."""
        failed = select(Outbox.message_id).where(
            Outbox.domain_id == scope.domain_id, Outbox.state == "failed", Outbox.problem != "taken_over"
        )
        statement = (
            select(Message, Conversation.channel)
            .join(
                Conversation,
                (col(Conversation.domain_id) == Message.domain_id) & (col(Conversation.id) == Message.conversation_id),
            )
            .where(Message.domain_id == scope.domain_id, col(Message.id).in_(failed))
            .order_by(col(Message.id).desc())
            .limit(limit)
        )
        if after is not None:
            statement = statement.where(Message.id < after)
        async with self._database.session(scope) as session:
            rows = (await session.exec(statement)).all()
            found = select(Outbox).where(
                Outbox.domain_id == scope.domain_id,
                Outbox.state == "failed",
                col(Outbox.message_id).in_([row.id for row, _ in rows]),
            )
            problems = {row.message_id: row.problem or "" for row in (await session.exec(found)).all()}
        return [
            UndeliveredView(row.id, row.conversation_id, channel, row.author, problems[row.id], row.created_at)
            for row, channel in rows
        ]

    async def resend(self, scope: Scope, message_id: UUID, *, actor: Actor) -> None:
        """Sends once more what did not arrive of a message. Raises `NotFound`, and `Rejected` for one that did not
        fail, or that was withdrawn because a person took over."""
        async with self._database.session(scope) as session:
            message = await session.get(Message, (scope.domain_id, message_id))
            if message is None:
                raise NotFound("There is no such message.")
            await locked(session, scope, message.conversation_id)
            problem = await self._sender.again(session, scope, message)
            if problem is None:
                raise Rejected("This message did not fail.", code="not_failed")
            if problem == "taken_over":
                raise Rejected(
                    "A person took over before this message left.", code="taken_over", do="Write in your own words."
                )
            await session.commit()
        detail = {"message": str(message_id), "problem": problem}
        await self._audit.write(Entry(scope.account_id, str(actor), "message.resend", "message", detail=detail))

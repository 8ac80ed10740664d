"""Messages that wait for their channel: for an other side that is away, or for a person who connects it again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.ids import Clock
from omniops.contracts.scope import Scope
from omniops.conversation.models import Conversation, Message, Outbox
from omniops.database.service import Database, Notice, notify
from omniops.jobs.service import MAINTENANCE, Jobs, Task, scope_argument

PATIENCE = timedelta(days=3)
"""After so long a message that could not be sent is a dead letter."""
SOON = timedelta(seconds=45)
"""What is to be tried again within this time is tried by its own job, which others of its conversation wait behind."""
FOR_A_PERSON = timedelta(hours=1)
"""How often it is looked whether somebody connected again, should word of it be lost."""
LOST = timedelta(minutes=15)
"""What is overdue for so long has lost its job, for example while the database was away."""
MOST = 1000
DELIVER, DUE = "conversation:deliver", "conversation:due"


class Sides(Protocol):
    """Whether the other sides of connections work (the connections room)."""

    async def rests(self, scope: Scope, connection_id: UUID) -> datetime | None:
        """Until when nothing is asked of it, or None."""

    async def worked(self, scope: Scope, connection_id: UUID) -> None:
        """It did what it was asked for."""

    async def failed(self, scope: Scope, connection_id: UUID, error: Exception) -> datetime:
        """It failed. Returns when it may be asked again."""


class Waiting:
    """Puts messages off, and brings them back when their time has come."""

    def __init__(self, database: Database, jobs: Jobs, sides: Sides, clock: Clock) -> None:
        self._database = database
        self._jobs = jobs
        self._sides = sides
        self._clock = clock
        jobs.register(
            Task(DUE, self.due),
            Task("conversation:overdue", self.overdue, queue=MAINTENANCE, cron="*/10 * * * *"),
        )

    async def rests(self, scope: Scope, conversation: Conversation) -> datetime | None:
        """Until when nothing is sent to a conversation's other side, or None."""
        number = conversation.connection_id
        return None if number is None else await self._sides.rests(scope, number)

    async def worked(self, scope: Scope, conversation: Conversation) -> None:
        """The other side took a message."""
        if conversation.connection_id is not None:
            await self._sides.worked(scope, conversation.connection_id)

    async def failed(self, scope: Scope, conversation: Conversation, error: Exception) -> datetime | None:
        """The other side failed. Returns until when it is left alone; None where it may be asked again soon."""
        if conversation.connection_id is None:
            return None
        at = await self._sides.failed(scope, conversation.connection_id, error)
        return at if at > self._clock.now() + SOON else None

    async def put_off(
        self, session: AsyncSession, scope: Scope, message: Message, row: Outbox, at: datetime, problem: str | None
    ) -> bool:
        """Lets what is not sent yet wait until `at`, in the session's transaction. False where it waited for too long
        already."""
        now = self._clock.now()
        if row.waiting_since is None:
            row.waiting_since = now
            await notify(session, Notice("message", message.domain_id, message.conversation_id, message.seq))
        if now - row.waiting_since >= PATIENCE:
            return False
        row.next_at, row.attempts = at, 0
        row.problem = problem or row.problem or "away"
        session.add(row)
        await self.behind(session, message, row)
        await self._jobs.enqueue(session, DUE, at=at, domain_id=scope_argument(scope), message_id=message.id)
        return True

    async def behind(self, session: AsyncSession, message: Message, row: Outbox) -> None:
        """What else is to be sent in a conversation waits with `row`, its first one."""
        same = select(Message.id).where(
            Message.domain_id == message.domain_id, Message.conversation_id == message.conversation_id
        )
        statement = (
            update(Outbox)
            .where(col(Outbox.domain_id) == message.domain_id, col(Outbox.message_id).in_(same))
            .where(col(Outbox.state) == "waiting", col(Outbox.waiting_since).is_(None), col(Outbox.id) != row.id)
            .values(waiting_since=self._clock.now(), problem=row.problem)
        )
        await (await session.connection()).execute(statement)

    async def queue(self, session: AsyncSession, scope: Scope, message: Message, unique: str | None = None) -> None:
        """The job that sends a message, behind whatever else is done for its conversation."""
        await self._jobs.enqueue(
            session,
            DELIVER,
            lock=f"conv:{message.conversation_id}",
            unique=unique,
            domain_id=scope_argument(scope),
            message_id=message.id,
        )

    async def due(self, scope: Scope, message_id: str) -> None:
        """The wait of a message is over; where it was put off further meanwhile, it is looked at again then."""
        async with self._database.session(scope) as session:
            message = await session.get(Message, (scope.domain_id, UUID(message_id)))
            if message is None:
                return
            statement = select(func.min(Outbox.next_at)).where(
                Outbox.domain_id == scope.domain_id, Outbox.message_id == message.id, Outbox.state == "waiting"
            )
            at = (await session.exec(statement)).one()
            if at is not None and at > self._clock.now() + SOON:
                domain_id = scope_argument(scope)
                await self._jobs.enqueue(session, DUE, at=at, domain_id=domain_id, message_id=message.id)
            else:
                await self.queue(session, scope, message)
            await session.commit()

    async def resume(self, scope: Scope, connection_id: UUID) -> None:
        """A connection was connected again: what waits for it is sent now."""
        statement = (
            select(Message, Outbox.id)
            .join(Message, (col(Message.domain_id) == Outbox.domain_id) & (col(Message.id) == Outbox.message_id))
            .join(
                Conversation,
                (col(Conversation.domain_id) == Message.domain_id) & (col(Conversation.id) == Message.conversation_id),
            )
            .where(Outbox.domain_id == scope.domain_id, Outbox.state == "waiting", col(Outbox.next_at).is_not(None))
            .where(Conversation.connection_id == connection_id)
            .order_by(col(Message.seq))
        )
        async with self._database.session(scope) as session:
            found = (await session.exec(statement.select_from(Outbox))).all()
            await (await session.connection()).execute(
                update(Outbox)
                .where(col(Outbox.domain_id) == scope.domain_id, col(Outbox.id).in_([row for _, row in found]))
                .values(next_at=None)
            )
            for message in {message.conversation_id: message for message, _ in reversed(found)}.values():
                await self.queue(session, scope, message)
            await session.commit()

    async def overdue(self) -> None:
        """Queues what waits and lost its job."""
        async with self._database.system("conversation: messages whose wait is long over") as session:
            statement = (
                select(Message)
                .join(Outbox, (col(Message.domain_id) == Outbox.domain_id) & (col(Message.id) == Outbox.message_id))
                .where(Outbox.state == "waiting", col(Outbox.next_at) < self._clock.now() - LOST)
                .limit(MOST)
            )
            found = (await session.exec(statement)).all()
        for message in found:
            scope = await self._database.scope_of(message.domain_id)
            async with self._database.session(scope) as session:
                await self.queue(session, scope, message, unique=f"overdue:{message.id}")
                await session.commit()

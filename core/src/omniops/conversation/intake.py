"""Messages from channels other than the website: taken once, answered by a job, sent through the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts
from omniops.contracts.channel import Incoming
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.answering import Question
from omniops.conversation.live import LiveTurn
from omniops.conversation.messages import Reader, append, checked_text, locked, taken
from omniops.conversation.models import Conversation, Message
from omniops.conversation.outbox import Sender
from omniops.conversation.running import Running
from omniops.conversation.turns import Turns
from omniops.conversation.visitors import WEBSITE
from omniops.database.service import Database
from omniops.jobs.service import Jobs, Task, scope_argument
from omniops.vault.models import Subject
from omniops.vault.service import Vault

RECEIVED = Actor.system("conversation.receive")


class Intake:
    """What channels bring in, and the jobs that answer it."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        jobs: Jobs,
        accounts: Accounts,
        reader: Reader,
        turns: Turns,
        running: Running,
        sender: Sender,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._jobs = jobs
        self._accounts = accounts
        self._reader = reader
        self._turns = turns
        self._running = running
        self._sender = sender
        self._clock = clock
        jobs.register(Task("conversation:answer", self.answer), Task("conversation:watch", self.watch))

    async def receive(self, scope: Scope, channel: str, connection_id: UUID, messages: Sequence[Incoming]) -> int:
        """Stores verified messages and queues their answers, each in one transaction. Returns how many were new: a
        delivery that comes twice is taken once."""
        new = 0
        for incoming in messages:
            conversation_id = await self._conversation(scope, channel, connection_id, incoming)
            async with self._database.session(scope) as session:
                conversation = await locked(session, scope, conversation_id)
                if await taken(session, conversation, incoming.delivery_id) is not None:
                    continue
                message = await append(
                    session,
                    conversation,
                    author="visitor",
                    text=checked_text(incoming.text),
                    delivery_id=incoming.delivery_id,
                    at=self._clock.now(),
                )
                if conversation.state not in ("waiting", "human"):
                    await self._jobs.enqueue(
                        session,
                        "conversation:answer",
                        lock=f"conv:{conversation_id}",
                        domain_id=scope_argument(scope),
                        message_id=message.id,
                    )
                await session.commit()
                new += 1
        return new

    async def answer(self, scope: Scope, message_id: str) -> None:
        """Answers one message; the answer and its outbox row are one transaction. Safe to run twice: a turn that ended
        is left alone, one that was lost is taken and answered again, since nothing of it was sent."""
        domain = await self._accounts.domain(scope)
        async with self._database.session(scope) as session:
            message = await session.get(Message, (scope.domain_id, UUID(message_id)))
            if message is None:
                return
            conversation = await locked(session, scope, message.conversation_id)
            if conversation.state in ("waiting", "human"):
                return
            before = await self._turns.by_key(scope, conversation.id, str(message.id))
            if before is None:
                turn = await self._running.begin(session, scope, conversation, message, str(message.id))
            elif (lost := await self._turns.take(session, scope, before.id)) is not None:
                turn = lost
                await self._running.watch_later(session, scope, turn)
            else:
                return
            await session.commit()
        seen = await self._reader.one(scope, message, purpose="chat.respond", actor=RECEIVED)
        question = Question(domain, conversation.id, turn.id, message.seq, seen.text, conversation.language)

        async def on_answer(session: AsyncSession, answer: Message) -> None:
            await self._sender.put(session, scope, answer)

        await asyncio.shield(self._running.run(question, LiveTurn(turn.id), on_answer))

    async def watch(self, scope: Scope, turn_id: str) -> None:
        """Looks after a turn whose lease should be over: an ended one is left alone, a living one is looked at again, a
        lost one is interrupted (website) or answered again (other channels)."""
        turn = await self._turns.get(scope, UUID(turn_id))
        if turn is None or turn.state != "running":
            return
        async with self._database.session(scope) as session:
            if turn.lease_until > self._clock.now():
                await self._running.watch_later(session, scope, turn)
                await session.commit()
                return
            conversation = await session.get(Conversation, (scope.domain_id, turn.conversation_id))
        if conversation is not None and conversation.channel == WEBSITE:
            await self._running.interrupt_lost(scope, turn.id)
        else:
            await self.answer(scope, str(turn.message_id))

    async def _conversation(self, scope: Scope, channel: str, connection_id: UUID, incoming: Incoming) -> UUID:
        """The open conversation of a thread, made where there is none."""
        thread = f"{channel}:{incoming.thread}"
        domain_id = scope_argument(scope)
        subject_id = await self._vault.find(domain_id, "thread", thread)
        async with self._database.session(scope) as session:
            if subject_id is not None:
                statement = (
                    select(Conversation)
                    .where(Conversation.domain_id == domain_id, Conversation.subject_id == subject_id)
                    .where(Conversation.channel == channel, Conversation.state != "closed")
                    .order_by(col(Conversation.id).desc())
                )
                known = (await session.exec(statement)).first()
                if known is not None:
                    return known.id
            subject = Subject(account_id=scope.account_id, home_id=domain_id, kind="contact")
            if subject_id is None:
                session.add(subject)
            conversation = Conversation(
                domain_id=domain_id,
                subject_id=subject_id or subject.id,
                channel=channel,
                connection_id=connection_id,
                thread=seal(thread),
                sender=seal(incoming.sender),
            )
            session.add(conversation)
            await session.commit()
            return conversation.id

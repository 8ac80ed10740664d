"""Messages from channels other than the website: taken once, answered by a job, sent through the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts, DomainSettings
from omniops.contracts.channel import Heard, Incoming, Receipt
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.cleaning import clean_text
from omniops.conversation.messages import LONGEST, Reader, append, locked, one_at_a_time, taken
from omniops.conversation.models import Conversation, Message, Turn
from omniops.conversation.optout import ai_may_answer
from omniops.conversation.outbox import Sender
from omniops.conversation.progress import Question
from omniops.conversation.redaction.cards import mask_cards
from omniops.conversation.rights import RightsInChat
from omniops.conversation.running import Running
from omniops.conversation.states import SILENT
from omniops.conversation.turns import Turns
from omniops.conversation.visitors import WEBSITE
from omniops.conversation.ways import next_way
from omniops.database.service import Database
from omniops.errors import NotReady
from omniops.jobs.service import Jobs, Task, scope_argument
from omniops.mail.service import Post
from omniops.vault.models import Subject
from omniops.vault.service import Vault

Remember = Callable[[AsyncSession], Awaitable[None]]
"""Stores how far a listening channel has come."""
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
        mail: Post,
        rights: RightsInChat,
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
        self._mail = mail
        self._rights = rights
        self._clock = clock
        jobs.register(Task("conversation:answer", self.answer), Task("conversation:watch", self.watch))

    async def receive(self, scope: Scope, channel: str, connection_id: UUID, messages: Sequence[Incoming]) -> int:
        """Stores verified messages and queues their answers, each in one transaction. Returns how many were new: a
        delivery that comes twice is taken once.

        A message without words is passed over and a long one is cut: were one refused, the other side would send the
        whole delivery again and again.
        """
        return sum([await self._take(scope, channel, connection_id, incoming) for incoming in messages])

    async def hear(self, scope: Scope, channel: str, connection_id: UUID, heard: Heard, remember: Remember) -> None:
        """Takes what a listening channel heard: a message, as `receive` does, or what became of one that was sent.
        `remember(session)` is part of the same transaction: all of it is kept, or nothing."""
        if isinstance(heard, Incoming):
            await self._take(scope, channel, connection_id, heard, remember)
            return
        async with self._database.session(scope) as session:
            if isinstance(heard, Receipt) and not await self._sender.receipt(session, scope, heard):
                await self._mail.receipt(session, scope, heard)
            await remember(session)
            await session.commit()

    async def _take(
        self, scope: Scope, channel: str, connection_id: UUID, incoming: Incoming, remember: Remember | None = None
    ) -> bool:
        """Stores one message and queues its answer. False where there was nothing to store."""
        words = mask_cards(clean_text(incoming.text))[:LONGEST]
        if not words:
            if remember is not None:
                await self.hear(scope, channel, connection_id, None, remember)
            return False
        settings = (await self._accounts.domain(scope)).settings
        if settings.privacy_address and settings.privacy_address.casefold() in incoming.to:
            return await self._right(scope, replace(incoming, text=words), remember)
        conversation_id = await self._conversation(scope, channel, connection_id, incoming, settings)
        async with self._database.session(scope) as session:
            conversation = await locked(session, scope, conversation_id)
            new = await taken(session, conversation, incoming.delivery_id) is None
            if new:
                await self._store(session, scope, conversation, incoming, words, settings)
            if remember is not None:
                await remember(session)
            await session.commit()
        return new

    async def _right(self, scope: Scope, incoming: Incoming, remember: Remember | None) -> bool:
        """A mail to the privacy address opens a case, and no conversation."""
        async with self._database.session(scope) as session:
            await self._rights.mail(session, scope, incoming)
            if remember is not None:
                await remember(session)
            await session.commit()
        return True

    async def _store(
        self,
        session: AsyncSession,
        scope: Scope,
        conversation: Conversation,
        incoming: Incoming,
        words: str,
        settings: DomainSettings,
    ) -> None:
        if incoming.about:
            conversation.about = seal(dict(incoming.about))
        message = await append(
            session,
            conversation,
            author="visitor",
            text=words,
            delivery_id=incoming.delivery_id,
            at=self._clock.now(),
        )
        way, said = await next_way(session, conversation, settings, words, at=self._clock.now())
        if said is not None:
            await self._sender.put(session, scope, said)
        if way == "person":
            key, language = str(message.id), conversation.language
            await self._rights.listen(session, scope, conversation, words, key=key, language=language)
        else:
            await self._jobs.enqueue(
                session,
                "conversation:answer",
                lock=f"conv:{conversation.id}",
                domain_id=scope_argument(scope),
                message_id=message.id,
            )

    async def answer(self, scope: Scope, message_id: str) -> None:
        """Answers one message; the answer and its outbox row are one transaction. Safe to run twice: a turn that ended
        is left alone, one that was lost or cut short is taken and answered again, since nothing of it was sent.

        Raises `NotReady` when the answer was cut short.
        """
        domain = await self._accounts.domain(scope)
        async with self._database.session(scope) as session:
            message = await session.get(Message, (scope.domain_id, UUID(message_id)))
            if message is None:
                return
            conversation = await locked(session, scope, message.conversation_id)
            if not await ai_may_answer(session, conversation):
                await session.commit()
                return
            before = await self._turns.by_key(scope, conversation.id, str(message.id))
            if before is None:
                turn = await self._running.begin(session, scope, conversation, message, str(message.id))
            elif (lost := await self._turns.take(session, scope, before.id, again=True)) is not None:
                turn = lost
                await self._running.watch_later(session, scope, turn)
            else:
                return
            # Nobody watches it grow. Whether it may leave is decided once it is complete.
            live = self._running.live.begin(turn.id, held=True)
            await session.commit()
        seen = await self._reader.one(scope, message, purpose="chat.respond", actor=RECEIVED)
        question = Question(
            domain, conversation.id, turn.id, message.seq, seen.text, conversation.language, conversation.subject_id
        )

        async def on_answer(session: AsyncSession, answer: Message) -> None:
            await self._sender.put(session, scope, answer)

        await asyncio.shield(self._running.run(question, live, on_answer))
        async with self._database.session(scope) as session:
            ended = await session.get(Turn, (scope.domain_id, turn.id))
            after = await session.get(Conversation, (scope.domain_id, conversation.id))
        if ended is not None and ended.state == "interrupted" and after is not None and after.state not in SILENT:
            raise NotReady("The answer was cut short.")

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

    async def _conversation(
        self, scope: Scope, channel: str, connection_id: UUID, incoming: Incoming, settings: DomainSettings
    ) -> UUID:
        """The open conversation of a thread, made where there is none."""
        thread = f"{channel}:{incoming.thread}"
        domain_id = scope_argument(scope)
        language = settings.language[:2].lower()
        async with self._database.session(scope) as session:
            await one_at_a_time(session, f"{domain_id}|{thread}")
            subject_id = await self._vault.find_in(scope, "thread", thread, session=session)
            if subject_id is not None:
                statement = (
                    select(Conversation)
                    .where(Conversation.domain_id == domain_id, Conversation.subject_id == subject_id)
                    .where(Conversation.channel == channel, Conversation.state != "closed")
                    .order_by(col(Conversation.id).desc())
                )
                known = (await session.exec(statement)).first()
                if known is not None:
                    known.connection_id = connection_id  # where the thread was last heard is where it is answered
                    session.add(known)
                    await session.commit()
                    return known.id
            subject = Subject(account_id=scope.account_id, home_id=domain_id, kind="contact")
            if subject_id is None:
                session.add(subject)
            conversation = Conversation(
                domain_id=domain_id,
                subject_id=subject_id or subject.id,
                channel=channel,
                language=language,
                connection_id=connection_id,
                thread=seal(thread),
                sender=seal(incoming.sender),
            )
            session.add(conversation)
            await session.commit()
            return conversation.id

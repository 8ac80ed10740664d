"""Messages from channels other than the website: taken once, answered by a job, sent through the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts, DomainSettings
from omniops.contracts.channel import Echo, Edited, Heard, Incoming, Receipt, Removed
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.announcing import announce
from omniops.conversation.changing import REMOVED, Changing
from omniops.conversation.cleaning import clean_text
from omniops.conversation.fetching import Fetching, coming
from omniops.conversation.messages import LONGEST, Reader, append, locked, one_at_a_time, taken
from omniops.conversation.models import Conversation, Message, Turn
from omniops.conversation.offering import pressed
from omniops.conversation.optout import ai_may_answer
from omniops.conversation.orders.chat import OrdersInChat
from omniops.conversation.outbox import Sender
from omniops.conversation.progress import Question
from omniops.conversation.redaction.cards import mask_cards
from omniops.conversation.rights import RightsInChat
from omniops.conversation.running import Running
from omniops.conversation.states import SILENT, move
from omniops.conversation.turns import Turns
from omniops.conversation.visitors import WEBSITE
from omniops.conversation.ways import next_way
from omniops.database.service import Database
from omniops.errors import NotFound, NotReady
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
        orders: OrdersInChat,
        fetching: Fetching,
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
        self._orders = orders
        self._clock = clock
        self._fetching = fetching
        self._changing = Changing(vault, running, sender, fetching, clock)
        jobs.register(Task("conversation:answer", self.answer), Task("conversation:watch", self.watch))

    async def hear(self, scope: Scope, channel: str, connection_id: UUID, heard: Heard, remember: Remember) -> None:
        """Takes what a channel heard: a message, a change of one, a reply given elsewhere, or what became of one that
        was sent. `remember(session)` is part of the same transaction: all of it is kept, or nothing.

        A message comes once however often it is told. One without words and files is passed over and a long
        one is cut: were one refused, the other side would send the whole delivery again and again.
        """
        if isinstance(heard, Incoming):
            await self._take(scope, channel, connection_id, heard, remember)
            return
        if isinstance(heard, Echo):
            await self._echo(scope, channel, connection_id, heard, remember)
            return
        async with self._database.session(scope) as session:
            match heard:
                case Edited():
                    await self._changing.edited(session, scope, channel, heard)
                case Removed():
                    await self._changing.removed(session, scope, channel, heard)
                case Receipt():
                    if not await self._sender.receipt(session, scope, heard):
                        await self._mail.receipt(session, scope, heard)
            await remember(session)
            await session.commit()

    async def persons(self, session: AsyncSession, scope: Scope, threads: Collection[str]) -> Mapping[str, UUID]:
        """The person of each thread (`channel:thread`), entered where nobody knows it yet, in the session's
        transaction. Whoever asks keeps the thread in a column by which it is found, so that the next one finds the same
        person."""
        await one_at_a_time(session, *(f"{scope.domain_id}|{thread}" for thread in threads))
        known = await self._vault.find_each(scope, "thread", threads, session=session)
        home_id = scope_argument(scope)
        unknown = [thread for thread in threads if thread not in known]
        made = {  # two spellings in capitals are one thread, as everywhere where somebody is looked up
            folded: Subject(account_id=scope.account_id, home_id=home_id, kind="contact")
            for folded in {thread.casefold() for thread in unknown}
        }
        if made:
            session.add_all(made.values())
            await session.flush()
        return {**known, **{thread: made[thread.casefold()].id for thread in unknown}}

    async def person_of(self, session: AsyncSession, scope: Scope, conversation_id: UUID) -> UUID | None:
        """The person of a conversation, or None where there is no such one."""
        conversation = await session.get(Conversation, (scope.domain_id, conversation_id))
        return conversation.subject_id if conversation is not None else None

    async def resume(self, scope: Scope, connection_id: UUID) -> None:
        """A connection was connected again: what waits to be sent over it leaves now."""
        await self._sender.resume(scope, connection_id)

    async def _echo(self, scope: Scope, channel: str, connection_id: UUID, echo: Echo, remember: Remember) -> None:
        conversation_id = echo.conversation_id
        if conversation_id is None:
            settings = (await self._accounts.domain(scope)).settings
            told = Incoming(echo.delivery_id, echo.thread, "", echo.text, echo.sent_at, past=echo.past)
            conversation_id = await self._conversation(scope, channel, connection_id, told, settings)
        async with self._database.session(scope) as session:
            try:
                reach = echo.conversation_id is not None
                let_go = await self._changing.echo(session, scope, conversation_id, echo, reach=reach)
            except NotFound:  # it was erased, or never was of this domain
                let_go = None
            await remember(session)
            await session.commit()
        if let_go is not None:
            await let_go()

    async def _take(
        self, scope: Scope, channel: str, connection_id: UUID, incoming: Incoming, remember: Remember
    ) -> None:
        """Stores one message and queues its answer."""
        words = mask_cards(clean_text(incoming.text))[:LONGEST]
        if not (words or incoming.media or incoming.button):
            await self.hear(scope, channel, connection_id, None, remember)
            return
        settings = (await self._accounts.domain(scope)).settings
        if settings.privacy_address and settings.privacy_address.casefold() in incoming.to:
            await self._right(scope, replace(incoming, text=words), remember)
            return
        conversation_id = await self._conversation(scope, channel, connection_id, incoming, settings)
        async with self._database.session(scope) as session:
            conversation = await locked(session, scope, conversation_id)
            if await taken(session, conversation, incoming.delivery_id) is None:
                await self._store(session, scope, conversation, incoming, words, settings)
            await remember(session)
            await session.commit()

    async def _right(self, scope: Scope, incoming: Incoming, remember: Remember) -> None:
        """A mail to the privacy address opens a case, and no conversation."""
        async with self._database.session(scope) as session:
            await self._rights.mail(session, scope, incoming)
            await remember(session)
            await session.commit()

    async def _store(
        self,
        session: AsyncSession,
        scope: Scope,
        conversation: Conversation,
        incoming: Incoming,
        words: str,
        settings: DomainSettings,
    ) -> None:
        now = self._clock.now()
        said_at = min(incoming.sent_at or now, now)
        conversation.heard_at = max(conversation.heard_at or said_at, said_at)
        if incoming.past:
            await self._append(session, scope, conversation, incoming, words, at=said_at)
            return
        if incoming.about:
            conversation.about = seal(dict(incoming.about))
        if incoming.button:
            words = mask_cards(await pressed(session, self._vault, conversation, incoming.button)) or words
        if words:
            words = await self._orders.checks.take(session, conversation, words, sender=incoming.sender)
        elif not incoming.media:
            return
        message = await self._append(session, scope, conversation, incoming, words, at=now)
        if not words:
            await self._files_only(session, scope, conversation, settings)
            return
        way, said = await next_way(session, conversation, settings, words, at=self._clock.now())
        if said is not None:
            await self._sender.put(session, scope, said)
        if way == "person":
            key, language = str(message.id), conversation.language
            await self._rights.listen(session, scope, conversation, words, key=key, language=language)
            await self._orders.listen(session, scope, conversation, message.seq)
        else:
            await self._jobs.enqueue(
                session,
                "conversation:answer",
                lock=f"conv:{conversation.id}",
                domain_id=scope_argument(scope),
                message_id=message.id,
            )

    async def _append(
        self,
        session: AsyncSession,
        scope: Scope,
        conversation: Conversation,
        incoming: Incoming,
        words: str,
        *,
        at: datetime,
    ) -> Message:
        """A message with what is to be fetched of it. One without words says what its files are called."""
        files = coming(incoming.media)
        message = await append(
            session,
            conversation,
            author="visitor",
            text=words or ", ".join(part["name"] for part in files),
            parts=[*([{"type": "text", "text": words}] if words else []), *files] if files else None,
            event=None if words else "attachment",
            delivery_id=incoming.delivery_id,
            told=not incoming.past,
            at=at,
        )
        await self._fetching.note(session, scope, message, incoming.media)
        return message

    async def _files_only(
        self, session: AsyncSession, scope: Scope, conversation: Conversation, settings: DomainSettings
    ) -> None:
        """Files without words are nothing that the AI could read: a person looks at them, and the visitor is told."""
        if conversation.state in SILENT:
            return
        now = self._clock.now()
        await move(session, conversation, "ai_handed_over", RECEIVED, "unreadable", at=now)
        await self._sender.put(
            session, scope, await announce(session, conversation, "handed_off", settings.hours, at=now)
        )

    async def answer(self, scope: Scope, message_id: str) -> None:
        """Answers one message; the answer and its outbox row are one transaction. Safe to run twice: a turn that ended
        is left alone, one that was lost or cut short is taken and answered again, since nothing of it was sent.

        Raises `NotReady` when the answer was cut short.
        """
        domain = await self._accounts.domain(scope)
        async with self._database.session(scope) as session:
            message = await session.get(Message, (scope.domain_id, UUID(message_id)))
            if message is None or message.event == REMOVED:
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
        domain_id, now = scope_argument(scope), self._clock.now()
        language = settings.language[:2].lower()
        async with self._database.session(scope) as session:
            (subject_id,) = (await self.persons(session, scope, [f"{channel}:{incoming.thread}"])).values()
            statement = (
                select(Conversation)
                .where(Conversation.domain_id == domain_id, Conversation.subject_id == subject_id)
                .where(Conversation.channel == channel, Conversation.state != "closed")
                .order_by(col(Conversation.id).desc())
            )
            known = (await session.exec(statement)).first()
            if known is not None:
                if not incoming.past:
                    known.connection_id = connection_id  # where it was last heard is where it is answered
                    session.add(known)
                await session.commit()
                return known.id
            conversation = Conversation(
                domain_id=domain_id,
                subject_id=subject_id,
                channel=channel,
                language=language,
                connection_id=connection_id,
                thread=seal(f"{channel}:{incoming.thread}"),
                sender=seal(incoming.sender),
                created_at=min(incoming.sent_at, now) if incoming.past and incoming.sent_at else now,
            )
            session.add(conversation)
            await session.commit()
            return conversation.id

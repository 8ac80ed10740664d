"""The conversation room's one door: what visitors and the people who work there can do with conversations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from omniops.accounts.service import DomainView
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.answering import Question
from omniops.conversation.follow import Follower
from omniops.conversation.live import LiveTurn
from omniops.conversation.messages import MessageView, Reader, append, checked_text, locked, taken
from omniops.conversation.models import Conversation, Feedback, Message, Turn
from omniops.conversation.outbox import Sender
from omniops.conversation.running import Running
from omniops.conversation.turns import TurnEvent, Turns
from omniops.conversation.visitors import WEBSITE, Visitor
from omniops.conversation.wording import say
from omniops.database.notices import Notices
from omniops.database.service import Database
from omniops.errors import NotFound

SHOWN = 200
"""Messages that a visitor gets back after a reload."""
PURPOSE = "chat.respond"


@dataclass(frozen=True, slots=True)
class ConversationView:
    """A conversation in the list of the people who work there. Holds nothing personal."""

    id: UUID
    channel: str
    state: str
    messages: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """A visitor's own conversation: its state, its messages, and the turn that runs."""

    state: str
    messages: Sequence[MessageView]
    running: Turn | None


class Conversations:
    """Ask, follow, stop; hand over and back; read and reply."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        turns: Turns,
        running: Running,
        sender: Sender,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._database = database
        self._reader = reader
        self._turns = turns
        self._running = running
        self._sender = sender
        self._clock = clock
        self._follower = Follower(database, turns, reader, running.live, notices)

    # A visitor on the website

    async def ask(
        self, visitor: Visitor, domain: DomainView, text: str, key: str, language: str
    ) -> AsyncIterator[TurnEvent]:
        """Takes a message and streams what happens to it. The first events say that the message is durable.

        `key` is the request's idempotency key: the same key again follows the same turn and doubles nothing. Raises
        `Rejected` for bad text, and while another answer of this conversation is being written.
        """
        text = checked_text(text)
        scope = visitor.scope
        async with self._database.session(scope) as session:
            conversation = await locked(session, scope, visitor.conversation_id)
            known = await taken(session, conversation, key)
            message = known or await append(
                session,
                conversation,
                author="visitor",
                text=text,
                language=language,
                delivery_id=key,
                at=self._clock.now(),
            )
            turn, undisclosed = None, conversation.disclosed_at is None
            if known is None and conversation.state not in ("waiting", "human"):
                conversation.disclosed_at = conversation.disclosed_at or self._clock.now()
                turn = await self._running.begin(session, scope, conversation, message, key)
            state = conversation.state
            await session.commit()
        if turn is None and known is not None and (before := await self._turns.by_key(scope, conversation.id, key)):
            return await self.follow(visitor, before.id)
        seen = await self._reader.one(scope, message, purpose=PURPOSE, actor=visitor.actor)
        if turn is None:
            return _no_answer(seen, state)
        live = LiveTurn(turn.id)
        if undisclosed:
            live.emit("disclosure", {"text": say("disclosure", language)})
        live.emit("message", seen.to_json())
        live.emit("turn", {"id": str(turn.id)})
        self._running.run(Question(domain, conversation.id, turn.id, message.seq, text, language), live)
        return live.follow()

    async def follow(self, visitor: Visitor, turn_id: UUID, after: int = 0) -> AsyncIterator[TurnEvent]:
        """The events of a turn after number `after`, then live, in whichever process it runs. Raises `NotFound`."""
        return await self._follower.turn(visitor, turn_id, after)

    def follow_messages(self, visitor: Visitor, after: int) -> AsyncIterator[MessageView]:
        """Messages after number `after`, then each new one."""
        return self._follower.messages(visitor, after)

    async def stop(self, visitor: Visitor, turn_id: UUID) -> None:
        """Stops an answer, in whichever process it runs. Raises `NotFound` for a turn of somebody else."""
        await self._running.stop(visitor.scope, await self._follower.own(visitor, turn_id))

    async def history(self, visitor: Visitor) -> History:
        """The newest messages, oldest of them first."""
        async with self._database.session(visitor.scope) as session:
            conversation = await session.get(Conversation, (visitor.scope.domain_id, visitor.conversation_id))
        if conversation is None:
            raise NotFound("There is no such conversation.")
        messages = await self._reader.read(
            visitor.scope,
            visitor.conversation_id,
            after=max(0, conversation.last_seq - SHOWN),
            purpose=PURPOSE,
            actor=visitor.actor,
        )
        running = await self._turns.running(visitor.scope, visitor.conversation_id)
        return History(conversation.state, messages, running)

    async def feedback(self, visitor: Visitor, message_id: UUID, *, helpful: bool) -> None:
        """A yes or no to an AI message of one's own conversation; the last one counts. Raises `NotFound`."""
        async with self._database.session(visitor.scope) as session:
            message = await session.get(Message, (visitor.scope.domain_id, message_id))
            if message is None or message.conversation_id != visitor.conversation_id or message.author != "ai":
                raise NotFound("There is no such answer.")
            statement = select(Feedback).where(
                Feedback.domain_id == visitor.scope.domain_id, Feedback.message_id == message_id
            )
            row = (await session.exec(statement)).first() or Feedback(
                domain_id=message.domain_id, subject_id=visitor.subject_id, message_id=message_id, helpful=helpful
            )
            row.helpful = helpful
            session.add(row)
            await session.commit()

    async def to_person(self, visitor: Visitor, language: str, email: str | None) -> MessageView:
        """Hands the conversation to a person. The AI stops; an address, if given, is for this reply only."""
        await self._silence(visitor.scope, visitor.conversation_id)
        async with self._database.session(visitor.scope) as session:
            conversation = await locked(session, visitor.scope, visitor.conversation_id)
            conversation.state = "waiting"
            if email:
                conversation.reply_to = seal(email)
            text = say("handed_off", language)
            message = await append(
                session,
                conversation,
                author="system",
                text=text,
                event="handed_off",
                language=language,
                at=self._clock.now(),
            )
            await session.commit()
        return await self._reader.one(visitor.scope, message, purpose=PURPOSE, actor=visitor.actor)

    async def to_ai(self, visitor: Visitor, language: str) -> MessageView:
        """Gives the conversation back to the AI."""
        async with self._database.session(visitor.scope) as session:
            conversation = await locked(session, visitor.scope, visitor.conversation_id)
            conversation.state = "ai"
            text = say("back_to_ai", language)
            message = await append(
                session,
                conversation,
                author="system",
                text=text,
                event="back_to_ai",
                language=language,
                at=self._clock.now(),
            )
            await session.commit()
        return await self._reader.one(visitor.scope, message, purpose=PURPOSE, actor=visitor.actor)

    # People who work there

    async def all(self, scope: Scope, *, state: str | None = None, limit: int = 50) -> Sequence[ConversationView]:
        """Conversations of a domain, newest first."""
        async with self._database.session(scope) as session:
            statement = select(Conversation).where(Conversation.domain_id == scope.domain_id)
            if state is not None:
                statement = statement.where(Conversation.state == state)
            rows = (await session.exec(statement.order_by(col(Conversation.id).desc()).limit(limit))).all()
        return [ConversationView(r.id, r.channel, r.state, r.last_seq, r.created_at) for r in rows]

    async def read(self, scope: Scope, conversation_id: UUID, *, actor: Actor, after: int = 0) -> Sequence[MessageView]:
        """The messages of a conversation, for a person who may read them."""
        async with self._database.session(scope) as session:
            if await session.get(Conversation, (scope.domain_id, conversation_id)) is None:
                raise NotFound("There is no such conversation.")
        return await self._reader.read(scope, conversation_id, after=after, purpose="support.provide", actor=actor)

    async def reply(self, scope: Scope, conversation_id: UUID, text: str, *, actor: Actor) -> MessageView:
        """A person answers; the AI is out of this conversation from the same transaction on."""
        text = checked_text(text)
        await self._silence(scope, conversation_id)
        async with self._database.session(scope) as session:
            conversation = await locked(session, scope, conversation_id)
            conversation.state = "human"
            message = await append(session, conversation, author="person", text=text, at=self._clock.now())
            if conversation.channel != WEBSITE:
                await self._sender.put(session, scope, message)
            await session.commit()
        return await self._reader.one(scope, message, purpose="support.provide", actor=actor)

    async def close(self) -> None:
        """Stops this process's turns."""
        await self._running.close()

    async def _silence(self, scope: Scope, conversation_id: UUID) -> None:
        running = await self._turns.running(scope, conversation_id)
        if running is not None:
            await self._running.stop(scope, running)


async def _no_answer(seen: MessageView, state: str) -> AsyncIterator[TurnEvent]:
    yield TurnEvent(1, "message", seen.to_json())
    yield TurnEvent(2, "none", {"state": state})

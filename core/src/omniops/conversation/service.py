"""The conversation room's one door: what visitors can do, and what the people who work there build on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import select

from omniops.accounts.service import DomainView
from omniops.contracts.ids import Clock
from omniops.contracts.sealed import seal
from omniops.conversation.ai_marks import AiMarks
from omniops.conversation.announcing import announce, due
from omniops.conversation.attachments import file_part
from omniops.conversation.cleaning import clean_text
from omniops.conversation.drafts import cited
from omniops.conversation.follow import Follower, Typing
from omniops.conversation.messages import MessageView, Reader, append, checked_text, locked, open_, taken
from omniops.conversation.models import Conversation, Feedback, Turn
from omniops.conversation.optout import PURPOSE as AI_ANSWERS
from omniops.conversation.optout import opted_out
from omniops.conversation.orders.access import OrderAccess
from omniops.conversation.orders.chat import OrdersInChat
from omniops.conversation.orders.shops import Shop, ShopOf
from omniops.conversation.outbox import TEMPLATE, Sender
from omniops.conversation.outgoing import carries
from omniops.conversation.own import own_answer
from omniops.conversation.progress import Question, ended
from omniops.conversation.proven import Proven, ProvenAddresses
from omniops.conversation.redaction.cards import mask_cards
from omniops.conversation.rights import RightsInChat
from omniops.conversation.running import Running
from omniops.conversation.states import Reason, State, move
from omniops.conversation.turns import TurnEvent, Turns
from omniops.conversation.visitors import WEBSITE, Visitor, check_identity
from omniops.conversation.ways import next_way
from omniops.conversation.windows import OVER, WindowView, may_send
from omniops.conversation.wording import Phrase, say
from omniops.database.notices import Notices
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected

__all__ = [
    "AI_ANSWERS",
    "OVER",
    "TEMPLATE",
    "WEBSITE",
    "AiMarks",
    "Conversations",
    "History",
    "MessageView",
    "OrderAccess",
    "Phrase",
    "Proven",
    "ProvenAddresses",
    "Reader",
    "Reason",
    "Running",
    "Sender",
    "Shop",
    "ShopOf",
    "State",
    "WindowView",
    "announce",
    "append",
    "carries",
    "checked_text",
    "cited",
    "clean_text",
    "due",
    "file_part",
    "locked",
    "may_send",
    "move",
    "open_",
    "opted_out",
    "say",
]

SHOWN = 200
"""Messages that a visitor gets back after a reload."""
PURPOSE = "chat.serve"


@dataclass(frozen=True, slots=True)
class History:
    """A visitor's own conversation: its state, its messages, and the turn that runs."""

    state: str
    messages: Sequence[MessageView]
    running: Turn | None


class Conversations:
    """What visitors do: ask, follow, stop; hand over and back."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        turns: Turns,
        running: Running,
        notices: Notices,
        rights: RightsInChat,
        orders: OrdersInChat,
        clock: Clock,
    ) -> None:
        self._database = database
        self._reader = reader
        self._turns = turns
        self._running = running
        self._rights = rights
        self._orders = orders
        self._clock = clock
        self._follower = Follower(database, turns, reader, running.live, notices)
        notices.on("stop", running.stop_here)

    # A visitor on the website

    async def ask(
        self, visitor: Visitor, domain: DomainView, text: str, key: str, language: str
    ) -> AsyncIterator[TurnEvent]:
        """Takes a message and streams what happens to it. The first events say that the message is durable.

        `key` is the request's idempotency key: the same key again follows the same turn and doubles nothing. Raises
        `Rejected` for bad text, and while another answer of this conversation is being written.
        """
        check_identity(visitor, domain)
        text = mask_cards(checked_text(text))
        scope = visitor.scope
        async with self._database.session(scope) as session:
            conversation = await open_(session, scope, visitor.conversation_id)
            known = await taken(session, conversation, key)
            if known is None:
                text = await self._orders.checks.take(session, conversation, text, visitor=visitor)
            message = known or await append(
                session,
                conversation,
                author="visitor",
                text=text,
                language=language,
                delivery_id=key,
                at=self._clock.now(),
            )
            live, undisclosed, now = None, conversation.disclosed_at is None, self._clock.now()
            gone: Collection[str] = ()
            if known is None:
                way, _ = await next_way(session, conversation, domain.settings, text, language=language, at=now)
                if way == "person":
                    gone = await self._rights.listen(
                        session, scope, conversation, text, key=str(message.id), language=language
                    )
                    await self._orders.listen(session, scope, conversation, message.seq)
                else:
                    conversation.disclosed_at = conversation.disclosed_at or now
                    turn = await self._running.begin(session, scope, conversation, message, key)
                    live = self._running.live.begin(turn.id, held=way == "held")
            state = conversation.state
            await session.commit()
        if known is not None and (before := await self._turns.by_key(scope, conversation.id, key)):
            return await self.follow(visitor, before.id)
        seen = await self._reader.one(scope, message, purpose=PURPOSE, actor=visitor.actor)
        if live is None or live.ended:  # a person answers, from the beginning or since a moment ago
            return _no_answer(seen, state if live is None else live.events[-1].data["state"], gone)
        if undisclosed:
            live.emit("disclosure", {"text": say("disclosure", language)})
        live.emit("message", seen.to_json())
        live.emit("turn", {"id": str(live.turn_id)})
        self._running.run(
            Question(domain, conversation.id, live.turn_id, message.seq, text, language, conversation.subject_id), live
        )
        return live.follow()

    async def follow(self, visitor: Visitor, turn_id: UUID, after: int = 0) -> AsyncIterator[TurnEvent]:
        """The events of a turn after number `after`, then live, in whichever process it runs. Raises `NotFound`."""
        return await self._follower.turn(visitor, turn_id, after)

    def follow_messages(self, visitor: Visitor, after: int) -> AsyncIterator[MessageView | Typing]:
        """Messages after number `after`, then each new one, and when a person is typing."""
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

    async def feedback(
        self,
        visitor: Visitor,
        message_id: UUID,
        *,
        helpful: bool,
        reason: str | None = None,
        comment: str | None = None,
    ) -> None:
        """A yes or no to an AI message of one's own conversations, and why; the last one counts. Raises `NotFound`."""
        said = mask_cards(clean_text(comment or ""))
        async with self._database.session(visitor.scope) as session:
            message = await own_answer(session, visitor, message_id)
            statement = select(Feedback).where(
                Feedback.domain_id == visitor.scope.domain_id, Feedback.message_id == message_id
            )
            row = (await session.exec(statement)).first() or Feedback(
                domain_id=message.domain_id, subject_id=message.subject_id, message_id=message_id, helpful=helpful
            )
            row.helpful, row.reason, row.comment = helpful, reason, seal(said) if said else None
            session.add(row)
            await session.commit()

    async def to_person(self, visitor: Visitor, domain: DomainView, language: str, email: str | None) -> MessageView:
        """Hands the conversation to a person. The AI stops; an address, if given, is for this reply only."""
        check_identity(visitor, domain)
        scope, now = visitor.scope, self._clock.now()
        async with self._database.session(scope) as session:
            conversation = await open_(session, scope, visitor.conversation_id)
            let_go = await self._running.silence(session, scope, conversation, "waiting")
            await move(session, conversation, "person_asked", visitor.actor, "by_visitor", at=now)
            if email:
                conversation.reply_to = seal(email)
            hours = domain.settings.hours
            message = await announce(session, conversation, "handed_off", hours, language=language, at=now)
            await session.commit()
        await let_go()
        return await self._reader.one(visitor.scope, message, purpose=PURPOSE, actor=visitor.actor)

    async def to_ai(self, visitor: Visitor, language: str) -> MessageView:
        """Gives the conversation back to the AI. Raises `Rejected` while its person wants no AI, and while a draft
        waits: nobody talks an answer past the person who must see it."""
        async with self._database.session(visitor.scope) as session:
            conversation = await open_(session, visitor.scope, visitor.conversation_id)
            if await opted_out(session, conversation.domain_id, conversation.subject_id):
                raise Rejected("You asked for no answers of the AI.", code="ai_opted_out", do="Take that back first.")
            if conversation.state == "draft":
                raise Rejected("A person is looking at the AI's answer.", code="not_in_state", do="Write on, or wait.")
            await move(session, conversation, "handed_back", visitor.actor, "by_visitor", at=self._clock.now())
            conversation.assigned_to = None
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

    async def close(self) -> None:
        """Stops this process's turns."""
        await self._running.close()


async def _no_answer(seen: MessageView, state: str, gone: Collection[str]) -> AsyncIterator[TurnEvent]:
    yield TurnEvent(1, "message", seen.to_json())
    if gone:
        yield TurnEvent(2, "consent", ended(gone))
    yield TurnEvent(3 if gone else 2, "none", {"state": state})

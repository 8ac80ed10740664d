"""Sending through channels: at least once, with a key that the other side can recognise a second sending by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.channel import (
    Channel,
    ChannelCapabilities,
    Delivery,
    Outgoing,
    Receipt,
    Template,
    Window,
)
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.announcing import announce
from omniops.conversation.messages import locked
from omniops.conversation.models import Conversation, Message, Outbox
from omniops.conversation.outgoing import Outgoings
from omniops.conversation.states import SILENT, Reason, move
from omniops.conversation.visitors import WEBSITE
from omniops.conversation.waiting import DELIVER, FOR_A_PERSON, SOON, Sides, Waiting
from omniops.conversation.windows import OVER, WindowView, may_send, reach
from omniops.database.service import Database, Notice, notify
from omniops.errors import EgressRefused, NotFound, NotReachable, NotReady, OmniOpsError, Permanent, Reconnect, Refused
from omniops.jobs.service import Jobs, Retry, Task
from omniops.mail.service import Post
from omniops.vault.service import Vault

ACTOR = Actor.system("conversation.deliver")
ATTEMPTS = 8
_FAR = {"sent": 1, "delivered": 2, "read": 3}
"""How far a message came. Receipts may come in any order, and none takes it back."""
TEMPLATE = "template"
"""The event of a message that is a text which the other side approved before."""
OnRefused = Callable[[Scope, UUID, BaseModel | None], Awaitable[bool]]
"""Told of a connection whose credentials, these, the other side refused: whether to try again with new ones."""


class Sender:
    """Puts answers into the outbox and delivers what waits there."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        jobs: Jobs,
        sides: Sides,
        channels: Callable[[], Mapping[str, Channel]],
        outgoings: Outgoings,
        on_refused: OnRefused,
        mail: Post,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._waiting = Waiting(database, jobs, sides, clock)
        self._channels = channels
        self._outgoings = outgoings
        self._on_refused = on_refused
        self._mail = mail
        self._clock = clock
        jobs.register(Task(DELIVER, self.deliver, retry=Retry(attempts=ATTEMPTS, first=1, cap=30)))

    async def reach(self, session: AsyncSession, scope: Scope, conversation: Conversation, message: Message) -> None:
        """`put` where the conversation's channel sends. On the website its visitor reads along."""
        if conversation.channel != WEBSITE:
            await self.put(session, scope, message)

    def capabilities(self, conversation: Conversation) -> ChannelCapabilities | None:
        """What the conversation's channel carries; None on the website, whose visitor reads along. Raises `NotReady`
        where its plugin is not there."""
        if conversation.channel == WEBSITE:
            return None
        return self._channel(conversation).capabilities

    def window(self, conversation: Conversation) -> WindowView | None:
        """What may be written to its visitor now, and until when; None where there is no limit."""
        channel = self._channels().get(conversation.channel)
        if channel is None or channel.capabilities.window is None:
            return None
        return reach(channel.capabilities.window, conversation.heard_at, self._clock.now())

    async def templates(self, scope: Scope, conversation: Conversation) -> Sequence[Template]:
        """The texts that the other side approved. Raises `NotReady` and `Reconnect`."""
        if conversation.connection_id is None:
            return ()
        channel = self._channel(conversation)
        return await self._outgoings.templates(scope, channel, conversation.connection_id)

    def _channel(self, conversation: Conversation) -> Channel:
        channel = self._channels().get(conversation.channel)
        if channel is None:
            raise NotReady(f"Channel {conversation.channel!r} is not there.", do="Install and switch on its plugin.")
        return channel

    async def put(self, session: AsyncSession, scope: Scope, message: Message) -> None:
        """The outbox row and its job, in the transaction that stores the message. Parts of a long one get rows of their
        own when it is first sent."""
        session.add(
            Outbox(
                domain_id=message.domain_id,
                subject_id=message.subject_id,
                message_id=message.id,
                key=new_id().hex,
            )
        )
        await session.flush()
        await self._waiting.queue(session, scope, message)

    async def again(self, session: AsyncSession, scope: Scope, message: Message) -> str | None:
        """Puts the failed parts of a message into the outbox once more, in the session's transaction. Returns the code
        of what went wrong, None where nothing did; what was withdrawn stays so.

        What the other side took and told of as failed later gets a new key: under the old one it would be known.
        """
        statement = (
            select(Outbox)
            .where(Outbox.domain_id == message.domain_id, Outbox.message_id == message.id, Outbox.state == "failed")
            .order_by(col(Outbox.part))
            .with_for_update()
        )
        rows = (await session.exec(statement)).all()
        problems = {row.problem or "" for row in rows}
        if not rows or "taken_over" in problems:
            return "taken_over" if rows else None
        for row in rows:
            if row.reference is not None:
                row.key, row.reference = new_id().hex, None
            row.state, row.problem, row.attempts, row.waiting_since, row.next_at = "waiting", None, 0, None, None
            session.add(row)
        await session.flush()
        await self._waiting.queue(session, scope, message)
        return min(problems)

    async def withdraw(self, session: AsyncSession, conversation: Conversation) -> None:
        """A person took over: answers of the AI that nobody approved and that still wait for their channel are not sent
        any more. One that is being sent at this moment is; a person's reply comes after it."""
        waiting = (
            select(Outbox)
            .join(Message, (col(Message.domain_id) == Outbox.domain_id) & (col(Message.id) == Outbox.message_id))
            .where(Outbox.domain_id == conversation.domain_id, Outbox.state == "waiting")
            .where(
                Message.conversation_id == conversation.id, Message.author == "ai", col(Message.approved_by).is_(None)
            )
            .with_for_update(skip_locked=True, of=Outbox)
        )
        for row in (await session.exec(waiting)).all():
            row.state, row.problem = "failed", "taken_over"
            session.add(row)

    async def resume(self, scope: Scope, connection_id: UUID) -> None:
        """Sends what waited for a connection that a person has connected again."""
        await self._waiting.resume(scope, connection_id)

    async def deliver(self, scope: Scope, message_id: str) -> None:
        """Sends what was not sent yet in the conversation of a message, in order and part by part; what the other side
        took is kept before the next leaves. A channel that is away is asked again, for days; one that refuses is not,
        and neither is one whose connection is gone."""
        async with self._database.session(scope) as session:
            message = await session.get(Message, (scope.domain_id, UUID(message_id)))
        if message is None:  # erased meanwhile
            return
        failure: Permanent | None = None
        while True:
            try:
                if not await self._deliver_next(scope, message.conversation_id):
                    break
            except Permanent as error:  # what comes after it goes on
                failure = error
        if failure is not None:
            raise failure

    async def _deliver_next(self, scope: Scope, conversation_id: UUID) -> bool:
        """Sends the first part that waits. False where none does, or the first must go on waiting."""
        async with self._database.session(scope) as session:
            statement = (
                select(Outbox, Message)
                .join(Message, (col(Message.domain_id) == Outbox.domain_id) & (col(Message.id) == Outbox.message_id))
                .where(Outbox.domain_id == scope.domain_id, Outbox.state == "waiting")
                .where(Message.conversation_id == conversation_id)
                .order_by(col(Message.seq), col(Outbox.part))
                .limit(1)
                .with_for_update(of=Outbox)
            )
            found = (await session.exec(statement)).first()
            if found is None:
                return False
            row, message = found
            if row.next_at is not None and row.next_at > self._clock.now() + SOON:  # the database's clock may be ahead
                await self._waiting.behind(session, message, row)
                await session.commit()
                return False
            conversation = await session.get(Conversation, (scope.domain_id, message.conversation_id))
            assert conversation is not None
            if await self._mail.keeps(scope):
                row.state = "kept"
                session.add(row)
                await session.commit()
                return True
            failure: OmniOpsError | None = None
            used: BaseModel | None = None
            wait: datetime | None = None
            why: str | None = None
            try:
                channel = self._channel(conversation)
                late = self._in_time(channel.capabilities.window, conversation, message)
                wait = await self._waiting.rests(scope, conversation)
                if wait is None:
                    outgoing = await self._outgoings.of(
                        session, scope, conversation, message, row, channel.capabilities, late=late
                    )
                    used = outgoing.connection
                    if await self._mail.suppressed(scope, outgoing.recipient):
                        raise Refused("This address gets no more messages.", reason="suppressed")
                    delivery = await channel.send(outgoing)
                    if delivery.state == "failed":
                        raise Permanent(f"Channel {conversation.channel!r}: the other side did not take the message.")
                    self._sent(session, conversation, row, outgoing, delivery)
            except EgressRefused as error:
                failure = error
            except Refused as error:
                await self._fail(session, row, error.reason)
                if error.reason == OVER:
                    await self._to_a_person(session, scope, message, "window_over")
                failure = Permanent(str(error))
            except Permanent as error:
                await self._fail(session, row, "permanent")
                failure = error
            except Reconnect as error:
                number = conversation.connection_id
                if number is not None and await self._on_refused(scope, number, used):
                    failure = NotReady(f"Channel {conversation.channel!r}: the credentials were renewed.")
                elif number is not None:
                    wait, why = self._clock.now() + FOR_A_PERSON, "reconnect"
                else:
                    await self._fail(session, row, "reconnect")
                    failure = Permanent(str(error))
            except NotFound as error:
                await self._fail(session, row, "no_connection")
                failure = Permanent(str(error))
            except (NotReady, NotReachable, OSError) as error:  # a time-out is an `OSError` as well
                wait, why = await self._waiting.failed(scope, conversation, error), "away"
                failure = error if isinstance(error, NotReady) else _failed(conversation, error)
            except Exception as error:
                failure = _failed(conversation, error)
            if wait is None:
                row.attempts += 1
                session.add(row)
                if row.state == "waiting" and await self._failures(session, row) >= ATTEMPTS:
                    await self._give_up(session, scope, message, row, "gave_up")
            else:
                failure = None
                at = self._before_it_is_over(conversation, wait)
                if not await self._waiting.put_off(session, scope, message, row, at, why):
                    why = "reconnect" if row.problem == "reconnect" else "gave_up"
                    await self._give_up(session, scope, message, row, why)
                    wait, failure = None, Permanent(f"Channel {conversation.channel!r} is away for too long.")
            await session.commit()
        if failure is not None:
            raise failure
        if wait is None:
            await self._waiting.worked(scope, conversation)
        return wait is None

    def _sent(
        self, session: AsyncSession, conversation: Conversation, row: Outbox, outgoing: Outgoing, delivery: Delivery
    ) -> None:
        row.state, row.reference, row.sent_at = delivery.state, delivery.reference, self._clock.now()
        row.problem = row.waiting_since = row.next_at = None
        if outgoing.disclosure:
            conversation.disclosed_at = self._clock.now()
            session.add(conversation)

    def _before_it_is_over(self, conversation: Conversation, at: datetime) -> datetime:
        """`at`, or the moment at which the time for writing to a person changes, so that what can be sent no more is
        told at once."""
        view = self.window(conversation)
        until = view.until if view is not None else None
        return at if until is None or until < self._clock.now() else min(at, until + timedelta(seconds=1))

    def _in_time(self, window: Window | None, conversation: Conversation, message: Message) -> bool:
        """Whether a message leaves late, which only a person's may. Raises `Refused` for one that is too late."""
        if window is None:
            return False
        now = reach(window, conversation.heard_at, self._clock.now())
        person, template = message.author == "person", message.event == TEMPLATE
        if not may_send(now, person=person, template=template):
            raise Refused("The time in which this person may be written to is over.", reason=OVER)
        return now.state == "late" and person and not template

    async def _to_a_person(
        self, session: AsyncSession, scope: Scope, message: Message, reason: Reason
    ) -> Conversation | None:
        """The AI's answer does not arrive: a person must see what can still be done, and reads why. Gives the locked
        conversation, None where people have it already."""
        conversation = await locked(session, scope, message.conversation_id)
        await session.refresh(conversation)
        if message.author != "ai" or conversation.state in SILENT:
            return None
        await move(session, conversation, "ai_handed_over", ACTOR, reason, at=self._clock.now())
        return conversation

    async def _give_up(self, session: AsyncSession, scope: Scope, message: Message, row: Outbox, problem: str) -> None:
        """Tried too often. People hear of an answer of the AI, and its visitor that one of them answers, should that
        arrive."""
        await self._fail(session, row, problem)
        conversation = await self._to_a_person(session, scope, message, "undelivered")
        if conversation is not None:
            told = await announce(session, conversation, "handed_off", None, at=self._clock.now())
            await self.put(session, scope, told)

    async def _fail(self, session: AsyncSession, row: Outbox, problem: str) -> None:
        """Neither this part nor what should follow it is sent any more."""
        row.state, row.problem = "failed", problem
        session.add(row)
        await session.exec(
            update(Outbox)
            .where(col(Outbox.domain_id) == row.domain_id, col(Outbox.message_id) == row.message_id)
            .where(col(Outbox.state) == "waiting", col(Outbox.id) != row.id)
            .values(state="failed", problem=problem)
        )

    async def _failures(self, session: AsyncSession, row: Outbox) -> int:
        """How often the sending of a message failed, whichever part it was: so often its job ran in vain."""
        statement = select(Outbox).where(Outbox.domain_id == row.domain_id, Outbox.message_id == row.message_id)
        rows = (await session.exec(statement)).all()
        return sum(one.attempts - (one.state not in ("waiting", "failed")) for one in rows)

    async def receipt(self, session: AsyncSession, scope: Scope, receipt: Receipt) -> bool:
        """Enters what became of a message that was sent, in the session's transaction. False for an unknown reference.
        A message that was once said to have failed stays so; an address that does not work is left alone from then on.
        """
        row = await self._sent_as(session, scope, receipt.reference)
        if row is None:
            # The other side may be faster than we are: what is being sent now gets its reference when that is through.
            under_way = select(Outbox.id).where(Outbox.domain_id == scope.domain_id, Outbox.state == "waiting")
            await session.exec(under_way.with_for_update(read=True))
            row = await self._sent_as(session, scope, receipt.reference)
        if row is None:
            return False
        if row.state != "failed" and (receipt.state == "failed" or _FAR[receipt.state] > _FAR.get(row.state, 0)):
            if receipt.state == "failed":
                await self._fail(session, row, receipt.problem or "undelivered")
            else:
                row.state, row.problem = receipt.state, receipt.problem
                session.add(row)
            message = await session.get(Message, (scope.domain_id, row.message_id))
            assert message is not None
            await notify(session, Notice("message", message.domain_id, message.conversation_id, message.seq))
            if receipt.permanent:
                conversation = await session.get(Conversation, (scope.domain_id, message.conversation_id))
                assert conversation is not None
                opened = await self._vault.open([conversation], purpose="chat.respond", actor=ACTOR)
                if address := opened(conversation.sender, otherwise=None):
                    await self._mail.suppress(scope, address, "bounce", session=session)
        return True

    async def _sent_as(self, session: AsyncSession, scope: Scope, reference: str) -> Outbox | None:
        statement = select(Outbox).where(Outbox.domain_id == scope.domain_id, Outbox.reference == reference)
        return (await session.exec(statement.with_for_update())).first()


def _failed(conversation: Conversation, error: Exception) -> NotReady:
    """An error of a channel's own, without its words: they may hold a person's data."""
    failure = NotReady(f"Channel {conversation.channel!r} failed: {type(error).__name__}.")
    failure.__cause__ = error
    return failure

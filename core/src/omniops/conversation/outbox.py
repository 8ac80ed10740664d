"""Sending through channels: at least once, with a key that the other side can recognise a second sending by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from pydantic import BaseModel
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.channel import Channel, Outgoing, Receipt, SourceLink
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.messages import view
from omniops.conversation.models import Conversation, Message, Outbox
from omniops.conversation.visitors import WEBSITE
from omniops.conversation.wording import say
from omniops.database.service import Database, Notice, notify
from omniops.errors import EgressRefused, NotFound, NotReady, OmniOpsError, Permanent, Reconnect, Refused
from omniops.jobs.service import Jobs, Retry, Task, scope_argument
from omniops.mail.service import Post
from omniops.privacy.service import cautions
from omniops.vault.service import Vault

ACTOR = Actor.system("conversation.deliver")
ATTEMPTS = 8
Credentials = Callable[[Scope, UUID], Awaitable[BaseModel]]
"""Opens a connection's settings for its own channel."""
OnRefused = Callable[[Scope, UUID], Awaitable[None]]
"""Told of a connection whose credentials the other side refused."""


class Sender:
    """Puts answers into the outbox and delivers what waits there."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        jobs: Jobs,
        channels: Callable[[], Mapping[str, Channel]],
        credentials: Credentials,
        on_refused: OnRefused,
        mail: Post,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._jobs = jobs
        self._channels = channels
        self._credentials = credentials
        self._on_refused = on_refused
        self._mail = mail
        self._clock = clock
        jobs.register(Task("conversation:deliver", self.deliver, retry=Retry(attempts=ATTEMPTS, first=1, cap=30)))

    async def reach(self, session: AsyncSession, scope: Scope, conversation: Conversation, message: Message) -> None:
        """`put` where the conversation's channel sends. On the website its visitor reads along."""
        if conversation.channel != WEBSITE:
            await self.put(session, scope, message)

    async def put(self, session: AsyncSession, scope: Scope, message: Message) -> None:
        """The outbox row and its job, in the transaction that stores the message. One row per message, ever."""
        session.add(
            Outbox(
                domain_id=message.domain_id,
                subject_id=message.subject_id,
                message_id=message.id,
                key=new_id().hex,
            )
        )
        await session.flush()
        await self._jobs.enqueue(
            session,
            "conversation:deliver",
            lock=f"conv:{message.conversation_id}",
            domain_id=scope_argument(scope),
            message_id=message.id,
        )

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

    async def deliver(self, scope: Scope, message_id: str) -> None:
        """Sends one message unless it was sent. A channel that is away is asked again; one that refuses is not, and
        neither is one whose connection is gone."""
        async with self._database.session(scope) as session:
            statement = (
                select(Outbox)
                .where(Outbox.domain_id == scope.domain_id, Outbox.message_id == UUID(message_id))
                .with_for_update()
            )
            row = (await session.exec(statement)).first()
            if row is None or row.state != "waiting":  # erased meanwhile, or done
                return
            message = await session.get(Message, (scope.domain_id, row.message_id))
            assert message is not None
            conversation = await session.get(Conversation, (scope.domain_id, message.conversation_id))
            assert conversation is not None
            row.attempts += 1
            session.add(row)
            if await self._mail.keeps(scope):
                row.state = "kept"
                await session.commit()
                return
            failure: OmniOpsError | None = None
            try:
                outgoing = await self._outgoing(scope, conversation, message, row)
                if await self._mail.suppressed(scope, outgoing.recipient):
                    raise Refused("This address gets no more messages.", reason="suppressed")
                delivery = await self._channels()[conversation.channel].send(outgoing)
                if delivery.state == "failed":
                    raise Permanent(f"Channel {conversation.channel!r}: the other side did not take the message.")
                row.state, row.reference, row.sent_at = delivery.state, delivery.reference, self._clock.now()
                if outgoing.disclosure:
                    conversation.disclosed_at = self._clock.now()
                    session.add(conversation)
            except EgressRefused as error:
                failure = error
            except Refused as error:
                row.state, row.problem = "failed", error.reason
                failure = Permanent(str(error))
            except (Permanent, Reconnect) as error:
                row.state, row.problem = "failed", type(error).__name__.lower()
                failure = error
            except NotFound as error:
                row.state, row.problem = "failed", "no_connection"
                failure = Permanent(str(error))
            except NotReady as error:
                failure = error
            except Exception as error:
                failure = NotReady(f"Channel {conversation.channel!r} failed: {type(error).__name__}.")
                failure.__cause__ = error
            if row.state == "waiting" and row.attempts >= ATTEMPTS:
                row.state, row.problem = "failed", "gave_up"
            await session.commit()
        if isinstance(failure, Reconnect) and conversation.connection_id is not None:
            await self._on_refused(scope, conversation.connection_id)
        if failure is not None:
            raise failure

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
        if row.state != "failed":
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

    async def _outgoing(self, scope: Scope, conversation: Conversation, message: Message, row: Outbox) -> Outgoing:
        opened = await self._vault.open([conversation, message], purpose="support.provide", actor=ACTOR)
        seen = view(message, opened)
        about = opened(conversation.about, otherwise=None)
        is_ai = message.author == "ai"
        return Outgoing(
            idempotency_key=row.key,
            thread=(opened(conversation.thread, otherwise="") or "").removeprefix(f"{conversation.channel}:"),
            recipient=opened(conversation.sender, otherwise="") or "",
            text=seen.text,
            ai=is_ai,
            disclosure=_told(seen.language) if is_ai and conversation.disclosed_at is None else None,
            sources=[SourceLink(s["n"], s["title"], s["url"]) for s in seen.sources],
            connection=await self._credentials(scope, conversation.connection_id)
            if conversation.connection_id
            else None,
            about=about or {},
        )


def _told(language: str) -> str:
    """What a person is told before the first answer: that an AI writes, and what its answers are not."""
    return " ".join((say("disclosure", language), *(notice.body for notice in cautions(language))))

"""Sending through channels: at least once, with a key that the other side can recognise a second sending by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from pydantic import BaseModel
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.channel import Channel, Outgoing, SourceLink
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.messages import view
from omniops.conversation.models import Conversation, Message, Outbox
from omniops.conversation.wording import say
from omniops.database.service import Database
from omniops.errors import NotReady, OmniOpsError, Permanent, Reconnect
from omniops.jobs.service import Jobs, Retry, Task, scope_argument
from omniops.vault.service import Vault

ACTOR = Actor.system("conversation.deliver")
ATTEMPTS = 8
Credentials = Callable[[Scope, UUID], Awaitable[BaseModel]]
"""Opens a connection's settings for its own channel."""


class Sender:
    """Puts answers into the outbox and delivers what waits there."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        jobs: Jobs,
        channels: Callable[[], Mapping[str, Channel]],
        credentials: Credentials,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._jobs = jobs
        self._channels = channels
        self._credentials = credentials
        self._clock = clock
        jobs.register(Task("conversation:deliver", self.deliver, retry=Retry(attempts=ATTEMPTS, first=1, cap=30)))

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

    async def deliver(self, scope: Scope, message_id: str) -> None:
        """Sends one message unless it was sent. A channel that is away is asked again; one that refuses is not."""
        async with self._database.session(scope) as session:
            statement = (
                select(Outbox)
                .where(Outbox.domain_id == scope.domain_id, Outbox.message_id == UUID(message_id))
                .with_for_update()
            )
            row = (await session.exec(statement)).one()
            if row.state != "waiting":
                return
            message = await session.get(Message, (scope.domain_id, row.message_id))
            assert message is not None
            conversation = await session.get(Conversation, (scope.domain_id, message.conversation_id))
            assert conversation is not None
            row.attempts += 1
            session.add(row)
            outgoing = await self._outgoing(scope, conversation, message, row)
            failure: OmniOpsError | None = None
            try:
                delivery = await self._channels()[conversation.channel].send(outgoing)
                row.state, row.reference, row.sent_at = "sent", delivery.reference, self._clock.now()
                if outgoing.disclosure:
                    conversation.disclosed_at = self._clock.now()
                    session.add(conversation)
            except (Permanent, Reconnect) as error:
                row.state, row.problem = "failed", type(error).__name__.lower()
                failure = error
            except NotReady as error:
                failure = error
            except Exception as error:
                failure = NotReady(f"Channel {conversation.channel!r} failed: {type(error).__name__}.")
                failure.__cause__ = error
            if row.state == "waiting" and row.attempts >= ATTEMPTS:
                row.state, row.problem = "failed", "gave_up"
            await session.commit()
        if failure is not None:
            raise failure

    async def _outgoing(self, scope: Scope, conversation: Conversation, message: Message, row: Outbox) -> Outgoing:
        opened = await self._vault.open([conversation, message], purpose="chat.respond", actor=ACTOR)
        seen = view(message, opened)
        is_ai = message.author == "ai"
        return Outgoing(
            idempotency_key=row.key,
            thread=opened(conversation.thread, otherwise="") or "",
            recipient=opened(conversation.sender, otherwise="") or "",
            text=seen.text,
            ai=is_ai,
            disclosure=say("disclosure", seen.language) if is_ai and conversation.disclosed_at is None else None,
            sources=[SourceLink(s["n"], s["title"], s["url"]) for s in seen.sources],
            connection=await self._credentials(scope, conversation.connection_id)
            if conversation.connection_id
            else None,
        )

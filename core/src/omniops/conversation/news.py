"""What of a conversation is news for the people of the business, told by one job for each connection that wants it, so
that one which is away holds up no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.news import News, NewsKind
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.models import Conversation, Message
from omniops.database.service import Database
from omniops.jobs.service import SENDING, Jobs, Retry, Task, put, scope_argument
from omniops.vault.service import Vault

SPREAD, TELL = "conversation:news", "conversation:tell"
ACTOR = Actor.system("conversation.news")
PURPOSE = "support.provide"
HANDED = ("handed_off", "ai_out")
"""Events of messages that tell a visitor that a person takes over."""
_WITH_PEOPLE = ("waiting", "human")
RETRY = Retry(attempts=9, first=30, cap=7200)
"""Some hours. What comes later in a conversation waits meanwhile, so that it is told in order; of another side that is
away for longer nobody learns in time, and the inbox has it all."""


class Tells(Protocol):
    """Who tells the people of the business (the connections room)."""

    async def wanting(self, scope: Scope, kind: NewsKind) -> Sequence[UUID]: ...

    async def tell(self, scope: Scope, connection_id: UUID, news: News) -> None: ...


async def pass_on(session: AsyncSession, scope: Scope, conversation: Conversation, message: Message) -> None:
    """Has a new message told if it is news, when and only when the session's transaction commits."""
    if message.author == "system":
        kind = "handed_off" if message.event in HANDED else "closed" if message.event == "closed" else None
    else:
        with_people = message.author in ("visitor", "person") and conversation.state in _WITH_PEOPLE
        kind = "message" if with_people else None
    if kind is not None:
        await put(
            session,
            SPREAD,
            queue=SENDING,
            domain_id=scope_argument(scope),
            kind=kind,
            conversation_id=conversation.id,
            seq=message.seq,
        )


class NewsDesk:
    """The jobs that open what is told, and have it told."""

    def __init__(self, database: Database, vault: Vault, tells: Tells, jobs: Jobs) -> None:
        self._database = database
        self._vault = vault
        self._tells = tells
        self._jobs = jobs
        jobs.register(
            Task(SPREAD, self.spread, queue=SENDING),
            Task(TELL, self.tell, queue=SENDING, retry=RETRY),
        )

    async def spread(self, scope: Scope, kind: NewsKind, conversation_id: str, seq: int) -> None:
        """Queues one job for each connection that wants this kind; in one conversation one after another."""
        wanting = await self._tells.wanting(scope, kind)
        async with self._database.session(scope) as session:
            for connection_id in wanting:
                await self._jobs.enqueue(
                    session,
                    TELL,
                    lock=f"tell:{connection_id}:{conversation_id}",
                    unique=f"tell:{connection_id}:{conversation_id}:{seq}",
                    domain_id=scope_argument(scope),
                    connection_id=connection_id,
                    kind=kind,
                    conversation_id=conversation_id,
                    seq=seq,
                )
            await session.commit()

    async def tell(self, scope: Scope, connection_id: str, kind: NewsKind, conversation_id: str, seq: int) -> None:
        """Tells one connection, unless there is nothing to tell any more."""
        news = await self._news(scope, kind, UUID(conversation_id), seq)
        if news is not None:
            await self._tells.tell(scope, UUID(connection_id), news)

    async def _news(self, scope: Scope, kind: NewsKind, conversation_id: UUID, seq: int) -> News | None:
        """The news of the message with this number. None where it was erased, or may not be opened for support."""
        async with self._database.session(scope) as session:
            conversation = await session.get(Conversation, (scope.domain_id, conversation_id))
            statement = select(Message).where(
                Message.domain_id == scope.domain_id, Message.conversation_id == conversation_id
            )
            if kind == "handed_off":
                asked = statement.where(Message.author == "visitor", Message.seq < seq)
                statement = asked.order_by(col(Message.seq).desc()).limit(1)
            else:
                statement = statement.where(Message.seq == seq)
            message = (await session.exec(statement)).first()
        if conversation is None or message is None:
            return None
        opened = await self._vault.open([message], purpose=PURPOSE, actor=ACTOR)
        text = opened(message.text, otherwise=None)
        if text is None:
            return None
        return News(
            id=f"{kind}:{conversation_id}:{seq}",
            kind=kind,
            conversation_id=conversation_id,
            subject_id=conversation.subject_id,
            seq=seq,
            channel=conversation.channel,
            language=conversation.language,
            author="visitor" if message.author == "visitor" else "person" if message.author == "person" else "system",
            text=text,
            origin=(message.delivery_id or "") if message.author == "person" else "",
            at=message.created_at,
        )

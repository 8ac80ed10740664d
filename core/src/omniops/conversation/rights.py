"""Rights that are used in a conversation: the case is opened, and the visitor gets the link that confirms it."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.cards import Button, ButtonsCard
from omniops.contracts.channel import Incoming
from omniops.contracts.ids import Clock
from omniops.contracts.provider import Shown, Text
from omniops.contracts.scope import Scope
from omniops.conversation.messages import append, locked
from omniops.conversation.models import Conversation
from omniops.conversation.outbox import Sender
from omniops.conversation.parts import Answer
from omniops.conversation.progress import Progress, Question, Showing
from omniops.errors import NotFound
from omniops.privacy.service import ChildCases, Letters, Requests


class RightsInChat:
    """What the conversation room tells the privacy room, and what that has told in a conversation."""

    def __init__(
        self, requests: Requests, children: ChildCases, letters: Letters, sender: Sender, clock: Clock
    ) -> None:
        self._requests = requests
        self._children = children
        self._sender = sender
        self._clock = clock
        letters.into_chat(self.tell)

    async def offer(self, question: Question, show: Showing, progress: Progress) -> bool:
        """Answers a message that uses a right, with words and a card. False for any other message."""
        scope = question.scope
        async with self._requests.session(scope) as session:
            found = await self._requests.heard(
                session,
                scope,
                question.text,
                subject_id=question.subject_id,
                conversation_id=question.conversation_id,
                key=str(question.turn_id),
                language=question.language,
            )
            await session.commit()
        if found is None:
            return False
        progress.notes["right"] = found.right
        progress.answer = Answer((), question.domain.hosts | {urlsplit(found.link).hostname or ""})
        show.ended(found.ended)
        show(Text(found.text))
        show(Shown(ButtonsCard(found.title, (Button(found.label, url=found.link),))))
        return True

    async def listen(
        self, session: AsyncSession, scope: Scope, conversation: Conversation, text: str, *, key: str, language: str
    ) -> frozenset[str]:
        """The same where a person answers: part of the transaction that stores the message. Returns the purposes whose
        consents ended by it."""
        found = await self._requests.heard(
            session,
            scope,
            text,
            subject_id=conversation.subject_id,
            conversation_id=conversation.id,
            key=key,
            language=language,
        )
        if found is None:
            return frozenset()
        await self.tell(session, scope, conversation.id, found.text, language)
        return found.ended

    async def child(self, question: Question) -> None:
        """The visitor said to be a child."""
        await self._children.heard(
            question.scope,
            subject_id=question.subject_id,
            conversation_id=question.conversation_id,
            language=question.language,
        )

    async def mail(self, session: AsyncSession, scope: Scope, incoming: Incoming) -> None:
        """A message to the privacy address opens a case, in the transaction that takes it."""
        await self._requests.by_mail(
            session,
            scope,
            incoming.sender,
            incoming.about.get("subject", ""),
            incoming.text,
            at=incoming.sent_at,
            delivery=incoming.delivery_id,
        )

    async def tell(self, session: AsyncSession, scope: Scope, conversation_id: UUID, text: str, language: str) -> bool:
        """Core says something in a conversation, wherever its visitor reads. Part of the session's transaction. False
        where there is no such conversation, or it is closed."""
        try:
            conversation = await locked(session, scope, conversation_id)
        except NotFound:
            return False
        if conversation.state == "closed":
            return False
        now = self._clock.now()
        message = await append(
            session, conversation, author="system", text=text, event="rights", language=language, at=now
        )
        await self._sender.reach(session, scope, conversation, message)
        return True

"""What else a channel tells beside new messages: a message was changed or taken back, or a person of the business
answered in the other system."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.channel import Echo, Edited, Removed
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.cleaning import clean_text
from omniops.conversation.fetching import Fetching
from omniops.conversation.messages import LONGEST, append, locked, taken
from omniops.conversation.models import Attachment, Conversation, Message, Outbox
from omniops.conversation.outbox import Sender
from omniops.conversation.redaction.cards import mask_cards
from omniops.conversation.running import Running
from omniops.conversation.states import move
from omniops.database.service import Notice, notify
from omniops.vault.blob_models import PersonalBlob
from omniops.vault.service import Vault

REMOVED = "removed"
"""The event of a message that its visitor took back."""
ELSEWHERE = Actor.system("conversation.answered_elsewhere")


async def _nothing() -> None:
    return


class Changing:
    """Changes of messages, and replies given elsewhere, in the transaction of whoever heard of them."""

    def __init__(self, vault: Vault, running: Running, sender: Sender, fetching: Fetching, clock: Clock) -> None:
        self._vault = vault
        self._running = running
        self._sender = sender
        self._fetching = fetching
        self._clock = clock

    async def edited(self, session: AsyncSession, scope: Scope, channel: str, edited: Edited) -> None:
        """The newest words take the place of those before. What is not known, or was taken back, is passed over."""
        message = await self._message(session, scope, channel, edited.message)
        words = mask_cards(clean_text(edited.text))[:LONGEST]
        if message is None or message.event == REMOVED or not words:
            return
        message.text = seal(words)
        await self._reworded(session, message, words)
        await self._changed(session, message)

    async def removed(self, session: AsyncSession, scope: Scope, channel: str, removed: Removed) -> None:
        """The words and files of a message are erased; that there was one stays. An answer to it that still waits goes
        nowhere."""
        message = await self._message(session, scope, channel, removed.message)
        if message is None or message.event == REMOVED:
            return
        for attachment in await self._files(session, message):
            await session.exec(
                delete(PersonalBlob).where(
                    col(PersonalBlob.domain_id) == message.domain_id, col(PersonalBlob.id) == attachment.blob_id
                )
            )
        await self._fetching.forget(session, message)
        message.text, message.parts, message.event = seal(""), None, REMOVED
        await self._changed(session, message)

    async def echo(
        self, session: AsyncSession, scope: Scope, conversation_id: UUID, echo: Echo, *, reach: bool
    ) -> Callable[[], Awaitable[None]]:
        """A person's reply, given elsewhere: whoever answers takes over. `reach` sends it to the visitor, for a reply
        that was written in another system than the visitor's own. Await what is returned after the commit."""
        words = clean_text(echo.text)[:LONGEST]
        if not words or await self._own(session, scope, echo.reference):
            return _nothing
        conversation = await locked(session, scope, conversation_id)
        if await taken(session, conversation, echo.delivery_id) is not None:
            return _nothing
        at = now = self._clock.now()
        if echo.past and echo.sent_at is not None:
            at = min(echo.sent_at, now)  # a clock there that is ahead would keep it for longer
        if echo.past:
            await append(
                session, conversation, author="person", text=words, delivery_id=echo.delivery_id, at=at, told=False
            )
            return _nothing
        let_go = await self._running.silence(session, scope, conversation, "human")
        if conversation.state == "closed":
            await move(session, conversation, "reopened", ELSEWHERE, "by_person", at=at)
        await move(session, conversation, "replied", ELSEWHERE, "by_person", at=at)
        await self._sender.withdraw(session, conversation)
        message = await append(session, conversation, author="person", text=words, delivery_id=echo.delivery_id, at=at)
        if reach:
            await self._sender.reach(session, scope, conversation, message)
        return let_go

    async def _own(self, session: AsyncSession, scope: Scope, reference: str) -> bool:
        """Whether a message at the other side is one that we sent. The other side may be faster than we are: what is
        being sent now gets its reference when that is through."""
        if not reference:
            return False
        sent = select(Outbox.id).where(Outbox.domain_id == scope.domain_id, Outbox.reference == reference)
        if (await session.exec(sent)).first() is not None:
            return True
        under_way = select(Outbox.id).where(Outbox.domain_id == scope.domain_id, Outbox.state == "waiting")
        await session.exec(under_way.with_for_update(read=True))
        return (await session.exec(sent)).first() is not None

    async def _message(self, session: AsyncSession, scope: Scope, channel: str, delivery_id: str) -> Message | None:
        """A visitor's message by the id that it came with, locked with its conversation."""
        found = (
            select(Message)
            .join(
                Conversation,
                (col(Conversation.domain_id) == Message.domain_id) & (col(Conversation.id) == Message.conversation_id),
            )
            .where(Message.domain_id == scope.domain_id, Message.delivery_id == delivery_id)
            .where(Message.author == "visitor", Conversation.channel == channel)
            .with_for_update()
        )
        return (await session.exec(found)).first()

    async def _files(self, session: AsyncSession, message: Message) -> Sequence[Attachment]:
        """The files that came with a message."""
        if message.parts is None:
            return ()
        opened = await self._vault.open([message], purpose="rights.answer", actor=ELSEWHERE, session=session)
        parts, _ = opened(message.parts, otherwise=None) or ([], [])
        ids = [UUID(part["id"]) for part in parts if part.get("type") == "file"]
        statement = select(Attachment).where(Attachment.domain_id == message.domain_id, col(Attachment.id).in_(ids))
        return (await session.exec(statement)).all()

    async def _reworded(self, session: AsyncSession, message: Message, words: str) -> None:
        """The newest words among the files of a message."""
        if message.parts is None:
            return
        opened = await self._vault.open([message], purpose="rights.answer", actor=ELSEWHERE, session=session)
        parts, sources = opened(message.parts, otherwise=None) or ([], [])
        files = [part for part in parts if part["type"] != "text"]
        message.parts, message.event = seal([[{"type": "text", "text": words}, *files], sources]), None

    async def _changed(self, session: AsyncSession, message: Message) -> None:
        session.add(message)
        await session.flush()
        await notify(session, Notice("message", message.domain_id, message.conversation_id, message.seq))

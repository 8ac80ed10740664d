"""A visitor's right not to be answered by the AI (Art. 22 GDPR): nothing of it answers, messages wait for a person.

It is the purpose `chat.respond` in the person's opt-outs: the vault's door shuts the AI out by the same entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.conversation.messages import append, locked
from omniops.conversation.models import Conversation
from omniops.conversation.running import Running
from omniops.conversation.states import SILENT, move
from omniops.conversation.visitors import Visitor
from omniops.conversation.wording import say
from omniops.database.service import Database
from omniops.vault.keys import state_of
from omniops.vault.models import Subject

PURPOSE = "chat.respond"


async def ai_may_answer(session: AsyncSession, conversation: Conversation) -> bool:
    """Whether the AI may answer in a locked conversation."""
    if conversation.state in SILENT:
        return False
    return not await opted_out(session, conversation.domain_id, conversation.subject_id)


async def opted_out(session: AsyncSession, home_id: UUID, subject_id: UUID) -> bool:
    """Whether a person wants no answer of the AI, or is a child whose parent did not allow it."""
    subject = await session.get(Subject, (home_id, subject_id))
    return subject is not None and PURPOSE in state_of(subject).opt_outs


class OptOuts:
    """Takes the wish and its withdrawal, for everybody who is the same person."""

    def __init__(self, database: Database, running: Running, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._running = running
        self._audit = audit
        self._clock = clock

    async def opt_out(self, visitor: Visitor, language: str) -> None:
        """From this transaction on no turn begins; one that runs is stopped. Safe to repeat."""
        scope = visitor.scope
        async with self._database.session(scope) as session:
            conversations = await self._open_conversations(session, visitor)
            for conversation in conversations:
                # Who asks holds the conversation's lock while it reads the opt-outs: none slips through.
                await locked(session, scope, conversation.id)
            changed, now, let_go = await self._change(session, visitor, out=True), self._clock.now(), []
            for conversation in conversations:
                if conversation.state not in SILENT:
                    let_go.append(await self._running.silence(session, scope, conversation, "waiting"))
                    await move(session, conversation, "opted_out", visitor.actor, "opted_out", at=now)
                    await append(
                        session,
                        conversation,
                        author="system",
                        text=say("ai_out", language),
                        event="ai_out",
                        language=language,
                        at=now,
                    )
            await session.commit()
        for done in let_go:
            await done()
        if changed:
            await self._audit.write(Entry(scope.account_id, str(visitor.actor), "ai.opt_out", "subject"))

    async def withdraw(self, visitor: Visitor) -> None:
        """The AI may answer again. Conversations that wait for a person go on waiting until somebody moves them."""
        async with self._database.session(visitor.scope) as session:
            changed = await self._change(session, visitor, out=False)
            await session.commit()
        if changed:
            entry = Entry(visitor.scope.account_id, str(visitor.actor), "ai.opt_out_withdrawn", "subject")
            await self._audit.write(entry)

    async def is_out(self, visitor: Visitor) -> bool:
        assert visitor.scope.domain_id is not None
        async with self._database.session(visitor.scope) as session:
            return await opted_out(session, visitor.scope.domain_id, visitor.subject_id)

    async def _open_conversations(self, session: AsyncSession, visitor: Visitor) -> Sequence[Conversation]:
        statement = (
            select(Conversation)
            .where(Conversation.domain_id == visitor.scope.domain_id, Conversation.state != "closed")
            .where(col(Conversation.subject_id).in_(visitor.subjects))
            .order_by(col(Conversation.id))
        )
        return (await session.exec(statement)).all()

    async def _change(self, session: AsyncSession, visitor: Visitor, *, out: bool) -> bool:
        statement = (
            select(Subject)
            .where(Subject.home_id == visitor.scope.domain_id, col(Subject.id).in_(visitor.subjects))
            .order_by(col(Subject.id))
            .with_for_update()
        )
        changed = False
        for subject in (await session.exec(statement)).all():
            rest = [purpose for purpose in subject.opt_outs if purpose != PURPOSE]
            wanted = [*rest, PURPOSE] if out else rest
            if wanted != subject.opt_outs:
                subject.opt_outs, changed = wanted, True
                session.add(subject)
        return changed

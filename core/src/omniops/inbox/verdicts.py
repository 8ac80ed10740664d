"""What members say of answers of the AI: right or not, and why. Calibration and gaps learn from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.models import Message
from omniops.conversation.service import clean_text
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.inbox.models import Verdict
from omniops.vault.service import Vault

PURPOSE = "support.provide"
LONGEST = 500
"""Characters of a reason."""


@dataclass(frozen=True, slots=True)
class VerdictView:
    """A verdict in clear."""

    message_id: UUID
    fits: bool
    words: str
    given_by: str
    at: datetime


class Verdicts:
    """Takes them and reads them. Of an answer the last one counts."""

    def __init__(self, database: Database, vault: Vault, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self._clock = clock

    async def give(
        self, scope: Scope, conversation_id: UUID, message_id: UUID, *, fits: bool, words: str = "", actor: Actor
    ) -> VerdictView:
        """Raises `NotFound` for what is no answer of the AI in this conversation, `Rejected` for too long a reason."""
        said = clean_text(words)
        if len(said) > LONGEST:
            raise Rejected(
                f"The reason has {len(said)} characters; {LONGEST} are the limit.", code="too_long", where="words"
            )
        now = self._clock.now()
        async with self._database.session(scope) as session:
            message = await _answer(session, scope, conversation_id, message_id, lock=True)
            row = await _kept(session, scope, message_id) or Verdict(
                domain_id=message.domain_id,
                subject_id=message.subject_id,
                message_id=message_id,
                fits=fits,
                given_by=str(actor),
            )
            row.fits, row.words = fits, seal(said) if said else None
            row.given_by, row.created_at = str(actor), now
            session.add(row)
            await session.commit()
        detail = {"message": str(message_id), "fits": fits}
        await self._audit.write(Entry(scope.account_id, str(actor), "answer.judge", "message", detail=detail))
        return VerdictView(message_id, fits, said, str(actor), now)

    async def of(self, scope: Scope, conversation_id: UUID, message_id: UUID, *, actor: Actor) -> VerdictView | None:
        """None where nobody judged it. Raises `NotFound` like `give`."""
        async with self._database.session(scope) as session:
            await _answer(session, scope, conversation_id, message_id)
            row = await _kept(session, scope, message_id)
        if row is None:
            return None
        opened = await self._vault.open([row], purpose=PURPOSE, actor=actor)
        words = "" if row.words is None else opened(row.words, otherwise="") or ""
        return VerdictView(message_id, row.fits, words, row.given_by, row.created_at)


async def _answer(
    session: AsyncSession, scope: Scope, conversation_id: UUID, message_id: UUID, *, lock: bool = False
) -> Message:
    """An answer of the AI; locked, two who judge it at once do so one after the other."""
    message = await session.get(Message, (scope.domain_id, message_id), with_for_update=lock)
    if message is None or message.conversation_id != conversation_id or message.author != "ai":
        raise NotFound("There is no such answer of the AI.")
    return message


async def _kept(session: AsyncSession, scope: Scope, message_id: UUID) -> Verdict | None:
    statement = select(Verdict).where(Verdict.domain_id == scope.domain_id, Verdict.message_id == message_id)
    return (await session.exec(statement)).first()

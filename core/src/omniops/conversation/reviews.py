"""A person looks at an answer of the AI because its visitor asked for it: a dated task, and its outcome in the chat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlmodel import col, select

from omniops.accounts.service import DomainView
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.cleaning import clean_text
from omniops.conversation.messages import append, locked
from omniops.conversation.models import ReviewRequest
from omniops.conversation.outbox import Sender
from omniops.conversation.own import own_answer
from omniops.conversation.redaction.cards import mask_cards
from omniops.conversation.visitors import Visitor, check_identity
from omniops.conversation.wording import Phrase, say
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.vault.service import Vault
from omniops.webhooks.service import emit

Outcome = Literal["confirmed", "corrected", "not_answerable"]
_SAID: dict[Outcome, Phrase] = {
    "confirmed": "review_confirmed",
    "corrected": "review_corrected",
    "not_answerable": "review_not_answerable",
}


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review request. `note` is what the visitor wrote, in clear, for one who may read it."""

    id: UUID
    message_id: UUID
    conversation_id: UUID
    state: str
    outcome: str | None
    note: str
    due_at: datetime
    created_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None


class Reviews:
    """Takes the requests, lists them by date, carries the outcome back."""

    def __init__(self, database: Database, vault: Vault, sender: Sender, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._sender = sender
        self._audit = audit
        self._clock = clock

    async def ask(self, visitor: Visitor, domain: DomainView, message_id: UUID, note: str | None) -> ReviewView:
        """A request for one of the visitor's answers; the visitor reads in the chat until when. Asking again for the
        same answer gives the same request. Raises `NotFound`."""
        check_identity(visitor, domain)
        scope, note, now = visitor.scope, mask_cards(clean_text(note or "")), self._clock.now()
        async with self._database.session(scope) as session:
            message = await own_answer(session, visitor, message_id)
            conversation = await locked(session, scope, message.conversation_id)
            statement = select(ReviewRequest).where(
                ReviewRequest.domain_id == scope.domain_id, ReviewRequest.message_id == message_id
            )
            row = (await session.exec(statement)).first()
            if row is None:
                row = ReviewRequest(
                    domain_id=message.domain_id,
                    subject_id=message.subject_id,
                    message_id=message.id,
                    conversation_id=conversation.id,
                    note=seal(note) if note else None,
                    due_at=now + timedelta(days=domain.settings.review_days),
                    created_at=now,
                )
                session.add(row)
                text = f"{say('review_asked', conversation.language)} {row.due_at:%Y-%m-%d}."
                await append(session, conversation, author="system", text=text, event="review_asked", at=now)
                await emit(session, scope, "review.requested", review_id=row.id, conversation_id=conversation.id)
                await session.commit()
        return (await self._views(scope, [row], visitor.actor, "chat.serve"))[0]

    async def all(
        self, scope: Scope, *, state: str | None, after: UUID | None = None, limit: int = 50, actor: Actor
    ) -> Sequence[ReviewView]:
        """Requests of a domain in the order in which they came, after the one with the id `after`."""
        async with self._database.session(scope) as session:
            statement = select(ReviewRequest).where(ReviewRequest.domain_id == scope.domain_id)
            if state is not None:
                statement = statement.where(ReviewRequest.state == state)
            if after is not None:
                statement = statement.where(ReviewRequest.id > after)
            rows = (await session.exec(statement.order_by(col(ReviewRequest.id)).limit(limit))).all()
        return await self._views(scope, rows, actor, "support.provide")

    async def resolve(self, scope: Scope, review_id: UUID, outcome: Outcome, text: str, *, actor: Actor) -> ReviewView:
        """A person looked. The visitor reads the outcome, and what the person wrote, as a message of the conversation.

        Raises `NotFound`, and `Rejected` when somebody resolved it before, or for a correction without words.
        """
        text = clean_text(text)
        if outcome == "corrected" and not text:
            raise Rejected("A correction needs its words.", code="empty", where="text")
        async with self._database.session(scope) as session:
            row = await session.get(ReviewRequest, (scope.domain_id, review_id))
            if row is None:
                raise NotFound("There is no such review.")
            conversation = await locked(session, scope, row.conversation_id)
            await session.refresh(row)
            if row.state != "open":
                raise Rejected("This review is resolved already.", code="review_resolved")
            row.state, row.outcome = "resolved", outcome
            row.resolved_at, row.resolved_by = self._clock.now(), actor.name
            session.add(row)
            said = "\n".join(part for part in (say(_SAID[outcome], conversation.language), text) if part)
            message = await append(
                session, conversation, author="system", text=said, event="review_done", at=self._clock.now()
            )
            await emit(session, scope, "review.resolved", review_id=row.id, conversation_id=conversation.id)
            await self._sender.reach(session, scope, conversation, message)
            await session.commit()
        await self._audit.write(
            Entry(scope.account_id, str(actor), "review.resolve", "review_request", detail={"outcome": outcome})
        )
        return (await self._views(scope, [row], actor, "support.provide"))[0]

    async def _views(self, scope: Scope, rows: Sequence[ReviewRequest], actor: Actor, purpose: str) -> list[ReviewView]:
        opened = await self._vault.open(rows, purpose=purpose, actor=actor)
        return [
            ReviewView(
                id=row.id,
                message_id=row.message_id,
                conversation_id=row.conversation_id,
                state=row.state,
                outcome=row.outcome,
                note="" if row.note is None else opened(row.note, otherwise=""),
                due_at=row.due_at,
                created_at=row.created_at,
                resolved_at=row.resolved_at,
                resolved_by=row.resolved_by,
            )
            for row in rows
        ]

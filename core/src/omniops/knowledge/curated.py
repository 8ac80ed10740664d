"""Curated answers: what a member wrote to be said when a question is asked. They win over everything that was read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.knowledge import Encoder
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import Rejected
from omniops.knowledge.cut import Piece
from omniops.knowledge.encoding import to_int8
from omniops.knowledge.models import Page, Passage
from omniops.knowledge.store import PassageRows
from omniops.knowledge.written import checked_link, checked_text, new_page, own_page, own_pages

MOST_QUESTIONS = 20
LONGEST_QUESTION, LONGEST_ANSWER = 300, 2000


@dataclass(frozen=True, slots=True)
class CuratedAnswer:
    """Questions that ask the same, and what the business says to them. `link` is empty where there is none."""

    id: UUID
    questions: tuple[str, ...]
    answer: str
    link: str
    created_at: datetime
    changed_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "questions": list(self.questions),
            "answer": self.answer,
            "link": self.link or None,
            "created_at": self.created_at.isoformat(),
            "changed_at": self.changed_at.isoformat(),
        }


class CuratedAnswers:
    """The curated answers of all domains. Each is a page, and each of its questions a passage of it."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        rows: PassageRows,
        encoder: Callable[[], Encoder | None],
        clock: Clock,
    ) -> None:
        self._database = database
        self._audit = audit
        self._rows = rows
        self._encoder = encoder
        self._clock = clock

    async def all(self, scope: Scope) -> list[CuratedAnswer]:
        """Newest first."""
        async with self._database.session(scope) as session:
            return await self._read(session, await own_pages(session, "answer"))

    async def get(self, scope: Scope, answer_id: UUID) -> CuratedAnswer:
        """Raises `NotFound`."""
        async with self._database.session(scope) as session:
            return (await self._read(session, [await own_page(session, "answer", answer_id)]))[0]

    async def create(
        self, scope: Scope, questions: Sequence[str], answer: str, link: str | None = None, *, actor: Actor
    ) -> CuratedAnswer:
        """Live when it returns. Raises `Rejected` for texts that are empty or too long, and for a link that is none."""
        pieces, where = _pieces(questions, answer), checked_link(link)
        async with self._database.session(scope) as session:
            page = await new_page(session, self._clock, "answer", new_id(), "", where)
            await self._put(session, scope, page, pieces)
        await self._saved(scope, "answer.create", page.id, actor)
        return await self.get(scope, page.id)

    async def change(
        self, scope: Scope, answer_id: UUID, questions: Sequence[str], answer: str, link: str | None, *, actor: Actor
    ) -> CuratedAnswer:
        """Puts other words in the place of the old ones. Raises as `create` does, and `NotFound`."""
        pieces, where = _pieces(questions, answer), checked_link(link)
        async with self._database.session(scope) as session:
            page = await own_page(session, "answer", answer_id)
            page.link, page.read_at = where, self._clock.now()
            session.add(page)
            await self._put(session, scope, page, pieces)
        await self._saved(scope, "answer.change", answer_id, actor)
        return await self.get(scope, answer_id)

    async def delete(self, scope: Scope, answer_id: UUID, *, actor: Actor) -> None:
        """It is said no more when this returns. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            await session.delete(await own_page(session, "answer", answer_id))
            await self._rows.bump(session, scope)
            await session.commit()
        await self._audit.write(Entry(scope.account_id, str(actor), "answer.delete", "answer"))

    async def _put(self, session: AsyncSession, scope: Scope, page: Page, pieces: Sequence[Piece]) -> None:
        await self._rows.replace(session, scope, [(page, pieces)])
        await self._rows.bump(session, scope)
        await session.commit()

    async def _saved(self, scope: Scope, action: str, page_id: UUID, actor: Actor) -> None:
        await self._audit.write(Entry(scope.account_id, str(actor), action, "answer"))
        encoder = self._encoder()
        if encoder is None:
            return
        # A handful of sentences: here and now rather than in a job, so that the answer is found by its meaning at once.
        waiting = await self._rows.unencoded(scope, encoder.id, page_id)
        texts = [text for _, text, _ in waiting] + [question or "" for _, _, question in waiting]
        if not texts:
            return
        vectors = to_int8(await asyncio.to_thread(encoder.encode, texts), encoder.scale)
        await self._rows.store_vectors(
            scope,
            encoder.id,
            [(row, vectors[i].tobytes(), vectors[len(waiting) + i].tobytes()) for i, (row, _, _) in enumerate(waiting)],
        )

    async def _read(self, session: AsyncSession, pages: Sequence[Page]) -> list[CuratedAnswer]:
        scope: Scope = session.info["scope"]
        statement = (
            select(Passage)
            .where(Passage.domain_id == scope.domain_id, col(Passage.page_id).in_([page.id for page in pages]))
            .order_by(col(Passage.position))
        )
        passages: dict[UUID, list[Passage]] = {}
        for passage in (await session.exec(statement)).all():
            passages.setdefault(passage.page_id, []).append(passage)
        return [
            CuratedAnswer(
                page.id,
                tuple(passage.question or "" for passage in passages[page.id]),
                passages[page.id][0].text,
                page.link or "",
                page.found_at,
                page.read_at or page.found_at,
            )
            for page in pages
        ]


def _pieces(questions: Sequence[str], answer: str) -> list[Piece]:
    asked = list(
        dict.fromkeys(" ".join(checked_text(q, "questions", most=LONGEST_QUESTION).split()) for q in questions)
    )
    if not 1 <= len(asked) <= MOST_QUESTIONS:
        raise Rejected(f"1 to {MOST_QUESTIONS} questions are needed.", code="bad_text", where="questions")
    said = checked_text(answer, "answer", most=LONGEST_ANSWER)
    return [Piece("curated", "", said, question) for question in asked]

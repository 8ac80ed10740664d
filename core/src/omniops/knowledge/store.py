"""Passages as rows: replaced page by page, read as a whole by the index, named by a generation."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from sqlalchemy import delete, func, text, true, update
from sqlalchemy import select as columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts import knowledge as contract
from omniops.contracts.documents import Audience
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.knowledge import PassageStore, StoredPassages
from omniops.contracts.scope import Scope
from omniops.database.bulk import insert_rows
from omniops.database.service import Database, Notice, notify
from omniops.knowledge.cut import Piece
from omniops.knowledge.models import Page, Passage, Source
from omniops.webhooks.service import emit_each

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BUMP = text(
    "insert into generation (domain_id, id, token) values (:domain, :domain, :token)"
    " on conflict (domain_id, id) do update set token = :token"
)
_OF_PAGE = (col(Page.domain_id) == col(Passage.domain_id)) & (col(Page.id) == col(Passage.page_id))
_ACTIVE = (col(Source.domain_id) == col(Page.domain_id)) & (col(Source.id) == col(Page.source_id))
_ACTIVE &= col(Source.paused_at).is_(None)
NOTICE = "index"
OnChange = Callable[[AsyncSession, Scope], Awaitable[None]]


def _context(title: str, heading: str, question: str | None) -> str:
    return " › ".join(part for part in (title, heading, question) if part)


def _said(page_id: UUID, piece: Piece | Passage) -> tuple[UUID, str, str, str | None, str]:
    return page_id, piece.kind, piece.heading, piece.question, piece.text


class PassageRows(PassageStore):
    """The rows of all domains. An index sees those of `audiences` and no others: one for visitors holds nothing else,
    neither words nor numbers."""

    def __init__(self, database: Database, clock: Clock, audiences: Sequence[Audience] = ("everybody",)) -> None:
        self._database = database
        self._clock = clock
        self._readable = col(Page.audience).in_(audiences)
        self._changed: list[OnChange] = []

    def on_change(self, tell: OnChange) -> None:
        """Calls `tell` in the transaction of every change of a domain's passages."""
        self._changed.append(tell)

    async def replace(
        self, session: AsyncSession, scope: Scope, read: Sequence[tuple[Page, Sequence[Piece]]]
    ) -> dict[UUID, int]:
        """Makes the pieces the passages of their pages, in the session's transaction. What stayed the same keeps its
        row and its vectors, so that an unchanged piece costs no encoding. Returns how many rows are new or gone, by
        page; nothing for pages that stayed the same."""
        statement = select(Passage).where(
            Passage.domain_id == scope.domain_id, col(Passage.page_id).in_([page.id for page, _ in read])
        )
        before = {_said(p.page_id, p): p for p in (await session.exec(statement)).all()}
        new: list[dict[str, Any]] = []
        changed: Counter[UUID] = Counter()
        now = self._clock.now()
        for page, pieces in read:
            for position, piece in enumerate(pieces):
                kept = before.pop(_said(page.id, piece), None)
                if kept is None:
                    changed[page.id] += 1
                    new.append(
                        {
                            "domain_id": scope.domain_id,
                            "id": new_id(),
                            "page_id": page.id,
                            "position": position,
                            "kind": piece.kind,
                            "heading": piece.heading,
                            "text": piece.text,
                            "question": piece.question,
                            "facts": dict(piece.facts),
                            "created_at": now,
                        }
                    )
                elif (kept.position, kept.facts) != (position, dict(piece.facts)):
                    kept.position, kept.facts = position, dict(piece.facts)
                    session.add(kept)
        connection = await session.connection()
        changed.update(passage.page_id for passage in before.values())
        if before:
            gone = [passage.id for passage in before.values()]
            await connection.execute(
                delete(Passage).where(col(Passage.domain_id) == scope.domain_id, col(Passage.id).in_(gone))
            )
        await insert_rows(connection, Passage, new)
        await emit_each(session, scope, "page.indexed", [{"page_id": page_id} for page_id in changed])
        return dict(changed)

    async def forget_vectors(self, session: AsyncSession, scope: Scope, page_id: UUID) -> None:
        """The page's title changed, and it stands in front of every passage: encode them anew."""
        connection = await session.connection()
        await connection.execute(
            update(Passage)
            .where(col(Passage.domain_id) == scope.domain_id, col(Passage.page_id) == page_id)
            .values(encoder_id=None, vector=None, question_vector=None)
        )

    async def bump(self, session: AsyncSession, scope: Scope) -> None:
        """Names a new state in the session's transaction and tells every process when it commits."""
        connection = await session.connection()
        await connection.execute(_BUMP, {"domain": scope.domain_id, "token": secrets.token_hex(8)})
        assert scope.domain_id is not None
        await notify(session, Notice(NOTICE, scope.domain_id))
        for tell in self._changed:
            await tell(session, scope)

    async def publish(self, scope: Scope) -> None:
        """`bump` in a transaction of its own."""
        async with self._database.session(scope) as session:
            await self.bump(session, scope)
            await session.commit()

    async def generation(self, scope: Scope) -> str:
        async with self._database.session(scope) as session:
            return await _token(session, scope)

    async def passages(self, scope: Scope, encoder_id: str | None) -> StoredPassages:
        async with self._database.session(scope, snapshot=True) as session:
            connection = await session.connection()
            token = await _token(session, scope)
            rows = (
                await connection.execute(
                    columns(
                        col(Passage.id),
                        col(Passage.text),
                        col(Passage.heading),
                        col(Passage.question),
                        col(Passage.encoder_id),
                        col(Passage.vector),
                        col(Passage.question_vector),
                        col(Page.title),
                        col(Page.language),
                    )
                    .join(Page, _OF_PAGE)
                    .join(Source, _ACTIVE)
                    .where(col(Passage.domain_id) == scope.domain_id, self._readable)
                    .order_by(col(Passage.id))
                )
            ).all()
        vectors, questions = _matrix(rows, encoder_id)
        return StoredPassages(
            generation=token,
            ids=[row.id for row in rows],
            texts=[row.text for row in rows],
            contexts=[_context(row.title, row.heading, row.question) for row in rows],
            questions=[row.question for row in rows],
            vectors=vectors,
            languages=[row.language or "en" for row in rows],
            question_vectors=questions,
        )

    async def fetch(self, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, contract.Passage]:
        async with self._database.session(scope) as session:
            statement = (
                select(Passage, Page)
                .join(Page, _OF_PAGE)
                .join(Source, _ACTIVE)
                .where(Passage.domain_id == scope.domain_id, col(Passage.id).in_(ids), self._readable)
            )
            rows = (await session.exec(statement)).all()
        return {passage.id: _passage(passage, page) for passage, page in rows}

    async def unencoded(
        self, scope: Scope, encoder_id: str, page_id: UUID | None = None
    ) -> list[tuple[UUID, str, str | None]]:
        """Passages without vectors of this encoder, of one page or of all: id, the text to encode, the question to
        encode alone."""
        async with self._database.session(scope) as session:
            connection = await session.connection()
            rows = await connection.execute(
                columns(
                    col(Passage.id), col(Passage.text), col(Passage.heading), col(Passage.question), col(Page.title)
                )
                .join(Page, _OF_PAGE)
                .where(
                    col(Passage.domain_id) == scope.domain_id,
                    col(Passage.encoder_id).is_distinct_from(encoder_id),
                    true() if page_id is None else col(Passage.page_id) == page_id,
                )
                .order_by(col(Passage.id))
            )
            return [
                (
                    row.id,
                    "\n".join(filter(None, (_context(row.title, row.heading, row.question), row.text))),
                    row.question,
                )
                for row in rows
            ]

    async def store_vectors(
        self, scope: Scope, encoder_id: str, vectors: Sequence[tuple[UUID, bytes, bytes | None]]
    ) -> None:
        """Writes vectors in bulk; rows that were deleted meanwhile are passed over."""
        async with self._database.session(scope) as session:
            connection = await session.connection()
            statement = text(
                "update passage set encoder_id = :encoder, vector = :vector, question_vector = :question"
                " where domain_id = :domain and id = :id"
            )
            await connection.execute(
                statement,
                [
                    {"encoder": encoder_id, "vector": v, "question": q, "domain": scope.domain_id, "id": i}
                    for i, v, q in vectors
                ],
            )
            await self.bump(session, scope)
            await session.commit()

    async def beside(self, scope: Scope) -> bool:
        """Whether the domain has pages that these audiences may not read."""
        async with self._database.session(scope) as session:
            statement = select(Page.id).where(Page.domain_id == scope.domain_id, ~self._readable).limit(1)
            return (await session.exec(statement)).first() is not None

    async def count(self, scope: Scope) -> int:
        async with self._database.session(scope) as session:
            return (
                await session.exec(
                    select(func.count()).select_from(Passage).where(Passage.domain_id == scope.domain_id)
                )
            ).one()

    async def languages(self, scope: Scope) -> dict[str, int]:
        """How many pages with passages the domain has in each language, the most common first."""
        async with self._database.session(scope) as session:
            connection = await session.connection()
            pages = func.count(func.distinct(col(Page.id)))
            rows = await connection.execute(
                columns(col(Page.language), pages.label("pages"))
                .join(Passage, _OF_PAGE)
                .where(col(Page.domain_id) == scope.domain_id, self._readable)
                .group_by(col(Page.language))
                .order_by(pages.desc(), col(Page.language))
            )
            return {row.language or "en": row.pages for row in rows}


async def _token(session: AsyncSession, scope: Scope) -> str:
    connection = await session.connection()
    found = (
        await connection.execute(text("select token from generation where domain_id = :d"), {"d": scope.domain_id})
    ).scalar()
    return str(found or "empty")


def _matrix(rows: Sequence[Any], encoder_id: str | None) -> tuple[NDArray[np.int8] | None, dict[int, NDArray[np.int8]]]:
    """Vectors of one encoder, zeros for rows that have none yet; None where no row has any."""
    import numpy as np

    if encoder_id is None:
        return None, {}
    encoded = [i for i, row in enumerate(rows) if row.encoder_id == encoder_id and row.vector]
    if not encoded:
        return None, {}
    matrix = np.zeros((len(rows), len(rows[encoded[0]].vector)), dtype=np.int8)
    matrix[encoded] = np.frombuffer(b"".join(rows[i].vector for i in encoded), np.int8).reshape(len(encoded), -1)
    questions = {i: np.frombuffer(rows[i].question_vector, np.int8) for i in encoded if rows[i].question_vector}
    return matrix, questions


def _passage(row: Passage, page: Page) -> contract.Passage:
    return contract.Passage(
        id=row.id,
        page_id=row.page_id,
        url=page.url if page.link is None else page.link,
        title=page.title,
        heading=row.heading,
        text=row.text,
        kind=cast("contract.PassageKind", row.kind),
        read_at=page.read_at or row.created_at,
        language=page.language or "en",
        question=row.question,
        facts=row.facts,
    )

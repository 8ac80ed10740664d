"""Labels: words of a website by which its people sort conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.service import clean_text, locked, move
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.inbox.models import Label, LabelPut
from omniops.inbox.views import LabelView

LONGEST = 40
"""Characters of a label."""
MOST = 100
"""Labels of a website."""


class Labels:
    """Makes and removes them, puts them on conversations and takes them off."""

    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    async def all(self, scope: Scope) -> Sequence[LabelView]:
        """The labels of a website, by name."""
        statement = select(Label).where(Label.domain_id == scope.domain_id).order_by(col(Label.folded))
        async with self._database.session(scope) as session:
            rows = (await session.exec(statement)).all()
        return [LabelView(row.id, row.name) for row in rows]

    async def add(self, scope: Scope, name: str, *, actor: Actor) -> LabelView:
        """Raises `Rejected` for a name that is empty, too long or taken, and where there are too many."""
        name = " ".join(clean_text(name).split())
        if not name:
            raise Rejected("The label has no name.", code="empty", where="name")
        if len(name) > LONGEST:
            raise Rejected(
                f"The name has {len(name)} characters; {LONGEST} are the limit.", code="too_long", where="name"
            )
        assert scope.domain_id is not None
        async with self._database.session(scope) as session:
            counted = select(func.count()).where(Label.domain_id == scope.domain_id)
            if (await session.exec(counted)).one() >= MOST:
                raise Rejected(
                    f"There are {MOST} labels; more cannot be told apart.", code="too_many", do="Remove one first."
                )
            row = Label(domain_id=scope.domain_id, name=name, folded=name.casefold(), created_at=self._clock.now())
            session.add(row)
            try:
                await session.commit()
            except IntegrityError as error:
                raise Rejected(
                    f"There is a label {name!r} already.", code="label_taken", where="name", do="Choose another name."
                ) from error
        await self._audit.write(Entry(scope.account_id, str(actor), "label.add", "label", detail={"id": str(row.id)}))
        return LabelView(row.id, row.name)

    async def remove(self, scope: Scope, label_id: UUID, *, actor: Actor) -> None:
        """Takes it off every conversation as well. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            row = await session.get(Label, (scope.domain_id, label_id))
            if row is None:
                raise NotFound("There is no such label.")
            await session.delete(row)
            await session.commit()
        await self._audit.write(
            Entry(scope.account_id, str(actor), "label.remove", "label", detail={"id": str(label_id)})
        )

    async def put(self, scope: Scope, conversation_id: UUID, label_id: UUID, *, actor: Actor) -> None:
        """Puts a label on a conversation; one that is there stays. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            conversation = await locked(session, scope, conversation_id)
            label = await session.get(Label, (scope.domain_id, label_id), with_for_update={"key_share": True})
            if label is None:
                raise NotFound("There is no such label.")
            if (await session.exec(_put(scope, conversation_id, label_id))).first() is not None:
                return
            now = self._clock.now()
            row = LabelPut(
                domain_id=conversation.domain_id,
                subject_id=conversation.subject_id,
                conversation_id=conversation.id,
                label_id=label.id,
                word=seal(label.name),
                created_at=now,
            )
            session.add(row)
            await move(session, conversation, "labelled", actor, "by_person", at=now)
            await session.commit()

    async def take_off(self, scope: Scope, conversation_id: UUID, label_id: UUID, *, actor: Actor) -> None:
        """Takes a label off a conversation; one that is not on it stays away. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            conversation = await locked(session, scope, conversation_id)
            row = (await session.exec(_put(scope, conversation_id, label_id))).first()
            if row is None:
                return
            await session.delete(row)
            await move(session, conversation, "labelled", actor, "by_person", at=self._clock.now())
            await session.commit()

    async def of(self, scope: Scope, conversations: Sequence[UUID]) -> Mapping[UUID, list[LabelView]]:
        """The labels that are on each of the conversations, by name; none for those without."""
        statement = (
            select(LabelPut.conversation_id, Label)
            .join(Label, (col(Label.id) == LabelPut.label_id) & (col(Label.domain_id) == LabelPut.domain_id))
            .where(LabelPut.domain_id == scope.domain_id, col(LabelPut.conversation_id).in_(conversations))
            .order_by(col(Label.folded))
        )
        async with self._database.session(scope) as session:
            rows = (await session.exec(statement)).all()
        found: dict[UUID, list[LabelView]] = {}
        for conversation_id, label in rows:
            found.setdefault(conversation_id, []).append(LabelView(label.id, label.name))
        return found


def _put(scope: Scope, conversation_id: UUID, label_id: UUID) -> SelectOfScalar[LabelPut]:
    return select(LabelPut).where(
        LabelPut.domain_id == scope.domain_id,
        LabelPut.conversation_id == conversation_id,
        LabelPut.label_id == label_id,
    )

"""Who a person is: all subjects that were found to be one, their state, and the identifiers that others know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import load_only
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.rights import Person
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import Sealed
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.privacy.linking import same_person
from omniops.privacy.persons.fields import FieldMap, Held
from omniops.vault.models import Subject
from omniops.vault.service import Vault

PURPOSE = "rights.answer"
BATCH = 2000
"""Rows read and opened at once: one query, one decision and one entry in the audit for all of them."""
_MOST_KNOWN = 50
"""Identifiers of one kind. Nobody has more addresses; a table of mails names the same one again and again."""


class People:
    """Finds persons, and reads their rows."""

    def __init__(self, database: Database, vault: Vault, fields: FieldMap) -> None:
        self._database = database
        self._vault = vault
        self._fields = fields

    async def subjects(
        self, session: AsyncSession, scope: Scope, subject_id: UUID, *, lock: bool = False
    ) -> list[Subject]:
        """All subjects that are one person, the given one first. With `lock`, their states stay as they are until the
        session's transaction ends. Raises `NotFound`."""
        ids: Sequence[UUID] = (subject_id,)
        if scope.domain_id is not None:
            ids = await same_person(session, scope.domain_id, subject_id)
        statement = select(Subject).where(Subject.home_id == home_of(scope), col(Subject.id).in_(ids))
        statement = statement.order_by(col(Subject.id))
        found = {row.id: row for row in (await session.exec(statement.with_for_update() if lock else statement)).all()}
        if subject_id not in found:
            raise NotFound("There is no such person.")
        return [found[one] for one in ids if one in found]

    async def anyone(self, scope: Scope, subject_id: UUID) -> list[Subject]:
        """`subjects`, erased or not. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            return await self.subjects(session, scope, subject_id)

    async def living(self, scope: Scope, subject_id: UUID) -> list[Subject]:
        """`subjects` of somebody who was not erased. Raises `NotFound`."""
        found = await self.anyone(scope, subject_id)
        if all(subject.erased_at is not None for subject in found):
            raise NotFound("This person was erased.")
        return found

    async def rows(
        self, scope: Scope, held: Held, subject_ids: Sequence[UUID], size: int = BATCH, *, only: Sequence[str] = ()
    ) -> AsyncIterator[list[Any]]:
        """A table's rows about a person, in batches by id: memory does not grow with their number. With `only`, no
        other columns are loaded, and so none of them is opened."""
        if held.model is None:
            return
        home, key, subject = (getattr(held.model, name) for name in (held.home, "id", "subject_id"))
        for subject_id in subject_ids:
            after: UUID | None = None
            while True:
                statement = select(held.model).where(home == home_of(scope), subject == subject_id)
                if only:
                    columns = (getattr(held.model, name) for name in only)
                    statement = statement.options(load_only(subject, *columns, raiseload=True))
                if after is not None:
                    statement = statement.where(key > after)
                async with self._database.session(scope) as session:
                    rows: list[Any] = list((await session.exec(statement.order_by(key).limit(size))).all())
                if rows:
                    yield rows
                if len(rows) < size:
                    break
                after = rows[-1].id

    async def count(self, scope: Scope, held: Held, subject_ids: Sequence[UUID]) -> int:
        """How many rows a table has about a person, also where no model of it is loaded."""
        statement = text(
            f'select count(*) from "{held.name}" where {held.home} = :home and subject_id = any(:subjects)'  # noqa: S608
        )
        place = {"home": home_of(scope), "subjects": list(subject_ids)}
        async with self._database.session(scope) as session:
            return int((await (await session.connection()).execute(statement, place)).scalar_one())

    async def person(self, scope: Scope, subject_ids: Sequence[UUID], *, actor: Actor) -> Person:
        """The person as an outside system may know it: ids, and the values of all `contact.…` columns that are text,
        by the last word of their category. Opened for `rights.answer`, with entries in the audit."""
        known: dict[str, dict[str, None]] = {}
        for held in await self._fields.of(scope):
            columns = [
                (field.column, known.setdefault(field.category.rpartition(".")[2], {}))
                for field in held.personal
                if field.category.startswith("contact.") and is_text(held.model, field.column)
            ]
            if not columns:
                continue
            async for rows in self.rows(scope, held, subject_ids):
                clear = await self.open(scope, rows, actor=actor)
                for row in rows:
                    for column, values in columns:
                        value = clear(getattr(row, column), otherwise=None)
                        if value and len(values) < _MOST_KNOWN:
                            values[value] = None
        return Person(scope, tuple(subject_ids), {kind: tuple(values) for kind, values in known.items() if values})

    async def open(self, scope: Scope, rows: Sequence[Any], *, actor: Actor) -> Any:
        """The vault's door, for a person's right, in a session of the person's own scope."""
        async with self._database.session(scope) as session:
            return await self._vault.open(rows, purpose=PURPOSE, actor=actor, session=session)


def home_of(scope: Scope) -> UUID:
    """The domain of a visitor or contact, the account of a member."""
    return scope.domain_id or scope.account_id


def sealed_type(model: type[SQLModel] | None, column: str) -> Any:
    """`T` of a column that is `Sealed[T]`, else None."""
    annotation = model.model_fields[column].annotation if model is not None else None
    for candidate in (annotation, *get_args(annotation)):
        if getattr(candidate, "__origin__", None) is Sealed:
            return get_args(candidate)[0]
    return None


def is_text(model: type[SQLModel] | None, column: str) -> bool:
    return sealed_type(model, column) is str

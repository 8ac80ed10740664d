"""Correcting what is held of a person (Art. 16): a fact everywhere at once, or one field of one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlmodel import select

from omniops.contracts.scope import Scope
from omniops.contracts.sealed import seal
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.privacy.fields import Field
from omniops.privacy.persons.fields import FieldMap, Held
from omniops.privacy.persons.people import home_of, is_text

LONGEST = 4000
"""Characters of a corrected value."""


class Rectifying:
    """Writes new values into marked columns. They are sealed by the flush, as any value is."""

    def __init__(self, database: Database, fields: FieldMap) -> None:
        self._database = database
        self._fields = fields

    async def rectify(
        self, scope: Scope, subject_ids: Sequence[UUID], what: str, value: str, row_id: UUID | None
    ) -> tuple[str, Mapping[str, int]]:
        """The category that was corrected, and values written by field. `what` is a category, or `table.column`.

        Every row of the person that holds a value gets the new one. What is no fact about the person, such as a
        message, is corrected in one row only, which `row_id` names.

        Raises `Rejected`: `bad_value`, `no_such_field`, `not_a_fact`, `not_text`, `member`; `NotFound` for a row that
        is not this person's.
        """
        if scope.domain_id is None:
            raise Rejected(
                "The data of a member is corrected where members are managed: sign-in depends on it.", code="member"
            )
        value = value.strip()
        if not value or len(value) > LONGEST or "\x00" in value:
            raise Rejected(f"The new value has 1 to {LONGEST} characters.", code="bad_value", where="value")
        found = self._meant(await self._fields.of(scope), what)
        for held, field in found:
            if not field.fact and row_id is None:
                raise Rejected(
                    f"{field.title} is no single fact about a person.",
                    code="not_a_fact",
                    where="what",
                    do=f"Name a field and its row, such as {field.table}.{field.column} and the row's id.",
                )
            if not is_text(held.model, field.column):
                raise Rejected(f"{field.table}.{field.column} is no text.", code="not_text", where="what")
        written: Counter[str] = Counter()
        async with self._database.session(scope) as session:
            for held, field in found:
                assert held.model is not None
                home, key, subject = (getattr(held.model, name) for name in (held.home, "id", "subject_id"))
                statement = select(held.model).where(home == home_of(scope), subject.in_(subject_ids))
                statement = statement.where(getattr(held.model, field.column).is_not(None))
                if row_id is not None:
                    statement = statement.where(key == row_id)
                for row in (await session.exec(statement.order_by(key).with_for_update())).all():
                    setattr(row, field.column, seal(value))
                    session.add(row)
                    written[f"{field.table}.{field.column}"] += 1
            if row_id is not None and not written:
                raise NotFound("This person has no such row.")
            await session.commit()
        return found[0][1].category, dict(written)

    def _meant(self, tables: Sequence[Held], what: str) -> list[tuple[Held, Field]]:
        pairs = [(held, field) for held in tables for field in held.personal]
        found = [(h, f) for h, f in pairs if f"{f.table}.{f.column}" == what]
        if not found:
            # By category only text is meant: the address in a mail's content is not the address of the person.
            found = [(h, f) for h, f in pairs if f.category == what and (not f.fact or is_text(h.model, f.column))]
        if not found:
            raise Rejected(
                f"Nothing here is called {what!r}.",
                code="no_such_field",
                where="what",
                do="`omniops privacy fields` shows the categories and fields.",
            )
        return found

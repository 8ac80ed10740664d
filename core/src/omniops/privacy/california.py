"""California: which categories of personal information were collected in the past twelve months, computed from the
data, and the notice at collection (Cal. Civ. Code 1798.100(a), 1798.110(c), 1798.130(a)(5); 11 CCR 7012).

What retention swept was collected all the same. So each night it is written down, for every website, when a category
was last collected: a date for a kind of data, nothing about anybody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import select

from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.jobs.service import MAINTENANCE, Jobs, Task
from omniops.privacy.catalog import Catalog
from omniops.privacy.fields import VISITORS, Field, personal_fields
from omniops.privacy.papers import Cell, Paper, Section
from omniops.privacy.register import ProcessorRegister
from omniops.privacy.register_models import CollectedCategory

WINDOW = timedelta(days=366)
"""Never less than twelve months."""
UNASSIGNED = "not assigned to a category of the law"
_SEEN = text(
    "insert into collected_category (domain_id, id, category, last_at) values (:domain, :id, :category, :at)"
    " on conflict (domain_id, category) do update set last_at = greatest(collected_category.last_at, excluded.last_at)"
)


class California:
    """Computes, and remembers each night."""

    def __init__(
        self, database: Database, catalog: Catalog, register: ProcessorRegister, jobs: Jobs, clock: Clock
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._register = register
        self._clock = clock
        jobs.register(Task("privacy:note_categories", self.note, queue=MAINTENANCE, cron="53 1 * * *"))

    async def note(self, timestamp: int | None = None) -> None:
        """Writes down for every website when each category was last collected."""
        async with self._database.system("california: what was collected") as session:
            connection = await session.connection()
            for field in self._fields():
                for domain_id, at in (await connection.execute(text(_newest(field, everywhere=True)))).all():
                    values = {"domain": domain_id, "id": new_id(), "category": field.category, "at": at}
                    await connection.execute(_SEEN, values)
            await session.commit()

    async def collected(self, scope: Scope) -> dict[str, datetime]:
        """When each category was last collected on a website, where that is within the past twelve months: what is
        there now, and what was written down."""
        since = self._clock.now() - WINDOW
        found: dict[str, datetime] = {}
        async with self._database.session(scope) as session:
            statement = select(CollectedCategory).where(CollectedCategory.domain_id == scope.domain_id)
            for row in (await session.exec(statement)).all():
                found[row.category] = row.last_at
            connection = await session.connection()
            for field in self._fields():
                newest = text(_newest(field, everywhere=False))
                at = (await connection.execute(newest, {"domain": scope.domain_id})).scalar()
                if at is not None:
                    found[field.category] = max(at, found.get(field.category, at))
        return {category: at for category, at in found.items() if at >= since}

    async def past_year(self, scope: Scope) -> Paper:
        """The categories of the past twelve months, by the law's own names."""
        collected = await self.collected(scope)
        fields = [field for field in self._fields() if field.category in collected]
        until = self._clock.now()
        return Paper(
            "Personal information collected in the past twelve months",
            f"From {until - WINDOW:%d %B %Y} to {until:%d %B %Y}. None of it was sold or shared for advertising across "
            "websites.",
            "Cal. Civ. Code 1798.110(c) and 1798.130(a)(5)(B) and (C)",
            [self._section("Categories", fields)],
        )

    def at_collection(self) -> Paper:
        """What may be collected, told before it is: from the marks of every column of a website's tables."""
        return Paper(
            "Notice at collection",
            "What may be collected when you use the chat or choose to be counted. None of it is sold, or shared for "
            "advertising across websites.",
            "Cal. Civ. Code 1798.100(a); 11 CCR 7012",
            [self._section("Categories", self._fields())],
        )

    def _fields(self) -> list[Field]:
        return [field for field in personal_fields(self._catalog) if field.people == VISITORS and field.collected]

    def _section(self, title: str, fields: Iterable[Field]) -> Section:
        by_category: dict[str, list[Field]] = defaultdict(list)
        for field in fields:
            by_category[_law(field)].append(field)
        columns = [
            ("category", "Category of the law"),
            ("kinds", "What it is here"),
            ("sensitive", "Sensitive"),
            ("purposes", "What for"),
            ("retention", "Kept"),
            ("recipients", "Disclosed to, for these purposes only"),
            ("sold", "Sold or shared"),
        ]
        rows: list[Mapping[str, Cell]] = [
            {
                "category": name,
                "kinds": tuple(sorted({field.title for field in found})),
                "sensitive": "yes" if any(field.sensitive for field in found) else "no",
                "purposes": tuple(
                    sorted({self._catalog.purpose_title(key) for field in found for key in field.purposes})
                ),
                "retention": tuple(sorted({field.kept for field in found})),
                "recipients": self._recipients({field.category for field in found}),
                "sold": "no",
            }
            for name, found in sorted(by_category.items())
        ]
        return Section(title, "" if rows else "None.", columns, rows)

    def _recipients(self, categories: set[str]) -> tuple[str, ...]:
        parties = {
            entry.processor.party for entry in self._register.all() if categories & set(entry.processor.categories)
        }
        return tuple(sorted(parties)) or ("nobody",)


def _newest(field: Field, *, everywhere: bool) -> str:
    """The statement for when a column was last filled. Names come from our own models, never from input."""
    filled = f'from "{field.table}" where "{field.column}" is not null'
    if everywhere:
        return f"select domain_id, max(created_at) {filled} group by domain_id"
    return f"select max(created_at) {filled} and domain_id = :domain"


def _law(field: Field) -> str:
    return field.california.replace("_", " ") or UNASSIGNED

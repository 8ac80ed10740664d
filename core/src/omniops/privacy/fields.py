"""The field map: every personal column of every loaded table, from its mark alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from omniops.contracts.declaration import Category, Purpose, Retention
from omniops.database.marks import personal_columns
from omniops.database.policies import scope_kind
from omniops.privacy.catalog import Catalog

UNKNOWN = "not known"
VISITORS, MEMBERS = "visitors and contacts of the website", "members of the business"


@dataclass(frozen=True, slots=True)
class PersonalField:
    """A column with what its mark says. `collected` where its rows are a website's and say since when they are there;
    the others repeat what was collected elsewhere, such as whom an erasure is about."""

    table: str
    column: str
    people: str
    category: Category
    purposes: Sequence[Purpose]
    retention: Retention | None
    collected: bool


def personal_fields(catalog: Catalog) -> list[PersonalField]:
    """All of them, by table and column. A mark that names what nobody declares stands under its own key."""
    return sorted(_fields(catalog), key=lambda one: (one.table, one.column))


def _fields(catalog: Catalog) -> Iterator[PersonalField]:
    for table, column, mark in personal_columns():
        people = MEMBERS if scope_kind(table) == "account" else VISITORS
        purposes = [catalog.purposes.get(key) or Purpose(key, key, "contract") for key in sorted(mark.purposes)]
        category = catalog.categories.get(mark.category) or Category(mark.category, mark.category)
        collected = {"domain_id", "created_at"} <= set(table.columns.keys())
        yield PersonalField(
            table.name, column, people, category, purposes, catalog.retention.get(mark.retain), collected
        )


def kept(field: PersonalField) -> str:
    """How long a field is kept, in words."""
    if field.retention is None:
        return UNKNOWN
    return f"{field.retention.days} days" if field.retention.days is not None else "with its account"

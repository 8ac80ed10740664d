"""The map of fields: what is held of people, where, of which kind, for which purposes and how long, from marks alone.

`persons.fields` adds which of the tables are there, and those of plugins that are not loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import Table
from sqlmodel import SQLModel

from omniops.contracts.declaration import Category
from omniops.database.marks import marks_of
from omniops.database.policies import scope_kind
from omniops.privacy.catalog import Catalog

CORE = "omniops"
UNKNOWN = "not known"
VISITORS, MEMBERS = "visitors and contacts of the website", "members of the business"
Kind = Literal["personal", "secret", "not_personal", "key", "unknown"]


@dataclass(frozen=True, slots=True)
class Field:
    """One column. What the mark names and nobody declares stands under its own key.

    `california` and `sensitive` are its category's, see `Category`; `kept` says in words how long it is there. A column
    is `unknown` where its plugin is not loaded: its marks, and with them everything else, are only in the plugin's
    code. `collected` where its rows are a website's and say since when they are there; the others repeat what was
    collected elsewhere, such as whom an erasure is about.
    """

    table: str
    column: str
    owner: str
    kind: Kind
    category: str = ""
    title: str = ""
    purposes: tuple[str, ...] = ()
    retain: str = ""
    california: str = ""
    sensitive: bool = False
    fact: bool = False
    people: str = ""
    kept: str = ""
    collected: bool = False

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "purposes": list(self.purposes)}


def personal_fields(catalog: Catalog) -> list[Field]:
    """Every personal column of every model that this process knows, by table and column."""
    tables = sorted(SQLModel.metadata.tables.values(), key=lambda table: table.name)
    found = [field for table in tables for field in fields_of(table, catalog) if field.kind == "personal"]
    return sorted(found, key=lambda field: (field.table, field.column))


def fields_of(table: Table, catalog: Catalog, owner: str = CORE) -> Iterator[Field]:
    """Every column of a table, from its mark."""
    marks = marks_of(table)
    people = MEMBERS if scope_kind(table) == "account" else VISITORS
    collected = {"domain_id", "created_at"} <= set(table.columns.keys())
    for column in table.columns:
        mark = marks.get(column.name)
        if mark is None:
            yield Field(table.name, column.name, owner, "key")
            continue
        category = catalog.categories.get(mark.category) or Category(mark.category, mark.category or mark.why)
        yield Field(
            table=table.name,
            column=column.name,
            owner=owner,
            kind=mark.kind,
            category=mark.category,
            title=category.title,
            purposes=tuple(sorted(mark.purposes)),
            retain=mark.retain,
            california=category.california,
            sensitive=category.sensitive,
            fact=category.fact,
            people=people,
            kept=_kept(catalog, mark.retain) if mark.kind == "personal" else "",
            collected=collected,
        )


def _kept(catalog: Catalog, retain: str) -> str:
    rule = catalog.retention.get(retain)
    if rule is None:
        return UNKNOWN
    return f"{rule.days} days" if rule.days is not None else "with its account"

"""Where rows of a retention class lie: read from the marks of all models, those of plugins among them.

- A table with personal columns is of their classes and counts from `created_at` (else from the time in its UUIDv7). A
  column that must be there takes its row along when its class ends; one that may be empty is emptied, and takes the row
  along only where it is the last.
- `not_personal(…, retain=…)` on a column of a time puts a row into a class without any personal column.
- A row that holds others (a conversation its messages) waits for the last of them. A row that belongs to exactly one
  other (the review of a message) goes with it. A row of which a person has only one waits for all else of the person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

from sqlalchemy import ForeignKeyConstraint, LargeBinary, MetaData, Table, UniqueConstraint

from omniops.database.marks import marks_of
from omniops.database.policies import scope_kind
from omniops.errors import ConfigError

HOMES = {"domain": "domain_id", "account": "account_id", "home": "home_id"}


@dataclass(frozen=True, slots=True)
class Field:
    """A personal column that may be empty. `find` is the kind of its exact look-up, or None."""

    retain: str
    find: str | None


@dataclass(frozen=True, slots=True)
class Child:
    """A table whose rows refer to this one's: pairs of its column and ours."""

    table: str
    on: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A table with rows of one or several classes."""

    table: str
    home: str
    created: str
    required: frozenset[str]
    fields: Mapping[str, Field]
    clocks: Mapping[str, str]
    of_person: bool
    one_per_person: bool
    waits_for: tuple[Child, ...]
    append_only: bool
    has_token: bool
    has_identifier: bool

    @property
    def needs_keys(self) -> bool:
        """Whether a row is something that is left of its person. Proof that holds nothing personal is not: it can only
        be added to, and stays readable without the person's keys."""
        return self.of_person and (not self.append_only or bool(self.required) or bool(self.fields))

    @property
    def classes(self) -> frozenset[str]:
        return self.required | {field.retain for field in self.fields.values()} | set(self.clocks.values())


def places(metadata: MetaData) -> tuple[Place, ...]:
    """All places, those whose rows refer to others' before them. Raises `ConfigError` for a table that cannot be swept:
    one without an id of its own."""
    tables = {table.name: table for table in metadata.tables.values() if scope_kind(table) and _classes(table)}
    order: TopologicalSorter[str] = TopologicalSorter({name: set() for name in tables})
    for name, table in tables.items():
        if "id" not in table.columns:
            raise ConfigError(f"The table {name!r} has rows of a retention class, but no id.")
        for key in table.foreign_key_constraints:
            if key.referred_table.name in tables and key.referred_table.name != name:
                order.add(key.referred_table.name, name)
    return tuple(_place(tables[name], tables.values()) for name in order.static_order())


def _classes(table: Table) -> set[str]:
    return {mark.retain for mark in marks_of(table).values() if mark.retain}


def _place(table: Table, tables: Iterable[Table]) -> Place:
    kind = scope_kind(table)
    assert kind is not None
    home, marks, columns = HOMES[kind], marks_of(table), table.columns
    personal = {name: mark for name, mark in marks.items() if mark.kind == "personal"}
    return Place(
        table=table.name,
        home=home,
        created="created_at" if "created_at" in columns else "id",
        required=frozenset(mark.retain for name, mark in personal.items() if not columns[name].nullable),
        fields={n: Field(mark.retain, mark.find) for n, mark in personal.items() if columns[n].nullable},
        clocks={name: mark.retain for name, mark in marks.items() if mark.kind == "not_personal" and mark.retain},
        of_person="subject_id" in columns,
        one_per_person={home, "subject_id"} in _unique(table),
        waits_for=tuple(
            Child(by.name, tuple((e.parent.name, e.column.name) for e in key.elements))
            for by in tables
            for key in by.foreign_key_constraints
            if key.referred_table is table and by is not table and _holds(by, key)
        ),
        append_only=bool(table.info.get("append_only")),
        has_token="hash" in columns and isinstance(columns["hash"].type, LargeBinary),
        has_identifier=any(mark.find for mark in personal.values()),
    )


def _holds(by: Table, key: ForeignKeyConstraint) -> bool:
    """Whether a row of the referred table may hold several of `by`, and would take them along."""
    return key.ondelete != "SET NULL" and set(key.column_keys) not in _unique(by)


def _unique(table: Table) -> list[set[str]]:
    found = [set(table.primary_key.columns.keys())]
    found += [set(index.columns.keys()) for index in table.indexes if index.unique]
    return found + [set(c.columns.keys()) for c in table.constraints if isinstance(c, UniqueConstraint)]

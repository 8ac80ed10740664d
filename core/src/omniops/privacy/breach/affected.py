"""Whom a breach touches: computed from the audit (who read what) or from the marks (what a copy holds)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, func, select, text
from sqlmodel import col
from sqlmodel import select as select_rows

from omniops.accounts.models import Domain
from omniops.audit.service import Audit
from omniops.contracts.scope import Actor, Scope
from omniops.database.marks import personal_columns
from omniops.database.service import Database
from omniops.errors import Rejected
from omniops.privacy.holding import holding
from omniops.vault.service import Vault

_READINGS = text(
    "select e.object, e.at, e.subject_refs, e.detail from omniops.audit_entry e"
    " where e.account_id = :account and e.action = 'vault.open' and e.actor = any(:actors)"
    " and e.at >= coalesce(cast(:since as timestamptz), '-infinity')"
    " and e.at <= coalesce(cast(:until as timestamptz), 'infinity') order by e.seq"
)


@dataclass(slots=True)
class Affected:
    """Who and what a breach touched. `persons` are subjects by home (a domain, or the account for its members)."""

    persons: dict[UUID, set[UUID]] = field(default_factory=dict)
    untraceable: int = 0
    """Persons who were read and erased since: they count, and nobody can name them."""
    categories: Counter[str] = field(default_factory=Counter)
    """Values that were read, by category."""
    tables: set[str] = field(default_factory=set)
    readings: int = 0
    credentials: int = 0
    """Values of the business's own that were read: credentials of connected systems and the like."""
    keys: int = 0
    """Keys of persons that were used to open something, or that whoever has the copy holds."""
    first_at: datetime | None = None
    last_at: datetime | None = None
    countries: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return sum(len(found) for found in self.persons.values()) + self.untraceable

    def body(self) -> dict[str, Any]:
        """As the register keeps it: numbers, and a hash that names the set without naming anybody."""
        everyone = sorted(str(one) for found in self.persons.values() for one in found)
        return {
            "persons": self.count,
            "untraceable": self.untraceable,
            "records": sum(self.categories.values()),
            "categories": dict(sorted(self.categories.items())),
            "tables": sorted(self.tables),
            "readings": self.readings,
            "credentials": self.credentials,
            "keys": self.keys,
            "intelligible": self.keys > 0,
            "countries": dict(sorted(self.countries.items())),
            "first_at": self.first_at.isoformat(timespec="minutes") if self.first_at else None,
            "last_at": self.last_at.isoformat(timespec="minutes") if self.last_at else None,
            "set": hashlib.sha256("\n".join(everyone).encode()).hexdigest(),
        }


class Scoping:
    """Computes the affected set of a case."""

    def __init__(self, database: Database, vault: Vault, audit: Audit) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit

    async def read_by(
        self, account_id: UUID, actors: Sequence[str], since: datetime | None, until: datetime | None, *, actor: Actor
    ) -> Affected:
        """What actors (`key:…`, `member:…`, `plugin:…`) opened in a stretch of time. Data that was opened was readable:
        its keys were used. Raises `Rejected` where the stretch reaches back to entries that expired already."""
        begins = await self._audit.begins(account_id)
        if begins is not None and (since is None or since <= begins):
            raise Rejected(
                f"The audit's entries up to {begins:%Y-%m-%d %H:%M} UTC are past their term and gone.",
                code="expired",
                where="since",
                do="Name a later beginning, and tell of the time before in the facts.",
            )
        found, refs = Affected(), set[str]()
        async with self._database.session(Scope(account_id)) as session:
            connection = await session.connection()
            place = {"account": account_id, "actors": list(actors), "since": since, "until": until}
            for row in await connection.execute(_READINGS, place):
                opened = Counter[str](row.detail.get("opened", {}))
                if not opened:
                    continue
                refs |= set(row.subject_refs) - set(row.detail.get("shut", ()))
                found.credentials += opened.pop("secret", 0)
                found.categories += opened
                found.tables |= set(row.object.split(","))
                found.readings += 1
                found.first_at = found.first_at or row.at
                found.last_at = row.at
        for scope, country in await self._homes(account_id):
            home = scope.domain_id or account_id
            subjects = await self._vault.trace(scope, refs, actor=actor)
            refs -= set(subjects)
            people = set(subjects.values()) - {account_id}  # the account's own key stands for nobody
            self._add(found, home, people, country)
        found.untraceable = len(refs)
        if refs:
            found.countries[""] += len(refs)
        found.keys = found.count
        return found

    async def copied(self, account_id: UUID, tables: Collection[str], *, keys_exposed: bool) -> Affected:
        """What a copy of the database holds of an account: every personal column of `tables`, or of all. Without the
        keys, nothing of it can be read. Raises `Rejected` for a table that holds no personal data."""
        held = {table.name: marks for table, marks in _field_map()}
        unknown = sorted(set(tables) - set(held))
        if unknown:
            raise Rejected(f"There is no table of personal data {unknown[0]!r}.", code="bad_table", where="tables")
        found = Affected()
        for scope, country in await self._homes(account_id):
            home = scope.domain_id or account_id
            column = "domain_id" if scope.domain_id else "account_id"
            people: set[UUID] = set()
            async with self._database.session(scope) as session:
                connection = await session.connection()
                there = await holding(connection, column)  # a plugin's tables may be declared and not be there
                for table, marks in _field_map():
                    if (tables and table.name not in tables) or table.name not in there:
                        continue
                    where = table.c[there[table.name]] == home
                    counts = (
                        await connection.execute(select(*(func.count(table.c[name]) for name in marks)).where(where))
                    ).one()
                    for category, count in zip(marks.values(), counts, strict=True):
                        found.categories[category] += count
                    if any(counts):
                        found.tables.add(table.name)
                        subjects = await connection.execute(select(table.c.subject_id).where(where).distinct())
                        people |= {row.subject_id for row in subjects}
            self._add(found, home, people - {account_id}, country)
        found.categories = +found.categories
        found.keys = found.count if keys_exposed else 0
        return found

    def _add(self, found: Affected, home: UUID, people: set[UUID], country: str) -> None:
        if people:
            found.persons[home] = people
            found.countries[country] += len(people)

    async def _homes(self, account_id: UUID) -> list[tuple[Scope, str]]:
        """The account and each of its domains, with the country whose law their people's data stands under."""
        async with self._database.session(Scope(account_id)) as session:
            domains = (await session.exec(select_rows(Domain).order_by(col(Domain.id)))).all()
        found = [(Scope(account_id, d.id), str(d.settings.get("jurisdiction", ""))) for d in domains]
        return [(Scope(account_id), ""), *found]


def _field_map() -> list[tuple[Table, dict[str, str]]]:
    """Every table with personal columns about somebody, and the category of each."""
    found: dict[str, tuple[Table, dict[str, str]]] = {}
    for table, column, mark in personal_columns():
        if "subject_id" in table.c:
            found.setdefault(table.key, (table, {}))[1][column] = mark.category
    return list(found.values())

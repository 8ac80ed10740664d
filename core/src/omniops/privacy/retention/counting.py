"""The dry run: counts what is due, and gives it a hash. Nothing is deleted here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.privacy.retention.places import Place
from omniops.privacy.retention.terms import Terms

_TABLES = text("select relname from pg_class where relnamespace = 'omniops'::regnamespace and relkind in ('r', 'p')")


async def existing(session: AsyncSession, places: Sequence[Place]) -> list[Place]:
    """The places that are there: a plugin that failed to load may have left a model without its table."""
    there = set((await (await session.connection()).execute(_TABLES)).scalars())
    return [place for place in places if place.table in there]


async def counted(session: AsyncSession, places: Sequence[Place], terms: Terms, home_id: UUID) -> dict[str, Any]:
    """Rows by table and field, and how many persons they are about.

    `digest` is over the ids of the rows: two plans of equal counts over other rows differ. `stays` counts rows whose
    time is over and that stay: held, kept back by a plugin, or still needed by rows that refer to them. `unruled`
    says, in sentences, of which classes nobody has a rule.
    """
    items: list[dict[str, Any]] = []
    people: list[str] = []
    unruled: list[str] = []
    whose: dict[str, Any] = {"home": home_id}
    connection = await session.connection()
    for place in places:
        values: dict[str, Any] = {"home": home_id}
        if keys := terms.unruled(place):
            some = text(f'select exists (select from "{place.table}" t where t.{place.home} = :home)')  # noqa: S608
            if (await connection.execute(some, values)).scalar_one():
                unruled += [f"{place.table}: nobody says how long {key!r} is kept; its rows stay." for key in keys]
        due, over = terms.due(place, values), terms.over(place, values)
        if due is not None and over is not None:
            statement = (
                f"select count(*) filter (where {due}) as rows, count(*) as over,"  # noqa: S608 - our own models' names
                f" bit_xor(uuid_hash_extended(t.id, 0)) filter (where {due}) as digest"
                f' from "{place.table}" t where t.{place.home} = :home and ({over})'
            )
            row = (await connection.execute(text(statement), values)).one()
            if row.over:
                items.append(_item(place, None, terms.before(place), row.rows, row.over - row.rows, row.digest))
            if row.rows and place.of_person:
                people.append(_people(place, str(terms.due(place, whose))))
        for column, moment in terms.emptied(place).items():
            values = {"home": home_id}
            due = terms.due_field(place, column, values)
            statement = (
                f"select count(*) as rows, bit_xor(uuid_hash_extended(t.id, 0)) as digest"  # noqa: S608
                f' from "{place.table}" t where t.{place.home} = :home and {due}'
            )
            row = (await connection.execute(text(statement), values)).one()
            if row.rows:
                items.append(_item(place, column, {place.created: moment}, row.rows, 0, row.digest))
                if place.of_person:
                    people.append(_people(place, terms.due_field(place, column, whose)))
    subjects = 0
    if people:
        union = " union ".join(people)
        whom = text(f"select count(distinct p.subject_id) from ({union}) p")  # noqa: S608
        subjects = (await connection.execute(whom, whose)).scalar_one()
    return {"items": items, "subjects": subjects, "unruled": unruled}


def plan_hash(plan: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of a plan."""
    return hashlib.sha256(json.dumps(plan, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def changes(planned: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two plans of the same moment, as sentences."""
    found = []
    for key in sorted({*planned["periods"], *now["periods"]}):
        before, after = planned["periods"].get(key), now["periods"].get(key)
        if before != after:
            found.append(f"The class {key!r} is kept {_days(after)}, not {_days(before)}.")
    first, second = _by_place(planned), _by_place(now)
    for name in sorted({*first, *second}):
        before, after = first.get(name, _NOTHING), second.get(name, _NOTHING)
        if before["rows"] != after["rows"]:
            found.append(f"{name}: {before['rows']} rows were planned, {after['rows']} are due.")
        elif before["digest"] != after["digest"]:
            found.append(f"{name}: as many rows as planned are due, but others.")
    if planned["subjects"] != now["subjects"]:
        found.append(f"Persons: {planned['subjects']} were planned, {now['subjects']} are concerned.")
    return found


_NOTHING: Mapping[str, Any] = {"rows": 0, "digest": f"{0:016x}"}


def name_of(item: Mapping[str, Any]) -> str:
    """`table`, or `table.field` where only a field is emptied."""
    return item["table"] if item["field"] is None else f"{item['table']}.{item['field']}"


def _by_place(plan: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {name_of(item): item for item in plan["items"]}


def _days(days: int | None) -> str:
    return "as long as the account" if days is None else f"{days} days"


def _item(
    place: Place, field: str | None, before: Mapping[str, datetime], rows: int, stays: int, digest: int | None
) -> dict[str, Any]:
    classes = [place.fields[field].retain] if field is not None else sorted(place.classes)
    return {
        "table": place.table,
        "field": field,
        "classes": classes,
        "before": {column: moment.isoformat() for column, moment in before.items()},
        "rows": rows,
        "stays": stays,
        "digest": f"{(digest or 0) % 2**64:016x}",
    }


def _people(place: Place, condition: str) -> str:
    return f'select t.subject_id from "{place.table}" t where t.{place.home} = :home and {condition}'  # noqa: S608

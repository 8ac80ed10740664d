"""When a row is due, as SQL: one predicate, which the plan counts with and the deletion deletes with.

A row is due when a time of it is over, no hold and no plugin keeps it or its person back, and nothing that it holds is
left. Names come from our models; every value is a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from omniops.contracts.retention import KeptBack
from omniops.privacy.retention.places import Place

_HELD = "exists (select from omniops.subject s where s.home_id = {0}.{1} and s.id = {0}.subject_id and s.hold)"


class Terms:
    """What is due at one moment, under the periods of one domain or account."""

    def __init__(
        self, places: Sequence[Place], periods: Mapping[str, int | None], at: datetime, kept: Sequence[KeptBack] = ()
    ) -> None:
        self._places = {place.table: place for place in places}
        self._periods = periods
        self._at = at
        self._subjects = sorted({subject for one in kept for subject in one.subjects})
        self.kept_subjects = frozenset(self._subjects)
        self.settled = at - timedelta(days=1)
        """Who was first seen later may be somebody of whom rows are only just being written."""
        self._rows: dict[str, list[UUID]] = {}
        for one in kept:
            for table, ids in one.rows.items():
                self._rows[table] = sorted({*self._rows.get(table, ()), *ids})

    def before(self, place: Place) -> dict[str, datetime]:
        """The moment up to which each time of a row is over: whichever is over first takes the row."""
        found = {}
        row = self._row_days(place)
        if row is not None:
            found[place.created] = self._ago(row)
        for column, key in place.clocks.items():
            days = self._periods.get(key)
            if days is not None:
                moment = self._ago(days)
                found[column] = max(found.get(column, moment), moment)
        return found

    def emptied(self, place: Place) -> dict[str, datetime]:
        """The columns that are emptied while their row stays, each with the moment up to which it is over."""
        row = self._row_days(place)
        found = {}
        for column, field in place.fields.items():
            days = self._periods.get(field.retain)
            if days is not None and (row is None or days < row):
                found[column] = self._ago(days)
        return found

    def unruled(self, place: Place) -> list[str]:
        """Classes that marks name and nobody has a rule for: such rows would stay for ever, unseen."""
        return sorted(place.classes - self._periods.keys())

    def due(self, place: Place, values: dict[str, Any]) -> str | None:
        """The condition on rows `t` that are to be deleted, with its parameters put into `values`; None where nothing
        of the place ever is."""
        return self._due(place, "t", values, alone=True)

    def over(self, place: Place, values: dict[str, Any]) -> str | None:
        """The same for rows whose time is over, whatever keeps them."""
        return self._over(place, "t", values)

    def due_field(self, place: Place, column: str, values: dict[str, Any]) -> str:
        """The same for rows of which only this one of `emptied` goes."""
        moment = self.emptied(place)[column]
        parts = [f't."{column}" is not null', self._earlier("t", place.created, moment, values)]
        parts += self._free(place, "t", values)
        whole = self.due(place, values)
        return " and ".join(parts if whole is None else [*parts, f"not coalesce({whole}, false)"])

    def _due(self, place: Place, alias: str, values: dict[str, Any], *, alone: bool) -> str | None:
        over = self._over(place, alias, values)
        if over is None:
            return None
        parts = [f"({over})", *self._free(place, alias, values)]
        for child in place.waits_for:
            if child.table not in self._places:  # of a plugin that is not migrated: there is no such table
                continue
            inner = f"c{len(values)}"
            on = " and ".join(f'{inner}."{theirs}" = {alias}."{ours}"' for theirs, ours in child.on)
            stays = self._stays(self._places[child.table], inner, values)
            parts.append(f'not exists (select from "{child.table}" {inner} where {on} and {stays})')
        if place.one_per_person and alone:
            parts += [self._nothing_else(place, other, alias, values) for other in self._others(place)]
        return " and ".join(parts)

    def _stays(self, place: Place, alias: str, values: dict[str, Any]) -> str:
        due = self._due(place, alias, values, alone=False)
        return "true" if due is None else f"not coalesce({due}, false)"

    def _nothing_else(self, place: Place, other: Place, alias: str, values: dict[str, Any]) -> str:
        inner = f"o{len(values)}"
        on = f"{inner}.{other.home} = {alias}.{place.home} and {inner}.subject_id = {alias}.subject_id"
        return f'not exists (select from "{other.table}" {inner} where {on} and {self._stays(other, inner, values)})'

    def _others(self, place: Place) -> list[Place]:
        """Where else something of the same classes is known of a person."""
        return [
            other
            for other in self._places.values()
            if other.of_person
            and not other.one_per_person
            and other.home == place.home
            and other.classes & place.classes
        ]

    def _over(self, place: Place, alias: str, values: dict[str, Any]) -> str | None:
        times = [self._earlier(alias, column, moment, values) for column, moment in self.before(place).items()]
        return " or ".join(times) or None

    def _earlier(self, alias: str, column: str, moment: datetime, values: dict[str, Any]) -> str:
        name = f"v{len(values)}"
        values[name] = _first_id(moment) if column == "id" else moment
        return f'{alias}."{column}" < :{name}'

    def _free(self, place: Place, alias: str, values: dict[str, Any]) -> list[str]:
        """What keeps a row: a hold on its person, or a plugin."""
        parts = []
        if place.of_person:
            parts.append(f"not {_HELD.format(alias, place.home)}")
            if self._subjects:
                values["kept"] = self._subjects
                # A row about nobody in particular is kept by no person.
                parts.append(f"coalesce({alias}.subject_id <> all(:kept), true)")
        if rows := self._rows.get(place.table):
            values[f"kept_{place.table}"] = rows
            parts.append(f"{alias}.id <> all(:kept_{place.table})")
        return parts

    def _row_days(self, place: Place) -> int | None:
        """After how many days the personal columns take the row: with the first that must be there, or the last that
        may be empty. None for never."""
        required = [days for key in place.required if (days := self._periods.get(key)) is not None]
        if place.required:
            return min(required, default=None)
        optional = [self._periods.get(field.retain) for field in place.fields.values()]
        known = [days for days in optional if days is not None]
        return max(known) if known and len(known) == len(optional) else None

    def _ago(self, days: int) -> datetime:
        return self._at - timedelta(days=days)


def _first_id(moment: datetime) -> UUID:
    """The least UUIDv7 of a moment (RFC 9562: 48 bits of milliseconds come first)."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)

"""Deleting what is due: in short transactions, each with its own count, so that nobody waits for it and a run that was
killed goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.privacy.retention.holds import all_held
from omniops.privacy.retention.places import Place
from omniops.privacy.retention.terms import Terms
from omniops.vault.service import Vault

BATCH = 1000
REST = 0.5
"""How long a run rests between two transactions, as a multiple of what the last one took."""
ACTOR = Actor.system("privacy.retention")

_HOME_HELD = text(f"select {all_held(':home')}")
_COUNT = text(
    "update retention_run set deleted = jsonb_set(deleted, array[:name],"
    " to_jsonb(coalesce((deleted ->> :name)::bigint, 0) + :rows)) where home_id = :home and id = :run"
)
_SHREDDED = text("update retention_run set shredded = shredded + :rows where home_id = :home and id = :run")
_IDENTIFIERS = text("delete from vault.identifier where home_id = :home and row_id = any(:ids)")
_IDENTIFIER = text("delete from vault.identifier where home_id = :home and row_id = any(:ids) and kind = :kind")
# Whatever a token of a row led to. Its hash is of a random number, so it can be of no other row.
_TOKENS = text("delete from lookup where kind in ('visitor', 'session', 'setup') and hash = any(:hashes)")


class HomeHeld(Exception):
    """A legal hold was placed on all of the domain while the run was under way."""


class Sweeper:
    """Deletes the due rows of one run."""

    def __init__(self, database: Database, vault: Vault, scope: Scope, run_id: UUID, terms: Terms) -> None:
        self._database = database
        self._vault = vault
        self._scope = scope
        self._home = scope.domain_id or scope.account_id
        self._run = run_id
        self._terms = terms

    async def sweep(self, places: Sequence[Place]) -> None:
        """Every place, those first whose rows refer to others'. Raises `HomeHeld`."""
        async with self._database.background(self._scope) as own:
            for place in places:
                async with self._session(place, own) as session:
                    values: dict[str, Any] = {}
                    due = self._terms.due(place, values)
                    if due is not None:
                        await self._walk(session, place, due, values, None)
                    for column in self._terms.emptied(place):
                        values = {}
                        field = self._terms.due_field(place, column, values)
                        await self._walk(session, place, field, values, column)

    async def shred(self, tables: Sequence[Place], unknown: Sequence[tuple[str, str]]) -> None:
        """Destroys the keys of persons of whom nothing is left. `unknown` are tables about people that no model is
        known of, each with its home's column: a row there counts as something."""
        about = [(p.table, p.home) for p in tables if p.needs_keys]
        home = "domain_id" if self._scope.domain_id else "account_id"
        left = [
            f'not exists (select from "{table}" o where o.{column} = s.home_id and o.subject_id = s.id)'
            for table, column in [*about, *unknown]
            if column in (home, "home_id")
        ]
        statement = text(
            "select s.id from subject s where s.home_id = :home and s.kind <> 'member' and not s.hold"  # noqa: S608
            " and s.erased_at is null and s.id > :last and exists (select from vault.subject_key k where"
            " k.home_id = s.home_id and k.subject_id = s.id and k.state <> 'shredded')"
            f" and s.created_at < :settled and {' and '.join(left)} order by s.id limit {BATCH}"
            " for update of s skip locked"
        )
        last = UUID(int=0)
        async with self._database.background(self._scope) as session:
            while True:
                begun = time.perf_counter()
                connection = await session.connection()
                place = {"home": self._home, "last": last, "settled": self._terms.settled}
                ids = list((await connection.execute(statement, place)).scalars())
                free = [one for one in ids if one not in self._terms.kept_subjects]
                if free:
                    held = await self._vault.shred_in(session, free, actor=ACTOR)
                    free = [one for one in free if one not in held]
                    await connection.execute(_SHREDDED, {"rows": len(free), "home": self._home, "run": self._run})
                await session.commit()
                await self._vault.shredded(self._scope, free)
                if not ids:
                    return
                last = ids[-1]
                await asyncio.sleep(REST * (time.perf_counter() - begun))

    async def _walk(
        self, session: AsyncSession, place: Place, due: str, values: dict[str, Any], column: str | None
    ) -> None:
        """Goes through a table once in the order of its key; rows that somebody works with at that moment are passed
        over."""
        # Locked first and looked at again afterwards: what was written about a row until then counts.
        find = text(
            f'select t.id from "{place.table}" t where t.{place.home} = :home and t.id > :last'  # noqa: S608
            f" and {due} order by t.id limit {BATCH} for update of t skip locked"
        )
        of = f"t where t.{place.home} = :home and t.id = any(:ids) and {due} returning t.id"
        if column is None:
            act = text(f'delete from "{place.table}" {of}{", t.hash" if place.has_token else ""}')  # noqa: S608
        else:
            act = text(f'update "{place.table}" {of.replace("t where", f"t set {column} = null where", 1)}')  # noqa: S608
        last = UUID(int=0)
        while True:
            begun = time.perf_counter()
            connection = await session.connection()
            if (await connection.execute(_HOME_HELD, {"home": self._home})).scalar_one():
                raise HomeHeld
            values |= {"home": self._home, "last": last}
            ids = list((await connection.execute(find, values)).scalars())
            if not ids:
                await session.commit()
                return
            rows = (await connection.execute(act, {**values, "ids": ids})).all()
            await self._along(session, place, column, rows)
            await session.commit()
            last = ids[-1]
            await asyncio.sleep(REST * (time.perf_counter() - begun))

    async def _along(self, session: AsyncSession, place: Place, column: str | None, rows: Sequence[Any]) -> None:
        """What goes with rows in the same transaction: exact look-ups, look-ups of tokens, and the count."""
        if not rows:
            return
        connection = await session.connection()
        found = {"home": self._home, "ids": [row.id for row in rows]}
        name = place.table
        if column is not None:
            name = f"{place.table}.{column}"
            if (kind := place.fields[column].find) is not None:
                await connection.execute(_IDENTIFIER, {**found, "kind": kind})
        elif place.has_identifier:
            await connection.execute(_IDENTIFIERS, found)
        if column is None and place.has_token:
            await connection.execute(_TOKENS, {"hashes": [row.hash for row in rows]})
        await connection.execute(_COUNT, {"name": name, "rows": len(rows), "home": self._home, "run": self._run})

    @asynccontextmanager
    async def _session(self, place: Place, own: AsyncSession) -> AsyncIterator[AsyncSession]:
        """Our own session; the system's where the app may only add, with an entry in the audit."""
        if not place.append_only:
            yield own
        else:
            async with self._database.system(f"retention: {place.table} past its time", self._scope) as session:
                yield session

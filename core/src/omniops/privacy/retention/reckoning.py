"""What a run would delete at one moment: rules and vetoes of plugins, holds, and the count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select as sql_select
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts, is_on
from omniops.contracts.retention import Expiring, KeptBack
from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.errors import PluginError
from omniops.plugins.calling import On
from omniops.plugins.seams import Seams
from omniops.privacy.retention.counting import counted, existing
from omniops.privacy.retention.models import LegalHold
from omniops.privacy.retention.places import Place, places
from omniops.privacy.retention.rules import Rules
from omniops.privacy.retention.terms import Terms


@dataclass(frozen=True, slots=True)
class Reckoned:
    """A plan, and what deletes it."""

    plan: dict[str, Any]
    terms: Terms
    places: Sequence[Place]


class Reckoning:
    """Computes plans. Deletes nothing; all its methods raise the `PluginError` of a plugin that fails, hangs or says
    nothing, and then nothing may be deleted."""

    def __init__(self, database: Database, accounts: Accounts, seams: Seams, rules: Rules) -> None:
        self._database = database
        self._accounts = accounts
        self._seams = seams
        self._rules = rules
        self._places = places(SQLModel.metadata)

    async def plan(self, scope: Scope, at: datetime) -> Reckoned:
        """What is due at `at`, under the rules of now."""
        said = await self._seams.retention_rules(scope, await self.on(scope))
        async with self._database.session(scope) as session:
            await self._rules.take_in(session, scope, said)
            periods = await self._rules.periods(session, scope)
            await session.commit()
        return await self._reckoned(scope, at, periods, count=True)

    async def again(self, scope: Scope, plan: Mapping[str, Any]) -> Reckoned:
        """For a run that began already: its own moment and periods, with what is held and kept back now."""
        return await self._reckoned(scope, datetime.fromisoformat(plan["at"]), plan["periods"], count=False)

    async def on(self, scope: Scope) -> On:
        """Plugins that are on for the domain; for an account, those that are on for any of its domains."""
        domains = [scope]
        if scope.domain_id is None:
            domains = [domain.scope for domain in await self._accounts.domains(scope.account_id)]
        switched = [await self._accounts.switched(domain) for domain in domains]
        return lambda name: any(is_on(one, name) for one in switched)

    async def _reckoned(
        self, scope: Scope, at: datetime, periods: Mapping[str, int | None], *, count: bool
    ) -> Reckoned:
        home = scope.domain_id or scope.account_id
        async with self._database.session(scope) as session:
            there = [
                place
                for place in await existing(session, self._places)
                if place.home == "home_id" or (place.home == "domain_id") is (scope.domain_id is not None)
            ]
        bare = Terms(there, periods, at)
        before = {place.table: found for place in there if (found := bare.before(place))}
        kept = await self._seams.retention_veto(Expiring(scope, before), await self.on(scope))
        plan: dict[str, Any] = {
            "at": at.isoformat(),
            "periods": dict(periods),
            "held": False,
            "kept_back": [_kept(plugin, one) for plugin, one in kept],
            "items": [],
            "subjects": 0,
            "unruled": [],
        }
        async with self._database.session(scope, snapshot=True) as session:
            terms = Terms(there, periods, at, [await _with_parents(session, plugin, one) for plugin, one in kept])
            plan["held"] = await home_held(session, scope)
            if count and not plan["held"]:
                plan |= await counted(session, there, terms, home)
        return Reckoned(plan, terms, there)


async def home_held(session: AsyncSession, scope: Scope) -> bool:
    """Whether a legal hold stands on all of a domain."""
    statement = select(LegalHold.id).where(
        LegalHold.home_id == (scope.domain_id or scope.account_id),
        col(LegalHold.subject_id).is_(None),
        col(LegalHold.lifted_at).is_(None),
    )
    return (await session.exec(statement.limit(1))).first() is not None


async def _with_parents(session: AsyncSession, plugin: str, kept: KeptBack) -> KeptBack:
    """What a kept row belongs to is kept as well: deleting that would take the row along. Raises `PluginError` for a
    table that is not there, since a misspelt wish must not go unheard."""
    connection = await session.connection()
    rows = {table: set(ids) for table, ids in kept.rows.items()}
    waiting = list(rows.items())
    while waiting:
        name, ids = waiting.pop()
        table = SQLModel.metadata.tables.get(name)
        if table is None:
            said = f"Plugin {plugin!r}, retention_veto(): there is no table {name!r}."
            raise PluginError(said, plugin=plugin, stage="retention_veto")
        for key in table.foreign_key_constraints:
            own = next((e.parent for e in key.elements if e.column.name == "id"), None)
            if own is None or key.referred_table is table:
                continue
            statement = sql_select(own).where(table.c.id.in_(sorted(ids)), own.is_not(None)).distinct()
            above = set((await connection.execute(statement)).scalars()) - rows.get(key.referred_table.name, set())
            if above:
                rows.setdefault(key.referred_table.name, set()).update(above)
                waiting.append((key.referred_table.name, above))
    return KeptBack(kept.subjects, {table: frozenset(ids) for table, ids in rows.items()}, kept.why)


def _kept(plugin: str, one: KeptBack) -> dict[str, Any]:
    rows = {table: len(ids) for table, ids in sorted(one.rows.items())}
    return {"plugin": plugin, "subjects": len(one.subjects), "rows": rows, "why": one.why}

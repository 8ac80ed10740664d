"""Proof that nothing of a person is left: every table is looked through by subject, and every store outside is asked
for a copy. What says "erased" and still has something is found here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from omniops.contracts.rights import Fulfilment, Person
from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.privacy.holding import holding
from omniops.privacy.persons.people import home_of
from omniops.privacy.persons.stores import Outside, Stores

_KEYS = text(
    "select count(*) from vault.subject_key where home_id = :home and subject_id = any(:subjects)"
    " and (state <> 'shredded' or wrapped is not null or pepper_wrapped is not null)"
)
_IDENTIFIERS = text("select count(*) from vault.identifier where home_id = :home and subject_id = any(:subjects)")
_STATES = text(
    "select count(*) from subject where home_id = :home and id = any(:subjects) and (erased_at is null"
    " or not exists (select from vault.shred s where s.home_id = subject.home_id and s.subject_id = subject.id))"
)
# Kept answers to the business's own writes name nobody: none may be older than the erasure.
_KEPT = text(
    "select count(*) from kept_answer where account_id = :account and for_domain = :domain and created_at <="
    " (select min(erased_at) from subject where home_id = :home and id = any(:subjects))"
)


@dataclass(frozen=True, slots=True)
class Scan:
    """What is still there. `rows` are counts by table, files among them (`personal_blob`); `keys` and `identifiers` are
    the vault's; `states` counts subjects that are not on the shred list. `outside` holds what each store answered when
    it was asked for a copy; `nothing_held` alone is clean."""

    rows: Mapping[str, int]
    keys: int
    identifiers: int
    states: int
    outside: tuple[tuple[str, Fulfilment], ...] = ()

    @property
    def here(self) -> bool:
        """Whether something is left in the database."""
        return bool(self.rows or self.keys or self.identifiers or self.states)

    @property
    def clean(self) -> bool:
        return not self.here and all(answer.state == "nothing_held" for _, answer in self.outside)

    def to_json(self) -> dict[str, Any]:
        return {
            "clean": self.clean,
            "rows": dict(self.rows),
            "keys": self.keys,
            "identifiers": self.identifiers,
            "states": self.states,
            "outside": [
                {"store": key, "state": answer.state, "code": answer.code, "evidence": answer.evidence}
                for key, answer in self.outside
            ],
        }


class Scanner:
    """Looks, and changes nothing."""

    def __init__(self, database: Database, stores: Stores) -> None:
        self._database = database
        self._stores = stores

    async def here(self, scope: Scope, subject_ids: Sequence[UUID]) -> Scan:
        """The database's half."""
        place = {
            "home": home_of(scope),
            "account": scope.account_id,
            "domain": scope.domain_id,
            "subjects": list(subject_ids),
        }
        rows: Counter[str] = Counter()
        async with self._database.session(scope, snapshot=True) as session:
            connection = await session.connection()
            for table, home in (await holding(connection, "domain_id" if scope.domain_id else "account_id")).items():
                statement = f'select count(*) from "{table}" where {home} = :home and subject_id = any(:subjects)'  # noqa: S608
                rows[table] = await _count(connection, text(statement), place)
            rows["kept_answer"] = await _count(connection, _KEPT, place)
            keys, identifiers, states = [await _count(connection, one, place) for one in (_KEYS, _IDENTIFIERS, _STATES)]
        return Scan(dict(+rows), keys, identifiers, states)

    async def scan(self, person: Person, outside: Sequence[Outside]) -> Scan:
        """Both halves; `outside` names the stores to ask."""
        here = await self.here(person.scope, person.subjects)
        answers = await self._stores.ask_all(outside, "export", person)
        return Scan(
            here.rows,
            here.keys,
            here.identifiers,
            here.states,
            tuple((one.key, answer) for one, answer in answers),
        )


async def _count(connection: AsyncConnection, statement: Any, place: Mapping[str, Any]) -> int:
    return int((await connection.execute(statement, place)).scalar_one())

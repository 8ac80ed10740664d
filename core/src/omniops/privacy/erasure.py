"""Erasing a person, from the marks alone: keys first, so that from then on nothing opens, then every row.

No table is named here. The database itself says which tables have a `subject_id`: those of plugins that are switched
off or gone are found like any other.
"""

from __future__ import annotations

from graphlib import TopologicalSorter
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound, Refused
from omniops.vault.models import Subject
from omniops.vault.service import Vault

_TABLES = text(
    "select c.relname as name, home.attname as home from pg_class c"
    " join pg_attribute home on home.attrelid = c.oid and home.attname in ('home_id', :home)"
    " join pg_index i on i.indrelid = c.oid and i.indisprimary and home.attnum = any(i.indkey)"
    " join pg_attribute subject on subject.attrelid = c.oid and subject.attname = 'subject_id'"
    " where c.relnamespace = 'omniops'::regnamespace and c.relkind in ('r', 'p')"
)
_REFERENCES = text(
    "select by.relname as by, target.relname as target from pg_constraint f"
    " join pg_class by on by.oid = f.conrelid join pg_class target on target.oid = f.confrelid"
    " where f.contype = 'f' and f.connamespace = 'omniops'::regnamespace and f.conrelid <> f.confrelid"
)
# A kept answer to a write of the business may hold the person's words; it names nobody, so all of the domain's go.
_KEPT = text("delete from kept_answer where account_id = :account and for_domain = :domain")


class Erasure:
    """Shred, then delete. Each step is one transaction; a run that was killed is finished by the next."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def erase(self, scope: Scope, subject_id: UUID, *, actor: Actor) -> dict[str, int]:
        """Rows deleted by table. Safe to repeat. Raises `NotFound`, and `Refused` while a legal hold stands."""
        home_id = scope.domain_id or scope.account_id
        async with self._database.session(scope) as session:
            subject = await session.get(Subject, (home_id, subject_id))
        if subject is None:
            raise NotFound("There is no such person.")
        if subject.hold:
            raise Refused("A legal hold stands against erasing this person.", reason="hold")
        await self._vault.shred(scope, subject_id, actor=actor)
        return await self.delete_rows(scope, subject_id)

    async def delete_rows(self, scope: Scope, subject_id: UUID) -> dict[str, int]:
        """Deletes every row about somebody whose keys are gone: the second half of `erase`, and of a restore."""
        home_id = scope.domain_id or scope.account_id
        deleted: dict[str, int] = {}
        home = "domain_id" if scope.domain_id else "account_id"
        async with self._database.session(scope) as session:
            connection = await session.connection()
            for table, column in (await _holding(connection, home)).items():
                statement = f'delete from "{table}" where {column} = :home and subject_id = :subject'  # noqa: S608
                done = await connection.execute(text(statement), {"home": home_id, "subject": subject_id})
                if done.rowcount:
                    deleted[table] = done.rowcount
            await connection.execute(_KEPT, {"account": scope.account_id, "domain": scope.domain_id})
            await session.commit()
        return deleted


async def _holding(connection: AsyncConnection, home: str) -> dict[str, str]:
    """Tables with rows about people of a domain (or an account), each with the column that names it; those that refer
    to others before them."""
    columns = {row.name: row.home for row in await connection.execute(_TABLES, {"home": home})}
    first: dict[str, set[str]] = {table: set() for table in columns}
    for row in await connection.execute(_REFERENCES):
        first.setdefault(row.target, set()).add(row.by)
    return {table: columns[table] for table in TopologicalSorter(first).static_order() if table in columns}

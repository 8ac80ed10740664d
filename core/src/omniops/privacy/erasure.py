"""Erasing a person, from the marks alone: keys first, so that from then on nothing opens, then every row.

No table is named here: whatever has a `subject_id`, in core or in a plugin, is found.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete
from sqlmodel import SQLModel

from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound, Refused
from omniops.vault.models import Subject
from omniops.vault.service import Vault


class Erasure:
    """Shred, then delete. Each step is one transaction; a run that was killed is finished by the next."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def erase(self, scope: Scope, subject_id: UUID, *, actor: Actor) -> dict[str, int]:
        """Rows deleted by table. Safe to repeat. Raises `NotFound`, and `Refused` while a legal hold stands."""
        home = scope.domain_id or scope.account_id
        async with self._database.session(scope) as session:
            subject = await session.get(Subject, (home, subject_id))
        if subject is None:
            raise NotFound("There is no such person.")
        if subject.hold:
            raise Refused("A legal hold stands against erasing this person.", reason="hold")
        await self._vault.shred(scope, subject_id, actor=actor)
        deleted: dict[str, int] = {}
        async with self._database.session(scope) as session:
            connection = await session.connection()
            for table in reversed(SQLModel.metadata.sorted_tables):
                if table.schema == "vault" or "subject_id" not in table.columns:
                    continue
                home_column = table.columns.get("domain_id") if scope.domain_id else table.columns.get("account_id")
                if home_column is None or not home_column.primary_key:
                    continue
                done = await connection.execute(
                    delete(table).where(home_column == home, table.columns["subject_id"] == subject_id)
                )
                if done.rowcount:
                    deleted[table.name] = done.rowcount
            await session.commit()
        return deleted

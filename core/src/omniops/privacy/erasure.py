"""Erasing a person, from the marks alone: keys first, so that from then on nothing opens, then every row.

No table is named here: `holding.py` finds them.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.privacy.holding import holding
from omniops.privacy.retention.holds import all_held
from omniops.vault.models import Subject
from omniops.vault.service import Vault

# A kept answer to a write of the business may hold the person's words; it names nobody, so all of the domain's go. They
# stay where a hold was placed on all of the domain after the keys were gone.
_KEPT = text(
    f"delete from kept_answer where account_id = :account and for_domain = :domain and not {all_held(':domain')}"  # noqa: S608
)


class Erasure:
    """Shred, then delete. Each step is one transaction; a run that was killed is finished by the next."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def erase(self, scope: Scope, subject_id: UUID, *, actor: Actor) -> dict[str, int]:
        """Rows deleted by table. Safe to repeat. Raises `NotFound`, and `Refused` while a legal hold stands.

        Whether one stands is asked once, with the subject's row locked until the keys are gone: a hold that is placed
        meanwhile comes first, and nothing is erased, or waits, and finds that the person is gone.
        """
        home_id = scope.domain_id or scope.account_id
        async with self._database.session(scope) as session:
            subject = await session.get(Subject, (home_id, subject_id))
        if subject is None:
            raise NotFound("There is no such person.")
        await self._vault.shred(scope, subject_id, actor=actor)
        return await self.delete_rows(scope, subject_id)

    async def delete_rows(self, scope: Scope, subject_id: UUID) -> dict[str, int]:
        """Deletes every row about somebody whose keys are gone: the second half of `erase`, and of a restore."""
        home_id = scope.domain_id or scope.account_id
        deleted: dict[str, int] = {}
        home = "domain_id" if scope.domain_id else "account_id"
        async with self._database.session(scope) as session:
            connection = await session.connection()
            for table, column in (await holding(connection, home)).items():
                statement = f'delete from "{table}" where {column} = :home and subject_id = :subject'  # noqa: S608
                done = await connection.execute(text(statement), {"home": home_id, "subject": subject_id})
                if done.rowcount:
                    deleted[table] = done.rowcount
            await connection.execute(_KEPT, {"account": scope.account_id, "domain": scope.domain_id})
            await session.commit()
        return deleted

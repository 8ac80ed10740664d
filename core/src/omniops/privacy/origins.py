"""Where a person's data comes from, as the person declared it. It is never guessed: not from an address, not from a
language."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from omniops.audit.service import Audit, Entry
from omniops.contracts.declaration import Origin
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.privacy.transfers import ORIGINS
from omniops.vault.models import Subject


class Origins:
    """Keeps the declaration on every subject that is the same person."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    async def declare(self, scope: Scope, subjects: Sequence[UUID], origin: Origin | None, *, actor: Actor) -> None:
        """From the next call of the gate on it counts. None takes an earlier declaration back."""
        async with self._database.session(scope) as session:
            statement = select(Subject).where(Subject.home_id == scope.domain_id, col(Subject.id).in_(subjects))
            for subject in (await session.exec(statement.order_by(col(Subject.id)).with_for_update())).all():
                subject.origin = origin
                session.add(subject)
            await session.commit()
        entry = Entry(scope.account_id, str(actor), "origin.declare", "subject", detail={"origin": origin})
        await self._audit.write(entry)

    async def of(self, scope: Scope, subjects: Sequence[UUID]) -> Origin | None:
        """What the person declared, or None."""
        async with self._database.session(scope) as session:
            statement = select(Subject.origin).where(Subject.home_id == scope.domain_id, col(Subject.id).in_(subjects))
            found = {one for one in (await session.exec(statement)).all() if one is not None}
        return next((one for one in ORIGINS if one in found), None)

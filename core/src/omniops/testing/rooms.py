"""The lower rooms, joined as the runtime joins them, over a scratch database: for tests of one room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from omniops.audit.service import SIGNING, Audit
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Scope
from omniops.database.links import Links
from omniops.database.service import Database
from omniops.privacy.catalog import Catalog
from omniops.privacy.policy import PrivacyPolicy
from omniops.vault.models import Subject
from omniops.vault.roots import FolderRoot
from omniops.vault.service import Vault


@dataclass(slots=True)
class Rooms:
    """Database, audit and vault of one scratch database."""

    database: Database
    audit: Audit
    vault: Vault
    root: FolderRoot

    @classmethod
    @asynccontextmanager
    async def open(cls, links: Links, root: FolderRoot, clock: Clock) -> AsyncIterator[Rooms]:
        database = Database(links)
        audit = Audit(database, clock, root.secret(SIGNING))
        database.audit_system_use(audit.system_use)
        vault = Vault(database, root, audit, PrivacyPolicy(Catalog.build(), clock))
        await vault.check_root()
        try:
            yield cls(database, audit, vault, root)
        finally:
            await audit.close()
            await database.close()

    async def domain(self, account_id: UUID | None = None) -> Scope:
        """A new domain, in a new account unless one is given."""
        scope = Scope(account_id or new_id(), new_id())
        async with self.database.session(scope) as session:
            if account_id is None:
                await self.vault.create_account_key(session, scope.account_id)
            connection = await session.connection()
            await connection.execute(
                text("insert into lookup (kind, hash, account_id, domain_id) values ('domain', :hash, :a, :d)"),
                {"hash": scope.domain_id.bytes, "a": scope.account_id, "d": scope.domain_id},  # type: ignore[union-attr]
            )
            await session.commit()
        return scope

    async def subject(self, scope: Scope) -> UUID:
        """A new visitor of a domain."""
        assert scope.domain_id is not None
        subject = Subject(account_id=scope.account_id, home_id=scope.domain_id, kind="visitor")
        async with self.database.session(scope) as session:
            session.add(subject)
            await session.commit()
        return subject.id

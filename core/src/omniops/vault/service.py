"""The vault's one door: no personal data is read in clear except through `open`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Audit, Entry
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import ConfigError, Refused
from omniops.vault.crypto import lookup_hash
from omniops.vault.keys import Owner, account_key, create_account_key, opening_keys
from omniops.vault.opening import Opened, Policy, decided, places, pseudonyms
from omniops.vault.roots import RootProvider
from omniops.vault.sealing import Sealer


class Vault:
    """Sealed values in, clear values out: by purpose, decided and on record."""

    def __init__(self, database: Database, root: RootProvider, audit: Audit, policy: Policy) -> None:
        self._database = database
        self._root = root
        self._audit = audit
        self._policy = policy
        self._sealer = Sealer(root)
        database.before_flush(self._sealer.before_flush)

    async def check_root(self) -> None:
        """Refuses a database whose keys hang from another root; notes the root of a database that has none yet.

        Raises `ConfigError`. A fresh root beside old keys would lock the data for ever and look like a clean start.
        """
        async with self._database.system("vault: compare the root key") as session:
            connection = await session.connection()
            stored = (await connection.execute(text("select fingerprint from vault.root"))).scalar()
            if stored is None:
                keys = (await connection.execute(text("select count(*) from vault.account_key"))).scalar_one()
                if keys:
                    raise ConfigError("The database holds wrapped keys but no fingerprint of their root key.")
                await connection.execute(
                    text("insert into vault.root (fingerprint, created_at) values (:f, now()) on conflict do nothing"),
                    {"f": self._root.fingerprint},
                )
                await session.commit()
            elif stored != self._root.fingerprint:
                raise ConfigError(
                    f"The keys folder holds root {self._root.fingerprint}, but this database was sealed under root "
                    f"{stored}.",
                    do="Put the matching keys folder in place; nothing was changed.",
                )

    async def create_account_key(self, session: AsyncSession, account_id: UUID) -> None:
        """The first key of a new account, in the caller's transaction."""
        await session.run_sync(lambda sync: create_account_key(sync.connection(), self._root, account_id))

    async def open(
        self, rows: Sequence[SQLModel], *, purpose: str, actor: Actor, session: AsyncSession | None = None
    ) -> Opened:
        """Opens the personal and secret columns of `rows` (all of one domain or account) whose mark names `purpose`.

        Before it returns, the decision is made for each value (purpose, consent, objection, restriction, opt-out, role)
        and one audit entry with every subject is on disk; if that entry cannot be written, nothing is opened. Pass
        `session` to read keys that were made in its own open transaction.

        Raises `Refused` for an unknown purpose. Single values refuse when they are asked for.
        """
        if not self._policy.knows(purpose):
            raise Refused(f"There is no purpose {purpose!r}.", reason="unknown_purpose")
        if not rows:
            return Opened(())
        scope = await self._scope_of(rows[0], session)
        found = places(rows, scope)
        owners = {place.owner for _, place in found}
        if session is not None:
            keys = await session.run_sync(lambda sync: opening_keys(sync.connection(), self._root, owners))
        else:
            async with self._database.session(scope) as own:
                keys = await own.run_sync(lambda sync: opening_keys(sync.connection(), self._root, owners))
        opened = decided(found, keys, self._policy, purpose, actor)
        await self._audit.write(
            Entry(
                account_id=scope.account_id,
                actor=str(actor),
                action="vault.open",
                object=",".join(sorted({place.table for _, place in found})),
                subject_refs=pseudonyms(keys),
                purpose=purpose,
                detail={"values": len(found), "refused": opened.refused},
            )
        )
        return opened

    async def find(self, domain_id: UUID, kind: str, value: str) -> UUID | None:
        """The subject of this domain with exactly this identifier, or None. The only search on sealed columns."""
        return await self.find_in(await self._database.scope_of(domain_id), kind, value)

    async def find_in(self, scope: Scope, kind: str, value: str, *, session: AsyncSession | None = None) -> UUID | None:
        """`find` for a scope; without a domain, among the members of the account. In the transaction of `session`, if
        one is given."""
        home = scope.domain_id or scope.account_id

        def look(sync: Any) -> UUID | None:
            connection = sync.connection()
            _, key = account_key(connection, self._root, scope.account_id)
            row = connection.execute(
                text(
                    "select subject_id from vault.identifier where home_id = :home and kind = :kind"
                    " and hash = :hash order by row_id limit 1"
                ),
                {"home": home, "kind": kind, "hash": lookup_hash(value, kind, home, key)},
            ).first()
            return None if row is None else row.subject_id

        if session is not None:
            return await session.run_sync(look)
        async with self._database.session(scope) as own:
            return await own.run_sync(look)

    async def find_all(self, scope: Scope, kind: str, value: str, *, session: AsyncSession) -> list[UUID]:
        """All subjects of the scope with exactly this identifier, in the transaction of `session`."""
        home = scope.domain_id or scope.account_id

        def look(sync: Any) -> list[UUID]:
            connection = sync.connection()
            _, key = account_key(connection, self._root, scope.account_id)
            found = connection.execute(
                text(
                    "select distinct subject_id from vault.identifier where home_id = :home and kind = :kind"
                    " and hash = :hash order by subject_id"
                ),
                {"home": home, "kind": kind, "hash": lookup_hash(value, kind, home, key)},
            )
            return list(found.scalars())

        return await session.run_sync(look)

    def address_hash(self, kind: str, value: str) -> bytes:
        """A look-up hash under the night's epoch key, for what must be found before any account is known."""
        return lookup_hash(value, kind, None, self._root.epoch_key(self._root.epoch()))

    async def seal_rows(self, session: AsyncSession, model: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
        """Seals the `seal(…)` values of dicts for a bulk insert, in place, in the session's transaction."""
        scope: Scope = session.info["scope"]
        await session.run_sync(lambda sync: self._sealer.seal_rows(sync.connection(), scope, model, rows))

    async def shred(self, scope: Scope, subject_id: UUID, *, actor: Actor) -> None:
        """Destroys a subject's keys, pepper and identifiers in one transaction and enters it into the shred list.

        Safe to repeat. Afterwards nothing sealed under them opens, in the live database at once and in every copy as
        soon as its epoch key is destroyed. Rows are deleted separately (`erase`).
        """
        home = scope.domain_id or scope.account_id
        async with self._database.session(scope) as session:
            keys = await session.run_sync(
                lambda sync: opening_keys(sync.connection(), self._root, [Owner(home, subject_id)])
            )
            await self._audit.write(
                Entry(
                    account_id=scope.account_id,
                    actor=str(actor),
                    action="vault.shred",
                    object="subject",
                    subject_refs=pseudonyms(keys),
                )
            )
            connection = await session.connection()
            place = {"home": home, "subject": subject_id, "account": scope.account_id}
            for statement in _SHRED:
                await connection.execute(statement, place)
            await session.commit()

    async def pseudonyms(self, scope: Scope, subject_ids: Sequence[UUID]) -> list[str]:
        """How these people appear in the audit, for entries of other rooms. Who was erased has none any more."""
        owners = [Owner(scope.domain_id or scope.account_id, one) for one in subject_ids]
        async with self._database.session(scope) as session:
            keys = await session.run_sync(lambda sync: opening_keys(sync.connection(), self._root, owners))
        return pseudonyms(keys)

    async def _scope_of(self, row: SQLModel, session: AsyncSession | None) -> Scope:
        if session is not None:
            scope: Scope = session.info["scope"]
            return scope
        domain_id = getattr(row, "domain_id", None)
        if isinstance(domain_id, UUID) and "domain_id" in _primary_key(type(row)):
            return await self._database.scope_of(domain_id)
        return Scope(row.account_id)  # type: ignore[attr-defined]


def _primary_key(model: type[SQLModel]) -> frozenset[str]:
    return frozenset(column.name for column in model.__table__.primary_key)  # type: ignore[attr-defined]


_SHRED = (
    text(
        "insert into vault.shred (account_id, home_id, subject_id, at) values (:account, :home, :subject, now())"
        " on conflict do nothing"
    ),
    text("delete from vault.identifier where home_id = :home and subject_id = :subject"),
    text(
        "update vault.subject_key set wrapped = null, pepper_wrapped = null, state = 'shredded', shredded_at = now()"
        " where home_id = :home and subject_id = :subject and state <> 'shredded'"
    ),
    text("update omniops.subject set erased_at = coalesce(erased_at, now()) where home_id = :home and id = :subject"),
)

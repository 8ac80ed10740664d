"""The vault's one door: no personal data is read in clear except through `open`."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Audit, Entry
from omniops.contracts.root_keys import RootProvider
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database, LookupKind
from omniops.errors import ConfigError, Refused
from omniops.vault.changes import ChangeNotes
from omniops.vault.crypto import lookup_hash
from omniops.vault.keys import Owner, OwnerKeys, account_keys, create_account_key, opening_keys
from omniops.vault.opening import Opened, Policy, decided, places, pseudonyms
from omniops.vault.sealing import Sealer
from omniops.vault.shredding import LOCK, SHRED, SHRED_ACCOUNT
from omniops.vault.tracing import traced

ADDRESSES_SHARED = text("select pg_advisory_xact_lock_shared(hashtext('omniops addresses'))")
"""Held by who writes a member's address; a night holds the same lock alone while it moves them."""
_EPOCH = text("select max(number) from vault.epoch")
_FIND = text(
    "select one.hash, found.subject_id from unnest(cast(:hashes as bytea[])) as one (hash), lateral"
    " (select i.subject_id from vault.identifier i where i.home_id = :home and i.kind = :kind and i.hash = one.hash"
    " order by i.row_id limit 1) as found"
)
_FIND_ALL = text(
    "select distinct subject_id from vault.identifier where home_id = :home and kind = :kind and hash = any(:hashes)"
)
OnShred = Callable[[Scope, Sequence[UUID]], None]


class Vault:
    """Sealed values in, clear values out: by purpose, decided and on record."""

    def __init__(self, database: Database, root: RootProvider, audit: Audit, policy: Policy) -> None:
        self._database = database
        self._root = root
        self._audit = audit
        self._policy = policy
        self._sealer = Sealer(root)
        self._on_shred: OnShred | None = None
        database.before_flush(self._sealer.before_flush)
        notes = ChangeNotes(audit)
        database.around_commit(notes.before_commit, notes.after_commit, notes.after_rollback)

    async def check_root(self) -> None:
        """Refuses a database whose keys hang from another root; notes the root of a database that has none yet.

        Raises `ConfigError`. A fresh root beside old keys would lock the data for ever and look like a clean start.
        """
        async with self._database.system("vault: compare the root key") as session:
            connection = await session.connection()
            stored = (await connection.execute(text("select fingerprint from vault.root"))).scalars().all()
            if not stored:
                keys = (await connection.execute(text("select count(*) from vault.account_key"))).scalar_one()
                if keys:
                    raise ConfigError("The database holds wrapped keys but no fingerprint of their root key.")
                await connection.execute(
                    text("insert into vault.root (fingerprint, created_at) values (:f, now()) on conflict do nothing"),
                    {"f": self._root.fingerprint},
                )
            elif self._root.fingerprint not in stored:  # two, while a rotation is under way
                raise ConfigError(
                    f"The keys folder holds root {self._root.fingerprint}, but this database was sealed under root "
                    f"{', '.join(sorted(stored))}.",
                    do="Put the matching keys folder in place; nothing was changed.",
                )
            await connection.execute(
                text(
                    "insert into vault.epoch (number, made_at) select :number, now()"
                    " where not exists (select from vault.epoch) on conflict do nothing"
                ),
                {"number": self._root.epochs()[0]},
            )
            await session.commit()

    def on_shred(self, listener: OnShred) -> None:
        """Calls `listener` after each shred, in a thread: the key mirror's list is never behind the database's."""
        self._on_shred = listener

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
                detail=_told(opened, len(found), keys),
            )
        )
        return opened

    async def find(self, domain_id: UUID, kind: str, value: str) -> UUID | None:
        """The subject of this domain with exactly this identifier, or None. The only search on sealed columns."""
        return await self.find_in(await self._database.scope_of(domain_id), kind, value)

    async def find_in(self, scope: Scope, kind: str, value: str, *, session: AsyncSession | None = None) -> UUID | None:
        """`find` for a scope; without a domain, among the members of the account. In the transaction of `session`, if
        one is given."""
        if session is not None:
            return (await self.find_each(scope, kind, [value], session=session)).get(value)
        async with self._database.session(scope) as own:
            return (await self.find_each(scope, kind, [value], session=own)).get(value)

    async def find_each(
        self, scope: Scope, kind: str, values: Collection[str], *, session: AsyncSession
    ) -> dict[str, UUID]:
        """The subjects with exactly these identifiers, in the transaction of `session`; without those of nobody."""
        home = scope.domain_id or scope.account_id

        def look(sync: Any) -> dict[str, UUID]:
            connection = sync.connection()
            keys, before = account_keys(connection, self._root, scope.account_id), None
            found: dict[str, UUID] = {}
            # A night moves hashes from one key to the next: who came too early for one looks again under the other.
            while keys.keys() != before:
                hashes: dict[bytes, list[str]] = defaultdict(list)  # two spellings may be one identifier
                for value in (value for value in values if value not in found):
                    for key in keys.values():
                        hashes[lookup_hash(value, kind, home, key)].append(value)
                rows = connection.execute(_FIND, {"home": home, "kind": kind, "hashes": list(hashes)})
                found.update({value: row.subject_id for row in rows for value in hashes[row.hash]})
                if all(value in found for value in values):
                    break
                before, keys = keys.keys(), account_keys(connection, self._root, scope.account_id)
            return found

        return await session.run_sync(look)

    async def address_hash(self, kind: str, value: str, *, session: AsyncSession | None = None) -> bytes:
        """A look-up hash under the newest night's key, for what must be found before any account is known.

        For writing it give `session`: no night begins before its transaction ends, so that none leaves it behind."""
        if session is None:
            async with self._database.connect() as connection:
                epoch = (await connection.execute(_EPOCH)).scalar_one()
        else:
            connection = await session.connection()
            await connection.execute(ADDRESSES_SHARED)
            epoch = (await connection.execute(_EPOCH)).scalar_one()
        return lookup_hash(value, kind, None, self._root.epoch_key(epoch))

    async def account_of(self, kind: LookupKind, identifier: str, value: str) -> Scope | None:
        """The account with this exact identifier (`email`), through `Database.resolve` of `kind`."""
        before: bytes | None = None
        while (digest := await self.address_hash(identifier, value)) != before:  # a night may begin in between
            scope = await self._database.resolve(kind, digest)
            if scope is not None:
                return scope
            before = digest
        return None

    async def find_all(self, scope: Scope, kind: str, value: str, *, session: AsyncSession) -> list[UUID]:
        """All subjects of the scope with exactly this identifier, in the transaction of `session`."""
        home = scope.domain_id or scope.account_id

        def look(sync: Any) -> list[UUID]:
            connection = sync.connection()
            keys, before, found = account_keys(connection, self._root, scope.account_id), None, set[UUID]()
            while keys.keys() != before:  # as in `find_each`
                hashes = [lookup_hash(value, kind, home, key) for key in keys.values()]
                rows = connection.execute(_FIND_ALL, {"home": home, "kind": kind, "hashes": hashes})
                found |= set(rows.scalars())
                before, keys = keys.keys(), account_keys(connection, self._root, scope.account_id)
            return sorted(found)

        return await session.run_sync(look)

    async def seal_rows(self, session: AsyncSession, model: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
        """Seals the `seal(…)` values of dicts for a bulk insert, in place, in the session's transaction."""
        scope: Scope = session.info["scope"]
        await session.run_sync(lambda sync: self._sealer.seal_rows(sync, scope, model, rows))

    async def trace(self, scope: Scope, refs: Collection[str], *, actor: Actor) -> dict[str, UUID]:
        """From pseudonyms of the audit to the subjects of a domain, or without one to the account's own. Who was erased
        cannot be traced any more. The entry of this is on disk before anything is returned."""
        await self._audit.write(
            Entry(scope.account_id, str(actor), "vault.trace", "subject", detail={"pseudonyms": len(refs)})
        )
        home = scope.domain_id or scope.account_id
        async with self._database.session(scope) as session:
            return await session.run_sync(lambda sync: traced(sync.connection(), self._root, home, refs))

    async def shred(self, scope: Scope, *subject_ids: UUID, actor: Actor) -> None:
        """Destroys keys, pepper and identifiers of one person, by whatever subjects, in one transaction, and enters
        them into the shred list.

        Safe to repeat. Afterwards nothing sealed under them opens, in the live database at once and in every copy as
        soon as its epoch key is destroyed. Rows are deleted separately (`erase`). Raises `Refused` while a legal hold
        stands on any of them: then every key is still there.
        """
        async with self._database.session(scope) as session:
            if await self.shred_in(session, subject_ids, actor=actor):
                raise Refused(
                    "A legal hold stands against erasing this person. Nothing was erased.",
                    reason="hold",
                    do="Lift the hold first, or wait until somebody does.",
                )
            await session.commit()
        await self.shredded(scope, subject_ids)

    async def shredded(self, scope: Scope, subject_ids: Sequence[UUID]) -> None:
        """Enters those whose shredding was committed into the key mirror's list, where there is one."""
        if self._on_shred is not None and subject_ids:
            await asyncio.to_thread(self._on_shred, scope, subject_ids)

    async def pseudonyms(self, scope: Scope, subject_ids: Sequence[UUID]) -> list[str]:
        """How these people appear in the audit, for entries of other rooms. Who was erased has none any more."""
        owners = [Owner(scope.domain_id or scope.account_id, one) for one in subject_ids]
        async with self._database.session(scope) as session:
            keys = await session.run_sync(lambda sync: opening_keys(sync.connection(), self._root, owners))
        return pseudonyms(keys)

    async def shred_in(self, session: AsyncSession, subject_ids: Sequence[UUID], *, actor: Actor) -> list[UUID]:
        """`shred` for many, in the session's transaction, with one audit entry. Returns those under a legal hold: their
        keys stay. Call `shredded` for the others after the commit."""
        scope: Scope = session.info["scope"]
        home = scope.domain_id or scope.account_id
        connection = await session.connection()
        # Locked until the end: a hold that is placed meanwhile waits, and finds what was shredded.
        rows = await connection.execute(LOCK, {"home": home, "subjects": sorted(subject_ids)})
        held = [row.id for row in rows if row.hold]
        free = [subject for subject in subject_ids if subject not in set(held)]
        if not free:
            return held
        owners = [Owner(home, subject) for subject in free]
        keys = await session.run_sync(lambda sync: opening_keys(sync.connection(), self._root, owners))
        await self._audit.write(
            Entry(
                account_id=scope.account_id,
                actor=str(actor),
                action="vault.shred",
                object="subject",
                subject_refs=pseudonyms(keys),
            )
        )
        for statement in SHRED:
            await connection.execute(statement, {"home": home, "subjects": free, "account": scope.account_id})
        return held

    async def shred_account(self, session: AsyncSession, account_id: UUID) -> None:
        """Destroys every key of an account, in the transaction of a session of the system role. Safe to repeat."""
        connection = await session.connection()
        for statement in SHRED_ACCOUNT:
            await connection.execute(statement, {"account": account_id})

    async def _scope_of(self, row: SQLModel, session: AsyncSession | None) -> Scope:
        if session is not None:
            scope: Scope = session.info["scope"]
            return scope
        account_id: UUID | None = getattr(row, "account_id", None)
        key = next((name for name in ("domain_id", "home_id") if name in _primary_key(type(row))), None)
        home: UUID | None = getattr(row, key) if key else account_id
        if home is not None and home == account_id:
            return Scope(account_id)
        assert home is not None
        return await self._database.scope_of(home)


def _told(opened: Opened, values: int, keys: Mapping[Owner, OwnerKeys]) -> dict[str, Any]:
    """What an opening's entry says. `shut` are the pseudonyms of those of whom nothing could be opened."""
    shut = pseudonyms({owner: of for owner, of in keys.items() if owner not in opened.owners})
    said = {"values": values, "refused": opened.refused, "opened": opened.by_category()}
    return {**said, "shut": shut} if shut else said


def _primary_key(model: type[SQLModel]) -> frozenset[str]:
    return frozenset(column.name for column in model.__table__.primary_key)  # type: ignore[attr-defined]

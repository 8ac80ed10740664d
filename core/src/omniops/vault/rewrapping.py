"""A new version of an account's key: everything that hangs from the old one is wrapped anew, then the old one dies.

Nobody waits for it. Writers take the new version as soon as it is there, readers find either, and the keys move in
batches of one transaction each. A run that was killed is taken up by the next.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.root_keys import RootProvider
from omniops.database.service import Database
from omniops.errors import NotFound, NotReady
from omniops.vault.crypto import new_key, rehash, unwrap, wrap

BATCH = 5_000
WORKERS = 2
"""While the database writes one batch, this process wraps the next."""


@dataclass(slots=True)
class Renewed:
    """What was wrapped anew for one account, and how many keys and hashes are left on older versions: none."""

    version: int = 0
    keys: int = 0
    identifiers: int = 0
    left: int = 0


@dataclass(slots=True)
class _Walk:
    """One home's rows in the order of their keys, given out batch by batch to whoever is free."""

    home: UUID
    after: Any
    over: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


async def renew(database: Database, root: RootProvider, account_id: UUID) -> Renewed:
    """Gives an account a new key version and moves everything to it. Raises `NotFound`; `NotReady` where rows stay
    behind, which the next run moves."""
    async with database.system("vault: a new version of an account's key") as session:
        new, keys = await _begin(session, root, account_id)
        old = sorted(keys.keys() - {new})
        done = Renewed(new)
        homes = await _homes(session, account_id, old)
    if homes:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(WORKERS):
                    group.create_task(_work(database, account_id, homes, keys, new, done))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors
    async with database.system("vault: the end of an old version of an account's key") as session:
        connection = await session.connection()
        place = {"account": account_id, "old": old}
        await connection.execute(_LOCK, place)
        done.left = (await connection.execute(_LEFT, place)).scalar_one()
        if done.left:
            raise NotReady(f"{done.left} keys of account {account_id} still stand under an old version.")
        await connection.execute(
            text("delete from vault.account_key where account_id = :account and version = any(:old)"), place
        )
        await session.commit()
    return done


async def _begin(session: AsyncSession, root: RootProvider, account_id: UUID) -> tuple[int, dict[int, bytes]]:
    """The version to move to, and the keys of all versions. Waits for the transactions that write under the old one."""
    connection = await session.connection()
    rows = (await connection.execute(_VERSIONS, {"account": account_id})).all()
    if not rows:
        raise NotFound(f"There is no account {account_id}.")
    keys = {row.version: unwrap(row.wrapped, root.epoch_key(row.epoch)) for row in rows}
    new = rows[-1].version
    if len(rows) == 1:  # else a killed run left its work half done
        new, key, epoch = new + 1, new_key(), root.epoch()
        keys[new] = key
        await connection.execute(
            text("update vault.account_key set state = 'old' where account_id = :account"), {"account": account_id}
        )
        await connection.execute(
            text(
                "insert into vault.account_key (account_id, version, epoch, wrapped, state, created_at)"
                " values (:account, :version, :epoch, :wrapped, 'active', now())"
            ),
            {"account": account_id, "version": new, "epoch": epoch, "wrapped": wrap(key, root.epoch_key(epoch))},
        )
    await session.commit()
    return new, keys


async def _homes(session: AsyncSession, account_id: UUID, old: list[int]) -> list[tuple[_Walk, _Walk]]:
    connection = await session.connection()
    rows = await connection.execute(_HOMES, {"account": account_id, "old": old})
    return [(_Walk(row.home_id, (UUID(int=0), 0)), _Walk(row.home_id, UUID(int=0))) for row in rows]


async def _work(
    database: Database,
    account_id: UUID,
    homes: list[tuple[_Walk, _Walk]],
    keys: dict[int, bytes],
    new: int,
    done: Renewed,
) -> None:
    async with database.system("vault: keys are wrapped anew") as session:
        place = {"account": account_id, "old": sorted(keys.keys() - {new}), "new": new, "many": BATCH}
        for subjects, identifiers in homes:
            while not subjects.over:
                moved = await _move_keys(session, subjects, place, keys)
                done.keys += moved
            while not identifiers.over:
                moved = await _move_identifiers(session, identifiers, place, keys)
                done.identifiers += moved


async def _move_keys(session: AsyncSession, walk: _Walk, place: dict[str, Any], keys: dict[int, bytes]) -> int:
    connection = await session.connection()
    async with walk.lock:
        if walk.over:
            return 0
        subject, version = walk.after
        found = {**place, "home": walk.home, "subject": subject, "version": version}
        rows = (await connection.execute(_KEYS, found)).all()
        walk.over = len(rows) < BATCH
        if rows:
            walk.after = rows[-1].subject_id, rows[-1].version
    if rows:
        under = keys[place["new"]]
        moved = {
            "subjects": [row.subject_id for row in rows],
            "versions": [row.version for row in rows],
            "keys": [wrap(unwrap(row.wrapped, keys[row.account_key_version]), under) for row in rows],
            "peppers": [wrap(unwrap(row.pepper_wrapped, keys[row.account_key_version]), under) for row in rows],
        }
        await connection.execute(_MOVE_KEYS, {**place, "home": walk.home, **moved})
    await session.commit()
    return len(rows)


async def _move_identifiers(session: AsyncSession, walk: _Walk, place: dict[str, Any], keys: dict[int, bytes]) -> int:
    connection = await session.connection()
    async with walk.lock:
        if walk.over:
            return 0
        rows = (await connection.execute(_IDENTIFIERS, {**place, "home": walk.home, "after": walk.after})).all()
        walk.over = len(rows) < BATCH
        if rows:
            walk.after = rows[-1].row_id
    if rows:
        moved = {
            "rows": [row.row_id for row in rows],
            "kinds": [row.kind for row in rows],
            "hashes": [row.hash for row in rows],
            "others": [
                rehash(row.hash, row.kind, (walk.home, keys[row.account_key_version]), (walk.home, keys[place["new"]]))
                for row in rows
            ],
        }
        await connection.execute(_MOVE_IDENTIFIERS, {**place, "home": walk.home, **moved})
    await session.commit()
    return len(rows)


_VERSIONS = text(
    "select version, epoch, wrapped from vault.account_key where account_id = :account order by version for update"
)
_LOCK = text("select version from vault.account_key where account_id = :account and version = any(:old) for update")
_LEFT = text(
    "select (select count(*) from vault.subject_key where account_id = :account and account_key_version = any(:old)"
    " and wrapped is not null) + (select count(*) from vault.identifier where account_id = :account"
    " and account_key_version = any(:old))"
)
_HOMES = text(
    "select home_id from vault.subject_key where account_id = :account and account_key_version = any(:old)"
    " union select home_id from vault.identifier where account_id = :account and account_key_version = any(:old)"
)
# Nothing is locked to be read: a key that was shredded since is null, a look-up hash that was written anew is another,
# and then nothing is moved.
_KEYS = text(
    "select subject_id, version, account_key_version, wrapped, pepper_wrapped from vault.subject_key"
    " where home_id = :home and (subject_id, version) > (:subject, :version) and account_key_version = any(:old)"
    " and wrapped is not null order by subject_id, version limit :many"
)
_MOVE_KEYS = text(
    "update vault.subject_key k set wrapped = v.wrapped, pepper_wrapped = v.pepper, account_key_version = :new"
    " from unnest(cast(:subjects as uuid[]), cast(:versions as int[]), cast(:keys as bytea[]),"
    " cast(:peppers as bytea[])) as v(subject, version, wrapped, pepper)"
    " where k.home_id = :home and k.subject_id = v.subject and k.version = v.version and k.wrapped is not null"
)
_IDENTIFIERS = text(
    "select row_id, kind, hash, account_key_version from vault.identifier where home_id = :home and row_id >= :after"
    " and account_key_version = any(:old) order by row_id limit :many"
)
_MOVE_IDENTIFIERS = text(
    "update vault.identifier i set hash = v.other, account_key_version = :new"
    " from unnest(cast(:rows as uuid[]), cast(:kinds as text[]), cast(:hashes as bytea[]), cast(:others as bytea[]))"
    " as v(row_id, kind, hash, other)"
    " where i.home_id = :home and i.row_id = v.row_id and i.kind = v.kind and i.hash = v.hash"
)

"""The nights: what makes every older copy of the vault unreadable by itself.

Each night a new epoch key is made. Account keys are wrapped under it; an account that had a shred since gets a new
version, to which everything living moves. Epoch keys that have not been in use for some days are destroyed at the
provider: then no dump, base backup, log or replica from before leads to any key, wherever it lies.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import OPERATOR, Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.contracts.root_keys import RootProvider
from omniops.database.service import Database
from omniops.errors import NotReady, Refused
from omniops.jobs.service import MAINTENANCE, Jobs, Task
from omniops.vault.copies import VaultCopy
from omniops.vault.crypto import rehash, unwrap, wrap
from omniops.vault.mirror import Mirror, Shredded
from omniops.vault.resealing import left, new_keys, reseal, retire
from omniops.vault.rewrapping import renew

ALONE = "vault night"
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Night:
    """What one night did. `accounts` had their key wrapped under the new epoch; `renewed` got a new key version, to
    which `keys` and `identifiers` moved; `retired` keys of persons were destroyed after they had been replaced."""

    epoch: int
    addresses: int
    accounts: int
    renewed: int
    keys: int
    identifiers: int
    retired: int
    destroyed: tuple[int, ...]
    mirrored: bool


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation moved, and how much is left on the old version. `left` is counted afterwards and must be 0."""

    what: str
    moved: int
    left: int


class Nights:
    """The night, and rotations by hand. One of them runs at a time in a deployment; nobody else waits for them."""

    def __init__(
        self,
        database: Database,
        root: RootProvider,
        audit: Audit,
        jobs: Jobs,
        mirror: Mirror | None,
        days: int,
        clock: Clock,
        log: Log,
    ) -> None:
        self._database = database
        self._root = root
        self._audit = audit
        self._mirror = mirror
        self._days = days
        self._clock = clock
        self._log = log
        jobs.register(Task("vault:night", self._tick, queue=MAINTENANCE, cron="5 * * * *"))

    async def night(self) -> Night:
        """One night, now. A night that was killed is finished by the next. Raises `NotReady` while another one or a
        rotation runs, and `ConfigError` where the provider does not give its keys."""
        async with self._rotation() as session:
            epoch, addresses = await self._begin(session)
            retired = await self._retire(session)
            renewed = keys = identifiers = 0
            for account in await _with_dead_keys(session):
                done = await renew(self._database, self._root, account)
                renewed, keys = renewed + 1, keys + done.keys
                identifiers += done.identifiers
            accounts = await self._wrap_accounts(session, epoch)
            destroyed = await self._destroy(session)
            mirrored = await self._to_mirror(session)
            night = Night(epoch, addresses, accounts, renewed, keys, identifiers, retired, destroyed, mirrored)
            await self._audit.write(Entry(OPERATOR, "system:vault", "vault.night", "keys", detail=asdict(night)))
            return night

    def unreadable_from(self, erased_at: datetime) -> datetime:
        """From when on no copy of the database leads to the keys of somebody who was erased at `erased_at`."""
        return erased_at + timedelta(days=self._days + 1)

    async def rotate_root(self) -> Rotated:
        """Another root: every epoch key is wrapped under it, and the old one opens nothing that is kept."""
        async with self._rotation() as session:
            new = await asyncio.to_thread(self._root.prepare_rotation)
            connection = await session.connection()
            # Both fit while the rotation is under way, so that a process that starts meanwhile is not refused.
            await connection.execute(
                text("insert into vault.root (fingerprint, created_at) values (:new, now()) on conflict do nothing"),
                {"new": new},
            )
            await session.commit()
            moved = await asyncio.to_thread(self._root.rotate)
            connection = await session.connection()
            await connection.execute(text("delete from vault.root where fingerprint <> :new"), {"new": new})
            await session.commit()
            if self._mirror is not None:
                await asyncio.to_thread(self._mirror.keys)
            fits = self._root.fingerprint == new
            return await self._rotated(Rotated("root", moved, 0 if fits else len(self._root.epochs())))

    async def rotate_accounts(self) -> Rotated:
        """Another key for every account: the keys of its people and its look-up hashes move to it, no field does."""
        async with self._rotation() as session:
            moved = behind = 0
            for account in await _accounts(session):
                done = await renew(self._database, self._root, account)
                moved, behind = moved + done.keys + done.identifiers, behind + done.left
            return await self._rotated(Rotated("account", moved, behind))

    async def rotate_subjects(self, only: UUID | None = None) -> Rotated:
        """Another key for every person, or for one: all their fields are sealed anew. The old keys are destroyed by the
        next night, so that who has loaded a row can still open it."""
        async with self._rotation() as session:
            for account in await _accounts(session, of=only):
                await new_keys(session, self._root, account, [only] if only else None)
            moved = await reseal(session, self._root)
            behind = await left(session, self._root)
            return await self._rotated(Rotated("subject", moved, behind.total()))

    async def _rotated(self, rotated: Rotated) -> Rotated:
        entry = Entry(OPERATOR, "system:vault", "vault.rotate", rotated.what, detail=asdict(rotated))
        await self._audit.write(entry)
        return rotated

    @asynccontextmanager
    async def _rotation(self) -> AsyncIterator[AsyncSession]:
        """The deployment's only rotation or night, with a session that sees all accounts."""
        async with self._database.alone(ALONE) as alone:
            if not alone:
                raise NotReady("A night or a rotation of keys runs already.", do="Try again when it is through.")
            async with self._database.system("vault: keys are made anew") as session:
                yield session

    async def _tick(self) -> None:
        """Every hour: whether this day had its night. A night that an outage swallowed is made up for."""
        async with self._database.connect() as connection:
            last = (await connection.execute(text("select max(made_at) from vault.epoch"))).scalar_one()
        if last.date() >= self._clock.now().date():
            return
        try:
            night = await self.night()
        except NotReady as error:
            self._log.warning("vault.night_late", said=str(error))
            return
        self._log.info("vault.night", epoch=night.epoch, renewed=night.renewed, destroyed=len(night.destroyed))

    async def _begin(self, session: AsyncSession) -> tuple[int, int]:
        """The new epoch, with every member's address under it: in one transaction, so that sign-in never misses."""
        connection = await session.connection()
        before = (await connection.execute(text("select max(number) from vault.epoch"))).scalar_one()
        number = self._root.epoch()
        if number <= before:  # else a killed night made it already
            number = await asyncio.to_thread(self._root.make_epoch)
        now = {"now": self._clock.now()}
        await connection.execute(text("select pg_advisory_xact_lock(hashtext('omniops addresses'))"))
        rows = (await connection.execute(text("select hash from lookup where kind = 'member_address'"))).all()
        old, new = (None, self._root.epoch_key(before)), (None, self._root.epoch_key(number))
        moved = [{"old": row.hash, "new": rehash(row.hash, "email", old, new)} for row in rows]
        if moved:
            await connection.execute(
                text("update lookup set hash = :new where kind = 'member_address' and hash = :old"), moved
            )
        await connection.execute(text("update vault.epoch set ended_at = :now where ended_at is null"), now)
        await connection.execute(
            text("insert into vault.epoch (number, made_at) values (:number, :now)"), {**now, "number": number}
        )
        # An epoch that this database never used (a provider older than it) is nobody's: it goes with the others.
        for unused in set(self._root.epochs()) - {number}:
            await connection.execute(
                text(
                    "insert into vault.epoch (number, made_at, ended_at) values (:unused, :now, :now)"
                    " on conflict do nothing"
                ),
                {**now, "unused": unused},
            )
        await session.commit()
        return number, len(moved)

    async def _retire(self, session: AsyncSession) -> int:
        """Old keys of persons go as soon as nothing stands under them."""
        connection = await session.connection()
        rows = await connection.execute(text("select distinct account_id from vault.subject_key where state = 'old'"))
        accounts = [row.account_id for row in rows]
        if not accounts:
            return 0
        await reseal(session, self._root)
        behind = await left(session, self._root)
        for account, count in behind.items():
            self._log.error("vault.fields_left", account=str(account), fields=count)
        return sum([await retire(session, account) for account in accounts if account not in behind])

    async def _wrap_accounts(self, session: AsyncSession, epoch: int) -> int:
        moved = 0
        under = self._root.epoch_key(epoch)
        while True:
            connection = await session.connection()
            rows = (await connection.execute(_ACCOUNT_KEYS, {"epoch": epoch, "many": BATCH})).all()
            if not rows:
                return moved
            opened = {number: self._root.epoch_key(number) for number in {row.epoch for row in rows}}
            await connection.execute(
                text(
                    "update vault.account_key set wrapped = :wrapped, epoch = :epoch"
                    " where account_id = :account and version = :version"
                ),
                [
                    {
                        "account": row.account_id,
                        "version": row.version,
                        "epoch": epoch,
                        "wrapped": wrap(unwrap(row.wrapped, opened[row.epoch]), under),
                    }
                    for row in rows
                ],
            )
            await session.commit()
            moved += len(rows)

    async def _destroy(self, session: AsyncSession) -> tuple[int, ...]:
        connection = await session.connection()
        limit = {"limit": self._clock.now() - timedelta(days=self._days)}
        numbers = [row.number for row in await connection.execute(_ENDED, limit)]
        for number in numbers:
            await asyncio.to_thread(self._root.destroy_epoch, number)
            await connection.execute(
                text("update vault.epoch set destroyed_at = :now where number = :number"),
                {"now": self._clock.now(), "number": number},
            )
        await session.commit()
        return tuple(numbers)

    async def _to_mirror(self, session: AsyncSession) -> bool:
        if self._mirror is None:
            return False
        connection = await session.connection()
        rows = await connection.execute(text("select account_id, home_id, subject_id from vault.shred"))
        shreds = [Shredded(str(row.account_id), str(row.home_id), str(row.subject_id)) for row in rows]
        try:
            await asyncio.to_thread(self._mirror.night, VaultCopy(self._database.links.system), shreds)
        except (OSError, Refused) as error:
            self._log.error("mirror.failed", said=str(error))
            return False
        return True


async def _accounts(session: AsyncSession, of: UUID | None = None) -> list[UUID]:
    connection = await session.connection()
    statement = "select distinct account_id from vault.account_key"
    if of is not None:
        statement = "select distinct account_id from vault.subject_key where subject_id = :of and state = 'active'"
    found = [row.account_id for row in await connection.execute(text(statement), {"of": of} if of else {})]
    await session.commit()
    return found


async def _with_dead_keys(session: AsyncSession) -> list[UUID]:
    """Accounts whose active key still leads, in older copies, to a key that was destroyed; and those whose renewal a
    killed night left half done."""
    connection = await session.connection()
    found = [row.account_id for row in await connection.execute(_DEAD)]
    await session.commit()
    return found


_DEAD = text(
    "select a.account_id from vault.account_key a where a.state = 'active' and exists (select from vault.subject_key k"
    " where k.account_id = a.account_id and k.account_key_version = a.version and k.wrapped is null)"
    " union select account_id from vault.account_key where state = 'old'"
)
_ACCOUNT_KEYS = text(
    "select account_id, version, epoch, wrapped from vault.account_key where epoch <> :epoch"
    " order by account_id, version limit :many for no key update"
)
_ENDED = text(
    "select number from vault.epoch e where ended_at <= :limit and destroyed_at is null"
    " and not exists (select from vault.account_key a where a.epoch = e.number) order by number"
)

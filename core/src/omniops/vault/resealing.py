"""New keys for persons: every field that stands under an old key is sealed anew, then the old key can go.

No table is named. The marks say which columns are sealed, and for whom. A plugin that is switched off has no marks
here: of its tables every column of bytes is looked at, and a field that opens at its place is one. The first five bytes
of a field say under which version it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.root_keys import RootProvider
from omniops.database.marks import marks_of
from omniops.errors import Refused
from omniops.vault.crypto import associated, decrypt, encrypt, key_version, new_key, unwrap, wrap
from omniops.vault.keys import Owner, OwnerKeys, account_key, opening_keys

BATCH = 500
KEYS_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Swept:
    """Columns of one table that may hold fields under the key of the row's person, and under the business's own. `home`
    names the column of the row's domain or account."""

    table: str
    home: str
    personal: tuple[str, ...]
    secret: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.personal, *self.secret)))


@dataclass(frozen=True, slots=True)
class Field:
    """A value under an old key, in clear, and what it is to be sealed under."""

    account_id: UUID
    column: str
    home: UUID
    id: UUID
    raw: bytes
    clear: Any
    key: bytes
    version: int
    place: bytes

    def change(self) -> dict[str, Any]:
        new = encrypt(self.clear, self.key, self.version, self.place)
        return {"home": self.home, "id": self.id, "old": self.raw, "new": new}


async def new_keys(
    session: AsyncSession, root: RootProvider, account_id: UUID, only: Sequence[UUID] | None = None
) -> int:
    """The next version of the key of each person of an account (or of `only` those), with the same pepper; the one
    before becomes `old`. Whoever writes with it is waited for. Returns how many."""
    made = 0
    while True:
        connection = await session.connection()
        await connection.execute(
            text("select version from vault.account_key where account_id = :account for update"),
            {"account": account_id},
        )
        version, under = await session.run_sync(lambda sync: account_key(sync.connection(), root, account_id))
        rows = (
            await connection.execute(_NEXT, {"account": account_id, "under": version, "only": only, "many": KEYS_BATCH})
        ).all()
        if rows:
            await connection.execute(
                _MAKE,
                {
                    "account": account_id,
                    "under": version,
                    "homes": [row.home_id for row in rows],
                    "subjects": [row.subject_id for row in rows],
                    "versions": [row.version for row in rows],
                    "keys": [wrap(new_key(), under) for _ in rows],
                    "peppers": [wrap(unwrap(row.pepper_wrapped, under), under) for row in rows],
                },
            )
            made += len(rows)
        await session.commit()
        if len(rows) < KEYS_BATCH:
            return made


async def reseal(session: AsyncSession, root: RootProvider) -> int:
    """Seals every field anew that stands under an old key. Returns how many. Safe to repeat; a field that somebody
    writes meanwhile is left as written."""
    moved = 0
    async for swept, fields in _walk(session, root):
        connection = await session.connection()
        for column in swept.columns:
            changes = [field.change() for field in fields if field.column == column]
            if changes:
                await connection.execute(_update(swept, column), changes)
                moved += len(changes)
        await session.commit()
    return moved


async def left(session: AsyncSession, root: RootProvider) -> Counter[UUID]:
    """How many fields of each account open under an old key, and would be lost with it."""
    count: Counter[UUID] = Counter()
    async for _, fields in _walk(session, root):
        count.update(field.account_id for field in fields)
    return count


async def retire(session: AsyncSession, account_id: UUID) -> int:
    """Destroys the old keys of an account. The caller has seen that no field is left under them."""
    connection = await session.connection()
    done = await connection.execute(
        text(
            "update vault.subject_key set wrapped = null, pepper_wrapped = null, state = 'retired'"
            " where account_id = :account and state = 'old'"
        ),
        {"account": account_id},
    )
    await session.commit()
    return done.rowcount


async def _walk(session: AsyncSession, root: RootProvider) -> AsyncIterator[tuple[Swept, list[Field]]]:
    """Fields under old keys, some hundred rows of one table at a time."""
    for swept in await _tables(await session.connection()):
        statement = _old_rows(swept)
        after: tuple[UUID, UUID] | None = (UUID(int=0), UUID(int=0))
        while after is not None:
            connection = await session.connection()
            rows = (await connection.execute(statement, {"home": after[0], "id": after[1], "many": BATCH})).all()
            yield swept, await _fields(session, root, swept, rows)
            after = (rows[-1].home, rows[-1].id) if len(rows) == BATCH else None


async def _fields(session: AsyncSession, root: RootProvider, swept: Swept, rows: Sequence[Any]) -> list[Field]:
    persons = {Owner(row.home, row.subject) for row in rows if row.subject is not None}
    accounts = {Owner(row.account, row.account) for row in rows}
    keys = await session.run_sync(lambda sync: opening_keys(sync.connection(), root, persons | accounts))
    found = []
    for row in rows:
        account = Owner(row.account, row.account)
        for names, owner in ((swept.personal, Owner(row.home, row.subject)), (swept.secret, account)):
            if owner in keys:
                found += [
                    field for column in names if (field := _field(swept, column, row, owner, keys[owner])) is not None
                ]
    return found


def _field(swept: Swept, column: str, row: Any, owner: Owner, of_owner: OwnerKeys) -> Field | None:
    """The field, where it opens under an old key of its owner."""
    raw = getattr(row, column)
    place = associated(owner.home_id, swept.table, column, row.id, owner.subject_id)
    newest = max(of_owner.keys, default=0)
    try:
        version = 0 if raw is None else key_version(raw)
        if version == newest or version not in of_owner.keys:
            return None
        clear = decrypt(raw, of_owner.keys[version], place)
    except Refused:
        return None
    return Field(row.account, column, row.home, row.id, raw, clear, of_owner.keys[newest], newest, place)


async def _tables(connection: AsyncConnection) -> list[Swept]:
    found = []
    for row in await connection.execute(_TABLES):
        known = SQLModel.metadata.tables.get(row.name)
        personal = tuple(row.columns) if row.subject else ()
        secret = tuple(row.columns)
        if known is not None:
            kinds = {name: mark.kind for name, mark in marks_of(known).items()}
            personal = tuple(name for name in row.columns if kinds.get(name) == "personal")
            secret = tuple(name for name in row.columns if kinds.get(name) == "secret")
        if personal or secret:
            found.append(Swept(row.name, row.home, personal, secret))
    return found


def _old_rows(swept: Swept) -> Any:
    """The next rows with a field under an old version, in the order of their primary key."""
    account = "t.account_id"
    if swept.home != "account_id":
        account = (
            f"(select l.account_id from omniops.lookup l where l.kind = 'domain' and l.domain_id = t.{swept.home})"  # noqa: S608
        )
    tests = []
    if swept.personal:
        tests.append(f"k.home_id = t.{swept.home} and k.subject_id = t.subject_id and ({_versions(swept.personal)})")
    if swept.secret:
        tests.append(f"k.home_id = {account} and k.subject_id = k.home_id and ({_versions(swept.secret)})")
    old = " or ".join(f"exists (select from vault.subject_key k where k.state = 'old' and {test})" for test in tests)
    columns = ", ".join(f't."{column}"' for column in swept.columns)
    subject = "t.subject_id" if swept.personal else "cast(null as uuid)"
    return text(
        f"select t.id, t.{swept.home} as home, {account} as account, {subject} as subject, {columns}"  # noqa: S608
        f' from omniops."{swept.table}" t where (t.{swept.home}, t.id) > (:home, :id) and ({old})'
        f" order by t.{swept.home}, t.id limit :many"
    )


def _versions(columns: Sequence[str]) -> str:
    return " or ".join(
        f"substring(t.\"{column}\" from 1 for 5) = '\\x01'::bytea || int4send(k.version)" for column in columns
    )


def _update(swept: Swept, column: str) -> Any:
    return text(
        f'update omniops."{swept.table}" set "{column}" = :new'  # noqa: S608
        f' where {swept.home} = :home and id = :id and "{column}" = :old'
    )


_TABLES = text(
    "select c.relname as name, home.attname as home, max(subject.attname) as subject,"
    " array_agg(b.attname order by b.attnum) as columns from pg_class c"
    " join pg_attribute home on home.attrelid = c.oid and home.attname in ('home_id', 'domain_id', 'account_id')"
    " join pg_index i on i.indrelid = c.oid and i.indisprimary and home.attnum = any(i.indkey)"
    " join pg_attribute own on own.attrelid = c.oid and own.attname = 'id' and own.attnum = any(i.indkey)"
    " left join pg_attribute subject on subject.attrelid = c.oid and subject.attname = 'subject_id'"
    " join pg_attribute b on b.attrelid = c.oid and b.atttypid = 'bytea'::regtype and b.attnum > 0"
    " and not b.attisdropped"
    " where c.relnamespace = 'omniops'::regnamespace and c.relkind in ('r', 'p')"
    " group by c.relname, home.attname order by c.relname"
)
_NEXT = text(
    "select k.home_id, k.subject_id, k.version, k.pepper_wrapped from vault.subject_key k"
    " where k.account_id = :account and k.account_key_version = :under and k.state = 'active'"
    " and (cast(:only as uuid[]) is null or k.subject_id = any(cast(:only as uuid[])))"
    " and not exists (select from vault.subject_key o where o.home_id = k.home_id and o.subject_id = k.subject_id"
    " and o.state = 'old') order by k.home_id, k.subject_id limit :many"
)
_MAKE = text(
    "with given as (select * from unnest(cast(:homes as uuid[]), cast(:subjects as uuid[]), cast(:versions as int[]),"
    " cast(:keys as bytea[]), cast(:peppers as bytea[])) as v(home, subject, version, key, pepper)),"
    " before as (update vault.subject_key k set state = 'old' from given where k.home_id = given.home"
    " and k.subject_id = given.subject and k.version = given.version)"
    " insert into vault.subject_key (account_id, home_id, subject_id, version, account_key_version, wrapped,"
    " pepper_wrapped, state, created_at)"
    " select :account, home, subject, version + 1, :under, key, pepper, 'active', now() from given"
)

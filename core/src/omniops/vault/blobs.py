"""Files: sealed in chunks of a megabyte, never in clear on any disk, never a path.

A file has a key of its own, which lies sealed in its head under the key of the person it is about, or of the account.
The chunks are AES-256-GCM under the file's key; their associated data binds domain, file, number and whether it is the
last, so that none can be changed, moved, swapped or cut off.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.database.service import Database
from omniops.errors import NotFound, Refused, Rejected
from omniops.vault.blob_models import BlobChunk, OwnBlob, PersonalBlob
from omniops.vault.crypto import decrypt, encrypt, new_key
from omniops.vault.service import Vault

CHUNK = 2**20
LOOSE = timedelta(days=1)
"""How long a file may lie that no row needs, before the next file of its domain sweeps it away."""
_Head = type[OwnBlob] | type[PersonalBlob]


@dataclass(frozen=True, slots=True)
class Blob:
    """A file that was opened: what it is, and its bytes while they are asked for."""

    id: UUID
    name: str
    media_type: str
    size: int
    _pieces: AsyncIterator[bytes]

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Its bytes, once. Raises `Refused` (`tampered`) at a chunk that is not what was written, and `NotFound` where
        the file is deleted meanwhile."""
        return self._pieces

    async def whole(self) -> bytes:
        """All of it, in memory."""
        return b"".join([piece async for piece in self])


class Blobs:
    """The files of all domains.

    A new file is *loose*: nothing needs it yet. Whoever needs it calls `keep` in the transaction that writes the row
    which names it; a loose file goes after a day. So neither a kill nor a visitor who never sends leaves one behind.
    """

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def put(
        self,
        scope: Scope,
        data: bytes | AsyncIterable[bytes],
        *,
        name: str,
        media_type: str,
        most: int,
        subject_id: UUID | None = None,
        blob_id: UUID | None = None,
    ) -> UUID:
        """Seals a file under the key of `subject_id`, or of the account where the file is the business's own. `blob_id`
        is for a file that other rows name already: an import.

        No transaction and no connection is held while `data` comes in. Raises `Rejected` (`too_large`) as soon as more
        than `most` bytes came, and keeps nothing of it; `Refused` for a subject that was erased.
        """
        assert scope.domain_id is not None
        key = new_key()
        head = seal({"name": name, "type": media_type, "key": b64encode(key).decode()})
        row: OwnBlob | PersonalBlob = (
            OwnBlob(domain_id=scope.domain_id, id=blob_id or new_id(), head=head, created_at=self._clock.now())
            if subject_id is None
            else PersonalBlob(
                domain_id=scope.domain_id,
                id=blob_id or new_id(),
                subject_id=subject_id,
                head=head,
                created_at=self._clock.now(),
            )
        )
        await self._sweep(scope)
        async with self._database.session(scope) as session:
            session.add(row)
            await session.commit()
        try:
            size = await self._write(scope, row, key, _once(data) if isinstance(data, bytes) else data, most)
        except BaseException:
            await self.delete(scope, row.id)
            raise
        async with self._database.session(scope) as session:
            row.size = size
            session.add(row)
            await session.commit()
        return row.id

    async def keep(self, session: AsyncSession, blob_id: UUID, *, subject_id: UUID | None = None) -> None:
        """From now on a row needs the file; part of the session's transaction. Safe to repeat.

        With `subject_id` it must be that person's file, without it the business's own. Raises `NotFound`.
        """
        scope: Scope = session.info["scope"]
        model: _Head = OwnBlob if subject_id is None else PersonalBlob
        statement = update(model).where(
            col(model.domain_id) == scope.domain_id, col(model.id) == blob_id, col(model.size).is_not(None)
        )
        if subject_id is not None:
            statement = statement.where(col(PersonalBlob.subject_id) == subject_id)
        done = await (await session.connection()).execute(statement.values(kept_at=self._clock.now()))
        if not done.rowcount:
            raise NotFound("There is no such file.")

    async def read(self, scope: Scope, blob_id: UUID, *, purpose: str, actor: Actor) -> Blob:
        """Opens a file, with one decision and one entry in the access log. Raises `NotFound` and `Refused`."""
        row: OwnBlob | PersonalBlob | None = None
        async with self._database.session(scope) as session:
            for model in (PersonalBlob, OwnBlob):
                row = row or await session.get(model, (scope.domain_id, blob_id))
        if row is None or row.size is None:
            raise NotFound("There is no such file.")
        clear = await self._vault.open([row], purpose=purpose, actor=actor)
        head = clear(row.head)
        pieces = self._read(scope, row, b64decode(head["key"]), row.size)
        return Blob(row.id, head["name"], head["type"], row.size, pieces)

    async def delete(self, scope: Scope, blob_id: UUID, *, session: AsyncSession | None = None) -> None:
        """Deletes a file with its key and chunks, in the transaction of `session` if one is given. Safe to repeat."""
        if session is None:
            async with self._database.session(scope) as own:
                await self.delete(scope, blob_id, session=own)
                await own.commit()
            return
        connection = await session.connection()
        for model in (OwnBlob, PersonalBlob):
            await connection.execute(
                delete(model).where(col(model.domain_id) == scope.domain_id, col(model.id) == blob_id)
            )

    async def _write(
        self, scope: Scope, row: OwnBlob | PersonalBlob, key: bytes, data: AsyncIterable[bytes], most: int
    ) -> int:
        waiting, number, size = bytearray(), 0, 0
        async for piece in data:
            size += len(piece)
            if size > most:
                raise Rejected(
                    f"The file is larger than {_megabytes(most)}.",
                    code="too_large",
                    do="Send a smaller one, or divide it.",
                )
            waiting += piece
            # The last chunk is marked as such, so one is always held back.
            while len(waiting) > CHUNK:
                await self._chunk(scope, row, key, number, bytes(waiting[:CHUNK]), last=False)
                del waiting[:CHUNK]
                number += 1
        await self._chunk(scope, row, key, number, bytes(waiting), last=True)
        return size

    async def _chunk(
        self, scope: Scope, row: OwnBlob | PersonalBlob, key: bytes, number: int, clear: bytes, *, last: bool
    ) -> None:
        body = encrypt(clear, key, 1, _place(row, number, last=last))
        async with self._database.session(scope) as session:
            session.add(BlobChunk(domain_id=row.domain_id, number=number, body=body, **{_column(row): row.id}))
            await session.commit()

    async def _read(self, scope: Scope, row: OwnBlob | PersonalBlob, key: bytes, size: int) -> AsyncIterator[bytes]:
        column = col(getattr(BlobChunk, _column(row)))
        last = max(0, (size - 1) // CHUNK)
        for number in range(last + 1):
            async with self._database.session(scope) as session:
                statement = select(BlobChunk.body).where(
                    BlobChunk.domain_id == row.domain_id, column == row.id, BlobChunk.number == number
                )
                body = (await session.exec(statement)).first()
                if body is None and await session.get(type(row), (row.domain_id, row.id)) is None:
                    raise NotFound("The file was deleted.")
            if body is None:
                raise Refused("A piece of a file is missing.", reason="tampered")
            yield decrypt(body, key, _place(row, number, last=number == last))

    async def _sweep(self, scope: Scope) -> None:
        async with self._database.session(scope) as session:
            connection = await session.connection()
            for model in (OwnBlob, PersonalBlob):
                await connection.execute(
                    delete(model).where(
                        col(model.domain_id) == scope.domain_id,
                        col(model.kept_at).is_(None),
                        col(model.created_at) < self._clock.now() - LOOSE,
                    )
                )
            await session.commit()


def _column(row: OwnBlob | PersonalBlob) -> str:
    return "own_id" if isinstance(row, OwnBlob) else "personal_id"


def _place(row: OwnBlob | PersonalBlob, number: int, *, last: bool) -> bytes:
    return f"{row.domain_id}|blob|{row.id}|{number}|{'last' if last else 'more'}".encode()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _megabytes(size: int) -> str:
    return f"{size / 2**20:g} MiB"

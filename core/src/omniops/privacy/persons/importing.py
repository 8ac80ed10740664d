"""Reading an export back: the same rows, sealed anew, in a domain where the person is not known yet.

An export is a file that somebody held in hands: nothing in it is believed. What does not fit the columns' types is
refused, and a consent counts only where the caller vouches for the file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID
from zipfile import BadZipFile, ZipFile

from sqlalchemy import insert, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.scope import Scope
from omniops.contracts.sealed import seal
from omniops.database.service import Database
from omniops.errors import Rejected
from omniops.privacy.persons.encoding import SCOPE, exported, parsed
from omniops.privacy.persons.exporting import FORMAT
from omniops.privacy.persons.fields import FieldMap, Held
from omniops.vault.blob_models import PersonalBlob
from omniops.vault.blobs import CHUNK, Blobs
from omniops.vault.models import Subject
from omniops.vault.service import Vault

_LONGEST = 64 * 2**20
"""Bytes of one file of rows. An export makes files of 8 MiB and a row."""
_LARGEST = 2**30
_BATCH = 1000
_FILES = "files.json"


@dataclass(frozen=True, slots=True)
class Imported:
    """What came in: rows by table, and rows by table that belong to something of the business's that is not here."""

    subjects: tuple[UUID, ...]
    rows: Mapping[str, int]
    left_out: Mapping[str, int]


class Importing:
    """Reads exports."""

    def __init__(self, database: Database, vault: Vault, blobs: Blobs, fields: FieldMap) -> None:
        self._database = database
        self._vault = vault
        self._blobs = blobs
        self._fields = fields

    async def import_(self, scope: Scope, file: BinaryIO, *, consents: bool) -> Imported:
        """Stores an export's rows. Subjects and rows keep their ids. With `consents`, a yes of the person counts here
        as well; without, only what the person forbade does.

        Raises `Rejected`: `bad_export` for what is no export or does not fit, `exists` where the person is here.
        """
        if scope.domain_id is None:
            raise Rejected("An export is read into a website, not into an account.", code="no_domain")
        try:
            archive = ZipFile(file)
        except BadZipFile:
            raise _bad("This is no zip file.") from None
        manifest = _read(archive, "manifest.json")
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise _bad("This is no export of a person.", "manifest.json")
        subjects = _subjects(scope, _rows(_read(archive, "subjects.json")), consents=consents)
        tables = {held.name: held for held in await self._fields.of(scope) if held.model is not None}
        files = {entry["file"]: entry["table"] for entry in _rows(manifest.get("files"), "file", "table")}
        for table in files.values():
            if table not in tables:
                raise _bad("Nothing here has such a table.", table)
        await self._nobody_known(scope, subjects)
        blobs: list[_File] = []
        try:
            if _FILES in files:
                for row in _rows(_read(archive, _FILES)):
                    blobs.append(_file(row, subjects))
                    await self._put(scope, archive, blobs[-1])
            return await self._store(scope, archive, subjects, tables, files, blobs)
        except BaseException as error:
            for blob in blobs:
                await self._blobs.delete(scope, blob.id)
            if isinstance(error, IntegrityError):
                raise _bad("A row contradicts another one.") from None
            raise

    async def _nobody_known(self, scope: Scope, subjects: Sequence[Subject]) -> None:
        async with self._database.session(scope) as session:
            known = select(Subject.id).where(
                Subject.home_id == scope.domain_id, col(Subject.id).in_([subject.id for subject in subjects])
            )
            if (await session.exec(known)).first() is not None:
                raise Rejected("This person is known here already.", code="exists", where="subjects.json")

    async def _put(self, scope: Scope, archive: ZipFile, file: _File) -> None:
        await self._blobs.put(
            scope,
            _pieces(archive, f"files/{file.id}"),
            name=file.name,
            media_type=file.media_type,
            most=_LARGEST,
            subject_id=file.subject_id,
            blob_id=file.id,
        )

    async def _store(
        self,
        scope: Scope,
        archive: ZipFile,
        subjects: Sequence[Subject],
        tables: Mapping[str, Held],
        files: Mapping[str, str],
        blobs: Sequence[_File],
    ) -> Imported:
        """All rows in one transaction: a file that does not fit leaves nothing behind."""
        ids = {subject.id for subject in subjects}
        done: Counter[str] = Counter()
        left_out: Counter[str] = Counter()
        async with self._database.session(scope) as session:
            session.add_all(subjects)
            await session.flush()
            for blob in blobs:
                await self._keep(session, scope, blob)
            done[PersonalBlob.__tablename__] = len(blobs)
            for table, held in tables.items():
                for name in (name for name, of in files.items() if of == table and name != _FILES):
                    rows = _rows(_read(archive, name))
                    if any(field.kind == "secret" for field in held.fields):  # what is the business's own is in no copy
                        left_out[table] += len(rows)
                        continue
                    for start in range(0, len(rows), _BATCH):
                        batch = [_row(held, row, scope, ids) for row in rows[start : start + _BATCH]]
                        stored = await self._insert(session, scope, held, batch)
                        done[table] += stored
                        left_out[table] += len(batch) - stored
            await session.commit()
        return Imported(tuple(subject.id for subject in subjects), dict(+done), dict(+left_out))

    async def _insert(self, session: AsyncSession, scope: Scope, held: Held, rows: list[dict[str, Any]]) -> int:
        assert held.model is not None
        rows = await _whole(session, scope, held.model, rows)
        if rows:
            await self._vault.seal_rows(session, held.model, rows)
            await (await session.connection()).execute(insert(held.model), rows)
        return len(rows)

    async def _keep(self, session: AsyncSession, scope: Scope, file: _File) -> None:
        if file.kept:
            await self._blobs.keep(session, file.id, subject_id=file.subject_id)
        came = update(PersonalBlob).where(
            col(PersonalBlob.domain_id) == scope.domain_id, col(PersonalBlob.id) == file.id
        )
        await (await session.connection()).execute(came.values(created_at=file.created_at))


@dataclass(frozen=True, slots=True)
class _File:
    """A file as the export describes it."""

    id: UUID
    subject_id: UUID
    name: str
    media_type: str
    kept: bool
    created_at: datetime


def _file(row: Mapping[str, Any], subjects: Sequence[Subject]) -> _File:
    try:
        file = _File(
            id=UUID(row["id"]),
            subject_id=UUID(row["subject_id"]),
            name=str(row["name"]),
            media_type=str(row["media_type"]),
            kept=bool(row["kept"]),
            created_at=datetime.fromisoformat(row["created_at"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _bad("A file is not described.", _FILES) from None
    if file.subject_id not in {subject.id for subject in subjects}:
        raise _bad("A file is of somebody else.", _FILES)
    return file


def _subjects(scope: Scope, rows: Sequence[Mapping[str, Any]], *, consents: bool) -> list[Subject]:
    assert scope.domain_id is not None
    found = []
    for row in rows:
        try:
            states = {str(purpose): str(state) for purpose, state in row["consents"].items()}
            given: dict[str, Any] = {
                "id": UUID(row["id"]),
                "kind": str(row["kind"]),
                "consents": {purpose: state for purpose, state in states.items() if consents or state != "given"},
                "objections": [str(purpose) for purpose in row["objections"]],
                "opt_outs": [str(purpose) for purpose in row["opt_outs"]],
                "shut_for_age": [str(purpose) for purpose in row["shut_for_age"]],
                "sensitive_limited": bool(row["sensitive_limited"]),
                "restricted_at": datetime.fromisoformat(row["restricted_at"]) if row["restricted_at"] else None,
                "created_at": datetime.fromisoformat(row["created_at"]),
            }
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _bad("A person's state is incomplete.", "subjects.json") from None
        found.append(Subject(account_id=scope.account_id, home_id=scope.domain_id, **given))
    if not found:
        raise _bad("There is nobody in it.", "subjects.json")
    return found


def _row(held: Held, row: Mapping[str, Any], scope: Scope, subjects: set[UUID]) -> dict[str, Any]:
    """One row as its table takes it. Raises `Rejected`."""
    assert held.model is not None
    columns = {field.column: field for field in exported(held)}
    if set(row) != set(columns):
        raise _bad("A row has other columns than its table.", held.name)
    values: dict[str, Any] = {}
    for name, value in row.items():
        clear = parsed(held.model, name, value)
        values[name] = seal(clear) if columns[name].kind == "personal" and clear is not None else clear
    if values["subject_id"] not in subjects:
        raise _bad("A row is about somebody else.", held.name)
    place = {"domain_id": scope.domain_id, "home_id": scope.domain_id, "account_id": scope.account_id}
    return values | {name: place[name] for name in SCOPE if name in held.model.model_fields}


async def _whole(
    session: AsyncSession, scope: Scope, model: type[SQLModel], rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The rows whose references lead to something that is here."""
    table = model.__table__  # type: ignore[attr-defined]
    for key in table.foreign_key_constraints:
        column = next((name for name in key.column_keys if name not in SCOPE), None)
        if column is None or key.referred_table is table:
            continue
        wanted = {row[column] for row in rows if row[column] is not None}
        statement = text(f'select id from "{key.referred_table.name}" where domain_id = :d and id = any(:ids)')  # noqa: S608
        connection = await session.connection()
        there = set((await connection.execute(statement, {"d": scope.domain_id, "ids": list(wanted)})).scalars())
        rows = [row for row in rows if row[column] is None or row[column] in there]
    return rows


def _read(archive: ZipFile, name: str) -> Any:
    try:
        if archive.getinfo(name).file_size > _LONGEST:
            raise _bad("A file is too large.", name)
        with archive.open(name) as file:
            raw = file.read(_LONGEST + 1)
        if len(raw) > _LONGEST:
            raise _bad("A file is too large.", name)
        return json.loads(raw)
    except KeyError:
        raise _bad("A file is missing.", name) from None
    except (BadZipFile, ValueError, RecursionError, NotImplementedError, EOFError):
        raise _bad("A file cannot be read.", name) from None


async def _pieces(archive: ZipFile, name: str) -> AsyncIterator[bytes]:
    try:
        with archive.open(name) as file:
            while piece := file.read(CHUNK):
                yield piece
    except (KeyError, BadZipFile, EOFError):
        raise _bad("A file cannot be read.", name) from None


def _rows(value: Any, *needs: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(
        isinstance(row, dict) and all(isinstance(row.get(name), str) for name in needs) for row in value
    ):
        raise _bad("It holds no list of rows.")
    return value


def _bad(message: str, where: str | None = None) -> Rejected:
    return Rejected(message, code="bad_export", where=where, do="Take an export as it was made.")

"""A copy of everything that is held of a person (Art. 15(3), 20 GDPR), as it is read: constant memory, and nothing in
clear on any disk.

The zip holds `data/TABLE.json` and `data/TABLE.csv` (`TABLE-2.json` and so on where there is much), files as they were
sent under `files/`, what stores outside answered under `outside/`, `schema.json`, and at the end `manifest.json`, which
lists what is in it and what is not, with the reason.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlmodel import SQLModel

from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.errors import NotFound, Refused
from omniops.privacy.fields import Field
from omniops.privacy.persons.archive import Archive
from omniops.privacy.persons.encoding import HIDDEN, exported, plain, schema
from omniops.privacy.persons.encoding import cell as csv_cell
from omniops.privacy.persons.fields import FieldMap, Held
from omniops.privacy.persons.people import PURPOSE, People
from omniops.privacy.persons.stores import Stores
from omniops.vault.blob_models import PersonalBlob
from omniops.vault.blobs import Blobs
from omniops.vault.models import Subject

FORMAT = "omniops-person-1"
MEDIA_TYPE = "application/vnd.omniops.person+zip"
"""Type of an export that is kept as a file of the person: the next export leaves it out. No upload gets this type."""
_ROWS, _BYTES = 10_000, 8 * 2**20
"""Most of one file: what is in memory at once. Files that people can open, too."""
STATE = (
    "id",
    "kind",
    "consents",
    "objections",
    "opt_outs",
    "shut_for_age",
    "sensitive_limited",
    "restricted_at",
    "created_at",
)


@dataclass(slots=True)
class _Manifest:
    """What an export holds. `left_out` counts values and files that it does not hold, by place and reason."""

    subjects: list[str]
    made_at: str
    files: list[dict[str, Any]] = field(default_factory=list)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        left_out = [{"place": p, "reason": r, "count": n} for (p, r), n in sorted(self.left_out.items())]
        return {
            "format": FORMAT,
            "subjects": self.subjects,
            "made_at": self.made_at,
            "files": self.files,
            "left_out": left_out,
        }


class Exporting:
    """Makes exports."""

    def __init__(self, people: People, fields: FieldMap, blobs: Blobs, stores: Stores, clock: Clock) -> None:
        self._people = people
        self._fields = fields
        self._blobs = blobs
        self._stores = stores
        self._clock = clock

    async def export(
        self, scope: Scope, subjects: Sequence[Subject], *, actor: Actor, beside: Mapping[str, bytes] | None = None
    ) -> AsyncIterator[bytes]:
        """The zip, in pieces, with the files `beside` in it. Raises `NotFound` where the person is erased meanwhile."""
        ids = [subject.id for subject in subjects]
        tables = await self._fields.of(scope)
        archive = Archive()
        manifest = _Manifest([str(one) for one in ids], self._clock.now().isoformat())
        yield await archive.add("schema.json", _json(schema(tables)))
        yield await archive.add("subjects.json", _json([_state(subject) for subject in subjects]))
        for held in tables:
            if held.model is None:
                if count := await self._people.count(scope, held, ids):
                    manifest.left_out[held.name, "its plugin is not loaded"] += count
            elif held.model is PersonalBlob:
                async for piece in self._files(scope, held, ids, archive, manifest, actor):
                    yield piece
            else:
                async for piece in self._table(scope, held, ids, archive, manifest, actor):
                    yield piece
        async for piece in self._outside(scope, ids, archive, manifest, actor):
            yield piece
        for name, content in (beside or {}).items():
            yield await archive.add(name, content)
        yield await archive.add("manifest.json", _json(manifest.to_json()))
        yield archive.close()

    async def _table(
        self, scope: Scope, held: Held, ids: Sequence[UUID], archive: Archive, manifest: _Manifest, actor: Actor
    ) -> AsyncIterator[bytes]:
        columns, number = exported(held), 0
        hidden = [field.column for field in held.fields if field.category in HIDDEN]
        part = _Part(columns)
        async for rows in self._people.rows(scope, held, ids):
            clear = await self._people.open(scope, rows, actor=actor) if held.personal else None
            for row in rows:
                part.add([_value(row, field, clear, manifest) for field in columns])
                for column in hidden:
                    manifest.left_out[f"{held.name}.{column}", "others could use it"] += 1
                if part.full:
                    number += 1
                    yield await self._part(held, part, number, archive, manifest)
                    part = _Part(columns)
        if part.rows:
            yield await self._part(held, part, number + 1, archive, manifest)

    async def _part(self, held: Held, part: _Part, number: int, archive: Archive, manifest: _Manifest) -> bytes:
        name = f"data/{held.name}" + (f"-{number}" if number > 1 else "")
        manifest.files.append({"table": held.name, "file": f"{name}.json", "rows": part.rows})
        return await archive.add(f"{name}.json", part.json()) + await archive.add(f"{name}.csv", part.csv())

    async def _files(
        self, scope: Scope, held: Held, ids: Sequence[UUID], archive: Archive, manifest: _Manifest, actor: Actor
    ) -> AsyncIterator[bytes]:
        described: list[dict[str, Any]] = []
        async for rows in self._people.rows(scope, held, ids):
            for row in rows:
                if row.size is None:  # still being written
                    continue
                try:
                    blob = await self._blobs.read(scope, row.id, purpose=PURPOSE, actor=actor)
                except (NotFound, Refused) as error:
                    manifest.left_out[f"files/{row.id}", _reason(error)] += 1
                    continue
                if blob.media_type == MEDIA_TYPE:
                    continue
                described.append(
                    {
                        "id": str(row.id),
                        "subject_id": str(row.subject_id),
                        "name": blob.name,
                        "media_type": blob.media_type,
                        "size": blob.size,
                        "kept": row.kept_at is not None,
                        "created_at": row.created_at.isoformat(),
                    }
                )
                async for piece in archive.stream(f"files/{row.id}", aiter(blob)):
                    yield piece
        if described:
            manifest.files.append({"table": held.name, "file": "files.json", "rows": len(described)})
            yield await archive.add("files.json", _json(described))

    async def _outside(
        self, scope: Scope, ids: Sequence[UUID], archive: Archive, manifest: _Manifest, actor: Actor
    ) -> AsyncIterator[bytes]:
        outside = await self._stores.of(scope)
        if not outside:
            return
        person = await self._people.person(scope, ids, actor=actor)
        for one in outside:
            answer = await self._stores.ask(one, "export", person)
            if answer.state in ("refused", "failed"):
                manifest.left_out[f"outside/{one.key}", answer.code] += 1
            said = {"store": one.key, "title": one.store.title, "state": answer.state, "data": answer.data}
            yield await archive.add(f"outside/{one.key}.json", _json(said))


class _Part:
    """Rows of one table, until they fill a file."""

    def __init__(self, columns: Sequence[Field]) -> None:
        self._names = [field.column for field in columns]
        self._lines: list[str] = []
        self._table = io.StringIO()
        self._csv = csv.writer(self._table)
        self._csv.writerow(self._names)
        self._size = 0

    @property
    def rows(self) -> int:
        return len(self._lines)

    @property
    def full(self) -> bool:
        return self.rows >= _ROWS or self._size >= _BYTES

    def add(self, values: Sequence[Any]) -> None:
        line = json.dumps(dict(zip(self._names, values, strict=True)), ensure_ascii=False, separators=(",", ":"))
        self._size += len(line)
        self._lines.append(line)
        self._csv.writerow([csv_cell(value) for value in values])

    def json(self) -> bytes:
        return ("[\n" + ",\n".join(self._lines) + "\n]\n").encode()

    def csv(self) -> bytes:
        return self._table.getvalue().encode()


def _value(row: SQLModel, one: Field, clear: Any, manifest: _Manifest) -> Any:
    value = getattr(row, one.column)
    if one.kind == "personal":
        try:
            value = clear(value)
        except Refused as error:
            if error.reason == "erased":
                raise NotFound("This person was erased meanwhile.") from None
            manifest.left_out[f"{one.table}.{one.column}", error.reason] += 1
            return None
    return plain(value)


def _state(subject: Subject) -> dict[str, Any]:
    return {name: plain(getattr(subject, name)) for name in STATE}


def _reason(error: NotFound | Refused) -> str:
    return error.reason if isinstance(error, Refused) else "deleted meanwhile"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str).encode() + b"\n"

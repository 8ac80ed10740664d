"""Documents: files that members upload, and pages that they paste. Read in a child process, kept under seal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import Rejected
from omniops.jobs.service import Jobs, scope_argument
from omniops.knowledge.formats import MEDIA_TYPES, MOST_BYTES, Format, format_of
from omniops.knowledge.models import Document, Page, Passage
from omniops.knowledge.reading import FileReader
from omniops.knowledge.store import PassageRows
from omniops.knowledge.written import checked_link, checked_text, new_page, own_page, own_pages
from omniops.vault.blobs import Blob, Blobs

LONGEST_NAME = 200
PURPOSE = "knowledge.manage"


@dataclass(frozen=True, slots=True)
class DocumentOut:
    """A document as the API shows it. `link` is where its citations lead; empty, they name it and lead nowhere."""

    id: UUID
    name: str
    format: str
    size: int
    link: str
    passages: int
    created_at: datetime
    changed_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "name": self.name,
            "format": self.format,
            "size": self.size,
            "link": self.link or None,
            "passages": self.passages,
            "created_at": self.created_at.isoformat(),
            "changed_at": self.changed_at.isoformat(),
        }


class Documents:
    """The documents of all domains."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        blobs: Blobs,
        jobs: Jobs,
        rows: PassageRows,
        files: FileReader,
        clock: Clock,
    ) -> None:
        self._database = database
        self._audit = audit
        self._blobs = blobs
        self._jobs = jobs
        self._rows = rows
        self._clock = clock
        self._files = files

    async def all(self, scope: Scope) -> list[DocumentOut]:
        """Newest first."""
        async with self._database.session(scope) as session:
            pages = await own_pages(session, "document")
            found = await session.exec(select(Document).where(Document.domain_id == scope.domain_id))
            documents = {document.id: document for document in found.all()}
            counted = await session.exec(
                select(Passage.page_id).where(
                    Passage.domain_id == scope.domain_id, col(Passage.page_id).in_([page.id for page in pages])
                )
            )
            passages = counted.all()
        return [_out(page, documents[page.id], passages.count(page.id)) for page in pages]

    async def get(self, scope: Scope, document_id: UUID) -> DocumentOut:
        """Raises `NotFound`."""
        async with self._database.session(scope) as session:
            page = await own_page(session, "document", document_id)
            document = await session.get_one(Document, (scope.domain_id, document_id))
            statement = select(Passage.id).where(Passage.domain_id == scope.domain_id, Passage.page_id == page.id)
            return _out(page, document, len((await session.exec(statement)).all()))

    async def add(self, scope: Scope, data: bytes, name: str, link: str | None = None, *, actor: Actor) -> DocumentOut:
        """Reads a file and makes it answerable; its words are found when this returns, its meaning when a job has
        encoded it. The name's ending says its format.

        Raises `Rejected` for a file that cannot be read, with what is wrong with it; then nothing is kept of it.
        """
        name, where = _checked_name(name), checked_link(link)
        return await self._put(scope, None, data, name, format_of(name), where, actor=actor)

    async def paste(self, scope: Scope, text: str, title: str, link: str | None = None, *, actor: Actor) -> DocumentOut:
        """A page written by hand, as Markdown or plain text. Raises as `add` does."""
        title, where = checked_text(title, "title", most=LONGEST_NAME), checked_link(link)
        return await self._put(scope, None, text.encode(), title, "markdown", where, actor=actor)

    async def replace(self, scope: Scope, document_id: UUID, data: bytes, *, actor: Actor) -> DocumentOut:
        """Puts another state of the file in the place of the one that is there; what it still says stays as it is.
        Raises as `add` does, and `NotFound`."""
        known = await self.get(scope, document_id)
        kind: Format = known.format  # type: ignore[assignment]  # written by `_put` alone
        return await self._put(scope, document_id, data, known.name, kind, known.link, actor=actor)

    async def file(self, scope: Scope, document_id: UUID, *, actor: Actor) -> Blob:
        """The file itself. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            await own_page(session, "document", document_id)
            document = await session.get_one(Document, (scope.domain_id, document_id))
        return await self._blobs.read(scope, document.blob_id, purpose=PURPOSE, actor=actor)

    async def delete(self, scope: Scope, document_id: UUID, *, actor: Actor) -> None:
        """Deletes the file and what was read of it; it is cited no more when this returns. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            page = await own_page(session, "document", document_id)
            document = await session.get_one(Document, (scope.domain_id, document_id))
            await session.delete(page)
            await session.flush()
            await self._blobs.delete(scope, document.blob_id, session=session)
            await self._rows.bump(session, scope)
            await session.commit()
        await self._audit.write(Entry(scope.account_id, str(actor), "document.delete", "document"))

    async def _put(
        self, scope: Scope, document_id: UUID | None, data: bytes, name: str, kind: Format, link: str, *, actor: Actor
    ) -> DocumentOut:
        if len(data) > MOST_BYTES:
            raise Rejected(f"{name!r} is larger than {MOST_BYTES // 2**20} MiB.", code="too_large", do="Divide it.")
        reading = await self._files.read(data, name, kind)
        blob_id = await self._blobs.put(scope, data, name=name, media_type=MEDIA_TYPES[kind], most=MOST_BYTES)
        async with self._database.session(scope) as session:
            old: UUID | None = None
            if document_id is None:
                page = await new_page(session, self._clock, "document", new_id(), name, link)
                document = Document(domain_id=page.domain_id, id=page.id, blob_id=blob_id, kind=kind, size=len(data))
            else:
                page = await own_page(session, "document", document_id)
                document = await session.get_one(Document, (scope.domain_id, document_id))
                old, document.blob_id, document.size = document.blob_id, blob_id, len(data)
                page.read_at = self._clock.now()
            page.language = reading.language
            session.add_all([page, document])
            await session.flush()
            await self._rows.replace(session, scope, [(page, reading.pieces)])
            await self._blobs.keep(session, blob_id)
            if old is not None:
                await self._blobs.delete(scope, old, session=session)
            await self._rows.bump(session, scope)
            await self._jobs.enqueue(
                session, "knowledge:encode", unique=f"encode:{scope.domain_id}", domain_id=scope_argument(scope)
            )
            await session.commit()
        action = "document.add" if document_id is None else "document.replace"
        await self._audit.write(Entry(scope.account_id, str(actor), action, "document"))
        return await self.get(scope, page.id)


def _checked_name(name: str) -> str:
    """A file's name without folders that a browser may have left in front of it."""
    return PurePosixPath(checked_text(name, "name", most=LONGEST_NAME).replace("\\", "/")).name


def _out(page: Page, document: Document, passages: int) -> DocumentOut:
    return DocumentOut(
        page.id,
        page.title,
        document.kind,
        document.size,
        page.link or "",
        passages,
        page.found_at,
        page.read_at or page.found_at,
    )

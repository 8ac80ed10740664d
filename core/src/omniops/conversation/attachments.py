"""Files in conversations: taken by what their first bytes say, sealed, given back as downloads, never opened here.

Nothing is unpacked, decoded or run, so an archive or picture that claims to be huge inside is just its own bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import DomainView
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.cleaning import clean_name
from omniops.conversation.messages import append, open_
from omniops.conversation.models import Attachment, Conversation
from omniops.conversation.redaction.cards import mask_cards
from omniops.conversation.visitors import Visitor, check_identity
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.vault.blobs import Blob, Blobs
from omniops.vault.service import Vault

HEAD = 4096
"""Bytes that are looked at."""
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypheic", "image/heic"),
    (0, b"%PDF-", "application/pdf"),
)
_ENDINGS = {
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "image/heic": (".heic",),
    "application/pdf": (".pdf",),
    "text/plain": (".txt", ".log", ".md", ".csv"),
}


@dataclass(frozen=True, slots=True)
class AttachmentView:
    """A file without its bytes."""

    id: UUID
    conversation_id: UUID
    name: str
    media_type: str
    size: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A file whose bytes are stored already; `name` in clear."""

    blob_id: UUID
    name: str
    media_type: str
    size: int


class Attachments:
    """Takes files in and gives them back."""

    def __init__(self, database: Database, vault: Vault, blobs: Blobs, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._blobs = blobs
        self._clock = clock

    async def take(self, visitor: Visitor, domain: DomainView, name: str, data: AsyncIterator[bytes]) -> AttachmentView:
        """Stores a file of the visitor's current conversation and tells of it there.

        Raises `Rejected` for a file that is empty, too large, one too many, or of no kind that is taken.
        """
        check_identity(visitor, domain)
        scope = visitor.scope
        async with self._database.session(scope) as session:
            await self._room_left(session, await open_(session, scope, visitor.conversation_id), domain)
        sealed = await self.sealed(scope, visitor.subject_id, domain, name, data)
        async with self._database.session(scope) as session:
            conversation = await open_(session, scope, visitor.conversation_id)
            row = await self.enter(session, conversation, domain, sealed)
            await append(
                session,
                conversation,
                author="visitor",
                text=sealed.name,
                parts=[file_part(row, sealed.name)],
                event="attachment",
                at=self._clock.now(),
            )
            await session.commit()
        return _viewed(row, sealed.name)

    async def add(
        self, scope: Scope, conversation_id: UUID, domain: DomainView, name: str, data: AsyncIterator[bytes]
    ) -> AttachmentView:
        """Stores a file that a member wants to send in a conversation. Its visitor sees it with the reply that names
        it. Raises `NotFound`, and `Rejected` as `take` does."""
        async with self._database.session(scope) as session:
            conversation = await open_(session, scope, conversation_id)
            await self._room_left(session, conversation, domain)
            subject_id = conversation.subject_id
        sealed = await self.sealed(scope, subject_id, domain, name, data)
        async with self._database.session(scope) as session:
            row = await self.enter(session, await open_(session, scope, conversation_id), domain, sealed)
            await session.commit()
        return _viewed(row, sealed.name)

    async def sealed(
        self, scope: Scope, subject_id: UUID, domain: DomainView, name: str, data: AsyncIterator[bytes]
    ) -> SealedFile:
        """Looks at a file and seals it under a person's key; no row needs it yet. Raises `Rejected`."""
        _takes_files(domain)
        head, rest = await _headed(data)
        media_type = sniffed(head)
        name = named(name, media_type)
        size = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for piece in rest:
                size += len(piece)
                yield piece

        blob_id = await self._blobs.put(
            scope,
            counted(),
            name=name,
            media_type=media_type,
            most=domain.settings.attachment_bytes,
            subject_id=subject_id,
        )
        return SealedFile(blob_id, name, media_type, size)

    async def enter(
        self, session: AsyncSession, conversation: Conversation, domain: DomainView, file: SealedFile
    ) -> Attachment:
        """The row of a file in a locked conversation, in the session's transaction. Raises `Rejected` for one too
        many."""
        await self._room_left(session, conversation, domain)
        await self._blobs.keep(session, file.blob_id, subject_id=conversation.subject_id)
        row = Attachment(
            domain_id=conversation.domain_id,
            id=new_id(),
            subject_id=conversation.subject_id,
            conversation_id=conversation.id,
            blob_id=file.blob_id,
            name=seal(file.name),
            media_type=file.media_type,
            size=file.size,
            created_at=self._clock.now(),
        )
        session.add(row)
        return row

    async def own(self, visitor: Visitor, attachment_id: UUID) -> Blob:
        """A file of the visitor's own. Raises `NotFound`."""
        row = await self._row(visitor.scope, attachment_id)
        if row.subject_id not in visitor.subjects:
            raise NotFound("There is no such file.")
        return await self._blobs.read(visitor.scope, row.blob_id, purpose="chat.serve", actor=visitor.actor)

    async def all(self, scope: Scope, conversation_id: UUID, *, actor: Actor) -> Sequence[AttachmentView]:
        """The files of a conversation, for a person who may read it."""
        async with self._database.session(scope) as session:
            if await session.get(Conversation, (scope.domain_id, conversation_id)) is None:
                raise NotFound("There is no such conversation.")
            statement = (
                select(Attachment)
                .where(Attachment.domain_id == scope.domain_id, Attachment.conversation_id == conversation_id)
                .order_by(col(Attachment.id))
            )
            rows = (await session.exec(statement)).all()
        opened = await self._vault.open(rows, purpose="support.provide", actor=actor)
        return [
            AttachmentView(r.id, r.conversation_id, opened(r.name, otherwise=""), r.media_type, r.size, r.created_at)
            for r in rows
        ]

    async def read(self, scope: Scope, attachment_id: UUID, *, actor: Actor) -> Blob:
        """A file, for a person who may read the conversation. Raises `NotFound`."""
        row = await self._row(scope, attachment_id)
        return await self._blobs.read(scope, row.blob_id, purpose="support.provide", actor=actor)

    async def _row(self, scope: Scope, attachment_id: UUID) -> Attachment:
        async with self._database.session(scope) as session:
            row = await session.get(Attachment, (scope.domain_id, attachment_id))
        if row is None:
            raise NotFound("There is no such file.")
        return row

    async def _room_left(self, session: AsyncSession, conversation: Conversation, domain: DomainView) -> None:
        """Raises `Rejected` when a locked conversation holds its most files."""
        _takes_files(domain)
        statement = (
            select(func.count())
            .select_from(Attachment)
            .where(Attachment.domain_id == conversation.domain_id, Attachment.conversation_id == conversation.id)
        )
        if (await session.exec(statement)).one() >= domain.settings.attachment_count:
            raise Rejected(
                f"This conversation holds {domain.settings.attachment_count} files, which is the limit.",
                code="too_many_files",
            )


def _takes_files(domain: DomainView) -> None:
    if not domain.settings.attachment_bytes or not domain.settings.attachment_count:
        raise Rejected("This chat takes no files.", code="no_files")


def file_part(row: Attachment, name: str) -> dict[str, Any]:
    """A file as a part of the message that it came with."""
    return {"type": "file", "id": str(row.id), "name": name, "media_type": row.media_type, "size": row.size}


def _viewed(row: Attachment, name: str) -> AttachmentView:
    return AttachmentView(row.id, row.conversation_id, name, row.media_type, row.size, row.created_at)


def sniffed(head: bytes) -> str:
    """The media type that a file's first bytes tell; its name and what the sender says count for nothing. Raises
    `Rejected` for whatever is not on the list."""
    for start, magic, media_type in _MAGIC:
        if head[start : start + len(magic)] == magic and (media_type != "image/webp" or head[:4] == b"RIFF"):
            return media_type
    if not head:
        raise Rejected("The file is empty.", code="empty")
    if _is_text(head):
        return "text/plain"
    raise Rejected(
        "Files of this kind are not taken.",
        code="file_type",
        do="Send a PNG, JPEG, GIF, WebP or HEIC picture, a PDF or plain text.",
    )


def named(name: str, media_type: str) -> str:
    """A clean name whose ending tells what the file is: `bill.exe` that is a picture becomes `bill.exe.png`."""
    name, endings = mask_cards(clean_name(name)), _ENDINGS[media_type]
    return name if name.lower().endswith(endings) else clean_name(name + endings[0])


def _is_text(head: bytes) -> bool:
    if any(byte < 0x20 and byte not in b"\t\n\r\f" for byte in head):
        return False
    for cut in range(4):  # the last character may go on behind what is looked at
        try:
            head[: len(head) - cut].decode()
        except UnicodeDecodeError:
            continue
        return cut == 0 or len(head) >= HEAD
    return False


async def _headed(data: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]]:
    """The first bytes, and all of it from the start."""
    seen = bytearray()
    async for piece in data:
        seen += piece
        if len(seen) >= HEAD:
            break

    async def whole() -> AsyncIterator[bytes]:
        yield bytes(seen)
        async for piece in data:
            yield piece

    return bytes(seen[:HEAD]), whole()

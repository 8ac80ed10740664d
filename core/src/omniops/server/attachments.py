"""Files of conversations: taken as a raw body, given back as downloads that no browser runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from omniops.server.idempotency import Idempotent
from omniops.server.limits import WritingVisitor
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, CurrentVisitor, DomainAccess, RequiresDomain
from omniops.server.visitor_shapes import Attachment
from omniops.vault.blobs import Blob

router = APIRouter(prefix="/v1", route_class=Idempotent)
BYTES = 20 * 2**20
"""The most that any domain can allow."""
_BINARY: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
DOWNLOAD: dict[int | str, dict[str, Any]] = {200: {"description": "The file's bytes.", "content": _BINARY}}
Reads = Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))]
Replies = Annotated[DomainAccess, Depends(RequiresDomain("conversation.reply"))]


def download(blob: Blob) -> StreamingResponse:
    """A file that is saved, never shown: no type is guessed, and in a sandbox without origin, scripts or network."""
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(blob.name, safe='')}",
        "Content-Length": str(blob.size),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return StreamingResponse(aiter(blob), headers=headers, media_type="application/octet-stream")


@router.post(
    "/visitor/attachments",
    status_code=201,
    tags=["visitor"],
    responses=fails(409),
    openapi_extra={"requestBody": {"required": True, "content": _BINARY}},
)
async def upload(
    request: Request,
    runtime: App,
    visitor: WritingVisitor,
    name: Annotated[str, Query(min_length=1, max_length=255, examples=["receipt.pdf"])],
) -> Attachment:
    """Sends a file into the current conversation: the body is its bytes. What it is, its first bytes say: PNG, JPEG,
    GIF, WebP, HEIC, PDF or plain text."""
    domain = await runtime.accounts.domain(visitor.scope)
    view = await runtime.visiting.attachments.take(visitor, domain, name, request.stream())
    return Attachment.model_validate(asdict(view))


@router.get(
    "/visitor/attachments/{attachment_id}", tags=["visitor"], response_class=StreamingResponse, responses=DOWNLOAD
)
async def own(runtime: App, visitor: CurrentVisitor, attachment_id: UUID) -> StreamingResponse:
    """A file that the visitor sent, as a download."""
    return download(await runtime.visiting.attachments.own(visitor, attachment_id))


@router.get(
    "/domains/{domain_id}/conversations/{conversation_id}/attachments",
    tags=["business"],
    response_model=Page[Attachment],
)
async def listed(runtime: App, pages: Pages, access: Reads, conversation_id: UUID) -> Any:
    """The files of a conversation."""
    found = await runtime.visiting.attachments.all(access.scope, conversation_id, actor=access.principal.actor)
    return pages.cut(found, lambda one: one.id, asdict)


@router.post(
    "/domains/{domain_id}/conversations/{conversation_id}/attachments",
    status_code=201,
    tags=["business"],
    responses=fails(409),
    openapi_extra={"requestBody": {"required": True, "content": _BINARY}},
)
async def add(
    request: Request,
    runtime: App,
    access: Replies,
    conversation_id: UUID,
    name: Annotated[str, Query(min_length=1, max_length=255, examples=["label.pdf"])],
) -> Attachment:
    """Takes a file to send with a reply: the body is its bytes. Its visitor sees it with the message that names it."""
    domain = await runtime.accounts.domain(access.scope)
    view = await runtime.visiting.attachments.add(access.scope, conversation_id, domain, name, request.stream())
    return Attachment.model_validate(asdict(view))


@router.get(
    "/domains/{domain_id}/attachments/{attachment_id}",
    tags=["business"],
    response_class=StreamingResponse,
    responses=DOWNLOAD,
)
async def one(runtime: App, access: Reads, attachment_id: UUID) -> StreamingResponse:
    """A visitor's file, as a download. It was not looked through: open it with care."""
    return download(await runtime.visiting.attachments.read(access.scope, attachment_id, actor=access.principal.actor))

"""The business API over documents of connections: which may be chosen, which are, and for whom."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends

from omniops.server import connection_shapes as shapes
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(
    prefix="/v1/domains/{domain_id}/connections/{connection_id}", tags=["business"], route_class=Idempotent
)
Reads = Annotated[DomainAccess, Depends(RequiresDomain("knowledge.read"))]
Manages = Annotated[DomainAccess, Depends(RequiresDomain("connection.manage"))]


@router.get("/documents", response_model=Page[shapes.ChosenDocument])
async def chosen(runtime: App, connection_id: UUID, pages: Pages, access: Reads) -> Any:
    """The documents that were chosen, for whom, and how far reading them is."""
    found = await runtime.traffic.documents.all(access.scope, connection_id)
    return pages.cut(found, lambda one: one.document_id, asdict)


@router.post("/documents", response_model=shapes.ChosenDocuments, status_code=201)
async def choose(runtime: App, connection_id: UUID, body: shapes.Choosing, access: Manages) -> Any:
    """Chooses documents, and says for whom; of those that are chosen already it changes that, at once. They are read
    within minutes."""
    found = await runtime.traffic.documents.choose(
        access.scope, connection_id, body.documents, body.audience, actor=access.principal.actor
    )
    return {"data": [asdict(one) for one in found]}


@router.delete("/documents/{document_id}", status_code=204)
async def release(runtime: App, connection_id: UUID, document_id: str, access: Manages) -> None:
    """A document is no longer chosen: nothing of it is found or cited any more when this returns."""
    await runtime.traffic.documents.release(access.scope, connection_id, document_id, actor=access.principal.actor)


@router.get("/offered-documents", response_model=Page[shapes.OfferedDocument], responses=fails(503))
async def offered(runtime: App, connection_id: UUID, pages: Pages, access: Manages) -> Any:
    """The documents that may be chosen, asked of the other side."""
    found = await runtime.traffic.documents.offered(access.scope, connection_id)
    return pages.cut(found, lambda one: one.id, asdict)


@router.get("/document-picker", response_model=shapes.Picker)
async def picker(runtime: App, connection_id: UUID, access: Manages) -> Any:
    """What a page needs to open the other side's own window for choosing documents."""
    return {"values": dict(await runtime.traffic.documents.picker(access.scope, connection_id))}

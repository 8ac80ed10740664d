"""Documents of a connection: which are chosen, for whom, and which may be."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import Field

from omniops.contracts.documents import Audience
from omniops.errors import NotReady, OmniOpsError, Reconnect, Refused, Rejected
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import Again, acted, frame, page
from omniops.server.dashboard.integrations import Manages, place
from omniops.server.forms import HOME, FormBody
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(
    prefix=HOME + "/{domain_id}/integrations/{connection_id}/documents", include_in_schema=False, route_class=Idempotent
)
Reads = Annotated[DomainAccess, Depends(RequiresDomain("knowledge.read"))]


@router.get("")
async def show(request: Request, runtime: App, access: Reads, connection_id: UUID) -> Response:
    """The chosen ones, and for whoever may choose what else there is."""
    return await _shown(request, runtime, access, connection_id)


async def _shown(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    connection_id: UUID,
    *,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    view = await runtime.connections.one(access.scope, connection_id)
    chosen = await runtime.traffic.documents.all(access.scope, connection_id)
    offered = []
    if access.principal.may("connection.manage"):
        try:
            known = {one.document_id for one in chosen}
            found = await runtime.traffic.documents.offered(access.scope, connection_id)
            offered = [one for one in found if one.id not in known]
        except (NotReady, Reconnect, Refused, Rejected) as error:
            problem = problem or error
    values = {
        **await frame(runtime, access, "integrations"),
        "view": view,
        "title": runtime.connections.title(view.kind or view.plugin),
        "chosen": chosen,
        "offered": offered,
        "problem": problem,
    }
    return page(request, "connection_documents.html", values, status)


def _again(request: Request, runtime: Runtime, access: DomainAccess, connection_id: UUID) -> Again:
    return partial(_shown, request, runtime, access, connection_id)


class Choosing(FormBody):
    documents: list[str] = Field(default_factory=list, max_length=100)
    audience: Audience = "members"


@router.post("/choose")
async def choose(
    request: Request, runtime: App, access: Manages, connection_id: UUID, form: Annotated[Choosing, Form()]
) -> Response:
    """Chooses documents, or says anew for whom those are that were chosen."""
    did = runtime.traffic.documents.choose(
        access.scope, connection_id, form.documents, form.audience, actor=access.principal.actor
    )
    return await acted(
        did, f"{place(access, connection_id)}/documents", _again(request, runtime, access, connection_id)
    )


class Released(FormBody):
    document: str = Field(max_length=200)


@router.post("/release")
async def release(
    request: Request, runtime: App, access: Manages, connection_id: UUID, form: Annotated[Released, Form()]
) -> Response:
    """It is no longer chosen: nothing of it is found any more."""
    did = runtime.traffic.documents.release(access.scope, connection_id, form.document, actor=access.principal.actor)
    return await acted(
        did, f"{place(access, connection_id)}/documents", _again(request, runtime, access, connection_id)
    )

"""The business API over how people sort their work: labels, and conversations that are put off."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, Field

from omniops.inbox.labels import LONGEST
from omniops.server import inbox_shapes as shapes
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.server.visitor_shapes import Body

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["inbox"], route_class=Idempotent)
ONE = "/conversations/{conversation_id}"
Reads = Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))]
Replies = Annotated[DomainAccess, Depends(RequiresDomain("conversation.reply"))]
Manages = Annotated[DomainAccess, Depends(RequiresDomain("domain.manage"))]


class NewLabel(Body):
    name: str = Field(max_length=1000, description=f"At most {LONGEST} characters count; capitals make no other name.")


class Snooze(Body):
    until: AwareDatetime | None = Field(description="At most a year ahead; null takes the conversation up again.")


@router.get("/labels", response_model=Page[shapes.Label])
async def labels(runtime: App, pages: Pages, access: Reads) -> Any:
    """The labels by which the website's people sort conversations, by name."""
    found = await runtime.inbox.labels.all(access.scope)
    return pages.cut(found, lambda one: one.id, shapes.Label.model_validate)


@router.post("/labels", status_code=201)
async def add(runtime: App, body: NewLabel, access: Manages) -> shapes.Label:
    """A new label. It is never renamed: remove it and make another."""
    found = await runtime.inbox.labels.add(access.scope, body.name, actor=access.principal.actor)
    return shapes.Label.model_validate(found)


@router.delete("/labels/{label_id}", status_code=204)
async def remove(runtime: App, label_id: UUID, access: Manages) -> None:
    """Removes a label, also from every conversation that it is on."""
    await runtime.inbox.labels.remove(access.scope, label_id, actor=access.principal.actor)


@router.put(ONE + "/labels/{label_id}", status_code=204)
async def put(runtime: App, conversation_id: UUID, label_id: UUID, access: Replies) -> None:
    """Puts a label on a conversation; one that is there stays."""
    await runtime.inbox.labels.put(access.scope, conversation_id, label_id, actor=access.principal.actor)


@router.delete(ONE + "/labels/{label_id}", status_code=204)
async def take_off(runtime: App, conversation_id: UUID, label_id: UUID, access: Replies) -> None:
    """Takes a label off a conversation."""
    await runtime.inbox.labels.take_off(access.scope, conversation_id, label_id, actor=access.principal.actor)


@router.put(ONE + "/snoozed", responses=fails(409))
async def snooze(runtime: App, conversation_id: UUID, body: Snooze, access: Replies) -> shapes.Conversation:
    """Puts a conversation off: it is in no list of those who wait until then, or until its visitor writes."""
    until: datetime | None = body.until
    view = await runtime.inbox.snoozing.until(access.scope, conversation_id, until, actor=access.principal.actor)
    return shapes.Conversation.model_validate(view)

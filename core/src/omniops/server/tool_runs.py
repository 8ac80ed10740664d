"""The business API over the AI's actions: what was proposed, and a person's decision."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.server.visitor_shapes import Body

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["business"], route_class=Idempotent)
State = Literal["proposed", "running", "done", "failed", "rejected"]


class ToolRun(BaseModel):
    """A use of a tool that changes something."""

    id: UUID
    conversation_id: UUID
    turn_id: UUID
    tool: str
    plugin: str = Field(description="The plugin that brings the tool.")
    risk: Literal["write", "significant"]
    state: State = Field(
        description="`proposed` waits for a person. `running` for long means that the outcome is not known."
    )
    args: dict[str, Any] = Field(description="What the AI wants done.")
    result: str = Field(description="What came of it.")
    created_at: datetime
    ended_at: datetime | None
    decided_by: str | None = Field(description="Id of the member or key that decided.")


class Decision(Body):
    approve: bool


@router.get("/tool-runs", response_model=Page[ToolRun])
async def tool_runs(
    runtime: App,
    pages: Pages,
    access: Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))],
    state: State | None = "proposed",
) -> Any:
    """Actions of the AI, in the order in which they came. By default those that wait for a decision."""
    found = await runtime.approvals.all(
        access.scope, state=state, after=pages.id, limit=pages.more, actor=access.principal.actor
    )
    return pages.page(found, lambda one: one.id, asdict)


@router.post("/tool-runs/{run_id}/decision", responses=fails(409))
async def decide(
    runtime: App,
    run_id: UUID,
    body: Decision,
    access: Annotated[DomainAccess, Depends(RequiresDomain("conversation.reply"))],
) -> ToolRun:
    """Approved: the action runs now, once. The visitor reads the outcome in either case."""
    view = await runtime.approvals.decide(access.scope, run_id, approve=body.approve, actor=access.principal.actor)
    return ToolRun.model_validate(asdict(view))

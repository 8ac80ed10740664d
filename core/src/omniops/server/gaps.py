"""What conversations teach, for the people who mend it: gaps, and the calibration of the cuts."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from omniops.conversation.gaps import rank
from omniops.server.idempotency import Idempotent
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["business"], route_class=Idempotent)


class Resolution(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reference: str = Field(min_length=1, max_length=200, description="What answers it now: an id or a URL.")


@router.get("/gaps", response_model=Page[dict[str, Any]])
async def gaps(
    runtime: App,
    pages: Pages,
    access: Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))],
    state: Literal["open", "dismissed", "resolved"] = "open",
) -> Any:
    """What visitors ask and the pages leave unanswered, most people first. Each look is in the audit."""
    found = await runtime.gaps.all(
        access.scope, actor=access.principal.actor, state=state, after=pages.after, limit=pages.more
    )
    return pages.page(found, lambda one: rank(one.people, one.id), lambda one: one.to_json())


@router.post("/gaps/{gap_id}/dismiss", status_code=204)
async def dismiss(
    runtime: App, gap_id: UUID, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.manage"))]
) -> None:
    """Nothing is to be written for it."""
    await runtime.gaps.dismiss(access.scope, gap_id, actor=access.principal.actor)


@router.post("/gaps/{gap_id}/resolve", status_code=204)
async def resolve(
    runtime: App,
    gap_id: UUID,
    body: Resolution,
    access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.manage"))],
) -> None:
    """Something answers it now. Asked again in vain, it opens again."""
    await runtime.gaps.resolve(access.scope, gap_id, body.reference, actor=access.principal.actor)


@router.get("/calibration")
async def calibration(
    runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
) -> dict[str, Any]:
    """The cuts in force, which of them a person set, and what each look at the marks found."""
    return (await runtime.calibrating.view(access.scope)).to_json()


@router.post("/calibration")
async def calibrate(
    runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.manage"))]
) -> dict[str, Any]:
    """Looks at the marks now instead of at night."""
    await runtime.calibrating.run(access.scope)
    return (await runtime.calibrating.view(access.scope)).to_json()

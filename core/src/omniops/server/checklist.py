"""How far a website is on the way to its first answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from omniops.first_run import first_run
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["business"])


class ChecklistStep(BaseModel):
    key: Literal["knowledge", "question", "widget", "people", "contact", "model"]
    title: str
    seen: bool = Field(description="A look found it done just now; nobody can tick it off.")
    said: str = Field(description="What the look found.")
    optional: bool = Field(description="It holds nothing up.")


class Checklist(BaseModel):
    steps: list[ChecklistStep] = Field(description="In their order.")
    following: str | None = Field(description="Key of the first step that is not done; null where none is left.")


@router.get("/checklist", response_model=Checklist)
async def checklist(runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]) -> Any:
    """The steps from an empty website to its first answer, each with what a look at it finds now."""
    found = await first_run(runtime, await runtime.accounts.domain(access.scope))
    steps = [ChecklistStep.model_validate(step, from_attributes=True) for step in found.steps]
    return Checklist(steps=steps, following=found.following.key if found.following else None)

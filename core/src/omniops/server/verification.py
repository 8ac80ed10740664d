"""Whose websites a domain lists: what to publish as a proof, what was seen of it, and looking again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from omniops.server.idempotency import Idempotent
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["business"], route_class=Idempotent)
LOOKS_AN_HOUR = 30


class Look(BaseModel):
    """Which host to look at; all of the domain's where none is named."""

    model_config = ConfigDict(extra="forbid")
    host: str | None = Field(default=None, max_length=253)


@router.get("/verification", response_model=Page[dict[str, Any]])
async def verification(
    runtime: App, pages: Pages, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
) -> Any:
    """Each host of the domain: whether it is known to be the business's own, and the three proofs of which one is
    enough (a TXT record, a file, a meta tag on the home page)."""
    found = await runtime.knowledge.ownership.all(access.scope)
    return pages.cut(found, lambda one: one.host, lambda one: one.to_json())


@router.post("/verification")
async def verify(
    runtime: App,
    access: Annotated[DomainAccess, Depends(RequiresDomain("domain.manage"))],
    look: Look | None = None,
) -> list[dict[str, Any]]:
    """Looks for the proofs now, and gives what was seen."""
    await runtime.throttle.hit("verification", str(access.scope.domain_id), limit=LOOKS_AN_HOUR, seconds=3600)
    owners = runtime.knowledge.ownership
    hosts = [look.host] if look and look.host else [owner.host for owner in await owners.all(access.scope)]
    return [(await owners.check(access.scope, host)).to_json() for host in hosts]

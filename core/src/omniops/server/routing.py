"""Who answers a domain's questions right now, why others do not, and what it costs."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from omniops.accounts.service import DomainView
from omniops.conversation.routing.overview import overview
from omniops.runtime import Runtime
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["business"])


class Price(BaseModel):
    input: str = Field(description="USD per million tokens.")
    output: str
    source: str
    at: date


class Deployment(BaseModel):
    name: str
    provider: str
    model: str
    company: str = Field(description="Who receives questions, as in the register; empty where nobody does.")
    countries: list[str] = Field(description="Where that company handles them, as ISO 3166 codes.")
    region: str
    retention: str
    inside: bool = Field(description="Runs in this server and sends nothing to anybody.")
    own_key: bool = Field(description="Asked with the business's own key.")
    retires: date | None
    price: Price | None
    state: Literal["closed", "open", "half_open"] = Field(description="Of the breaker; `closed` is healthy.")
    why: str | None = Field(description="Why it is not asked now, or null.")
    opens_in: float = Field(description="Seconds until it may be asked again.")
    last_error: str
    first_ms: int | None = Field(description="Median time to the first content.")


class Day(BaseModel):
    day: date = Field(description="In UTC.")
    usd: str
    calls: int
    estimated: int = Field(description="Calls whose tokens are an estimate, because the stream was cut.")
    unpriced: int = Field(description="Calls whose price nobody knows; they are not in the sum.")


class Routing(BaseModel):
    order: list[str]
    prefer: Literal["order", "cheapest"]
    deployments: list[Deployment]
    daily_budget: str | None
    spent_today: str
    over_budget: bool = Field(description="Only what costs nothing answers until the day (UTC) ends.")
    days: list[Day]


@router.get("/routing", response_model=Routing)
async def routing(
    runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
) -> dict[str, Any]:
    """The deployments of the website, best first, as the process that answers sees them, and what answers cost on the
    last 30 days."""
    return await routed(runtime, await runtime.accounts.domain(access.scope))


async def routed(runtime: Runtime, domain: DomainView) -> dict[str, Any]:
    """The overview with who receives questions, as the register names them."""
    found = await overview(runtime.router, domain, await runtime.on.providers(domain))
    for one in found["deployments"]:
        known = runtime.register.get(one.pop("processor") or "")
        one["company"] = "" if known is None else known.processor.party
        one["countries"] = [] if known is None else sorted(known.processor.countries)
    return found

"""What a business's campaigns brought, by API: `/v1/plugins/meta/domains/{domain_id}/insights`."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from omniops import DomainAccess, PluginContext, requires_domain
from pydantic import BaseModel, Field
from sqlmodel import col, select

from omniops_meta.models import MetaInsight

DAYS, MOST = 28, 400
Reads = Annotated[DomainAccess, Depends(requires_domain("domain.read"))]


class Day(BaseModel):
    """One campaign on one day, over all people."""

    connection_id: UUID
    campaign: str = Field(description="Meta's id of the campaign.")
    name: str
    day: date = Field(description="In the time zone of the advertising account.")
    currency: str
    spend: str = Field(description="In the currency.")
    impressions: int
    reach: int
    clicks: int
    results: dict[str, str] = Field(description="How many results of each kind, by Meta's names of the kinds.")


class Days(BaseModel):
    items: list[Day]


def router(context: PluginContext) -> APIRouter:
    """The plugin's routes."""
    routes = APIRouter()

    @routes.get("/domains/{domain_id}/insights")
    async def insights(
        access: Reads,
        since: Annotated[date | None, Query(description="First day; without it the last 28 days.")] = None,
        until: Annotated[date | None, Query(description="Last day; without it today.")] = None,
    ) -> Days:
        """What the campaigns of a website's advertising accounts brought, by day, the newest first; a year and a month
        at most. Days of the last four weeks may still change: Meta counts results late."""
        last = until or context.clock.now().date()
        first = max(since or last - timedelta(days=DAYS - 1), last - timedelta(days=MOST))
        statement = (
            select(MetaInsight)
            .where(MetaInsight.domain_id == access.scope.domain_id, MetaInsight.day >= first, MetaInsight.day <= last)
            .order_by(col(MetaInsight.day).desc(), col(MetaInsight.campaign))
        )
        async with context.session(access.scope) as session:
            found = (await session.exec(statement)).all()
        return Days(items=[Day.model_validate({**one.model_dump(), "spend": f"{one.spend:f}"}) for one in found])

    return routes

"""Campaigns in the dashboard: what they cost and brought in the last four weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from omniops import PluginContext
from omniops.contracts.surface import MOST_ROWS, Block, Page, Table, Viewer, Words
from sqlalchemy import func
from sqlmodel import col, select

from omniops_meta.models import MetaInsight

DAYS = 28
COLUMNS = ("Campaign", "Spent", "Seen", "Clicks", "Last day")


class CampaignsPage(Page):
    """Sums over all people, by campaign, the dearest first."""

    name, title = "campaigns", "Campaigns"

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    async def show(self, viewer: Viewer, query: Mapping[str, str]) -> Sequence[Block]:
        first = self._context.clock.now().date() - timedelta(days=DAYS - 1)
        spent = func.sum(MetaInsight.spend)
        sums = (func.sum(MetaInsight.impressions), func.sum(MetaInsight.clicks), func.max(MetaInsight.day))
        names = (col(MetaInsight.campaign), func.max(MetaInsight.name), col(MetaInsight.currency))
        statement = (
            select(*names, spent, *sums)  # type: ignore[call-overload]  # more columns than SQLModel has overloads for
            .where(MetaInsight.domain_id == viewer.scope.domain_id, MetaInsight.day >= first)
            .group_by(col(MetaInsight.campaign), col(MetaInsight.currency))
            .order_by(spent.desc(), col(MetaInsight.campaign))
            .limit(MOST_ROWS)
        )
        async with self._context.session(viewer.scope) as session:
            found = (await session.exec(statement)).all()
        rows = [
            (name, f"{cost:.2f} {currency}", f"{seen:,}", f"{clicks:,}", f"{last:%Y-%m-%d}")
            for _, name, currency, cost, seen, clicks, last in found
        ]
        empty = "No results yet. They come with an advertising account that is connected, once a day."
        return [
            Words("Days of the last four weeks may still change: Meta counts results late."),
            Table(f"The last {DAYS} days, sums over all people", COLUMNS, rows, empty),
        ]

"""The room of analytics: what became of conversations in a period, and the conversations behind a number."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from omniops.analytics.figures import MOST_DAYS
from omniops.analytics.report import Report, Sign, Wanted, Who
from omniops.runtime import Runtime
from omniops.server.dashboard.analytics_words import day as day_word
from omniops.server.dashboard.analytics_words import findings, span, worst
from omniops.server.dashboard.frame import frame, page, zone_of
from omniops.server.figures_tables import Table, csv_answer
from omniops.server.forms import HOME
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix=HOME + "/{domain_id}/analytics", include_in_schema=False, route_class=Idempotent)
Reads = Annotated[DomainAccess, Depends(RequiresDomain("analytics.read"))]
Days = Annotated[int, Query(ge=1, le=MOST_DAYS)]
Channel = Annotated[str, Query(max_length=40)]
PERIODS = (7, 30, 90)
ROWS = 50
MOST_PAGES = 10
WHO: dict[Who, str] = {"ai": "The AI alone", "person": "A person", "nobody": "Nobody yet"}
SIGNS: dict[Sign, str] = {
    "helpful": "with an answer that helped",
    "not_helpful": "with an answer that did not help",
    "in_vain": "with a question that found no answer",
}


def place(access: DomainAccess, inner: str = "") -> str:
    return f"{HOME}/{access.scope.domain_id}/analytics{inner}"


def titles(runtime: Runtime, report_channels: list[str]) -> dict[str, str]:
    """What channels are called."""
    known = runtime.seams.channels()
    return {name: getattr(known.get(name), "title", "") or name.capitalize() for name in report_channels}


async def _report(runtime: Runtime, access: DomainAccess, days: int, channel: str) -> Report:
    zone = zone_of(await runtime.accounts.domain(access.scope))
    return await runtime.analytics.figures.report(access.scope, days, zone, channel or None)


@router.get("")
async def figures(request: Request, runtime: App, access: Reads, days: Days = 30, channel: Channel = "") -> Response:
    """Who settled conversations, how fast, and what it cost: three findings, their charts and the tables behind."""
    report = await _report(runtime, access, days, channel)
    named = titles(runtime, [*report.channels])
    values = {
        **await frame(runtime, access, "analytics"),
        "report": report,
        "found": findings(report, named) if report.total.conversations else None,
        "titles": named,
        "span": span(report.period),
        "day_word": day_word,
        "worst": worst(report),
        "days": days,
        "periods": PERIODS,
        "visits": await runtime.analytics.counts(access.scope, days),
        "most_pages": MOST_PAGES,
        "behind": lambda **row: behind(access, days, **{"channel": channel, **row}),
        "at": lambda **other: f"{place(access)}?{_query(**{'days': days, 'channel': channel, **other})}",
        "csv": lambda table: f"{place(access, '/report.csv')}?{_query(table=table, days=days, channel=channel)}",
    }
    return page(request, "analytics.html", values)


@router.get("/report.csv")
async def table(runtime: App, access: Reads, table: Table, days: Days = 30, channel: Channel = "") -> Response:
    """One of the tables as a file."""
    return csv_answer(await _report(runtime, access, days, channel), table)


@router.get("/conversations")
async def conversations(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))],
    days: Days = 30,
    channel: Channel = "",
    day: date | None = None,
    who: Who | None = None,
    sign: Sign | None = None,
    deployment: Annotated[str, Query(max_length=200)] = "",
    after: UUID | None = None,
) -> Response:
    """The conversations behind a number. Each opens on its own page, which is on record."""
    shell = await frame(runtime, access, "analytics")
    zone = zone_of(await runtime.accounts.domain(access.scope))
    wanted = Wanted(days, day, channel or None, who, sign, deployment or None)
    found = await runtime.analytics.figures.conversations(access.scope, wanted, zone, after=after, limit=ROWS + 1)
    named = titles(runtime, [*{one.channel for one in found}, channel])
    about = [
        f"on {day_word(day)}" if day else f"in the last {days} days",
        f"through {named[channel]}" if channel else "",
        f"settled by {WHO[who].lower()}" if who in ("ai", "person") else "settled by nobody yet" if who else "",
        SIGNS[sign] if sign else "",
        f"answered by {deployment}" if deployment else "",
    ]
    row = {"day": day, "channel": channel, "who": who, "sign": sign, "deployment": deployment}
    values = {
        **shell,
        "about": ", ".join(one for one in about if one),
        "found": found[:ROWS],
        "older": behind(access, days, **row, after=found[ROWS - 1].id) if len(found) > ROWS else None,
        "report_at": f"{place(access)}?{_query(days=days)}",
        "titles": named,
        "who_words": WHO,
    }
    return page(request, "analytics_conversations.html", values)


def behind(access: DomainAccess, days: int, **row: object) -> str:
    """Where the conversations behind a row are listed."""
    return f"{place(access, '/conversations')}?{_query(days=days, **row)}"


def _query(**values: object) -> str:
    return urlencode({name: value for name, value in values.items() if value not in (None, "")})

"""Figures of a website's conversations for the business: counts, times and costs, and the conversations behind a row.

A report holds no data of anybody. The list behind a row names conversations, for who may read them.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from omniops.analytics.figures import MOST_DAYS
from omniops.analytics.report import Report, Sign, Span, Sums, Times, Wanted, Who
from omniops.server.dashboard.frame import zone_of
from omniops.server.figures_tables import Table, csv_answer
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix="/v1/domains/{domain_id}/analytics", tags=["business"])
Days = Annotated[int, Query(ge=1, le=MOST_DAYS, description="Today and the days before it, in the website's zone.")]
Channel = Annotated[str | None, Query(max_length=40, description="Of one channel only.", examples=["website"])]
Reads = Annotated[DomainAccess, Depends(RequiresDomain("analytics.read"))]


class Counts(BaseModel):
    """Conversations by who settled them, and what was seen in them."""

    conversations: int
    ai_alone: int = Field(description="The newest answer of the AI had something to say, and nobody was called.")
    person: int = Field(description="A person of the team wrote, or sent what the AI had drafted.")
    nobody: int = Field(description="Neither yet.")
    messages: int = Field(description="Of visitors.")
    helpful: int
    not_helpful: int
    in_vain: int = Field(description="Answers that found nothing, or only passages that come close.")
    usd: str
    unpriced: int = Field(description="Answers whose price nobody knows; they are not in `usd`.")


class Day(Counts):
    day: date


class OfChannel(Counts):
    channel: str


class Took(BaseModel):
    count: int
    median: float | None = Field(description="Seconds.")
    p95: float | None = Field(description="Seconds that 95 of 100 stayed below.")


class OfDeployment(BaseModel):
    deployment: str | None = Field(description="Null for what no deployment answered.")
    answers: int
    first_word: Took
    input: int = Field(description="Tokens.")
    output: int
    usd: str
    unpriced: int


class FiguresReport(BaseModel):
    first: date
    last: date
    zone: str
    channel: str | None
    at: datetime = Field(description="When all of it was counted, at one moment.")
    total: Counts
    before: Counts | None = Field(description="Of as many days before; null where they are not kept so long.")
    days: list[Day]
    channels: list[OfChannel]
    times: dict[Span, Took]
    deployments: list[OfDeployment]
    open_gaps: int = Field(description="Gaps that are open now, of whichever time.")


class Behind(BaseModel):
    id: UUID
    day: date
    channel: str
    state: Literal["ai", "draft", "waiting", "human", "closed"]
    who: Who
    messages: int = Field(description="Of its visitor.")
    helpful: int
    not_helpful: int
    in_vain: int
    created_at: datetime


@router.get("/report", response_model=FiguresReport)
async def report(runtime: App, access: Reads, days: Days = 30, channel: Channel = None) -> dict[str, Any]:
    """Conversations that began in the last days: by day and channel, who settled them, what visitors said of the
    answers, how long they took and what they cost. No text is opened; what was erased is not in it."""
    domain = await runtime.accounts.domain(access.scope)
    return _shown(await runtime.analytics.figures.report(access.scope, days, zone_of(domain), channel))


@router.get(
    "/report.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def table(runtime: App, access: Reads, table: Table, days: Days = 30, channel: Channel = None) -> Response:
    """One table of the report as a file for spreadsheets; no cell of it begins a formula."""
    domain = await runtime.accounts.domain(access.scope)
    return csv_answer(await runtime.analytics.figures.report(access.scope, days, zone_of(domain), channel), table)


@router.get("/conversations", response_model=Page[Behind])
async def conversations(
    runtime: App,
    pages: Pages,
    access: Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))],
    days: Days = 30,
    day: date | None = None,
    channel: Channel = None,
    who: Annotated[Who | None, Query(description="Who settled them.")] = None,
    sign: Annotated[Sign | None, Query(description="Only those with one.")] = None,
    deployment: Annotated[str | None, Query(max_length=200, description="Which answered in them.")] = None,
) -> Any:
    """The conversations behind a row of the report, newest first. Nothing that anybody wrote is opened."""
    zone = zone_of(await runtime.accounts.domain(access.scope))
    wanted = Wanted(days, day, channel, who, sign, deployment)
    found = await runtime.analytics.figures.conversations(access.scope, wanted, zone, after=pages.id, limit=pages.more)
    return pages.page(found, lambda one: one.id)


def _counts(sums: Sums) -> dict[str, Any]:
    return {
        "conversations": sums.conversations,
        "ai_alone": sums.ai,
        "person": sums.person,
        "nobody": sums.nobody,
        "messages": sums.messages,
        "helpful": sums.helpful,
        "not_helpful": sums.not_helpful,
        "in_vain": sums.in_vain,
        "usd": f"{sums.usd:f}",
        "unpriced": sums.unpriced,
    }


def _took(times: Times) -> dict[str, Any]:
    return {"count": times.count, "median": times.median, "p95": times.p95}


def _shown(report: Report) -> dict[str, Any]:
    return {
        "first": report.period.first,
        "last": report.period.last,
        "zone": str(report.period.zone),
        "channel": report.channel,
        "at": report.at,
        "total": _counts(report.total),
        "before": None if report.before is None else _counts(report.before),
        "days": [{"day": day, **_counts(sums)} for day, sums in report.by_day.items()],
        "channels": [{"channel": name, **_counts(sums)} for name, sums in report.by_channel.items()],
        "times": {span: _took(times) for span, times in report.times.items()},
        "deployments": [
            {
                "deployment": one.name,
                "answers": one.answers,
                "first_word": _took(one.first),
                "input": one.input,
                "output": one.output,
                "usd": f"{one.usd:f}",
                "unpriced": one.unpriced,
            }
            for one in report.deployments
        ],
        "open_gaps": report.open_gaps,
    }

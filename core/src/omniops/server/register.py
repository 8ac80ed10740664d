"""The register of processors: the public page, what a business reads of it, its papers, and its answers to news."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict, Field

from omniops.accounts.permissions import Principal
from omniops.contracts.declaration import Origin
from omniops.privacy.changes import NoticeView
from omniops.privacy.papers import Cell, Paper
from omniops.privacy.records import Row
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, Public, Requires, RequiresDomain
from omniops.web.drawing import columns_svg
from omniops.web.pages import CSP, render

router = APIRouter(tags=["business"], route_class=Idempotent)
_TEXT = {"schema": {"type": "string"}}
WRITTEN: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": _TEXT, "text/markdown": _TEXT}}}
"""A paper is JSON, or what `written_as` says."""
Reader = Annotated[Principal, Depends(Requires("privacy.read"))]
Form = Literal["controller", "processor"]
Format = Annotated[Literal["json", "markdown", "html"], Query(alias="format", description="How the paper is written.")]
_GROUPS = (
    ("Language models", "Asked for an answer, where a business switched one on.", "ai"),
    ("Services of the operator", "Used for every business on this server.", "processor"),
    ("Chosen by a business", "Connected by a business itself, with a contract of its own.", "customer_chosen"),
    ("The business’s own systems", "They belong to the business that connected them.", "own_site"),
)
REFUSALS = defaultdict(
    lambda: "it is not covered",
    no_contract="no contract with it is on record",
    contract_ended="the contract with it has ended",
    no_links="its policy and its terms are not known",
    country_unknown="its countries are not known",
    no_mechanism="not every transfer to it is covered",
    mechanism_ended="what covered a transfer to it has ended",
    measure_off="a measure that its assessment asks for is off",
    objection_period="businesses may still object to it",
)
"""The gate's reasons in words for everybody."""


class WayOut(BaseModel):
    """By what data from one place may go to one country now."""

    origin: Origin
    country: str
    by: str = Field(description="The law, or what was signed, in words.")
    source: str
    until: datetime | None
    assessment: str = Field(description="Reference of the transfer impact assessment.")
    code: str | None = Field(description="Why it may not, or null where it may.")


class ProcessorRow(BaseModel):
    """A company that may receive data."""

    key: str
    name: str
    legal_name: str
    contact: str
    role: Literal["processor", "customer_chosen", "ai", "own_site"]
    plugin: str
    countries: list[str]
    hosts: list[str]
    purposes: list[str]
    categories: list[str]
    retention: str = Field(description="What it keeps, in words; empty where it is not known.")
    tls: Literal["1.3", "1.2"]
    policy_url: str
    contract_url: str
    contract_until: datetime | None = Field(description="End of the operator's contract; null where none is in force.")
    ways: list[WayOut]
    missing: list[str] = Field(description="Fields that nobody knows.")
    refused: str | None = Field(description="Why it receives nothing now, whoever the data is from; null where it may.")
    last_used: datetime | None = Field(description="When it last received something of this account.")
    stale: bool = Field(description="It received nothing of this account for 90 days.")


class PaperSection(BaseModel):
    title: str
    text: str
    columns: list[tuple[str, str]] = Field(description="Pairs of a key and its title.")
    rows: list[dict[str, str | list[str]]]


class PaperShape(BaseModel):
    """A generated paper."""

    title: str
    statement: str
    basis: str = Field(description="The rule that wants it.")
    sections: list[PaperSection]


class ProcessorNews(BaseModel):
    """What this account was told of a processor."""

    id: UUID
    processor: str
    party: str
    changes: list[tuple[str, str]] = Field(description="What is new, in pairs of what and value.")
    announced_at: datetime
    ends_at: datetime = Field(description="Before this it receives nothing, unless the account agrees.")
    state: Literal["waiting", "agreed", "objected", "silent"]
    answered_at: datetime | None


class NewsAnswer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    answer: Literal["agreed", "objected"]


@router.get(
    "/subprocessors", include_in_schema=False, dependencies=[Depends(Public("who receives data, for everybody"))]
)
async def subprocessors(runtime: App) -> HTMLResponse:
    """Every company that this server may send data to, from the register itself."""
    rows = await runtime.privacy.records.rows(used=False)
    body = render(
        "subprocessors.html",
        rows=rows,
        groups=[(title, note, [r for r in rows if r.processor.role == role]) for title, note, role in _GROUPS],
        purposes=runtime.catalog.purposes,
        categories=runtime.catalog.categories,
        parties=len({row.processor.party for row in rows}),
        refusals=REFUSALS,
        days=runtime.settings.objection_days,
    )
    return HTMLResponse(body, headers={"Content-Security-Policy": CSP, "Cache-Control": "max-age=60"})


@router.get(
    "/notice-at-collection", include_in_schema=False, dependencies=[Depends(Public("what is collected, for everybody"))]
)
async def notice_at_collection(runtime: App) -> HTMLResponse:
    """What may be collected, for what, for how long, and that nothing is sold (Cal. Civ. Code 1798.100)."""
    page: HTMLResponse = written(runtime.privacy.california.at_collection(), "html")
    return page


@router.get("/v1/domains/{domain_id}/privacy/california", response_model=PaperShape, responses=WRITTEN)
async def california(
    runtime: App,
    access: Annotated[DomainAccess, Depends(RequiresDomain("privacy.read"))],
    written_as: Format = "json",
) -> Any:
    """The categories of personal information that this website collected in the past twelve months, by California's
    names."""
    return written(await runtime.privacy.california.past_year(access.scope), written_as)


@router.get("/v1/privacy/register", response_model=Page[ProcessorRow])
async def processors(runtime: App, pages: Pages, principal: Reader) -> Any:
    """Every processor of this server, by key, with what covers a transfer to it now."""
    found = await runtime.privacy.records.rows(principal.account_id)
    return pages.cut(found, lambda row: row.processor.key, shown)


@router.get("/v1/privacy/register/processors/{key}")
async def processor(runtime: App, key: str, principal: Reader) -> ProcessorRow:
    """One of them."""
    return shown(await runtime.privacy.records.row(key, principal.account_id))


@router.get("/v1/privacy/register/record", response_model=PaperShape, responses=WRITTEN)
async def record(
    runtime: App,
    principal: Reader,
    form: Annotated[Form, Query(description="Art. 30(1), of the business; or Art. 30(2), of the operator.")],
    written_as: Format = "json",
) -> Any:
    """The record of processing activities (Art. 30 GDPR), as it is now."""
    account = (principal.account_id, await runtime.accounts.account_name(principal.account_id))
    return written(await runtime.privacy.records.record(form, account), written_as)


@router.get("/v1/privacy/register/annex", response_model=PaperShape, responses=WRITTEN)
async def annex(runtime: App, principal: Reader, written_as: Format = "json") -> Any:
    """The annex of the data-processing agreement: what is processed, and every sub-processor."""
    name = await runtime.accounts.account_name(principal.account_id)
    return written(await runtime.privacy.records.annex(name), written_as)


@router.get("/v1/privacy/register/agreement", response_model=PaperShape, responses=WRITTEN)
async def agreement(runtime: App, principal: Reader, written_as: Format = "json") -> Any:
    """The data-processing agreement between the account and the operator (Art. 28(3) GDPR), its annex included."""
    name = await runtime.accounts.account_name(principal.account_id)
    return written(await runtime.privacy.agreements.agreement(name), written_as)


@router.get("/v1/privacy/register/map", response_model=PaperShape, responses=WRITTEN)
async def data_map(runtime: App, principal: Reader, written_as: Format = "json") -> Any:
    """Every personal field: of whom it is, what it is for, how long it is kept, who may receive its kind."""
    paper = await runtime.privacy.records.data_map()
    return written(paper, written_as, picture(paper))


@router.get(
    "/v1/privacy/register/map.svg",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}},
)
async def drawn_map(runtime: App, principal: Reader) -> Response:
    """The data map as a picture: people, kinds of data, receivers."""
    return Response(picture(await runtime.privacy.records.data_map()), media_type="image/svg+xml")


@router.get("/v1/privacy/register/transfers", response_model=PaperShape, responses=WRITTEN)
async def transfers(runtime: App, principal: Reader, written_as: Format = "json") -> Any:
    """Where data goes, by where it comes from, and by what right."""
    return written(await runtime.privacy.records.transfer_map(), written_as)


@router.get("/v1/privacy/register/notices", response_model=Page[ProcessorNews])
async def notices(runtime: App, pages: Pages, principal: Reader) -> Any:
    """What this account was told of new processors, countries and kinds of data, newest first."""
    found = await runtime.privacy.changes.notices(principal.account_id)
    return pages.cut(found, lambda one: one.id, told, newest_first=True)


@router.post("/v1/privacy/register/processors/{key}/answer", status_code=204, responses=fails(404))
async def answer(
    runtime: App, key: str, body: NewsAnswer, principal: Annotated[Principal, Depends(Requires("privacy.manage"))]
) -> None:
    """Agrees to what this account was told of a processor, or objects; the last answer counts. It receives nothing of
    this account after an objection."""
    await runtime.privacy.changes.answer(principal.account_id, key, body.answer, actor=principal.actor)


def shown(row: Row) -> ProcessorRow:
    """A row as API and commands show it."""
    one = row.processor
    return ProcessorRow(
        key=one.key,
        name=one.name,
        legal_name=one.party,
        contact=one.contact,
        role=one.role,
        plugin=row.registered.plugin,
        countries=list(one.countries),
        hosts=list(one.hosts),
        purposes=list(one.purposes),
        categories=list(one.categories),
        retention=one.retention,
        tls=one.tls,
        policy_url=one.policy_url,
        contract_url=one.contract_url,
        contract_until=row.contract.valid_until if row.contract is not None else None,
        ways=[
            WayOut(
                origin=way.origin,
                country=way.country,
                by=way.by,
                source=way.source,
                until=way.until,
                assessment=way.assessment,
                code=way.code,
            )
            for way in row.ways
        ],
        missing=list(row.missing),
        refused=row.refused,
        last_used=row.last_used,
        stale=row.stale,
    )


def told(notice: NoticeView) -> ProcessorNews:
    return ProcessorNews.model_validate(notice, from_attributes=True)


def written(paper: Paper, written_as: str, drawing: Markup | None = None) -> Any:
    """The paper as it was asked for; the page has the drawing above its tables."""
    if written_as == "markdown":
        return PlainTextResponse(paper.markdown(), media_type="text/markdown")
    if written_as == "html":
        body = render("paper.html", paper=paper, cell=cell_words, drawing=drawing)
        return HTMLResponse(body, headers={"Content-Security-Policy": CSP, "Cache-Control": "no-store"})
    return paper.to_json()


def picture(paper: Paper) -> Markup:
    """The data map as an SVG."""
    (section,) = paper.sections
    people = sorted({str(row["people"]) for row in section.rows})
    kinds = sorted({str(row["category"]) for row in section.rows})
    receivers = sorted({name for row in section.rows for name in row["recipients"]})
    lines = {(str(row["people"]), str(row["category"])) for row in section.rows}
    lines |= {(str(row["category"]), name) for row in section.rows for name in row["recipients"]}
    titles = ("Of whom", "Kind of data", "Who may receive it")
    return columns_svg(titles, (people, kinds, receivers), sorted(lines), paper.statement)


def cell_words(cell: Cell) -> str:
    """A cell of a paper in a line."""
    return (cell if isinstance(cell, str) else ", ".join(cell)) or "–"

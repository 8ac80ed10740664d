"""How long things are kept, what is deleted and when, and what a legal hold keeps."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from omniops.contracts.scope import Scope
from omniops.errors import Refused
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["business"], route_class=Idempotent)
Reads = Annotated[DomainAccess, Depends(RequiresDomain("privacy.read"))]
Manages = Annotated[DomainAccess, Depends(RequiresDomain("privacy.manage"))]
Whole = Annotated[bool, Query(description="For all websites of the account.")]


class Shortened(BaseModel):
    days: int
    by: str = Field(description="`business`, or `plugin:` and its name.")
    where: Literal["domain", "account"]
    since: datetime


class Rule(BaseModel):
    key: str
    title: str
    days: int | None = Field(description="In force; null as long as the account.")
    most: int | None = Field(description="The register's, which can only be shortened.")
    least: int = Field(description="What nobody may go below.")
    shortened: list[Shortened]


class Days(BaseModel):
    model_config = ConfigDict(extra="forbid")
    days: int = Field(ge=0, le=36500, examples=[30])


class Item(BaseModel):
    table: str
    field: str | None = Field(description="The only field that is emptied; null for whole rows.")
    classes: list[str]
    before: dict[str, datetime] = Field(description="For each time of a row, the moment up to which it is over.")
    rows: int
    stays: int = Field(description="Rows over time that stay: held, kept back, or needed by younger ones.")
    digest: str = Field(description="Of the ids of the rows.")


class KeptBack(BaseModel):
    plugin: str
    subjects: int
    rows: dict[str, int]
    why: str


class Plan(BaseModel):
    at: datetime
    periods: dict[str, int | None]
    held: bool = Field(description="A legal hold stands on the whole website: nothing goes.")
    kept_back: list[KeptBack]
    items: list[Item]
    unruled: list[str] = Field(description="Classes that nobody has a rule for; their rows stay.")
    subjects: int = Field(description="Persons whom the rows are about.")


class Run(BaseModel):
    id: UUID
    state: Literal["planned", "approved", "running", "done", "incomplete", "refused"]
    at: datetime
    hash: str = Field(description="SHA-256 of the plan. Give it to approve exactly this one.")
    plan: Plan
    rows: int
    deleted: dict[str, int] = Field(description="By table, or `table.field`.")
    shredded: int = Field(description="Persons of whom nothing was left; their keys were destroyed.")
    problems: list[str]
    planned_by: str
    approved_by: str | None
    created_at: datetime
    ended_at: datetime | None


class Approval(BaseModel):
    model_config = ConfigDict(extra="forbid")
    hash: str = Field(pattern=r"^[0-9a-f]{64}$", examples=["0" * 64])


class NewHold(BaseModel):
    model_config = ConfigDict(extra="forbid")
    subject_id: UUID | None = Field(default=None, description="The person; left out for the whole website.")
    authority: str = Field(min_length=1, max_length=500, examples=["District court, 12 O 345/26"])
    reason: str = Field(min_length=1, max_length=2000, examples=["Claim for damages"])
    review_on: date = Field(description="When somebody must look again, within a year.")


class Review(BaseModel):
    model_config = ConfigDict(extra="forbid")
    review_on: date


class Lifting(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: str = Field(min_length=1, max_length=2000, examples=["Settled"])


class Hold(BaseModel):
    id: UUID
    subject_id: UUID | None
    state: Literal["standing", "overdue", "lifted"]
    authority: str
    reason: str
    review_on: date
    placed_by: str = Field(description="Id of the member.")
    placed_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None
    why_lifted: str | None


@router.get("/retention", response_model=Page[Rule])
async def rules(runtime: App, pages: Pages, access: Reads) -> Any:
    """Every retention class with its time on this website, and who shortened it."""
    found = await runtime.privacy.retention.rules.all(access.scope)
    return pages.cut(found, lambda rule: rule.key, lambda rule: rule.to_json())


@router.put("/retention/{key}", status_code=204)
async def shorten(runtime: App, key: str, body: Days, access: Manages, whole_account: Whole = False) -> None:
    """Shortens the time of a class. The register's is the longest; nobody can go beyond it."""
    scope = _where(access, whole_account)
    await runtime.privacy.retention.rules.shorten(scope, key, body.days, actor=access.principal.actor)


@router.delete("/retention/{key}", status_code=204)
async def restore(runtime: App, key: str, access: Manages, whole_account: Whole = False) -> None:
    """The register's time holds again, for what is not deleted yet."""
    await runtime.privacy.retention.rules.restore(_where(access, whole_account), key, actor=access.principal.actor)


@router.post("/retention/runs", status_code=201)
async def plan(runtime: App, access: Manages) -> Run:
    """A dry run: counts what would be deleted now, and deletes nothing."""
    found = await runtime.privacy.retention.plan(access.scope, actor=access.principal.actor)
    return Run.model_validate(found.to_json())


@router.get("/retention/runs", response_model=Page[Run])
async def runs(runtime: App, pages: Pages, access: Reads) -> Any:
    """Plans and runs, the nightly ones among them, newest first."""
    found = await runtime.privacy.retention.runs(access.scope, after=pages.id, limit=pages.more)
    return pages.page(found, lambda run: run.id, lambda run: run.to_json())


@router.get("/retention/runs/{run_id}")
async def run(runtime: App, run_id: UUID, access: Reads) -> Run:
    """One run with its plan, what it deleted, and what went wrong."""
    return Run.model_validate((await runtime.privacy.retention.one(access.scope, run_id)).to_json())


@router.post("/retention/runs/{run_id}/approve")
async def approve(runtime: App, run_id: UUID, body: Approval, access: Manages) -> Run:
    """Says yes to exactly this plan; a worker deletes it. Refused where something else would be deleted by now."""
    actor = access.principal.actor
    found = await runtime.privacy.retention.approve(access.scope, run_id, body.hash, actor=actor)
    return Run.model_validate(found.to_json())


@router.get("/holds", response_model=Page[Hold])
async def holds(
    runtime: App, pages: Pages, access: Reads, state: Literal["standing", "overdue", "lifted"] | None = None
) -> Any:
    """Legal holds, newest first; `overdue` are those whose review date is past. Reading is on record."""
    found = await runtime.privacy.holds.all(
        access.scope, actor=access.principal.actor, state=state, after=pages.id, limit=pages.more
    )
    return pages.page(found, lambda hold: hold.id, lambda hold: hold.to_json())


@router.post("/holds", status_code=201, responses=fails(404))
async def place(runtime: App, body: NewHold, access: Manages) -> Hold:
    """From now on nothing of the person, or of the website, is deleted. Needs a member; a key cannot place holds."""
    found = await runtime.privacy.holds.place(
        access.scope, body.subject_id, body.authority, body.reason, body.review_on, actor=access.principal.actor
    )
    return Hold.model_validate(found.to_json())


@router.post("/holds/{hold_id}/review")
async def review(runtime: App, hold_id: UUID, body: Review, access: Manages) -> Hold:
    """It is still needed: sets the next review date. Needs a member."""
    actor = access.principal.actor
    found = await runtime.privacy.holds.review(access.scope, hold_id, body.review_on, actor=actor)
    return Hold.model_validate(found.to_json())


@router.post("/holds/{hold_id}/lift")
async def lift(runtime: App, hold_id: UUID, body: Lifting, access: Manages) -> Hold:
    """Ends a hold; retention and erasure work again. Needs a member."""
    found = await runtime.privacy.holds.lift(access.scope, hold_id, body.reason, actor=access.principal.actor)
    return Hold.model_validate(found.to_json())


def _where(access: DomainAccess, whole_account: bool) -> Scope:
    if not whole_account:
        return access.scope
    if access.principal.only_domain is not None or access.principal.test:
        raise Refused("A key of one website cannot change the whole account.", reason="not_permitted")
    return access.principal.scope

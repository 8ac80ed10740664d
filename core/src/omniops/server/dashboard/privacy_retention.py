"""How long things are kept and why, what would go now, what a legal hold keeps, and what went."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from omniops.errors import NotReady, OmniOpsError, Rejected
from omniops.privacy.retention.holds import LONGEST_REVIEW
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import acted, page
from omniops.server.dashboard.privacy import Manages, Reads, Sent
from omniops.server.dashboard.privacy_frame import inside
from omniops.server.forms import HOME, FormBody
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess
from omniops.server.problems import status_of

router = APIRouter(prefix=HOME + "/{domain_id}/privacy/retention", include_in_schema=False, route_class=Idempotent)
ROWS = 20
HOLDS = 50
STATES = {
    "planned": "Waits for a yes", "approved": "Approved, about to run", "running": "Running", "done": "Done",
    "incomplete": "Incomplete", "refused": "Refused",
}  # fmt: skip


def by_class(plan: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """Of each kind that a plan speaks of: rows that go, and rows over their time that stay."""
    found: dict[str, tuple[int, int]] = {}
    for item in plan["items"]:
        key = ", ".join(item["classes"])
        goes, stays = found.get(key, (0, 0))
        found[key] = goes + item["rows"], stays + item["stays"]
    return [(key, *counts) for key, counts in sorted(found.items())]


@router.get("")
async def retention(request: Request, runtime: App, access: Reads, after: UUID | None = None) -> Response:
    """Periods, holds and runs. Reading the holds is on record."""
    return await _shown(request, runtime, access, after=after)


async def _shown(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    after: UUID | None = None,
    step: str = "",
    typed: FormBody | None = None,
    status: int = 200,
    problem: OmniOpsError | None = None,
) -> Response:
    room, scope, actor = runtime.privacy.retention, access.scope, access.principal.actor
    runs = await room.runs(scope, after=after, limit=ROWS + 1)
    standing = await runtime.privacy.holds.all(scope, actor=actor, state="standing", limit=HOLDS)
    lifted = await runtime.privacy.holds.all(scope, actor=actor, state="lifted", limit=HOLDS)
    waiting = next((run for run in runs if run.state == "planned"), None)
    values = {
        **await inside(runtime, access, "retention"),
        "rules": await room.rules.all(scope),
        "runs": runs[:ROWS],
        "more": runs[ROWS - 1].id if len(runs) > ROWS else None,
        "first": after is None,
        "waiting": waiting,
        "standing": standing,
        "lifted": lifted,
        "whole": any(hold.subject_id is None for hold in standing),
        "states": STATES,
        "step": step,
        "typed": typed.model_dump() if typed is not None else {},
        "problem": problem,
    }
    return page(request, "privacy_retention.html", values, status)


class Nothing(FormBody):
    """A step that needs no words."""


class Period(FormBody):
    key: str = Field(max_length=100)
    days: int = Field(ge=0, le=36500)


class Restored(FormBody):
    key: str = Field(max_length=100)


class Approval(FormBody):
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")


class NewHold(FormBody):
    whose: Literal["person", "website"] = "person"
    subject: str = Field(default="", max_length=60)
    authority: str = Field(default="", max_length=500)
    reason: str = Field(default="", max_length=2000)
    review_on: str = Field(default="", max_length=10)

    def person(self) -> UUID | None:
        """Whom it is for; None for the whole website. Raises `Rejected` for what is no id."""
        if self.whose == "website":
            return None
        try:
            return UUID(self.subject.strip())
        except ValueError as error:
            raise Rejected(
                "This is no id of a person.",
                code="no_id",
                where="subject",
                do="Give the id of one person, or choose the whole website.",
            ) from error


class Review(FormBody):
    hold: UUID
    review_on: str = Field(default="", max_length=10)


class Lifting(FormBody):
    hold: UUID
    reason: str = Field(default="", max_length=2000)


def _day(typed: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError as error:
        raise Rejected("This is no date.", code="no_date", where="review_on", do="Write it as 2027-01-31.") from error


async def _done(
    request: Request, runtime: Runtime, access: DomainAccess, step: str, form: FormBody, did: Awaitable[object]
) -> Response:
    """Does it and shows the periods again; where it may not be done, with the reason beside the step."""

    again = partial(_shown, request, runtime, access, step=step, typed=form)

    return await acted(did, f"{HOME}/{access.scope.domain_id}/privacy/retention", again)


@router.post("/plan")
async def plan(request: Request, runtime: App, access: Sent, form: Annotated[Nothing, Form()]) -> Response:
    """A dry run: counts what would go now, deletes nothing, and leads to the plan."""
    try:
        found = await runtime.privacy.retention.plan(access.scope, actor=access.principal.actor)
    except (NotReady, Rejected) as error:
        status, _ = status_of(error)
        return await _shown(request, runtime, access, step="plan", typed=form, status=status, problem=error)
    place = f"{HOME}/{access.scope.domain_id}/privacy/retention/runs/{found.id}"
    return RedirectResponse(place, 303, {"Cache-Control": "no-store"})


@router.post("/shorten")
async def shorten(request: Request, runtime: App, access: Sent, form: Annotated[Period, Form()]) -> Response:
    """A shorter time for a kind, on this website. The register's is the longest."""
    did = runtime.privacy.retention.rules.shorten(access.scope, form.key, form.days, actor=access.principal.actor)
    return await _done(request, runtime, access, "shorten", form, did)


@router.post("/restore")
async def restore(request: Request, runtime: App, access: Sent, form: Annotated[Restored, Form()]) -> Response:
    """The register's time again, for what is not deleted yet."""
    did = runtime.privacy.retention.rules.restore(access.scope, form.key, actor=access.principal.actor)
    return await _done(request, runtime, access, "shorten", form, did)


@router.get("/hold")
async def hold(request: Request, runtime: App, access: Manages) -> Response:
    """The form for a new hold."""
    return await _hold(request, runtime, access, NewHold())


async def _hold(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    typed: NewHold,
    status: int = 200,
    problem: OmniOpsError | None = None,
) -> Response:
    today = runtime.clock.now().date()
    days = {"soonest": today + timedelta(days=1), "latest": today + timedelta(days=LONGEST_REVIEW)}
    values = {**await inside(runtime, access, "retention"), **days, "typed": typed, "problem": problem}
    return page(request, "privacy_hold.html", values, status)


@router.post("/hold/place")
async def place(request: Request, runtime: App, access: Sent, form: Annotated[NewHold, Form()]) -> Response:
    """From now on nothing of the person, or of the website, is deleted."""

    async def placed() -> None:
        whose, until = form.person(), _day(form.review_on)
        actor = access.principal.actor
        await runtime.privacy.holds.place(access.scope, whose, form.authority, form.reason, until, actor=actor)

    again = partial(_hold, request, runtime, access, form)

    return await acted(placed(), f"{HOME}/{access.scope.domain_id}/privacy/retention", again)


@router.post("/review")
async def review(request: Request, runtime: App, access: Sent, form: Annotated[Review, Form()]) -> Response:
    """The hold is still needed: somebody looks again on another day."""

    async def reviewed() -> None:
        actor = access.principal.actor
        await runtime.privacy.holds.review(access.scope, form.hold, _day(form.review_on), actor=actor)

    return await _done(request, runtime, access, "review", form, reviewed())


@router.post("/lift")
async def lift(request: Request, runtime: App, access: Sent, form: Annotated[Lifting, Form()]) -> Response:
    """Ends a hold; what was kept for it alone may go from then on."""
    did = runtime.privacy.holds.lift(access.scope, form.hold, form.reason, actor=access.principal.actor)
    return await _done(request, runtime, access, "lift", form, did)


@router.get("/runs/{run_id}")
async def run(request: Request, runtime: App, access: Reads, run_id: UUID) -> Response:
    """One plan or run: what goes or went, what stays and why."""
    return await _run(request, runtime, access, run_id)


async def _run(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    run_id: UUID,
    status: int = 200,
    problem: OmniOpsError | None = None,
) -> Response:
    found = await runtime.privacy.retention.one(access.scope, run_id)
    rules = await runtime.privacy.retention.rules.all(access.scope)
    counts: Sequence[tuple[str, int, int]] = by_class(found.plan)
    values = {
        **await inside(runtime, access, "retention"),
        "run": found,
        "counts": counts,
        "names": {rule.key: rule.title for rule in rules},
        "states": STATES,
        "problem": problem,
    }
    return page(request, "privacy_run.html", values, status)


@router.post("/runs/{run_id}/approve")
async def approve(
    request: Request, runtime: App, access: Sent, run_id: UUID, form: Annotated[Approval, Form()]
) -> Response:
    """Says yes to exactly this plan; a worker deletes it."""
    did = runtime.privacy.retention.approve(access.scope, run_id, form.hash, actor=access.principal.actor)

    again = partial(_run, request, runtime, access, run_id)

    return await acted(did, f"{HOME}/{access.scope.domain_id}/privacy/retention/runs/{run_id}", again)

"""Breaches of personal data: each case with its clock of 72 hours, from its declaration to its close."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime, tzinfo
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from omniops.errors import OmniOpsError, Rejected
from omniops.privacy.breach.case import Case
from omniops.privacy.breach.cases import NewBreach, Notification
from omniops.privacy.breach.facts import rules
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import acted, page, zone_of
from omniops.server.dashboard.privacy_frame import inside, whole_account
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.server.problems import status_of

router = APIRouter(prefix=HOME + "/{domain_id}/privacy/breaches", include_in_schema=False, route_class=Idempotent)
Handles = Annotated[DomainAccess, Depends(RequiresDomain("privacy.manage"))]
Sent = Annotated[DomainAccess, Depends(Sends("privacy.manage"))]
ROWS = 25
ONE = "/{breach_id}"
FACTS = {
    "nature": "What happened", "consequences": "What it can lead to", "measures": "What is done about it",
    "effects": "What it did lead to", "remedial": "What was done so that it does not return",
    "contact": "Who answers questions", "began": "When it began, where the audit does not say",
    "ended": "When it ended, where the audit does not say",
}  # fmt: skip
RISKS = {
    "unlikely": "A risk is unlikely: no authority is told",
    "risk": "There is a risk: authorities are told",
    "high": "The risk is high: authorities and the persons are told",
}
STEPS = {
    "declared": "Declared", "noted": "Facts were added", "scoped": "Computed whom it touches",
    "assessed": "The risk was assessed", "notified": "Somebody was notified", "telling": "Telling the persons began",
    "told": "Persons were told", "closed": "Closed",
}  # fmt: skip


class NewCase(FormBody):
    aware_at: str = Field(default="", max_length=30)
    what: Literal["copied", "read"] = "copied"
    actors: str = Field(default="", max_length=4000)
    since: str = Field(default="", max_length=30)
    until: str = Field(default="", max_length=30)
    keys_exposed: Literal["", "yes"] = ""
    nature: str = Field(default="", max_length=20_000)
    role: Literal["controller", "processor"] = "controller"
    establishment: str = Field(default="", max_length=2)
    drill: Literal["", "yes"] = ""

    def breach(self, zone: tzinfo) -> NewBreach:
        """What is declared. Raises `Rejected` for what is no moment."""
        read = self.what == "read"
        aware_at = _moment(self.aware_at, "aware_at", zone)
        if aware_at is None:
            raise Rejected("Say when you became aware of it.", code="empty", where="aware_at")
        return NewBreach(
            aware_at,
            {"nature": self.nature},
            role=self.role,
            establishment=self.establishment.strip().upper() or None,
            actors=self.actors.split() if read else (),
            since=_moment(self.since, "since", zone) if read else None,
            until=_moment(self.until, "until", zone) if read else None,
            copied=not read,
            keys_exposed=self.keys_exposed == "yes",
            drill=self.drill == "yes",
        )


class Noted(FormBody):
    fact: Literal["nature", "consequences", "measures", "effects", "remedial", "contact", "began", "ended"]
    words: str = Field(default="", max_length=20_000)
    establishment: str = Field(default="", max_length=2)


class Assessed(FormBody):
    risk: Literal["unlikely", "risk", "high"]
    reasons: str = Field(default="", max_length=20_000)
    approver: str = Field(default="", max_length=200)
    exception: Literal["", "a", "b", "c"] = ""


class Notified(FormBody):
    to: str = Field(max_length=40)
    text: str = Field(max_length=40)
    reference: str = Field(default="", max_length=500)
    late_reason: str = Field(default="", max_length=5000)


class Telling(FormBody):
    text: str = Field(max_length=40)


class Nothing(FormBody):
    """A step that needs no words."""


def _moment(typed: str, where: str, zone: tzinfo) -> datetime | None:
    """A moment as a form sends it, in the website's zone; None where nothing was typed."""
    if not typed.strip():
        return None
    try:
        found = datetime.fromisoformat(typed.strip())
    except ValueError as error:
        raise Rejected(
            "This is no moment.", code="no_moment", where=where, do="Write it as 2027-01-31T14:30."
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=zone)


@router.get("")
async def breaches(request: Request, runtime: App, access: Handles, after: UUID | None = None) -> Response:
    """All cases, open ones by their clock, then closed ones."""
    found: list[Case] = await runtime.privacy.breaches.register.cases(whole_account(access))
    ordered = sorted(found, key=lambda one: (one.closed_at is not None, one.due_at))
    start = next((n + 1 for n, one in enumerate(ordered) if one.id == after), 0)
    rows = ordered[start : start + ROWS]
    values = {
        **await inside(runtime, access, "breaches"),
        "rows": rows,
        "open": [one for one in found if one.closed_at is None],
        "more": rows[-1].id if len(ordered) > start + ROWS else None,
        "first": not start,
    }
    return page(request, "privacy_breaches.html", values)


@router.get("/new")
async def new(request: Request, runtime: App, access: Handles) -> Response:
    """The form that starts the clock."""
    whole_account(access)
    return await _new(request, runtime, access, NewCase())


async def _new(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    typed: NewCase,
    status: int = 200,
    problem: OmniOpsError | None = None,
) -> Response:
    values = {**await inside(runtime, access, "breaches"), "typed": typed, "problem": problem}
    return page(request, "privacy_breach_new.html", values, status)


@router.post("/new/declare")
async def declare(request: Request, runtime: App, access: Sent, form: Annotated[NewCase, Form()]) -> Response:
    """Declares it: starts the clock, computes whom it touches, and leads to the case."""
    account_id, domain = whole_account(access), await runtime.accounts.domain(access.scope)
    try:
        breach = form.breach(zone_of(domain))
        found = await runtime.privacy.breaches.declare(account_id, breach, actor=access.principal.actor)
    except Rejected as error:
        status, _ = status_of(error)
        return await _new(request, runtime, access, form, status, error)
    place = f"{HOME}/{access.scope.domain_id}/privacy/breaches/{found.id}"
    return RedirectResponse(place, 303, {"Cache-Control": "no-store"})


@router.get(ONE)
async def breach(request: Request, runtime: App, access: Handles, breach_id: UUID) -> Response:
    """A case as it stands, with what still stands against closing it."""
    return await _shown(request, runtime, access, breach_id)


async def _shown(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    breach_id: UUID,
    *,
    step: str = "",
    typed: FormBody | None = None,
    status: int = 200,
    problem: OmniOpsError | None = None,
) -> Response:
    room, account_id = runtime.privacy.breaches, whole_account(access)
    case = await room.register.case(account_id, breach_id)
    drafts = await room.drafts(account_id, breach_id)
    values = {
        **await inside(runtime, access, "breaches"),
        "case": case,
        "authorities": case.authorities(),
        "missing": case.missing(),
        "drafts": drafts,
        "to_persons": [one for one in drafts if one.to == "persons"],
        "history": await room.steps(account_id, breach_id),
        "facts": FACTS,
        "risks": RISKS,
        "exceptions": rules()["exceptions"],
        "kinds": STEPS,
        "step": step,
        "typed": typed.model_dump() if typed is not None else {},
        "problem": problem,
    }
    return page(request, "privacy_breach.html", values, status)


async def _done(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    breach_id: UUID,
    step: str,
    form: FormBody,
    did: Awaitable[object],
) -> Response:
    """Does it and shows the case again; where it may not be done, with the reason beside the step."""

    again = partial(_shown, request, runtime, access, breach_id, step=step, typed=form)

    return await acted(did, f"{HOME}/{access.scope.domain_id}/privacy/breaches/{breach_id}", again)


@router.post(ONE + "/note")
async def note(
    request: Request, runtime: App, access: Sent, breach_id: UUID, form: Annotated[Noted, Form()]
) -> Response:
    """Adds a fact. What was written before stays in the register."""
    did = runtime.privacy.breaches.note(
        whole_account(access),
        breach_id,
        {form.fact: form.words} if form.words.strip() else {},
        establishment=form.establishment.strip().upper() or None,
        actor=access.principal.actor,
    )
    return await _done(request, runtime, access, breach_id, "note", form, did)


@router.post(ONE + "/scope")
async def scope(
    request: Request, runtime: App, access: Sent, breach_id: UUID, form: Annotated[Nothing, Form()]
) -> Response:
    """Computes anew whom the breach touches."""
    did = runtime.privacy.breaches.scope(whole_account(access), breach_id, actor=access.principal.actor)
    return await _done(request, runtime, access, breach_id, "scope", form, did)


@router.post(ONE + "/assess")
async def assess(
    request: Request, runtime: App, access: Sent, breach_id: UUID, form: Annotated[Assessed, Form()]
) -> Response:
    """Says how great the risk is, and so who is told."""
    did = runtime.privacy.breaches.assess(
        whole_account(access),
        breach_id,
        form.risk,
        form.reasons,
        approver=form.approver,
        exception=form.exception or None,
        actor=access.principal.actor,
    )
    return await _done(request, runtime, access, breach_id, "assess", form, did)


@router.post(ONE + "/notify")
async def notify(
    request: Request, runtime: App, access: Sent, breach_id: UUID, form: Annotated[Notified, Form()]
) -> Response:
    """Enters that an authority, or the controller, was notified. The sending is a person's."""
    sent = Notification(form.to, form.reference, form.text, form.late_reason)
    did = runtime.privacy.breaches.notify(whole_account(access), breach_id, sent, actor=access.principal.actor)
    return await _done(request, runtime, access, breach_id, "notify", form, did)


@router.post(ONE + "/tell")
async def tell(
    request: Request, runtime: App, access: Sent, breach_id: UUID, form: Annotated[Telling, Form()]
) -> Response:
    """Mails everybody whom it touches and who was not told yet; in a drill nobody."""
    did = runtime.privacy.breaches.tell(whole_account(access), breach_id, form.text, actor=access.principal.actor)
    return await _done(request, runtime, access, breach_id, "tell", form, did)


@router.post(ONE + "/close")
async def close(
    request: Request, runtime: App, access: Sent, breach_id: UUID, form: Annotated[Nothing, Form()]
) -> Response:
    """Closes the case; refused while anything stands against it."""
    did = runtime.privacy.breaches.close(whole_account(access), breach_id, actor=access.principal.actor)
    return await _done(request, runtime, access, breach_id, "close", form, did)

"""The privacy centre: requests about people's own data, by the last day that the law leaves for an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from pydantic import Field

from omniops.errors import OmniOpsError
from omniops.privacy.rights.book import Asked
from omniops.privacy.rights.clocks import REGIONS, Due
from omniops.privacy.rights.kinds import RIGHTS
from omniops.privacy.rights.models import RightsCase
from omniops.privacy.rights.words import LANGUAGES
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import acted, page
from omniops.server.dashboard.privacy_frame import inside
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix=HOME + "/{domain_id}/privacy", include_in_schema=False, route_class=Idempotent)
Reads = Annotated[DomainAccess, Depends(RequiresDomain("privacy.read"))]
Manages = Annotated[DomainAccess, Depends(RequiresDomain("privacy.manage"))]
Sent = Annotated[DomainAccess, Depends(Sends("privacy.manage"))]
State = Literal["open", "unproven", "closed"]
VIEWS: dict[State, str] = {"open": "Open", "unproven": "Not confirmed yet", "closed": "Closed"}
ROWS = 25
COUNTED = 100
TITLES = {
    "access": "Access and copy", "portability": "Data to take along", "rectification": "Correction",
    "erasure": "Erasure", "restriction": "Restriction", "objection": "Objection",
    "automated_decision": "Human review", "withdrawal": "Consent withdrawn", "know": "Right to know",
    "delete": "Deletion", "correct": "Correction", "opt_out": "Opt-out of sale and sharing",
    "limit": "Limit on sensitive data", "safeguards": "Safeguards of a transfer", "complaint": "Complaint",
    "child": "A child’s data",
}  # fmt: skip
REGIMES = {"EEA": "GDPR", "UK": "UK GDPR", "California": "CCPA", "house": "own rule"}
OUTCOMES = {
    "done": "Done", "nothing_held": "Nothing was held", "refused": "Refused",
    "not_proven": "Nobody showed who asks", "withdrawn": "Taken back by who asked",
}  # fmt: skip
WAYS = {
    "page": "page of rights", "chat": "chat", "api": "chat", "mail": "mail", "system": "connected system",
    "member": "noted by a person", "age": "an age said in the chat",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Course:
    """A case's way from its receipt to its last term, in hundredths: how much is over, and where each law's last day
    is. `first` is the term that counts."""

    over: int
    marks: Sequence[tuple[int, str, date]]
    first: Due


def course(case: RightsCase, terms: Sequence[Due], now: datetime) -> Course:
    """The course of a case by its terms to answer, the strictest of which counts."""
    answers = [one for one in terms if one.rule.what == "answer"]
    begin = case.received_at.astimezone(UTC).date()
    whole = max((answers[-1].day - begin).days, 1)
    today = (case.closed_at or now).astimezone(UTC).date()

    def at(day: date) -> int:
        return min(max(round(100 * (day - begin).days / whole), 0), 100)

    marks = [(at(one.day), REGIMES.get(one.rule.regime, one.rule.regime), one.day) for one in answers]
    return Course(at(today), marks, answers[0])


NAMES: dict[str, object] = {
    "titles": TITLES, "outcomes": OUTCOMES, "ways": WAYS, "regimes": REGIMES, "rights": RIGHTS,
}  # fmt: skip


@router.get("")
async def cases(
    request: Request, runtime: App, access: Reads, state: State = "open", after: UUID | None = None
) -> Response:
    """Cases by their last day; closed ones with the newest first."""
    scope, room = access.scope, runtime.privacy.cases
    order: Literal["newest", "due"] = "newest" if state == "closed" else "due"
    found = await room.all(scope, state=state, order=order, after=after, limit=ROWS + 1)
    open_ = found if state == "open" and after is None else await room.all(scope, state="open", order="due", limit=1)
    rows = [one.case for one in found[:ROWS]]
    now = runtime.clock.now()
    values = {
        **await inside(runtime, access, ""),
        **NAMES,
        "views": VIEWS,
        "state": state,
        "rows": [(case, course(case, await room.book.terms(scope, case), now)) for case in rows],
        "nearest": open_[0].case if open_ else None,
        "open": len(await room.all(scope, state="open", limit=COUNTED)),
        "counted": COUNTED,
        "more": rows[-1].id if len(found) > ROWS else None,
        "first": after is None,
    }
    return page(request, "privacy.html", values)


class NewCase(FormBody):
    right: str = Field(max_length=40)
    email: str = Field(max_length=254)
    language: str = Field(default="en", max_length=35)
    text: str = Field(default="", max_length=4000)
    region: Literal["", "EEA", "UK", "California", "elsewhere"] = ""
    by_agent: Literal["", "yes"] = ""


@router.get("/new")
async def new(
    request: Request, runtime: App, access: Manages, right: Annotated[str, Query(max_length=40)] = "access"
) -> Response:
    """The form for a request that came by letter, by telephone or in a shop."""
    return await _new(request, runtime, access, NewCase(right=right, email=""))


async def _new(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    typed: NewCase,
    status: int = 200,
    problem: OmniOpsError | None = None,
) -> Response:
    values = {**await inside(runtime, access, ""), **NAMES, "regions": REGIONS, "languages": LANGUAGES}
    return page(request, "privacy_new.html", {**values, "typed": typed, "problem": problem}, status)


@router.post("/new/record")
async def record(request: Request, runtime: App, access: Sent, form: Annotated[NewCase, Form()]) -> Response:
    """Records the request. Its address gets the one-time link that shows who asks."""
    asked = Asked(form.right, form.language, form.email.strip(), form.text, form.region, form.by_agent == "yes")
    did = runtime.privacy.requests.by_address(
        access.scope, asked, channel="member", at=runtime.clock.now(), actor=access.principal.actor
    )

    again = partial(_new, request, runtime, access, form)

    return await acted(did, f"{HOME}/{access.scope.domain_id}/privacy?state=unproven", again)

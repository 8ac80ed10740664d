"""One case about a person's own data: who asks, what every place did, the steps that are left, what happened."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from omniops.contracts.rights import Fulfilment
from omniops.errors import OmniOpsError, Rejected
from omniops.privacy.rights.book import settled
from omniops.privacy.rights.kinds import GROUNDS, REFUSALS, RIGHTS, fits
from omniops.privacy.rights.views import CaseView
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import acted, page
from omniops.server.dashboard.privacy import NAMES, Reads, Sent, course
from omniops.server.dashboard.privacy_frame import inside
from omniops.server.forms import HOME, FormBody
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess

router = APIRouter(prefix=HOME + "/{domain_id}/privacy/cases", include_in_schema=False, route_class=Idempotent)
ONE = "/{case_id}"
Next = Literal["prove", "act", "settle", "close", "closed"]
EVENTS = {
    "received": "Received", "confirmed": "Who asks followed the link", "proven": "Decided who asks",
    "approved": "Approved: it may be done", "settled": "A task was settled", "corrected": "A value was corrected",
    "refused": "Refused", "extended": "The longer term was taken", "letter": "A letter",
    "not_sent": "A letter could not be sent", "escalated": "People were reminded",
    "consent_shown": "A parent’s consent was verified", "objection_refused": "An objection was refused",
    "fetched": "The copy was fetched", "closed": "Closed",
}  # fmt: skip
WILL = {
    "copy": "A copy of all that is held here and at every connected place is made. The person gets a one-time link to "
    "it; nobody else does.",
    "erase": "Everything that is known of this person goes, here and at every connected place: messages, files, "
    "addresses, traces. It cannot be taken back. A legal hold stops it.",
    "restrict": "The data stays, and is opened for keeping, legal claims and rights only.",
    "object": "All purposes that one can object to stop for this person.",
    "opt_out": "Nothing of this person is sold or shared, and all that is optional stops.",
    "limit": "Sensitive data of this person is used for what is needed and nothing else; all that is optional stops.",
    "withdraw": "Every consent of this person ends, and what stood on it stops.",
    "person": "It becomes a task for a person here, who settles it in words.",
}
"""What approval sets going, by the act of a right."""


def next_step(view: CaseView) -> Next:
    """The one thing that the case waits for."""
    case = view.case
    if case.state == "closed":
        return "closed"
    if case.identity == "none" and case.right != "child":
        return "prove"
    if not view.tasks:
        return "act"
    return "close" if all(map(settled, view.tasks)) else "settle"


def steps(view: CaseView) -> frozenset[str]:
    """What may be done about the case as it stands now."""
    case, waits = view.case, next_step(view)
    if waits == "closed":
        return frozenset({"objection"} if case.right == "objection" and case.outcome == "done" else ())
    found = {"refuse", {"prove": "identity"}.get(waits, waits)}
    if case.confirmed_at is None:
        found.add("receipt")
    if case.extended_at is None:
        found.add("extend")
    if case.right == "child":
        found.add("consent")
    if case.right in ("rectification", "correct") and case.identity != "none":
        found.add("correct")
    return frozenset(found)


@router.get(ONE)
async def case(request: Request, runtime: App, access: Reads, case_id: UUID) -> Response:
    """A case with everything; opening it is on record."""
    return await _shown(request, runtime, access, case_id)


async def _shown(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    case_id: UUID,
    *,
    step: str = "",
    typed: FormBody | None = None,
    status: int = 200,
    problem: OmniOpsError | None = None,
) -> Response:
    view = await runtime.privacy.cases.read(access.scope, case_id, actor=access.principal.actor)
    now, right = runtime.clock.now(), view.case.right
    drafted = [words for letter, words in view.letters if letter.state == "drafted"]
    purposes = runtime.catalog.purposes
    values = {
        **await inside(runtime, access, ""),
        **NAMES,
        "view": view,
        "case": view.case,
        "course": course(view.case, view.terms, now),
        "next": next_step(view),
        "steps": steps(view) if access.principal.may("privacy.manage") else frozenset(),
        "settled": settled,
        "will": WILL[RIGHTS[right].act],
        "act": RIGHTS[right].act,
        "events": EVENTS,
        "refusals": {code: law for code, law in REFUSALS.items() if fits(code, right)},
        "grounds": REFUSALS[GROUNDS],
        "refusable": [key for key, one in purposes.items() if one.refusable],
        "drafted": drafted[-1] if drafted else "",
        "step": step,
        "typed": typed.model_dump() if typed is not None else {},
        "problem": problem,
    }
    return page(request, "privacy_case.html", values, status)


async def _done(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    case_id: UUID,
    step: str,
    form: FormBody,
    did: Awaitable[object],
) -> Response:
    """Does it and shows the case again; where it may not be done, with the reason beside the step, and what was
    typed."""

    again = partial(_shown, request, runtime, access, case_id, step=step, typed=form)

    return await acted(did, f"{HOME}/{access.scope.domain_id}/privacy/cases/{case_id}", again)


class Nothing(FormBody):
    """A step that needs no words."""


class Proof(FormBody):
    subjects: str = Field(default="", max_length=4000)
    evidence: str = Field(default="", max_length=1000)

    def ids(self) -> list[UUID]:
        """Whom it is about. Raises `Rejected` for what is no id."""
        try:
            return [UUID(word) for word in self.subjects.replace(",", " ").split()]
        except ValueError as error:
            raise Rejected(
                "One of these is no id of a person.",
                code="no_id",
                where="subjects",
                do="Copy the ids from the person’s conversations, one in each line.",
            ) from error


class Words(FormBody):
    reason: str = Field(default="", max_length=1000)


class Refusal(Words):
    code: str = Field(default="", max_length=40)


class Overriding(Words):
    purpose: str = Field(max_length=60)


class Evidence(FormBody):
    evidence: str = Field(default="", max_length=1000)


class Settled(Evidence):
    task: UUID
    state: Literal["done", "nothing_held", "refused"]
    code: str = Field(default="", max_length=60)


class Correction(FormBody):
    what: str = Field(default="", max_length=120)
    value: str = Field(default="", max_length=4000)


class Reply(FormBody):
    text: str = Field(default="", max_length=5000)


@router.post(ONE + "/identity")
async def prove(
    request: Request, runtime: App, access: Sent, case_id: UUID, form: Annotated[Proof, Form()]
) -> Response:
    """Decides, on evidence, who asks and whom it is about."""

    async def proved() -> None:
        cases, actor = runtime.privacy.cases, access.principal.actor
        await cases.prove(access.scope, case_id, form.ids(), form.evidence, actor=actor)

    return await _done(request, runtime, access, case_id, "identity", form, proved())


@router.post(ONE + "/receipt")
async def receipt(
    request: Request, runtime: App, access: Sent, case_id: UUID, form: Annotated[Nothing, Form()]
) -> Response:
    """Tells the person that the request was received."""
    did = runtime.privacy.cases.confirm_receipt(access.scope, case_id, actor=access.principal.actor)
    return await _done(request, runtime, access, case_id, "receipt", form, did)


@router.post(ONE + "/act")
async def act(
    request: Request, runtime: App, access: Sent, case_id: UUID, form: Annotated[Nothing, Form()]
) -> Response:
    """Lets it be done, here and at every place outside."""
    did = runtime.privacy.cases.act(access.scope, case_id, actor=access.principal.actor)
    return await _done(request, runtime, access, case_id, "act", form, did)


@router.post(ONE + "/correct")
async def correct(
    request: Request, runtime: App, access: Sent, case_id: UUID, form: Annotated[Correction, Form()]
) -> Response:
    """Corrects a value; who received the old one becomes a task."""
    did = runtime.privacy.cases.correct(
        access.scope, case_id, form.what.strip(), form.value, actor=access.principal.actor
    )
    return await _done(request, runtime, access, case_id, "correct", form, did)


@router.post(ONE + "/settle")
async def settle(
    request: Request, runtime: App, access: Sent, case_id: UUID, form: Annotated[Settled, Form()]
) -> Response:
    """Closes a task on evidence, where a place cannot answer by itself."""

    async def closed() -> None:
        if not form.evidence.strip():
            raise Rejected("Say what shows it.", code="empty", where="evidence")
        if form.state == "refused" and not form.code:
            raise Rejected("A refusal needs a reason of the law.", code="empty", where="code")
        answer = Fulfilment(form.state, form.evidence, form.code if form.state == "refused" else "")
        await runtime.privacy.cases.settle(access.scope, case_id, form.task, answer, actor=access.principal.actor)

    return await _done(request, runtime, access, case_id, "settle", form, closed())


@router.post(ONE + "/extend")
async def extend(
    request: Request, runtime: App, access: Sent, case_id: UUID, form: Annotated[Words, Form()]
) -> Response:
    """Takes the longer term that the law allows, and tells the person why."""
    did = runtime.privacy.cases.extend(access.scope, case_id, form.reason, actor=access.principal.actor)
    return await _done(request, runtime, access, case_id, "extend", form, did)


@router.post(ONE + "/refuse")
async def refuse(
    request: Request, runtime: App, access: Sent, case_id: UUID, form: Annotated[Refusal, Form()]
) -> Response:
    """Refuses for a reason of the law; the reply names it, and where one can complain."""
    did = runtime.privacy.cases.refuse(access.scope, case_id, form.code, form.reason, actor=access.principal.actor)
    return await _done(request, runtime, access, case_id, "refuse", form, did)


@router.post(ONE + "/objection")
async def override(
    request: Request, runtime: App, access: Sent, case_id: UUID, form: Annotated[Overriding, Form()]
) -> Response:
    """Refuses an objection to one purpose on compelling grounds; the person is told."""
    did = runtime.privacy.objections.refuse(
        access.scope, case_id, form.purpose, GROUNDS, form.reason, actor=access.principal.actor
    )
    return await _done(request, runtime, access, case_id, "objection", form, did)


@router.post(ONE + "/consent")
async def parental(
    request: Request, runtime: App, access: Sent, case_id: UUID, form: Annotated[Evidence, Form()]
) -> Response:
    """Notes that a parent's consent was verified: the child's data stays, and all that is optional stays shut."""
    did = runtime.privacy.child_cases.consent_shown(
        access.scope, case_id, form.evidence, actor=access.principal.actor
    )  # fmt: skip
    return await _done(request, runtime, access, case_id, "consent", form, did)


@router.post(ONE + "/close")
async def close(
    request: Request, runtime: App, access: Sent, case_id: UUID, form: Annotated[Reply, Form()]
) -> Response:
    """Approves the reply, as drafted or in other words, sends it and closes the case."""

    async def closed() -> None:
        words = form.text.replace("\r\n", "\n").strip()
        if len(words) > 4000:
            raise Rejected(f"The reply has {len(words)} characters; 4000 is the most.", code="too_long", where="text")
        await runtime.privacy.cases.close(access.scope, case_id, words or None, actor=access.principal.actor)

    return await _done(request, runtime, access, case_id, "close", form, closed())

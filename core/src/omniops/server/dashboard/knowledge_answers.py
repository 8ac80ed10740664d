"""What was asked in vain, and the business's own answers, which win over what was read."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from pydantic import Field

from omniops.errors import NotFound, OmniOpsError
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import acted, frame, page
from omniops.server.dashboard.knowledge import Manages, Reads, place
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix=HOME + "/{domain_id}/knowledge", include_in_schema=False, route_class=Idempotent)
ROWS = 30
State = Literal["open", "dismissed", "resolved"]


class AnswerForm(FormBody):
    """Questions, one for each line, and what is said to them."""

    questions: str = Field(default="", max_length=7000)
    answer: str = Field(default="", max_length=4000)
    link: str = Field(default="", max_length=2000)

    @property
    def asked(self) -> list[str]:
        return [line.strip() for line in self.questions.splitlines() if line.strip()]

    @property
    def said(self) -> str:
        return self.answer.replace("\r\n", "\n").strip()


@router.get("/answers")
async def answers(request: Request, runtime: App, access: Reads) -> Response:
    """The answers that members wrote, and a form for another."""
    return await _answers(request, runtime, access)


@router.get("/answers/{answer_id}")
async def answer(request: Request, runtime: App, access: Reads, answer_id: UUID) -> Response:
    """One of them, to be changed."""
    await runtime.curated.get(access.scope, answer_id)
    return await _answers(request, runtime, access, chosen=answer_id)


async def _answers(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    chosen: UUID | None = None,
    typed: AnswerForm | None = None,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    found = await runtime.curated.all(access.scope)
    one = next((one for one in found if one.id == chosen), None)
    if typed is None and one is not None:
        typed = AnswerForm(questions="\n".join(one.questions), answer=one.answer, link=one.link)
    values = {
        **await frame(runtime, access, "knowledge"),
        "part": "answers",
        "answers": found,
        "chosen": one,
        "form": typed or AnswerForm(),
        "problem": problem,
    }
    return page(request, "knowledge_answers.html", values, status)


@router.post("/answers/keep")
async def create(request: Request, runtime: App, access: Manages, form: Annotated[AnswerForm, Form()]) -> Response:
    """A new answer; from now on it wins over what was read."""

    again = partial(_answers, request, runtime, access, typed=form)

    did = runtime.curated.create(
        access.scope, form.asked, form.said, form.link.strip() or None, actor=access.principal.actor
    )
    return await acted(did, place(access, "/answers"), again)


@router.post("/answers/{answer_id}/keep")
async def change(
    request: Request, runtime: App, access: Manages, answer_id: UUID, form: Annotated[AnswerForm, Form()]
) -> Response:
    """Other questions or other words."""

    again = partial(_answers, request, runtime, access, chosen=answer_id, typed=form)

    did = runtime.curated.change(
        access.scope, answer_id, form.asked, form.said, form.link.strip() or None, actor=access.principal.actor
    )
    return await acted(did, place(access, "/answers"), again)


@router.post("/answers/{answer_id}/delete")
async def delete(
    request: Request, runtime: App, access: Manages, answer_id: UUID, form: Annotated[FormBody, Form()]
) -> Response:
    """Takes an answer away; what was read counts again."""

    again = partial(_answers, request, runtime, access)

    did = runtime.curated.delete(access.scope, answer_id, actor=access.principal.actor)
    return await acted(did, place(access, "/answers"), again)


@router.get("/gaps")
async def gaps(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))],
    state: State = "open",
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """What visitors ask and the pages leave unanswered, most people first. Looking is on record."""
    return await _gaps(request, runtime, access, state=state, after=after)


async def _gaps(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    state: State = "open",
    after: str | None = None,
    tried: UUID | None = None,
    typed: AnswerForm | None = None,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    found = await runtime.gaps.all(access.scope, actor=access.principal.actor, state=state, after=after, limit=ROWS + 1)
    values = {
        **await frame(runtime, access, "knowledge"),
        "part": "gaps",
        "state": state,
        "gaps": found[:ROWS],
        "more": len(found) > ROWS,
        "tried": tried,
        "form": typed or AnswerForm(),
        "problem": problem,
    }
    return page(request, "knowledge_gaps.html", values, status)


class GapForm(AnswerForm):
    decision: Literal["answer", "dismiss"]


@router.post("/gaps/{gap_id}/decide")
async def decide(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(Sends("knowledge.manage"))],
    gap_id: UUID,
    form: Annotated[GapForm, Form()],
) -> Response:
    """Writes the answer to what was asked in vain, or says that there is nothing to write."""

    async def again(*, problem: OmniOpsError, status: int) -> Response:
        if not access.principal.may("conversation.read"):
            raise problem
        return await _gaps(request, runtime, access, tried=gap_id, typed=form, problem=problem, status=status)

    return await acted(_decided(runtime, access, gap_id, form), place(access, "/gaps"), again)


async def _decided(runtime: Runtime, access: DomainAccess, gap_id: UUID, form: GapForm) -> None:
    scope, actor = access.scope, access.principal.actor
    if form.decision == "dismiss":
        await runtime.gaps.dismiss(scope, gap_id, actor=actor)
        return
    made = await runtime.curated.create(scope, form.asked, form.said, form.link.strip() or None, actor=actor)
    try:
        await runtime.gaps.resolve(scope, gap_id, str(made.id), actor=actor)
    except NotFound:  # somebody else's, or gone with its questions: then there was nothing to answer
        await runtime.curated.delete(scope, made.id, actor=actor)
        raise

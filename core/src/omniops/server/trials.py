"""The go-live gate: a business's own questions, and the runs over them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from omniops.knowledge.own_questions import MOST, checked, parse
from omniops.knowledge.trial_models import OwnQuestion, Trial
from omniops.server.idempotency import Idempotent
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["business"], route_class=Idempotent)


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewQuestion(Body):
    question: str = Field(max_length=1000)
    pages: list[str] = Field(default_factory=list, max_length=20, description="URLs or paths; none for no answer.")
    contains: list[str] = Field(default_factory=list, max_length=20, description="Words that the quotes must hold.")


class NewQuestions(Body):
    questions: list[NewQuestion] = Field(min_length=1, max_length=MOST)


class QuestionFile(Body):
    format: Literal["jsonl", "csv"]
    text: str


def _question(row: OwnQuestion) -> dict[str, Any]:
    return row.model_dump(mode="json", exclude={"domain_id"})


def _trial(trial: Trial, *, outcomes: bool = False) -> dict[str, Any]:
    hidden = {"domain_id", "fingerprint"} | (set() if outcomes else {"outcomes"})
    return {**trial.model_dump(mode="json", exclude=hidden), "questions": len(trial.outcomes)}


@router.get("/questions", response_model=Page[dict[str, Any]])
async def questions(
    runtime: App, pages: Pages, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.read"))]
) -> Any:
    """The domain's own questions."""
    return pages.cut(await runtime.trials.questions(access.scope), lambda one: one.id, _question)


@router.post("/questions", status_code=201)
async def add_questions(
    runtime: App, body: NewQuestions, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.manage"))]
) -> list[dict[str, Any]]:
    """Adds questions, all or none. One with the same words is replaced."""
    asked = [checked(one.model_dump(), f"questions.{number}") for number, one in enumerate(body.questions)]
    return [_question(row) for row in await runtime.trials.add(access.scope, asked, actor=access.principal.actor)]


@router.post("/questions/import", status_code=201)
async def import_questions(
    runtime: App, body: QuestionFile, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.manage"))]
) -> list[dict[str, Any]]:
    """Adds the questions of a file, all or none."""
    asked = parse(body.text, body.format)
    return [_question(row) for row in await runtime.trials.add(access.scope, asked, actor=access.principal.actor)]


@router.delete("/questions/{question_id}", status_code=204)
async def remove_question(
    runtime: App, question_id: UUID, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.manage"))]
) -> None:
    """Removes a question; later runs go without it."""
    await runtime.trials.remove(access.scope, question_id, actor=access.principal.actor)


@router.get("/trials", response_model=Page[dict[str, Any]])
async def trials(
    runtime: App, pages: Pages, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.read"))]
) -> Any:
    """Runs over the own questions, newest first; `state` is `fell` where one lost more than the domain's margin."""
    found = await runtime.trials.all(access.scope, pages.more, after=pages.id)
    return pages.page(found, lambda one: one.id, _trial)


@router.post("/trials", status_code=201)
async def run_trial(
    runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.manage"))]
) -> dict[str, Any]:
    """Asks all questions now."""
    return _trial(await runtime.trials.run(access.scope), outcomes=True)


@router.get("/trials/{trial_id}")
async def trial(
    runtime: App, trial_id: UUID, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.read"))]
) -> dict[str, Any]:
    """A run with what each question got."""
    return _trial(await runtime.trials.one(access.scope, trial_id), outcomes=True)


@router.post("/trials/{trial_id}/accept")
async def accept(
    runtime: App, trial_id: UUID, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.manage"))]
) -> dict[str, Any]:
    """Takes a fall: later runs are held against this one."""
    return _trial(await runtime.trials.accept(access.scope, trial_id, actor=access.principal.actor))

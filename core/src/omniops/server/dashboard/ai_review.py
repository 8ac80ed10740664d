"""Which answers a person sees first, as one form over the rules of a website, and the website's own questions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import Field

from omniops.accounts.service import ReviewRule
from omniops.errors import OmniOpsError, Rejected
from omniops.knowledge.own_questions import checked
from omniops.runtime import Runtime
from omniops.server.dashboard.ai import place
from omniops.server.dashboard.ai_words import rule_words
from omniops.server.dashboard.frame import acted, frame, page
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix=HOME + "/{domain_id}/ai", include_in_schema=False, route_class=Idempotent)
Manages = Annotated[DomainAccess, Depends(Sends("knowledge.manage"))]
Who = Literal["automatic", "uncertain", "draft", "off"]
WHO: dict[Who, str] = {
    "automatic": "The AI answers by itself",
    "uncertain": "A person sees uncertain answers first",
    "draft": "A person sees every answer first",
    "off": "People answer, the AI stays silent",
}
RUNS = 10
LINES = 4000


class ReviewForm(FormBody):
    """Three rules in the order in which they are asked: words for people, words to be seen first, and all the rest."""

    who: Who = "automatic"
    below: str = Field(default="0.7", max_length=20)
    people: str = Field(default="", max_length=LINES)
    first: str = Field(default="", max_length=LINES)
    finer: Literal["", "yes"] = ""

    @classmethod
    def of(cls, rules: Sequence[ReviewRule]) -> ReviewForm | None:
        """What stands in the form for these rules; None where they say more than it can."""
        found, left = cls(), [rule.model_dump(exclude_defaults=True) for rule in rules]
        for name, mode in (("people", "off"), ("first", "draft")):
            if left and left[0].keys() == {"mode", "topics"} and left[0]["mode"] == mode:
                setattr(found, name, "\n".join(left.pop(0)["topics"]))
        if left and left[0].keys() == {"mode"}:
            found.who = left.pop(0)["mode"]
        elif left and left[0].keys() == {"mode", "below"} and left[0]["mode"] == "draft":
            found.who, found.below = "uncertain", f"{left.pop(0)['below']:g}"
        return None if left else found

    def rules(self) -> list[dict[str, Any]]:
        """The rules that it says. Raises `Rejected` for a certainty that is no number."""
        found: list[dict[str, Any]] = [
            {"mode": mode, "topics": words}
            for mode, said in (("off", self.people), ("draft", self.first))
            if (words := _lines(said))
        ]
        if self.who == "uncertain":
            found.append({"mode": "draft", "below": _share(self.below)})
        elif self.who != "automatic":
            found.append({"mode": self.who})
        return found


@router.get("/review")
async def review(
    request: Request, runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
) -> Response:
    """The rules in force, and the form that changes them."""
    return await _review(request, runtime, access)


@router.post("/review/keep")
async def keep(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(Sends("domain.manage"))],
    form: Annotated[ReviewForm, Form()],
) -> Response:
    """Other rules, from the next message on. Rules that say more than the form are replaced only where it says so."""

    async def change() -> None:
        rules = (await runtime.accounts.domain(access.scope)).settings.review
        if ReviewForm.of(rules) is None and form.finer != "yes":
            raise Rejected(
                "The rules in force say more than this form can.",
                code="finer_rules",
                do="Say that it may replace them.",
            )
        changes = {"settings": {"review": form.rules()}}
        await runtime.accounts.configure(access.scope, changes, actor=access.principal.actor)

    again = partial(_review, request, runtime, access, typed=form)

    return await acted(change(), place(access, "/review"), again)


async def _review(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    typed: ReviewForm | None = None,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    rules = (await runtime.accounts.domain(access.scope)).settings.review
    known = ReviewForm.of(rules)
    values = {
        **await frame(runtime, access, "ai"),
        "part": "review",
        "rules": [rule_words(rule) for rule in rules],
        "finer": known is None,
        "form": typed or known or ReviewForm(),
        "choices": WHO,
        "problem": problem,
    }
    return page(request, "ai_review.html", values, status)


class QuestionForm(FormBody):
    question: str = Field(default="", max_length=1000)
    pages: str = Field(default="", max_length=LINES)
    contains: str = Field(default="", max_length=LINES)


@router.get("/questions")
async def questions(
    request: Request, runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.read"))]
) -> Response:
    """The website's own questions, and how the runs over them went."""
    return await _questions(request, runtime, access)


@router.post("/questions/add")
async def add(request: Request, runtime: App, access: Manages, form: Annotated[QuestionForm, Form()]) -> Response:
    """Adds a question; one with the same words is replaced."""

    again = partial(_questions, request, runtime, access, typed=form)

    async def change() -> None:
        row = {"question": form.question, "pages": _lines(form.pages), "contains": _lines(form.contains)}
        await runtime.trials.add(access.scope, [checked(row, "question")], actor=access.principal.actor)

    return await acted(change(), place(access, "/questions"), again)


@router.post("/questions/{question_id}/remove")
async def remove(
    request: Request, runtime: App, access: Manages, question_id: UUID, form: Annotated[FormBody, Form()]
) -> Response:
    """Later runs go without it."""

    again = partial(_questions, request, runtime, access)

    did = runtime.trials.remove(access.scope, question_id, actor=access.principal.actor)
    return await acted(did, place(access, "/questions"), again)


@router.post("/questions/run")
async def run(request: Request, runtime: App, access: Manages, form: Annotated[FormBody, Form()]) -> Response:
    """Asks all of them now."""

    again = partial(_questions, request, runtime, access)

    return await acted(runtime.trials.run(access.scope), place(access, "/questions"), again)


@router.post("/questions/runs/{trial_id}/accept")
async def accept(
    request: Request, runtime: App, access: Manages, trial_id: UUID, form: Annotated[FormBody, Form()]
) -> Response:
    """Takes a fall: later runs are held against this one."""

    again = partial(_questions, request, runtime, access)

    did = runtime.trials.accept(access.scope, trial_id, actor=access.principal.actor)
    return await acted(did, place(access, "/questions"), again)


async def _questions(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    typed: QuestionForm | None = None,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    runs = await runtime.trials.all(access.scope, RUNS)
    newest = next((one for one in runs if one.live), None)
    values = {
        **await frame(runtime, access, "ai"),
        "part": "questions",
        "questions": await runtime.trials.questions(access.scope),
        "outcomes": {} if newest is None else {one["id"]: one for one in newest.outcomes},
        "newest": newest,
        "runs": runs,
        "form": typed or QuestionForm(),
        "problem": problem,
    }
    return page(request, "ai_questions.html", values, status)


def _lines(text: str) -> list[str]:
    return [line for part in text.splitlines() if (line := part.strip())]


def _share(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise Rejected(
            f"{text!r} is no number.", code="bad_number", where="below", do="Write a certainty between 0 and 1."
        ) from None

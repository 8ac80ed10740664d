"""What is asked before optional things happen, who may receive data and by what right, and the papers of it."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import Field

from omniops.errors import OmniOpsError
from omniops.privacy.notices import LANGUAGES, choices
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import acted, page
from omniops.server.dashboard.privacy import Reads, Sent
from omniops.server.dashboard.privacy_frame import inside, whole_account
from omniops.server.forms import HOME, FormBody
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess
from omniops.server.register import REFUSALS

router = APIRouter(prefix=HOME + "/{domain_id}/privacy", include_in_schema=False, route_class=Idempotent)
BASES = {
    "consent": "Consent", "contract": "A contract with the person", "legal_obligation": "A legal obligation",
    "legitimate_interests": "Legitimate interests, weighed",
}  # fmt: skip
PAPERS = {
    "record?form=controller": "Record of processing of your business, Art. 30(1) GDPR",
    "record?form=processor": "Record of processing of the operator, Art. 30(2) GDPR",
    "agreement?": "Data-processing agreement with its annex, Art. 28(3) GDPR",
    "annex?": "Annex of the processing agreement, Art. 28 GDPR",
    "transfers?": "Transfers by country and right, Arts. 44 to 49 GDPR",
    "map?": "Map of every personal field",
}
"""Papers by their address below `/v1/privacy/register/`."""


@router.get("/consent")
async def consent(
    request: Request, runtime: App, access: Reads, language: Annotated[str, Query(max_length=10)] = "en"
) -> Response:
    """The purposes, what each rests on, and the words that a person is asked with."""
    values = {
        **await inside(runtime, access, "consent"),
        "purposes": sorted(runtime.catalog.purposes.values(), key=lambda one: (one.basis != "consent", one.key)),
        "choices": choices(runtime.catalog, language),
        "languages": LANGUAGES,
        "language": language,
        "bases": BASES,
    }
    return page(request, "privacy_consent.html", values)


class Answer(FormBody):
    processor: str = Field(max_length=100)
    answer: Literal["agreed", "objected"]


@router.get("/register")
async def register(request: Request, runtime: App, access: Reads) -> Response:
    """Who may receive data, by what right, and what waits for an answer."""
    return await _register(request, runtime, access)


async def _register(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    status: int = 200,
    problem: OmniOpsError | None = None,
) -> Response:
    account_id = whole_account(access)
    notices = await runtime.privacy.changes.notices(account_id)
    values = {
        **await inside(runtime, access, "register"),
        "rows": await runtime.privacy.records.rows(account_id),
        "notices": notices[::-1],
        "waiting": [one for one in notices if one.state == "waiting"],
        "refusals": REFUSALS,
        "papers": PAPERS,
        "title_of": runtime.catalog.purpose_title,
        "problem": problem,
    }
    return page(request, "privacy_register.html", values, status)


@router.post("/register/answer")
async def answer(request: Request, runtime: App, access: Sent, form: Annotated[Answer, Form()]) -> Response:
    """Agrees to what the account was told of a processor, or objects; the last answer counts."""
    did = runtime.privacy.changes.answer(
        whole_account(access), form.processor, form.answer, actor=access.principal.actor
    )

    again = partial(_register, request, runtime, access)

    return await acted(did, f"{HOME}/{access.scope.domain_id}/privacy/register", again)

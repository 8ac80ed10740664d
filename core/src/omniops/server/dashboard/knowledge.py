"""The room of knowledge: where it comes from, what is found for a question, what was asked in vain, own answers."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from pydantic import Field

from omniops.contracts.documents import Audience
from omniops.errors import OmniOpsError
from omniops.knowledge.models import Crawl
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import acted, frame, page
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix=HOME + "/{domain_id}/knowledge", include_in_schema=False, route_class=Idempotent)
Reads = Annotated[DomainAccess, Depends(RequiresDomain("knowledge.read"))]
Manages = Annotated[DomainAccess, Depends(Sends("knowledge.manage"))]
CRAWLS = 50
"""The newest runs, of which each source shows its last."""
HITS = 8


def place(access: DomainAccess, inner: str = "") -> str:
    return f"{HOME}/{access.scope.domain_id}/knowledge{inner}"


@router.get("")
async def sources(request: Request, runtime: App, access: Reads) -> Response:
    """Where the website's knowledge comes from, and how the last reading went."""
    return await _sources(request, runtime, access)


async def _sources(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    problem: OmniOpsError | None = None,
    typed: str = "",
    status: int = 200,
) -> Response:
    scope, knowledge = access.scope, runtime.knowledge
    last: dict[UUID, Crawl] = {}
    for crawl in await knowledge.last_crawls(scope, CRAWLS):
        last.setdefault(crawl.source_id, crawl)
    values = {
        **await frame(runtime, access, "knowledge"),
        "part": "sources",
        "sources": await knowledge.sources(scope),
        "last": last,
        "passages": await knowledge.passages(scope),
        "languages": await knowledge.languages(scope),
        "kinds": sorted(runtime.seams.sources()),
        "problem": problem,
        "typed": typed,
    }
    return page(request, "knowledge.html", values, status)


class NewSource(FormBody):
    kind: str = Field(default="site", max_length=40)
    url: str = Field(default="", max_length=2000)


@router.post("/add")
async def add(request: Request, runtime: App, access: Manages, form: Annotated[NewSource, Form()]) -> Response:
    """Adds a source, which is read at once."""

    again = partial(_sources, request, runtime, access, typed=form.url)

    did = runtime.sources.add(access.scope, form.kind, form.url.strip(), actor=access.principal.actor)
    return await acted(did, place(access), again)


class SourceStep(FormBody):
    step: Literal["read", "pause", "resume", "remove"]


@router.post("/sources/{source_id}/step")
async def step(
    request: Request, runtime: App, access: Manages, source_id: UUID, form: Annotated[SourceStep, Form()]
) -> Response:
    """Reads a source now, pauses it, lets it go on, or removes it with all that was read from it."""
    scope, actor = access.scope, access.principal.actor

    again = partial(_sources, request, runtime, access)

    did: Awaitable[object]
    match form.step:
        case "read":
            did = runtime.knowledge.request_crawl(scope, source_id)
        case "remove":
            did = runtime.sources.remove(scope, source_id, actor=actor)
        case _:
            did = runtime.sources.change(scope, source_id, paused=form.step == "pause", actor=actor)
    return await acted(did, place(access), again)


@router.get("/try")
async def find(
    request: Request,
    runtime: App,
    access: Reads,
    q: Annotated[str, Query(max_length=1000)] = "",
    audience: Audience = "everybody",
) -> Response:
    """The passages that an answer to a question would be made from."""
    question = q.strip()
    found = await runtime.knowledge.search(access.scope, question, limit=HITS, audience=audience) if question else None
    values = {
        **await frame(runtime, access, "knowledge"), "part": "try", "q": question, "audience": audience, "found": found,
    }  # fmt: skip
    return page(request, "knowledge_try.html", values)

"""The business API for what is known: sources, documents, curated answers, search. API key or member session."""

from __future__ import annotations

import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from omniops.contracts.documents import Audience
from omniops.errors import Rejected
from omniops.knowledge.formats import MOST_BYTES
from omniops.server import knowledge_shapes as shapes
from omniops.server.attachments import DOWNLOAD, download
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["business"], route_class=Idempotent)
FILE_PATH = re.compile(r"/v1/domains/[^/]+/documents(?:/[^/]+)?")
"""Where bodies may be as large as a file (`MOST_BYTES`)."""
FILE_BODY = {"requestBody": {"required": True, "content": {"application/octet-stream": {}}}}
Reads = Annotated[DomainAccess, Depends(RequiresDomain("knowledge.read"))]
Manages = Annotated[DomainAccess, Depends(RequiresDomain("knowledge.manage"))]
Link = Annotated[str | None, Query(max_length=2000, description="Where citations of it lead.")]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewSource(Body):
    kind: str = Field(default="site", max_length=40)
    url: str = Field(max_length=2000)
    include: list[str] = Field(default_factory=list, max_length=50)
    exclude: list[str] = Field(default_factory=list, max_length=50)


class SourceChange(Body):
    paused: bool | None = None
    include: list[str] | None = Field(default=None, max_length=50)
    exclude: list[str] | None = Field(default=None, max_length=50)


class Published(Body):
    urls: list[Annotated[str, Field(max_length=2000)]] = Field(min_length=1, max_length=100)


class PastedPage(Body):
    title: str = Field(max_length=200)
    text: str = Field(max_length=60_000, description="Markdown or plain text.")
    link: str | None = Field(default=None, max_length=2000)


class AnswerText(Body):
    questions: list[Annotated[str, Field(max_length=300)]] = Field(min_length=1, max_length=20)
    answer: str = Field(max_length=2000)
    link: str | None = Field(default=None, max_length=2000)


@router.get("/sources", response_model=Page[shapes.Source])
async def sources(runtime: App, pages: Pages, access: Reads) -> Any:
    """Where the website's knowledge comes from."""
    return pages.cut(await runtime.knowledge.sources(access.scope), lambda one: one.id, lambda one: one.to_json())


@router.post("/sources", response_model=shapes.Source, status_code=201)
async def add_source(runtime: App, body: NewSource, access: Manages) -> dict[str, Any]:
    """Adds a source and queues its first crawl."""
    source = await runtime.sources.add(
        access.scope,
        body.kind,
        body.url,
        include=body.include,
        exclude=body.exclude,
        actor=access.principal.actor,
    )
    return source.to_json()


@router.get("/sources/{source_id}", response_model=shapes.Source)
async def source(runtime: App, source_id: UUID, access: Reads) -> dict[str, Any]:
    """One source."""
    return (await runtime.sources.get(access.scope, source_id)).to_json()


@router.patch("/sources/{source_id}", response_model=shapes.Source)
async def change_source(runtime: App, source_id: UUID, body: SourceChange, access: Manages) -> dict[str, Any]:
    """Pauses or resumes a source, or changes its patterns. What is paused or excluded is cited no more at once."""
    changed = await runtime.sources.change(
        access.scope,
        source_id,
        include=body.include,
        exclude=body.exclude,
        paused=body.paused,
        actor=access.principal.actor,
    )
    return changed.to_json()


@router.delete("/sources/{source_id}", status_code=204)
async def remove_source(runtime: App, source_id: UUID, access: Manages) -> None:
    """Removes a source with all that was read from it."""
    await runtime.sources.remove(access.scope, source_id, actor=access.principal.actor)


@router.post("/sources/{source_id}/crawl", responses=fails(409), status_code=202)
async def crawl(runtime: App, source_id: UUID, access: Manages) -> None:
    """Queues a crawl of a source."""
    await runtime.knowledge.request_crawl(access.scope, source_id)


@router.post("/sources/{source_id}/pages", response_model=shapes.Urls, status_code=202)
async def published(runtime: App, source_id: UUID, body: Published, access: Manages) -> dict[str, list[str]]:
    """The business published these pages, new, changed or gone: they are visited now."""
    urls = await runtime.sources.published(access.scope, source_id, body.urls, actor=access.principal.actor)
    return {"urls": urls}


@router.get("/documents", response_model=Page[shapes.Document])
async def documents(runtime: App, pages: Pages, access: Reads) -> Any:
    """Files and pasted pages that answers are taken from."""
    return pages.cut(await runtime.documents.all(access.scope), lambda one: one.id, lambda one: one.to_json())


@router.post("/documents", response_model=shapes.Document, status_code=201, openapi_extra=FILE_BODY)
async def upload(
    runtime: App,
    request: Request,
    access: Manages,
    name: Annotated[str, Query(max_length=200, description="The file's name; its ending says its format.")],
    link: Link = None,
) -> dict[str, Any]:
    """Reads the file that is the body: PDF, Word, Markdown, HTML, plain text, or CSV of questions and answers.

    No form: its parser would lay a large file in clear on a disk.
    """
    document = await runtime.documents.add(access.scope, await _body(request), name, link, actor=access.principal.actor)
    return document.to_json()


@router.post("/pasted", response_model=shapes.Document, status_code=201)
async def paste(runtime: App, body: PastedPage, access: Manages) -> dict[str, Any]:
    """A page written by hand; it becomes a document."""
    document = await runtime.documents.paste(
        access.scope, body.text, body.title, body.link, actor=access.principal.actor
    )
    return document.to_json()


@router.get("/documents/{document_id}", response_model=shapes.Document)
async def document(runtime: App, document_id: UUID, access: Reads) -> dict[str, Any]:
    """One file or pasted page."""
    return (await runtime.documents.get(access.scope, document_id)).to_json()


@router.put("/documents/{document_id}", response_model=shapes.Document, openapi_extra=FILE_BODY)
async def replace_document(runtime: App, request: Request, document_id: UUID, access: Manages) -> dict[str, Any]:
    """Puts another state of the file, the body, in its place."""
    replaced = await runtime.documents.replace(
        access.scope, document_id, await _body(request), actor=access.principal.actor
    )
    return replaced.to_json()


@router.get("/documents/{document_id}/file", response_class=StreamingResponse, responses=DOWNLOAD)
async def document_file(runtime: App, document_id: UUID, access: Manages) -> StreamingResponse:
    """The file as it was uploaded, to be saved and never to be shown."""
    return download(await runtime.documents.file(access.scope, document_id, actor=access.principal.actor))


@router.delete("/documents/{document_id}", status_code=204)
async def delete_document(runtime: App, document_id: UUID, access: Manages) -> None:
    """Deletes a document; it is cited no more at once."""
    await runtime.documents.delete(access.scope, document_id, actor=access.principal.actor)


@router.get("/answers", response_model=Page[shapes.CuratedAnswer])
async def answers(runtime: App, pages: Pages, access: Reads) -> Any:
    """The answers that members wrote."""
    return pages.cut(await runtime.curated.all(access.scope), lambda one: one.id, lambda one: one.to_json())


@router.post("/answers", response_model=shapes.CuratedAnswer, status_code=201)
async def create_answer(runtime: App, body: AnswerText, access: Manages) -> dict[str, Any]:
    """Writes the answer to a question; from now on it wins over what was read."""
    answer = await runtime.curated.create(
        access.scope, body.questions, body.answer, body.link, actor=access.principal.actor
    )
    return answer.to_json()


@router.get("/answers/{answer_id}", response_model=shapes.CuratedAnswer)
async def answer(runtime: App, answer_id: UUID, access: Reads) -> dict[str, Any]:
    """One answer that a member wrote."""
    return (await runtime.curated.get(access.scope, answer_id)).to_json()


@router.put("/answers/{answer_id}", response_model=shapes.CuratedAnswer)
async def change_answer(runtime: App, answer_id: UUID, body: AnswerText, access: Manages) -> dict[str, Any]:
    """Changes an answer and its questions."""
    changed = await runtime.curated.change(
        access.scope, answer_id, body.questions, body.answer, body.link, actor=access.principal.actor
    )
    return changed.to_json()


@router.delete("/answers/{answer_id}", status_code=204)
async def delete_answer(runtime: App, answer_id: UUID, access: Manages) -> None:
    """Deletes an answer; what was read counts again."""
    await runtime.curated.delete(access.scope, answer_id, actor=access.principal.actor)


@router.get("/search", response_model=shapes.Found)
async def search(
    runtime: App,
    access: Reads,
    q: str = Query(min_length=1, max_length=1000),
    limit: int = Query(default=10, ge=1, le=50),
    audience: Annotated[
        Audience, Query(description="`everybody`: what a visitor's answer is made from; `members`: all that is known.")
    ] = "everybody",
) -> dict[str, Any]:
    """The passages that an answer would be made from, or with `audience=members` also those that are for the people of
    the business alone."""
    found = await runtime.knowledge.search(access.scope, q, limit=limit, audience=audience)
    return {
        "cover": found.cover,
        "hits": [
            {
                "passage": str(hit.passage.id),
                "title": hit.passage.title,
                "heading": hit.passage.heading,
                "url": hit.passage.url,
                "text": hit.passage.text,
                "kind": hit.passage.kind,
                "score": hit.score,
                "cosine": hit.cosine,
                "lexical": hit.lexical,
            }
            for hit in found.hits
        ],
    }


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise Rejected(f"The file is larger than {MOST_BYTES // 2**20} MiB.", code="too_large", do="Divide it.")
    return bytes(body)

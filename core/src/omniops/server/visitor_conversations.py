"""The visitor API: conversations beside the one that the chat writes in, reviews, and transcripts to keep."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import Field

from omniops.accounts.throttle import Limit
from omniops.conversation.messages import MessageView
from omniops.conversation.own import OwnConversation
from omniops.server.idempotency import Idempotent
from omniops.server.limits import WritingVisitor, network_of
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, CurrentVisitor
from omniops.server.visitor_shapes import (
    Body,
    Conversation,
    ConversationPage,
    Message,
    Review,
    Transcript,
)

router = APIRouter(prefix="/v1/visitor", tags=["visitor"], route_class=Idempotent)
HOUR = 3600
_LANGUAGE = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"


class NewConversation(Body):
    language: str = Field(default="en", max_length=35, pattern=_LANGUAGE)


class MailTo(Body):
    email: str = Field(max_length=254, examples=["tom@example.com"])


class NewReview(Body):
    note: str | None = Field(default=None, max_length=500, examples=["My boots were never worn outdoors."])


def shown(message: MessageView) -> Message:
    return Message.model_validate(message.to_json())


def _conversation(view: OwnConversation) -> Conversation:
    return Conversation.model_validate(asdict(view))


@router.get("/conversations", response_model=Page[Conversation])
async def conversations(runtime: App, visitor: CurrentVisitor, pages: Pages) -> Any:
    """The visitor's conversations, newest first; of a visitor who is vouched for, those of earlier sessions too."""
    found = await runtime.visiting.own.all(visitor, before=pages.id, limit=pages.more)
    return pages.page(found, lambda one: one.id, asdict)


@router.post("/conversations", status_code=201)
async def begin(runtime: App, visitor: WritingVisitor, body: NewConversation) -> Conversation:
    """Starts a new conversation; the session writes in it from now on. One that is still empty is taken again."""
    domain = await runtime.accounts.domain(visitor.scope)
    return _conversation(await runtime.visiting.own.begin(visitor, domain, body.language))


@router.get("/conversations/{conversation_id}")
async def read(
    runtime: App,
    visitor: CurrentVisitor,
    conversation_id: UUID,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ConversationPage:
    """One of the visitor's conversations: its newest messages, or those before message number `before`."""
    page = await runtime.visiting.own.read(visitor, conversation_id, before=before, limit=limit)
    following = page.messages[0].seq if page.earlier and page.messages else None
    return ConversationPage(
        conversation=_conversation(page.conversation),
        messages=[shown(message) for message in page.messages],
        next=following,
    )


@router.post("/conversations/{conversation_id}/close")
async def close(runtime: App, visitor: WritingVisitor, conversation_id: UUID) -> Conversation:
    """Ends a conversation. An answer that is being written stops; a message to it is refused from now on."""
    return _conversation(await runtime.visiting.own.close(visitor, conversation_id))


@router.post("/messages/{message_id}/review", status_code=201)
async def review(runtime: App, visitor: WritingVisitor, message_id: UUID, body: NewReview) -> Review:
    """Asks that a person looks at an answer of the AI. The outcome comes as a message of the conversation; asking again
    for the same answer changes nothing."""
    domain = await runtime.accounts.domain(visitor.scope)
    view = await runtime.visiting.reviews.ask(visitor, domain, message_id, body.note)
    return Review.model_validate(asdict(view))


@router.get(
    "/messages/{message_id}/receipt",
    response_class=PlainTextResponse,
    responses={
        200: {
            "description": "A signed receipt (JWS); keys at `/.well-known/omniops-receipts.json`.",
            "content": {"application/jose": {"schema": {"type": "string"}}},
        },
        **fails(404),
    },
)
async def receipt(runtime: App, visitor: CurrentVisitor, message_id: UUID) -> Response:
    """Who wrote an answer, where, from which sources, what was sent and how long it is kept: signed."""
    signed = await runtime.visiting.receipts.of(visitor, message_id)
    return Response(signed, media_type="application/jose", headers={"Cache-Control": "no-store"})


@router.get(
    "/conversations/{conversation_id}/transcript",
    response_class=Response,
    responses={
        200: {
            "description": "A file to keep.",
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                "application/json": {
                    "schema": Transcript.model_json_schema(ref_template="#/components/schemas/{model}")
                },
            },
        }
    },
)
async def transcript(
    runtime: App,
    visitor: CurrentVisitor,
    conversation_id: UUID,
    kind: Annotated[Literal["text", "json"], Query(alias="format")] = "text",
) -> Response:
    """The whole conversation as a file, with sources, AI marks and the disclosure."""
    domain = await runtime.accounts.domain(visitor.scope)
    ending = "txt" if kind == "text" else "json"
    headers = {
        "Content-Disposition": f'attachment; filename="chat-{conversation_id}.{ending}"',
        "Cache-Control": "no-store",
    }
    if kind == "text":
        return PlainTextResponse(
            await runtime.visiting.transcripts.text(visitor, domain, conversation_id), headers=headers
        )
    return JSONResponse(await runtime.visiting.transcripts.data(visitor, domain, conversation_id), headers=headers)


@router.post("/conversations/{conversation_id}/transcript", status_code=202)
async def mail_transcript(
    request: Request,
    runtime: App,
    visitor: WritingVisitor,
    conversation_id: UUID,
    body: MailTo,
    idempotency_key: Annotated[str | None, Header(max_length=100)] = None,
) -> None:
    """Mails the transcript to an address, at most a few times an hour. 503 where the business has no mail set up."""
    await runtime.throttle.hit_all(
        [
            Limit("transcript session", str(visitor.session_id), 5, HOUR),
            Limit("transcript network", network_of(request), 20, HOUR),
            Limit("transcript domain", str(visitor.scope.domain_id), 500, HOUR),
        ]
    )
    domain = await runtime.accounts.domain(visitor.scope)
    await runtime.visiting.transcripts.send(
        visitor, domain, conversation_id, body.email, idempotency_key or uuid4().hex
    )

"""The business API over single answers of the AI: what members say of them, and their receipts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.server.visitor_shapes import Body

router = APIRouter(
    prefix="/v1/domains/{domain_id}/conversations/{conversation_id}/messages/{message_id}",
    tags=["inbox"],
    route_class=Idempotent,
)
Reads = Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))]
Replies = Annotated[DomainAccess, Depends(RequiresDomain("conversation.reply"))]


class NewVerdict(Body):
    fits: bool = Field(description="Whether the answer was right.")
    words: str = Field(default="", max_length=500, description="Why, in few words.", examples=["We changed that."])


class Verdict(BaseModel):
    """What a member says of an answer of the AI."""

    model_config = ConfigDict(from_attributes=True)

    message_id: UUID
    fits: bool
    words: str
    given_by: str = Field(examples=["member:0198…"])
    at: datetime


class Judged(BaseModel):
    verdict: Verdict | None = Field(description="null: nobody judged it.")


@router.get("/verdict", responses=fails(404))
async def verdict(runtime: App, conversation_id: UUID, message_id: UUID, access: Reads) -> Judged:
    """What a member said of an answer. Reading is on record."""
    verdicts = runtime.inbox.provenances.verdicts
    found = await verdicts.of(access.scope, conversation_id, message_id, actor=access.principal.actor)
    return Judged(verdict=None if found is None else Verdict.model_validate(found))


@router.put("/verdict", responses=fails(404))
async def judge(runtime: App, conversation_id: UUID, message_id: UUID, body: NewVerdict, access: Replies) -> Verdict:
    """Whether an answer was right, and why; the last one counts. Calibration and gaps take it before the visitor's own
    yes or no."""
    found = await runtime.inbox.provenances.verdicts.give(
        access.scope, conversation_id, message_id, fits=body.fits, words=body.words, actor=access.principal.actor
    )
    return Verdict.model_validate(found)


@router.get(
    "/receipt",
    response_class=PlainTextResponse,
    responses={
        200: {
            "description": "A signed receipt (JWS); keys at `/.well-known/omniops-receipts.json`.",
            "content": {"application/jose": {"schema": {"type": "string"}}},
        },
        **fails(404),
    },
)
async def receipt(runtime: App, conversation_id: UUID, message_id: UUID, access: Reads) -> Response:
    """The receipt of an answer, as its visitor can fetch it. Reading is on record."""
    signed = await runtime.visiting.receipts.at_work(
        access.scope, conversation_id, message_id, actor=access.principal.actor
    )
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="receipt-{message_id}.jws"'}
    return Response(signed, media_type="application/jose", headers=headers)

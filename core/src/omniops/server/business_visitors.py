"""The business API over visitors: the secrets that vouch for who they are, and the reviews that they asked for."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.server.visitor_shapes import Body

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["business"], route_class=Idempotent)
Outcome = Literal["confirmed", "corrected", "not_answerable"]


class NewSecret(Body):
    overlap_hours: float = Field(
        default=24, ge=0, le=168, description="How long the secrets before it are good for; 0 ends them at once."
    )


class Secret(BaseModel):
    """An identity secret without the secret."""

    id: UUID
    created_at: datetime
    retires_at: datetime | None = Field(description="End of its life, once another took its place.")


class MadeSecret(Secret):
    """A new identity secret; the secret is in this answer and nowhere else. Keep it on your server."""

    secret: str = Field(examples=["oo_identity_…"])


class BusinessReview(BaseModel):
    """A visitor's wish that a person looks at an answer of the AI."""

    id: UUID
    message_id: UUID
    conversation_id: UUID
    state: Literal["open", "resolved"]
    outcome: Outcome | None
    note: str = Field(description="What the visitor wrote.")
    due_at: datetime
    created_at: datetime
    resolved_at: datetime | None
    resolved_by: UUID | None


class Resolution(Body):
    outcome: Outcome
    text: str = Field(default="", max_length=4000, description="What the visitor reads of it.")


@router.get("/identity-secrets", response_model=Page[Secret])
async def secrets(
    runtime: App, pages: Pages, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.manage"))]
) -> Any:
    """The identity secrets that are good now, newest first, without the secrets."""
    found = await runtime.visiting.identities.secrets(access.scope)
    return pages.cut(found, lambda one: one.id, asdict, newest_first=True)


@router.post("/identity-secret", status_code=201)
async def new_secret(
    runtime: App, body: NewSecret, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.manage"))]
) -> MadeSecret:
    """Makes a secret with which your server vouches for visitors. Those before it end after the overlap."""
    view, secret = await runtime.visiting.identities.new_secret(
        access.scope, overlap=timedelta(hours=body.overlap_hours), actor=access.principal.actor
    )
    return MadeSecret(**asdict(view), secret=secret)


@router.get("/reviews", response_model=Page[BusinessReview])
async def reviews(
    runtime: App,
    pages: Pages,
    access: Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))],
    state: Literal["open", "resolved"] | None = "open",
) -> Any:
    """Reviews that visitors asked for, in the order in which they came: the first is due first."""
    found = await runtime.visiting.reviews.all(
        access.scope, state=state, after=pages.id, limit=pages.more, actor=access.principal.actor
    )
    return pages.page(found, lambda one: one.id, asdict)


@router.post("/reviews/{review_id}/resolve", responses=fails(409))
async def resolve(
    runtime: App,
    review_id: UUID,
    body: Resolution,
    access: Annotated[DomainAccess, Depends(RequiresDomain("conversation.reply"))],
) -> BusinessReview:
    """A person looked: the visitor reads the outcome in the chat."""
    view = await runtime.visiting.reviews.resolve(
        access.scope, review_id, body.outcome, body.text, actor=access.principal.actor
    )
    return BusinessReview.model_validate(asdict(view))

"""The business API over a visitor's age: noted by a person, and the parent's yes that lifts what follows from it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from omniops.privacy.ages import age_rules
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.server.visitor_shapes import Body

router = APIRouter(
    prefix="/v1/domains/{domain_id}/conversations/{conversation_id}", tags=["inbox"], route_class=Idempotent
)
Manages = Annotated[DomainAccess, Depends(RequiresDomain("privacy.manage"))]


class Age(Body):
    """What the visitor said of their age."""

    years: int = Field(ge=0, le=120, examples=[14])
    country: str = Field(
        default="",
        pattern=r"^([A-Za-z]{2})?$",
        description="Whose law applies, as ISO 3166; without it the website's setting, else the strictest age.",
    )


class ParentalConsent(Body):
    """What a parent consents to."""

    purposes: list[str] = Field(min_length=1, max_length=50, examples=[["chat.respond", "chat.remember"]])


class Young(BaseModel):
    """Whether the visitor is too young to say yes alone, by the law of that country."""

    child: bool
    age: int = Field(description="From when on one says yes alone there.")
    law: str


@router.put("/age", responses=fails(404))
async def note_age(runtime: App, conversation_id: UUID, body: Age, access: Manages) -> Young:
    """Notes how old a visitor is. Below the age, every yes ends and none counts without a parent; the age itself is not
    kept, only below which the person is known to be."""
    country = body.country or (await runtime.accounts.domain(access.scope)).settings.jurisdiction
    subject_id = await runtime.inbox.visitor(access.scope, conversation_id)
    child = await runtime.privacy.children.known(
        access.scope, subject_id, body.years, country=country, actor=access.principal.actor
    )
    rule = age_rules().of(country)
    return Young(child=child, age=rule.age, law=rule.law)


@router.post("/parent", status_code=204, responses=fails(404))
async def parent(runtime: App, conversation_id: UUID, body: ParentalConsent, access: Manages) -> None:
    """Records that a member verified a parent's consent: the purposes that it names open, and the child's own yes to
    them counts (Art. 8(1) GDPR). All else stays shut, also what an earlier consent named."""
    subject_id = await runtime.inbox.visitor(access.scope, conversation_id)
    actor = access.principal.actor
    await runtime.privacy.children.parent_verified(access.scope, subject_id, body.purposes, actor=actor)


@router.delete("/parent", status_code=204, responses=fails(404))
async def parent_withdrew(runtime: App, conversation_id: UUID, access: Manages) -> None:
    """A parent takes the consent back: what it opened is shut, and each yes that it carried ends."""
    subject_id = await runtime.inbox.visitor(access.scope, conversation_id)
    await runtime.privacy.children.parent_withdrew(access.scope, subject_id, actor=access.principal.actor)

"""The test bench for the business: one question, answered by its deployments side by side, of which nothing is kept."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from omniops.conversation.bench import MOST
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["business"], route_class=Idempotent)


class Asking(BaseModel):
    model_config = ConfigDict(extra="forbid")
    question: str = Field(min_length=1, max_length=1000, examples=["How long does delivery take?"])
    language: str = Field(default="", max_length=10, description="Left out: that of the website.", examples=["en"])
    deployments: list[Annotated[str, Field(max_length=200)]] = Field(
        default_factory=list, max_length=MOST, description="By name, as in `routing`; left out: the first ones."
    )


class Source(BaseModel):
    n: int
    passage: str
    title: str
    url: str
    quote: str
    read_at: str
    own: bool


class TriedAnswer(BaseModel):
    deployment: str
    inside: bool = Field(description="Answered in this server; nothing was sent to anybody.")
    level: Literal["answer", "closest", "none"] | None
    text: str
    parts: list[dict[str, Any]]
    sources: list[Source]
    mode: Literal["automatic", "draft", "off"] = Field(description="What the review rules would have made of it.")
    passages: int = Field(description="That it was asked to answer from.")
    first_ms: int
    total_ms: int
    input: int = Field(description="Tokens.")
    output: int
    usd: str | None = Field(description="Null where the price is not known.")
    hidden: dict[str, int] = Field(description="What was kept back from it, by kind.")
    to_person: bool = Field(description="It would have handed over to a person.")
    why: str | None = Field(description="Why it gave no answer, or null.")


class Answered(BaseModel):
    answers: list[TriedAnswer]


@router.post("/bench", response_model=Answered, responses=fails(429))
async def ask(
    runtime: App, body: Asking, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.manage"))]
) -> dict[str, Any]:
    """Answers a question as a visitor's would be, by each deployment for itself, and keeps nothing of it. It costs what
    it costs, and counts into the day's budget; tools of plugins are not offered. On record without its words."""
    domain = await runtime.accounts.domain(access.scope)
    tried = await runtime.bench.ask(
        domain, body.question, names=body.deployments, language=body.language, actor=access.principal.actor
    )
    return {"answers": [one.to_json() for one in tried]}

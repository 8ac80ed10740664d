"""Where anybody can have a text checked: did the AI of this business write it?"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from omniops.server.limits import network_of
from omniops.server.openapi import fails
from omniops.server.permissions import App, Public
from omniops.server.visitor_shapes import Body

router = APIRouter(tags=["visitor"])


class AiCheck(Body):
    key: str = Field(
        max_length=100,
        description="The key in the script tag of the business's website.",
        examples=["pk_1B2M2Y8AsgTpgAmY7PhCfg"],
    )
    text: str = Field(max_length=20_000, examples=["Delivery takes four working days in most of the country."])


class AiChecked(BaseModel):
    """What is known of a text. It is never said that a text is *not* of an AI."""

    ai: Literal["yes", "partly", "unknown"]
    share: float = Field(description="Share of the sentences of at least six words that the AI wrote, 0 to 1.")
    first_written_at: datetime | None


@router.post(
    "/ai-content/check",
    dependencies=[Depends(Public("anybody may ask whether a text is of the AI"))],
    responses=fails(404, 429),
)
async def check(request: Request, runtime: App, body: AiCheck) -> AiChecked:
    """Whether a text was written by the AI that answers on this website (Art. 50(2) AI Act)."""
    await runtime.throttle.hit("ai content check", network_of(request), limit=60, seconds=600)
    domain = await runtime.accounts.by_widget_key(body.key)
    checked = await runtime.visiting.ai_marks.check(domain.scope, body.text)
    return AiChecked(ai=checked.ai, share=checked.share, first_written_at=checked.first)

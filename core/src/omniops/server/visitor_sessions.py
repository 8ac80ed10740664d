"""The visitor API: the session itself, who the visitor is, and the wish for no AI."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field, model_validator

from omniops.server.idempotency import Idempotent
from omniops.server.limits import WritingVisitor
from omniops.server.openapi import fails
from omniops.server.permissions import App, CurrentVisitor
from omniops.server.visitor_shapes import Body, DeclaredOrigin, Identified, OptOut, Session

router = APIRouter(prefix="/v1/visitor", tags=["visitor"], route_class=Idempotent)


class Identity(Body):
    """Either `jwt`, or the older `id` with `hash`."""

    jwt: str | None = Field(
        default=None,
        max_length=4096,
        description="HS256 over the domain's identity secret: `sub` the customer's id, `aud` the domain's id or widget "
        "key, `iat`, and `exp` at most one hour later.",
        examples=["eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJjdXN0b21lci03In0.…"],
    )
    id: str | None = Field(default=None, min_length=1, max_length=255, examples=["customer-7"])
    hash: str | None = Field(
        default=None,
        pattern=r"^[0-9A-Fa-f]{64}$",
        description="HMAC-SHA256 of `id` under the domain's identity secret, in hexadecimal.",
    )

    @model_validator(mode="after")
    def _one_proof(self) -> Identity:
        if (self.jwt is None) == (self.id is None) or (self.id is None) != (self.hash is None):
            raise ValueError("give either jwt, or id and hash")
        return self

    @property
    def proof(self) -> str | tuple[str, str]:
        return self.jwt if self.jwt is not None else (self.id or "", self.hash or "")


@router.post("/session/rotate")
async def rotate(runtime: App, visitor: WritingVisitor) -> Session:
    """A new token for the session. The old one works for a short while more, for answers that are lost and for other
    tabs."""
    token, renewed = await runtime.visitors.rotate(visitor)
    return Session(token=token, expires_at=renewed.expires_at)


@router.delete("/session", status_code=204)
async def end(runtime: App, visitor: CurrentVisitor) -> None:
    """Ends the session; its tokens stop working, rotated ones too."""
    await runtime.visitors.end(visitor)


@router.delete("/sessions", status_code=204)
async def end_all(runtime: App, visitor: CurrentVisitor) -> None:
    """Ends every session of this person, on every device."""
    await runtime.visitors.end_all(visitor)


@router.post("/identify", responses=fails(409))
async def identify(runtime: App, visitor: WritingVisitor, body: Identity) -> Identified:
    """Joins the session with the person whom the business vouches for. Whatever does not hold is refused in the same
    words."""
    domain = await runtime.accounts.domain(visitor.scope)
    known = await runtime.visiting.identities.identify(visitor, domain, body.proof)
    found = await runtime.visiting.own.all(known, limit=100)
    return Identified(verified=True, conversations=len(found))


@router.get("/ai-opt-out")
async def ai_opt_out(runtime: App, visitor: CurrentVisitor) -> OptOut:
    """Whether the visitor wants no answer of the AI."""
    return OptOut(ai_opt_out=await runtime.visiting.opt_outs.is_out(visitor))


@router.post("/ai-opt-out")
async def opt_out(
    runtime: App,
    visitor: WritingVisitor,
    language: Annotated[str | None, Query(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)] = None,
) -> OptOut:
    """From now on the AI answers nothing: messages wait for a person."""
    domain = await runtime.accounts.domain(visitor.scope)
    await runtime.visiting.opt_outs.opt_out(visitor, language or domain.settings.language)
    return OptOut(ai_opt_out=True)


@router.delete("/ai-opt-out")
async def opt_in(runtime: App, visitor: WritingVisitor) -> OptOut:
    """Takes the wish back. A conversation that waits for a person goes on waiting until `POST /v1/visitor/ai`."""
    await runtime.visiting.opt_outs.withdraw(visitor)
    return OptOut(ai_opt_out=False)


@router.get("/origin")
async def origin(runtime: App, visitor: CurrentVisitor) -> DeclaredOrigin:
    """Where the visitor said their data comes from; null where they never did."""
    return DeclaredOrigin(origin=await runtime.privacy.origins.of(visitor.scope, visitor.subjects))


@router.post("/origin")
async def declare_origin(runtime: App, visitor: WritingVisitor, body: DeclaredOrigin) -> DeclaredOrigin:
    """Says whose law of transfers is to hold for the visitor's data, beside the website's own. Null takes it back. It
    counts from the next answer on."""
    await runtime.privacy.origins.declare(visitor.scope, visitor.subjects, body.origin, actor=visitor.actor)
    return body

"""What the API says about cases, and what it takes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CaseShort(BaseModel):
    """A case in a list."""

    id: UUID
    reference: str
    right: str
    law: str
    channel: str
    language: str
    region: str
    identity: Literal["none", "session", "email", "system", "person"]
    by_agent: bool
    urgent: bool = Field(description="Of a child: before all others.")
    state: Literal["unproven", "open", "closed"]
    outcome: str | None
    received_at: datetime
    due_at: datetime = Field(description="End of the strictest term.")
    confirm_by: datetime | None
    escalated: int = Field(description="Per cent of the term at which people were told last: 0, 50, 80 or 100.")
    closed_at: datetime | None


class Term(BaseModel):
    """A term of a law that applies."""

    rule: str
    regime: str
    what: Literal["answer", "acknowledge"]
    day: date
    source: str


class CaseTask(BaseModel):
    """What one place has to do."""

    id: UUID
    store: str
    title: str
    state: Literal["waiting", "done", "nothing_held", "refused", "failed"]
    code: str
    evidence: str
    attempts: int
    by: str | None


class CaseEvent(BaseModel):
    """What happened."""

    name: str
    actor: str
    detail: dict[str, Any]
    words: str = Field(description="What a member wrote about it: a reason, or what shows something.")
    at: datetime


class CaseLetter(BaseModel):
    """A reply."""

    id: UUID
    kind: str
    state: Literal["drafted", "sent", "unsendable"]
    approved_by: str | None
    text: str


class CaseWhole(CaseShort):
    """A case with everything."""

    subjects: list[UUID]
    paused: bool
    extended_at: datetime | None
    refusal: str | None
    consent_shown: bool
    terms: list[Term] = Field(description="The strictest first.")
    tasks: list[CaseTask]
    events: list[CaseEvent]
    letters: list[CaseLetter]
    words: str = Field(description="What the person wrote.")
    email: str = Field(description="Where the answer goes; empty where no address is known.")


class Certificate(BaseModel):
    """A signed certificate."""

    statement: dict[str, Any]
    public_key: str = Field(description="Ed25519, 32 bytes, in base64.")
    signature: str = Field(description="Over `statement` as JSON with sorted keys and no spaces, in base64.")


class NewCase(Body):
    """A request that came on paper, by telephone or in a shop."""

    right: str = Field(max_length=40, examples=["erasure"])
    email: str = Field(max_length=254, examples=["ada@mail.example"])
    language: str = Field(default="en", max_length=35)
    text: str = Field(default="", max_length=4000)
    region: Literal["", "EEA", "UK", "California", "elsewhere"] = ""
    by_agent: bool = False


class Proof(Body):
    """Who asks, decided by a person."""

    subjects: list[UUID] = Field(max_length=100)
    evidence: str = Field(max_length=1000, examples=["The mandate of 3 March was seen; its signature fits the order."])


class Settled(Body):
    """How a place answered."""

    state: Literal["done", "nothing_held", "refused"]
    evidence: str = Field(min_length=1, max_length=1000, examples=["Their mail of 4 March says that it was deleted."])
    code: str = Field(default="", max_length=60)


class Reason(Body):
    reason: str = Field(max_length=1000, examples=["Three systems of a partner are to be searched by hand."])


class Refusal(Reason):
    code: str = Field(max_length=40, examples=["A17-obligation"])


class Overriding(Refusal):
    """Compelling grounds against an objection."""

    purpose: str = Field(max_length=60, examples=["security.protect"])


class Evidence(Body):
    evidence: str = Field(max_length=1000, examples=["The mother's passport was seen on 3 March."])


class Parental(Evidence):
    purposes: list[str] = Field(
        default=[],
        max_length=50,
        description="What the parent consents to; all else stays shut.",
        examples=[["chat.respond"]],
    )


class Reply(Body):
    text: str | None = Field(default=None, max_length=4000, description="null: the drafted one as it is.")


class Correction(Body):
    """A value that is corrected."""

    what: str = Field(max_length=120, examples=["contact.email"], description="A category, or a field and its row.")
    value: str = Field(max_length=4000, examples=["ada@mail.example"])
    row: UUID | None = None


class DemandBody(Body):
    """What an authority asks for."""

    authority: str = Field(max_length=200, examples=["Amtsgericht Köln"])
    statute: str = Field(max_length=200, examples=["§ 94 StPO"])
    file_number: str = Field(max_length=100, examples=["502 Gs 12/26"])
    reason: str = Field(max_length=1000, examples=["A court order; our counsel has read it."])
    subjects: list[UUID] = Field(min_length=1, max_length=100)
    categories: list[str] = Field(min_length=1, max_length=50, examples=[["contact.email"]])


class DemandView(BaseModel):
    """A request of an authority."""

    id: UUID
    authority: str
    statute: str
    file_number: str
    reason: str
    subjects: list[UUID]
    categories: list[str]
    state: Literal["open", "approved", "refused", "given"]
    approvals: list[dict[str, Any]]
    rows: dict[str, int]
    recorded_by: str
    created_at: datetime
    given_at: datetime | None


class Given(BaseModel):
    """What is given to an authority."""

    request: DemandView
    data: list[dict[str, Any]]


class OwnRequest(Body):
    """What a visitor asks."""

    right: str = Field(max_length=40, examples=["access"])
    text: str = Field(default="", max_length=4000)
    language: str = Field(default="en", max_length=35)
    region: Literal["", "EEA", "UK", "California", "elsewhere"] = ""


class OwnCase(BaseModel):
    """A case as its own visitor sees it."""

    id: UUID
    reference: str
    right: str
    state: Literal["unproven", "open", "closed"]
    outcome: str | None
    received_at: datetime
    due_at: datetime
    answer: str = Field(description="The reply, in the visitor's language; empty until there is one.")

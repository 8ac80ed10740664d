"""What the inbox of the business API takes and answers, as models."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from omniops.contracts.commerce import OrderStatus, ShipmentStatus
from omniops.contracts.declaration import Origin
from omniops.conversation.service import Reason
from omniops.server.visitor_shapes import Body, State

Mode = Literal["automatic", "draft", "off"]


class Shape(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Conversation(Shape):
    """A conversation in the list. Holds nothing personal."""

    id: UUID
    channel: str
    language: str
    state: State
    mode: Mode | None = Field(description="What a person chose for this conversation; null: the website's rules.")
    messages: int
    assigned_to: UUID | None = Field(description="The member who takes care of it.")
    waiting_since: datetime | None = Field(description="Since when its visitor waits for a person.")
    due_at: datetime | None = Field(description="When the usual wait is over, from the website's hours.")
    snoozed_until: datetime | None = Field(description="Put off until then; a time that is over counts no more.")
    created_at: datetime


class Label(Shape):
    """A word of the website by which its people sort conversations."""

    id: UUID
    name: str


class ContactCard(Shape):
    """What one address book says of the visitor."""

    connection_id: UUID
    book: str = Field(description="Whose address book it is, as people call it.")
    state: Literal["found", "none", "away"] = Field(description="`away`: it could not be asked now.")
    name: str
    company: str
    note: str = Field(description="Empty, too, where notes are off for the connection.")
    looked_at: datetime | None


class ContactPanel(Shape):
    proved: Literal["business", "order"] | None = Field(
        description="How the visitor's e-mail address was proved; null: none was, and no address book was asked."
    )
    cards: list[ContactCard]


class CitedPage(Shape):
    title: str
    url: str


class Tried(Shape):
    """An answer of the AI, by the number of its message."""

    seq: int
    level: str | None
    interrupted: bool


class Summary(Shape):
    """Picked from the conversation's own words; nothing is written by a model."""

    question: str = Field(description="The visitor's newest message.")
    unanswered: list[str] = Field(description="All that came since somebody last answered in full.")
    level: str | None = Field(description="How sure the AI's last answer was.")
    pages: list[CitedPage]
    tried: list[Tried]


class Provenance(Shape):
    """The record of one answer of the AI. Holds nothing personal."""

    message_id: UUID
    seq: int = Field(description="The number of the message.")
    turn_id: UUID
    written_at: datetime
    provider: str | None = Field(description="null: no provider was asked, such as after a refusal of the guard.")
    model: str | None
    region: str | None
    processor: str | None = Field(description="Who received the question; null: it did not leave this server.")
    vendor_keeps: str | None = Field(description="What the vendor keeps of it, by contract.")
    own_key: bool = Field(description="Asked with the business's own key.")
    calls: int = Field(description="Calls that are billed.")
    usd: Decimal | None = Field(description="Cost in USD; null where a price is not known.")
    measured: bool = Field(description="The vendor's own count of tokens, not an estimate.")
    over_budget: bool = Field(description="No vendor was asked because the day's budget was used up.")
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    first_ms: int = Field(description="Milliseconds until the visitor saw the first words.")
    total_ms: int
    order: list[str] = Field(description="The preference that was followed.")
    tried: list[tuple[str, str]] = Field(description="Who was asked in vain, and the kind of error.")
    passed_over: dict[str, str] = Field(description="Who was not asked, and why.")
    tools: list[tuple[str, str]] = Field(description="Tools that were used, and what came of it.")
    times: list[tuple[str, int, int]] = Field(
        description="Parts of the turn: `search` or a tool, when it began and how long it took, in milliseconds."
    )
    found: list[UUID] = Field(description="Passages that were found.")
    scores: list[float | None] = Field(
        description="How well each of `found` fits the question, in its order; null: not measured."
    )
    cited: list[UUID] = Field(description="Passages that the answer stands on.")
    strength: float | None = Field(description="How well the best passage fits the question; null: not measured.")
    hidden: dict[str, int] = Field(description="What was replaced before the question left, by kind.")
    guard: str | None = Field(description="The topic that the guard refused.")
    taken_back: Literal["recited", "unfounded"] | None = Field(
        description="Why the model's words were taken back: its instructions were in them, or nothing was behind them."
    )


class Change(Shape):
    kind: Literal["same", "added", "removed"]
    text: str


class Draft(Shape):
    """An answer of the AI that a person decides about. Its visitor does not see it."""

    id: UUID
    conversation_id: UUID
    state: Literal["open", "sent", "rejected", "superseded"]
    level: str | None
    text: str
    parts: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    sent: str | None = Field(description="What left, once it did.")
    difference: list[Change] = Field(description="From the draft to what left, by words.")
    message_id: UUID | None
    decided_by: UUID | None
    decided_at: datetime | None
    created_at: datetime


class Undelivered(Shape):
    """A message that a channel did not deliver. Its words are read with the conversation."""

    id: UUID = Field(description="The message's.")
    conversation_id: UUID
    channel: str
    author: Literal["ai", "person", "system"]
    problem: str = Field(description="A stable code, such as `window_over`, `permanent`, `reconnect` or the channel's.")
    written_at: datetime


class Note(Shape):
    """A note; never shown to the visitor."""

    id: UUID
    text: str
    author: str = Field(examples=["member:0198…"])
    at: datetime


class Event(Shape):
    """What was done with a conversation."""

    event: str
    before: State
    after: State
    actor: str = Field(description="`visitor`, or kind and id of the member, API key or task.")
    reason: str
    at: datetime


class Consent(Shape):
    """One answer of the visitor to an optional purpose."""

    purpose: str
    event: str = Field(description="`given`, `refused`, `withdrawn`, `expired` or `renewed`.")
    method: str = Field(description="How it was answered: `banner`, `widget`, `preferences`, `mail`, `signal` …")
    signal: str = Field(description="What the browser asked for by itself: `none`, `gpc` or `dnt`.")
    at: datetime
    until: datetime | None = Field(description="When a yes ends by itself.")
    stands: bool = Field(description="This is what counts now.")


class Window(Shape):
    """What may be written to a visitor now, by the rules of the channel."""

    state: Literal["open", "late", "template", "closed"] = Field(
        description="`open`: anything. `late`: only by a person. `template`: only an approved text. `closed`: nothing."
    )
    until: datetime | None = Field(description="When this ends; null: when the visitor writes again.")


class Detail(Shape):
    """All that a person sees beside the messages."""

    conversation: Conversation
    summary: Summary
    draft: Draft | None
    notes: list[Note]
    labels: list[Label]
    events: list[Event]
    consents: list[Consent] = Field(description="What the visitor said yes and no to, the oldest first.")
    origin: Origin | None = Field(description="Where the visitor said that their data comes from.")
    window: Window | None = Field(description="null: the channel sets no time in which its visitors may be written to.")


class Words(Body):
    text: str = Field(max_length=20_000, description="At most 4,000 characters count.")


class Reply(Body):
    text: str = Field(default="", max_length=20_000, description="At most 4,000 characters count.")
    attachments: list[UUID] = Field(
        default=[], max_length=10, description="Files of this conversation that go along; without `text` they go alone."
    )


class Template(Shape):
    """A text that the other side approved before. Its places are `{1}`, `{2}` …"""

    name: str
    language: str
    text: str
    places: int


class FilledTemplate(Body):
    name: str = Field(max_length=512)
    language: str = Field(max_length=20)
    values: list[str] = Field(default=[], max_length=50, description="What stands in its places, in order.")


class Why(Body):
    reason: Reason = "by_person"


class Assignment(Body):
    member: UUID | None


class ModeChoice(Body):
    mode: Mode | None = Field(description="null: the website's rules again.")


class Approval(Body):
    text: str | None = Field(default=None, max_length=20_000, description="What is sent instead of the draft's words.")


class Money(Shape):
    amount: str = Field(description="A decimal number as text, such as `289.00`.")
    currency: str = Field(description="ISO 4217 code.")


class OrderLine(Shape):
    title: str
    variant: str
    quantity: int
    total: Money | None


class Shipment(Shape):
    status: ShipmentStatus
    carrier: str
    tracking_number: str
    tracking_url: str = Field(description="The carrier's page.")
    sent_at: datetime | None
    expected_at: datetime | None
    delivered_at: datetime | None


class Order(Shape):
    """An order as the shop tells it now. Names, addresses and means of payment are not read."""

    id: str = Field(description="The shop's own id; it may exceed 2^53.")
    number: str
    status: OrderStatus
    placed_at: datetime
    total: Money
    refunded: Money | None
    lines: list[OrderLine]
    shipments: list[Shipment]


class Orders(Shape):
    """The orders that a conversation is about."""

    shop: str | None = Field(description="The connected shop; null: there is none, or its orders are not switched on.")
    known: bool = Field(description="A signed identity or a code showed whose orders the visitor may see.")
    orders: list[Order] = Field(description="Newest first. Empty where nothing showed whose they are.")

"""What the visitor API answers, as models: the shapes in OpenAPI are the shapes on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from omniops.contracts.declaration import Origin

State = Literal["ai", "draft", "waiting", "human", "closed"]


class Body(BaseModel):
    """Bodies take the fields that they name and no others."""

    model_config = ConfigDict(extra="forbid")


class Shape(BaseModel):
    """What a room adds to an answer is passed on before it is named here."""

    model_config = ConfigDict(extra="allow")


class Message(Shape):
    """One message. Text is plain: show it as text, never as HTML."""

    id: UUID
    seq: int = Field(description="Order in the conversation, from 1.")
    author: Literal["visitor", "ai", "person", "system"]
    at: datetime
    lang: str
    level: str | None = Field(description="How sure an answer of the AI is: `answer`, `closest` or `none`.")
    interrupted: bool
    text: str
    parts: list[dict[str, Any]] = Field(description="Text, citations by number, and files, in order.")
    sources: list[dict[str, Any]] = Field(description="The cited sources, by number.")
    event: str | None = Field(description="What a system message tells; `attachment` for a file.")
    ai_generated: str | None = Field(
        default=None, description="On text of the AI, IPTC's digital source type for what a machine made; else null."
    )
    approved: bool = Field(default=False, description="The AI wrote it; a person approved it before it was sent.")
    delivery: Literal["waiting", "sent", "delivered", "read", "failed", "kept"] | None = Field(
        default=None, description="How far a channel brought it; null: it is sent by none."
    )
    problem: str | None = Field(
        default=None,
        description="Stable code of what went wrong with its delivery, or why it waits: `away`, or `reconnect`.",
    )
    waiting_since: datetime | None = Field(
        default=None, description="Since when the channel's other side, or the lack of its access, keeps it waiting."
    )


class Session(BaseModel):
    """A session's token; it is shown here and nowhere else."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"token": "oo_visitor_…", "expires_at": "2027-01-02T10:00:00Z"}}
    )

    token: str
    expires_at: datetime = Field(description="Rotate before.")


class RunningTurn(BaseModel):
    id: UUID
    seq: int


class Current(BaseModel):
    """The session's conversation with its newest messages."""

    id: UUID
    state: State
    running_turn: RunningTurn | None
    messages: list[Message]
    consents: dict[str, str]
    verified: bool = Field(description="Whether the business vouched for who the visitor is.")
    ai_opt_out: bool
    expires_at: datetime = Field(description="When the session's token ends.")


class Choice(BaseModel):
    """Something that a visitor may say yes or no to, in the words that are shown."""

    model_config = ConfigDict(extra="allow")
    purpose: str
    title: str
    note: str


class Notice(Shape):
    """Words that are shown beside the AI's answers. `version` is their hash."""

    id: str
    version: str
    text: str


class People(Shape):
    """Whether people are there now."""

    open: bool
    until: datetime | None = Field(description="When they leave, while they are there.")
    opens: datetime | None = Field(description="When they are back, while they are not.")
    minutes: int | None = Field(description="Within how many minutes they mostly answer.")


class Config(Shape):
    """What the chat shows before anything was asked."""

    title: str
    language: str
    disclosure: str
    people_hours: str
    people: People | None = Field(description="From the business's hours; null where it gave none.")
    brand: tuple[str, str] | None = Field(description="Ground and text of launcher and send button; null for ink.")
    suggestions: list[str]
    placeholder: str
    choices: list[Choice]
    collector: str | None = Field(description="The file that counts visits after a yes; null where none are.")
    notices: list[Notice]
    proof_url: str | None = Field(description="The business's own notice to visitors, each promise with its proof.")
    choices_url: str = Field(description="The page of all choices; the token of a session stands behind its `#`.")
    choices_title: str
    enforce_identity: bool = Field(description="Only visitors whom the business vouched for may write.")
    attachment_bytes: int = Field(description="Largest file that is taken; 0 takes none.")


class Moved(BaseModel):
    """The conversation's new state, and the message that tells of it."""

    state: State
    message: Message


class Identified(BaseModel):
    verified: bool
    conversations: int = Field(description="Conversations of this person, those of earlier sessions among them.")


class OptOut(BaseModel):
    ai_opt_out: bool


class DeclaredOrigin(Body):
    origin: Origin | None = Field(
        description="European Economic Area, United Kingdom or Switzerland.", examples=["UK", "EEA", "CH"]
    )


class Conversation(BaseModel):
    """A conversation of the visitor's. `current` is the one that the session writes in."""

    id: UUID
    state: State
    language: str
    messages: int
    created_at: datetime
    current: bool


class ConversationPage(BaseModel):
    """A part of a conversation, oldest message first."""

    conversation: Conversation
    messages: list[Message]
    next: int | None = Field(description="Give it as `before` for earlier messages; null where there are none.")


class Review(BaseModel):
    """A request that a person looks at an answer, and until when one will have."""

    id: UUID
    message_id: UUID
    state: Literal["open", "resolved"]
    outcome: Literal["confirmed", "corrected", "not_answerable"] | None
    due_at: datetime


class Attachment(BaseModel):
    """A file without its bytes. The name is cleaned; its ending tells the real kind."""

    id: UUID
    conversation_id: UUID
    name: str
    media_type: str
    size: int
    created_at: datetime


class Transcript(BaseModel):
    """A whole conversation, with sources, AI marks and the disclosure."""

    title: str
    disclosure: str
    conversation: UUID
    state: State
    created_at: datetime
    messages: list[Message]


class Problem(BaseModel):
    """An error (RFC 9457). `code` is stable and meant for programs, `detail` is a sentence for people."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Unprocessable Content",
                "status": 422,
                "code": "empty",
                "detail": "The message is empty.",
                "request_id": "0198c0ffee",
                "where": "text",
            }
        }
    )

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    where: str | None = Field(default=None, description="The field or place that is wrong.")


class Chosen(Shape):
    """What stands after a choice."""

    consent: str | None = Field(description="The browser's random number; null where nothing needs one.")
    answers: dict[str, str]

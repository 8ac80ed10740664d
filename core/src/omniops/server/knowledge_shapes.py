"""What the knowledge routes of the business API answer, as models."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from omniops.server.visitor_shapes import Shape


class Source(Shape):
    """Where knowledge comes from."""

    id: UUID
    kind: str
    url: str
    include: list[str] = Field(description="Patterns of paths that belong to it; empty for all.")
    exclude: list[str] = Field(description="Patterns of paths that do not.")
    paused_at: datetime | None = Field(description="Since when it is neither read nor cited.")
    created_at: datetime


class Document(Shape):
    """A file or a pasted page that answers are taken from."""

    id: UUID
    name: str
    format: str
    size: int = Field(description="Bytes.")
    link: str | None = Field(description="Where citations of it lead.")
    passages: int
    created_at: datetime
    changed_at: datetime


class CuratedAnswer(Shape):
    """The business's own answer to a question, which wins over what was read."""

    id: UUID
    questions: list[str]
    answer: str
    link: str | None = Field(description="Where its citations lead.")
    created_at: datetime
    changed_at: datetime


class Urls(Shape):
    """The addresses that will be visited now."""

    urls: list[str]


class Hit(Shape):
    passage: UUID
    title: str
    heading: str
    url: str
    text: str
    kind: str
    score: float
    cosine: float | None
    lexical: float | None


class Found(Shape):
    """The passages that an answer would be made from, best first."""

    cover: float = Field(description="Share of the question's words that the passages hold.")
    hits: list[Hit]

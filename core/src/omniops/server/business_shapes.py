"""What the business API answers, as models. What a room adds to an answer is passed on before it is named here."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from omniops.server.visitor_shapes import Shape


class Domain(Shape):
    """A website of the account."""

    id: UUID
    title: str
    origins: list[str] = Field(description="Where the widget may run.")
    widget_key: str = Field(description="Public; stands in the script tag.")
    sandbox: bool = Field(description="For trying out: nothing of it reaches people.")
    settings: dict[str, Any]


class Key(Shape):
    """An API key without its secret."""

    id: UUID
    name: str
    permissions: list[str]
    only_domain: UUID | None
    test: bool = Field(description="Reaches sandbox websites only.")
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None = Field(description="When it ends by itself.")
    last_used_at: datetime | None = Field(description="When it was last used, to the hour.")


class MadeKey(Shape):
    """A new key. The secret is in this answer and nowhere else."""

    id: UUID
    secret: str


class Member(Shape):
    """A person of the account."""

    id: UUID
    role: str
    second_factor: bool = Field(description="Whether a code is asked for as well when they sign in.")


class PluginRow(Shape):
    name: str
    title: str
    on: bool

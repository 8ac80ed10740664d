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


class MadeKey(Shape):
    """A new key. The secret is in this answer and nowhere else."""

    id: UUID
    secret: str


class Member(Shape):
    """A person of the account."""

    id: UUID
    role: str


class PluginRow(Shape):
    name: str
    title: str
    on: bool


class Receiver(Shape):
    """Who receives data when a plugin is connected."""

    name: str
    countries: list[str] = Field(description="ISO 3166.")
    categories: list[str]
    purposes: list[str]


class Terms(Shape):
    """What goes where when a plugin is connected. No receivers: nothing leaves."""

    plugin: str
    version: str = Field(description="Hash of all of it; send it as `agreed` with a new connection.")
    receivers: list[Receiver]


class ConnectionConsent(Shape):
    """The business's yes to an integration, or its end, with what was agreed to."""

    id: UUID
    connection_id: UUID
    plugin: str
    event: str = Field(description="`given` or `withdrawn`.")
    actor: str = Field(examples=["member:0198…"])
    version: str
    receivers: list[Receiver]
    created_at: datetime


class ConnectionRow(Shape):
    """A domain's link to an outside system, without its credentials."""

    id: UUID
    plugin: str
    state: str

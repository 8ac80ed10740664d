"""What the business API takes and answers about connections, as models."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from omniops.contracts.documents import Audience
from omniops.server.visitor_shapes import Body, Shape

VERSION = r"^([0-9a-f]{64})?$"


class Agreed(Body):
    """The business's yes: the versions that the member was shown."""

    agreed: str = Field(
        default="",
        pattern=VERSION,
        description="The version of `GET …/plugins/{plugin}/terms` that the member agreed to.",
    )
    agreed_features: dict[str, str] = Field(
        default_factory=dict,
        max_length=20,
        description="The versions of features that need a yes of their own, by key; see `extras` of the terms.",
    )
    features: dict[str, bool] = Field(
        default_factory=dict, max_length=20, description="Features on or off, by key; others as they are by default."
    )


class NewConnection(Agreed):
    plugin: str = Field(max_length=60)
    kind: str = Field(default="", max_length=60, description="Which one, where the plugin has several.")
    settings: dict[str, Any] = Field(default_factory=dict)


class Again(Agreed):
    settings: dict[str, Any] = Field(default_factory=dict, description="Values to change; others stay.")


class ConnectionChange(Body):
    settings: dict[str, Any] = Field(description="Values to change; others stay.")


class FeatureSwitch(Body):
    on: bool
    agreed: str = Field(default="", pattern=VERSION, description="Its terms' version, where it needs a yes of its own.")


class Begun(Shape):
    """Where the member's browser goes now."""

    id: UUID
    url: str
    expires_at: datetime = Field(description="Until when it may come back.")


class Receiver(Shape):
    """Who receives data when a plugin is connected."""

    name: str
    countries: list[str] = Field(description="ISO 3166.")
    categories: list[str]
    purposes: list[str]


class Taken(Shape):
    """What is taken for a feature."""

    key: str
    title: str
    taken: str = Field(description="In words; empty where nothing of people is taken.")
    categories: list[str]
    scopes: list[str] = Field(description="What it needs at the other side.")


class Extra(Shape):
    """A feature that needs a yes of its own."""

    feature: str
    version: str = Field(description="Send it in `agreed_features`, or as `agreed` when it is switched on later.")
    features: list[Taken]


class Terms(Shape):
    """What goes where when a plugin is connected. No receivers: nothing leaves."""

    plugin: str
    version: str = Field(description="Hash of all of it; send it as `agreed` with a new connection.")
    receivers: list[Receiver]
    features: list[Taken] = Field(description="Included; each can be switched off.")
    extras: list[Extra]


class ConnectionConsent(Shape):
    """The business's yes to an integration, or its end, with what was agreed to."""

    id: UUID
    connection_id: UUID
    plugin: str
    feature: str = Field(description="The feature that it is for, where it is for one only.")
    event: str = Field(description="`given` or `withdrawn`.")
    actor: str = Field(examples=["member:0198…"])
    version: str
    receivers: list[Receiver]
    features: list[Taken]
    created_at: datetime


class FeatureRow(Shape):
    key: str
    title: str
    wanted: bool
    on: bool = Field(description="Wanted, and with all of its scopes.")
    own_consent: bool
    missing: list[str] = Field(description="Scopes that were not granted.")


class ConnectionRow(Shape):
    """A domain's link to an outside system, without its credentials."""

    id: UUID
    plugin: str
    kind: str = Field(description="The integration or channel.")
    state: str = Field(description="`connected`, `degraded` or `needs_reauth`.")
    said: str = Field(description="What the last check saw.")
    checked_at: datetime | None
    expires_at: datetime | None = Field(description="When its access ends unless somebody connects it again.")
    features: list[FeatureRow]


class ConnectionEvent(Shape):
    """What happened to a connection."""

    id: UUID
    event: str
    actor: str
    detail: dict[str, Any]
    at: datetime


class ChoiceRow(Shape):
    value: str
    title: str


class Choosing(Body):
    """Documents by the other side's ids, as its own window for choosing gives them."""

    documents: list[str] = Field(min_length=1, max_length=100)
    audience: Audience = Field(
        default="members",
        description="`everybody`: visitors' answers may stand on them; `members`: only the people of the business find "
        "what stands there.",
    )


class ChosenDocument(Shape):
    """A document that answers, or members, may draw on."""

    document_id: str = Field(description="The other side's id.")
    audience: Audience
    state: str = Field(
        description="`waiting` to be read, `read`, `refused` with a `problem`, or `gone`: deleted there, or no longer "
        "to be read with this access; nothing of it is kept then."
    )
    problem: str | None
    title: str
    link: str = Field(description="Where its citations lead; empty where they name it and lead nowhere.")
    passages: int
    read_at: datetime | None
    chosen_at: datetime
    chosen_by: str = Field(examples=["member:0198…"])


class ChosenDocuments(Shape):
    data: list[ChosenDocument]


class OfferedDocument(Shape):
    """A document that the connection's access reaches, and that may be chosen."""

    id: str
    title: str
    link: str


class Picker(Shape):
    """What a page needs to open the other side's own window for choosing: public values, no token."""

    values: dict[str, str] = Field(description="Empty where the other side has no such window.")

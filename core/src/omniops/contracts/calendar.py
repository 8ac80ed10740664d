"""A calendar of the business, from which visitors are told free times and in which appointments are entered.

Core computes the times, by the rules of the connection and what is busy; it keeps one appointment for each wish, asks a
person before anything is entered, and finds all of a person's appointments when a right is used. A plugin says when the
calendar is busy, and enters, finds and removes single entries.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, ClassVar, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator

from omniops.contracts.integration import Link
from omniops.contracts.plugin import PluginSettings
from omniops.contracts.webhook import Arrived, Event
from omniops.errors import Rejected

CHANGED = "appointment.changed"
APPOINTMENT_EVENTS: Mapping[str, tuple[str, ...]] = {CHANGED: ("entry", "state", "start", "end")}
"""The kind of event by which core learns that an entry of ours was moved or deleted in the calendar; for plugins that
are told, it stands in `Integration.events`. Make it by `changed`."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment to a later one, both aware; the end is not part of it."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None or self.end <= self.start:
            raise Rejected("A span is from one aware moment to a later one.", code="bad_span")

    def meets(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end


class AppointmentRules(PluginSettings):
    """What a connection says of its appointments: a base of the `Connection` of an integration that has a calendar.
    Name the fields in `changeable`."""

    zone: str = Field(default="UTC", description="Time zone of the appointments, such as Europe/Berlin.")
    weekdays: str = Field(default="mon tue wed thu fri", description="Days of appointments, set apart by spaces.")
    opens: str = Field(default="09:00", description="When the first appointment of a day may begin.")
    closes: str = Field(default="17:00", description="When the last appointment of a day must be over.")
    minutes: int = Field(default=30, ge=5, le=480, description="Length of an appointment in minutes.")
    notice_hours: int = Field(default=4, ge=0, le=720, description="Hours between asking and an appointment, at least.")
    ahead_days: int = Field(default=30, ge=1, le=90, description="Days ahead for which appointments are proposed.")

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("it is the name of a time zone such as Europe/Berlin")
        return value

    @field_validator("weekdays")
    @classmethod
    def _weekdays(cls, value: str) -> str:
        named = value.lower().split()
        if not named or not set(named) <= set(WEEKDAYS):
            raise ValueError(f"days are {', '.join(WEEKDAYS)}")
        return " ".join(day for day in WEEKDAYS if day in named)

    @field_validator("opens", "closes")
    @classmethod
    def _clock(cls, value: Any) -> Any:
        if not _CLOCK.fullmatch(value):
            raise ValueError("a time of day is written as 09:00")
        return value

    @model_validator(mode="after")
    def _some_room(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError("`closes` must come after `opens`")
        return self

    @property
    def hours(self) -> tuple[time, time]:
        """Between which times of a day appointments lie."""
        return time.fromisoformat(self.opens), time.fromisoformat(self.closes)

    @property
    def days(self) -> frozenset[int]:
        """Numbers of the weekdays, Monday is 0."""
        return frozenset(WEEKDAYS.index(day) for day in self.weekdays.split())

    @property
    def place(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.zone)


RULES = tuple(AppointmentRules.model_fields)
"""Names of these fields, for `Integration.changeable`."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An appointment to be entered. `key` is 32 hex digits, random, and the same whenever it is tried again: the entry
    carries it. `subject_id` is whom it is about: name it to the gate. `zone` is the connection's."""

    key: str
    span: Span
    zone: str
    name: str
    email: str
    topic: str
    subject_id: UUID


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in the calendar of an appointment of ours: `shown` is the copy that its person gets, as JSON."""

    span: Span | None
    shown: Mapping[str, Any]


class Calendar(ABC):
    """A calendar that core can ask. Of entries that are not ours nothing is read but when they are.

    All methods may raise `NotReady`, `Reconnect` and `NotReachable`. An entry's id is the plugin's own text of at most
    500 characters; it still leads there after the connection was set to another calendar.
    """

    times: ClassVar[str]
    """Key of the integration's feature that tells free times."""
    booking: ClassVar[str]
    """Key of the feature that enters appointments."""

    @abstractmethod
    async def busy(self, link: Link, within: Span) -> Sequence[Span]:
        """When the calendar is taken. Raises `Permanent` for a calendar that cannot be looked into."""

    @abstractmethod
    async def enter(self, link: Link, wish: Wish) -> str:
        """Enters an appointment, once for its key, invites the person, and gives the entry's id. Raises `Permanent`
        where nothing was entered and nothing will be."""

    @abstractmethod
    async def find(self, link: Link, key: str) -> str | None:
        """The id of the entry with this key, None where there is none. Asked after an `enter` whose end nobody saw."""

    @abstractmethod
    async def shown(self, link: Link, entry: str) -> Entry | None:
        """What stands there of an entry of ours, None where it is gone."""

    @abstractmethod
    async def remove(self, link: Link, entry: str, *, tell: bool) -> None:
        """Takes an entry of ours out. One that is gone is no error. `tell`: who was invited learns of it; else nobody
        does, as far as the other side allows that."""


def changed(
    entry: str, state: Literal["booked", "cancelled"], span: Span | None, *, told: str, feature: str
) -> Arrived:
    """An entry of ours is another now. `told` tells this piece of news from others of the same entry, such as by the
    place in a list of changes. One that is not ours is passed over by core."""
    data = {"entry": entry, "state": state}
    if span is not None:
        data |= {"start": span.start.isoformat(), "end": span.end.isoformat()}
    return Arrived(Event(f"appointment:{entry}:{told}", CHANGED, data, about=f"appointment:{entry}"), feature=feature)

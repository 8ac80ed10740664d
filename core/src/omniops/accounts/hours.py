"""When people are there: hours of each weekday, several a day, exceptions by date, in the business's own time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_AHEAD = 62
"""Days in which the next opening is looked for; further away, none is promised."""
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")


def _checked_spans(spans: list[str]) -> list[str]:
    """Hours such as 09:00-12:30, in order, none over another. A night is two: until 24:00, and from 00:00."""
    for span in spans:
        if not _SPAN.fullmatch(span) or span[:5] >= span[6:]:
            raise ValueError(f"{span!r} are no hours; write 09:00-17:30, and a night as two")
    if any(before[6:] > after[:5] for before, after in pairwise(spans)):
        raise ValueError("Hours of one day stand in order and do not overlap")
    return spans


def _checked_zone(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{zone!r} is no time zone; write it like Europe/London") from None
    return zone


Spans = Annotated[list[str], Field(max_length=12), AfterValidator(_checked_spans)]


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether people are there at a moment. `until` is when they leave (None: not within sight), `opens` is when they
    come next, after `until` where they are there now (None: not within two months)."""

    open: bool
    until: datetime | None
    opens: datetime | None


class OpeningHours(BaseModel):
    """Hours in which people answer. A day that is not named is closed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zone: Annotated[str, Field(max_length=60), AfterValidator(_checked_zone)] = Field(
        description="IANA time zone in which the hours are meant, such as Europe/London."
    )
    week: dict[Weekday, Spans] = Field(default_factory=dict, description="Hours by day: mon … sun, each a list.")
    exceptions: dict[date, Spans] = Field(
        default_factory=dict, max_length=400, description="Hours of single dates, which win; an empty list is closed."
    )
    answer_minutes: int | None = Field(
        default=None, ge=1, le=10_080, description="Usual wait for a person, in minutes, while people are there."
    )

    def at(self, now: datetime) -> Presence:
        """Who is there at a moment, in whatever zone it is given. Answers in UTC."""
        spans = self._spans(now.astimezone(ZoneInfo(self.zone)).date() - timedelta(days=1))
        upcoming = [span for span in spans if span[1] > now]
        if not upcoming:
            return Presence(False, None, None)
        first, rest = upcoming[0], upcoming[1:]
        if first[0] > now:
            return Presence(False, None, first[0])
        endless = first[1] - now > timedelta(days=LOOK_AHEAD - 3)
        return Presence(True, None if endless else first[1], rest[0][0] if rest else None)

    def _spans(self, start: date) -> list[tuple[datetime, datetime]]:
        """Begin and end from a day on, in UTC. What touches is one: open at midnight is no closing."""
        joined: list[tuple[datetime, datetime]] = []
        for begin, end in self._days(start):
            if joined and joined[-1][1] >= begin:
                joined[-1] = (joined[-1][0], max(joined[-1][1], end))
            else:
                joined.append((begin, end))
        return joined

    def _days(self, start: date) -> Iterator[tuple[datetime, datetime]]:
        zone = ZoneInfo(self.zone)
        for day in (start + timedelta(days=n) for n in range(LOOK_AHEAD)):
            usual = self.week.get(WEEKDAYS[day.weekday()], [])
            for span in self.exceptions.get(day, usual):
                begin = datetime.combine(day, time.fromisoformat(span[:5]), zone)
                late = span[6:] == "24:00"
                end_day, end_time = (day + timedelta(days=1), "00:00") if late else (day, span[6:])
                end = datetime.combine(end_day, time.fromisoformat(end_time), zone)
                yield begin.astimezone(UTC), end.astimezone(UTC)

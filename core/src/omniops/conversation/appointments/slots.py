"""Which appointments are free: pure functions over times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from omniops.contracts.calendar import AppointmentRules, Span


def on(day: date, rules: AppointmentRules) -> Iterator[Span]:
    """The appointments of a day, free or not. Lengths count real minutes, also where a clock is put forward or back."""
    if day.weekday() not in rules.days:
        return
    opens, closes = rules.hours
    length = timedelta(minutes=rules.minutes)
    start = datetime.combine(day, opens, rules.place).astimezone(UTC)
    end = datetime.combine(day, closes, rules.place).astimezone(UTC)
    while start + length <= end:
        yield Span(start, start + length)
        start += length


def offered(rules: AppointmentRules, day: date, days: int, now: datetime) -> list[Span]:
    """The appointments of some days that may be booked as far as the rules go."""
    earliest, latest = now + timedelta(hours=rules.notice_hours), now + timedelta(days=rules.ahead_days)
    found = [one for number in range(days) for one in on(day + timedelta(days=number), rules)]
    return [one for one in found if one.start >= earliest and one.end <= latest]


def free(spans: Sequence[Span], busy: Sequence[Span]) -> list[Span]:
    """Those that meet nothing."""
    return [one for one in spans if not any(one.meets(other) for other in busy)]


def told(moment: datetime, rules: AppointmentRules) -> str:
    """A moment in the business's time, for people: `Tue 2026-12-01 10:00`."""
    return f"{moment.astimezone(rules.place):%a %Y-%m-%d %H:%M}"


def written(moment: datetime, rules: AppointmentRules) -> str:
    """The same for a tool, with its offset: `2026-12-01T10:00:00+01:00`."""
    return moment.astimezone(rules.place).isoformat(timespec="seconds")

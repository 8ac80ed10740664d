"""How pages tell times, and which addresses they link: the same words everywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from urllib.parse import urlsplit

_STEPS = ((86400, "day", "days"), (3600, "h", "h"), (60, "min", "min"))


def span(length: timedelta) -> str:
    """A length of time by its largest unit: "9 min", "2 h", "3 days"; "now" below a minute."""
    seconds = abs(length.total_seconds())
    for size, one, many in _STEPS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {one if count == 1 else many}"
    return "now"


def due(at: datetime, now: datetime) -> str:
    """A term as it stands: "due in 6 min", "late 2 min"."""
    left = span(at - now)
    if left == "now":
        return "due now"
    return f"late {left}" if at < now else f"due in {left}"


def clock(at: datetime, now: datetime, zone: tzinfo = UTC) -> str:
    """The time of day, with the date where it is another one, and the year where that is."""
    here, today = at.astimezone(zone), now.astimezone(zone)
    if here.date() == today.date():
        return f"{here:%H:%M}"
    year = f" {here.year}" if here.year != today.year else ""
    return f"{here.day} {here:%b}{year}, {here:%H:%M}"


def day(at: datetime, zone: tzinfo = UTC) -> str:
    """Weekday and date."""
    here = at.astimezone(zone)
    return f"{here:%A} {here.day} {here:%B}"


def web_address(url: object) -> str | None:
    """An address that may be linked, or None: http and https only."""
    return url if isinstance(url, str) and urlsplit(url).scheme in ("http", "https") else None


FILTERS = {"span": span, "due": due, "clock": clock, "day": day, "web_address": web_address}

"""When a business is open: schema.org's opening hours, in words and as facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from omniops.contracts.facts import SpecialHours, Weekday
from omniops.knowledge import values
from omniops.knowledge.nodes import listed, text_of_value

_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def hours(node: dict[str, Any]) -> Iterator[str]:
    yield from (text for line in listed(node.get("openingHours")) if (text := text_of_value(line)))
    for entry in listed(node.get("openingHoursSpecification")):
        if not isinstance(entry, dict):
            continue
        days = _span([text_of_value(day).rpartition("/")[2] for day in listed(entry.get("dayOfWeek"))])
        opens, closes = text_of_value(entry.get("opens"))[:5], text_of_value(entry.get("closes"))[:5]
        since, until = text_of_value(entry.get("validFrom"))[:10], text_of_value(entry.get("validThrough"))[:10]
        dates = since if since == until else " to ".join(date for date in (since, until) if date)
        when = f"{days} ({dates})" if days and dates else days or dates
        if not when:
            continue
        if not opens or opens == closes:
            yield f"{when} closed"
        elif opens == "00:00" and closes in ("23:59", "24:00"):
            yield f"{when} open all day"
        else:
            yield f"{when} {opens} to {closes}"


def hours_facts(node: dict[str, Any]) -> dict[str, Any]:
    """Hours of each stated day, and of days with hours of their own. Times that are none are left out."""
    week: dict[Weekday, list[list[str]]] = {}
    special: list[SpecialHours] = []
    for day, times in values.weekly(text_of_value(line) for line in listed(node.get("openingHours"))):
        week.setdefault(day, []).append(times)
    for entry in listed(node.get("openingHoursSpecification")):
        if not isinstance(entry, dict):
            continue
        opens, closes = (values.clock(text_of_value(entry.get(key))) for key in ("opens", "closes"))
        stated = text_of_value(entry.get("opens")) or text_of_value(entry.get("closes"))
        if stated and (opens is None or closes is None):
            continue
        span = [] if opens is None or closes is None or opens == closes else [[opens, closes]]
        if span and span[0][0] == "00:00" and span[0][1] == "23:59":
            span = [["00:00", "24:00"]]
        since, until = (values.day(text_of_value(entry.get(key))) for key in ("validFrom", "validThrough"))
        if since or until:
            special.append({"since": since or until or "", "until": until or since or "", "hours": span})
            continue
        for name in listed(entry.get("dayOfWeek")):
            if (named := values.weekday(text_of_value(name))) is not None:
                week.setdefault(named, []).extend(span)
    return ({"hours": week} if week else {}) | ({"special_hours": special} if special else {})


def _span(days: Sequence[str]) -> str:
    """`Monday to Friday` for days that follow each other, else the days one by one."""
    if len(days) > 2 and all(day in _NAMES for day in days):
        first = _NAMES.index(days[0])
        if list(days) == [_NAMES[(first + step) % 7] for step in range(len(days))]:
            return f"{days[0]} to {days[-1]}"
    return ", ".join(day for day in days if day)

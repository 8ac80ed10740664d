"""Until when a request must be answered: the rules of every regime that applies, as dates, the strictest first.

The rules are data (`law.json`), each with its source, how well that was read, and when it must be read again. A day is
a day in UTC, and the day of receipt does not count. Where the law leaves two readings, the earlier date is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import holidays
from dateutil.relativedelta import relativedelta
from pydantic import TypeAdapter

from omniops.privacy.fact import Fact, Grade
from omniops.privacy.transfers import EEA

Region = Literal["EEA", "UK", "California", "elsewhere"]
REGIONS: tuple[Region, ...] = ("EEA", "UK", "California", "elsewhere")
ALWAYS = "house"
"""The regime of our own promises: it applies to everybody."""
Pause = tuple[date, date | None]
"""From the day on which it stood still to the day on which it ran again; None while it stands still."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A term of law. `pauses`: it stands still while identity is not shown. `rolls`: an end on a Saturday, Sunday or
    holiday moves to the next working day. `calendar` names the holidays: a country, a country and state, or `domain`
    for those of the domain's own country. `extension` has the unit of `amount`; 0 where the law knows none."""

    key: str
    regime: str
    what: Literal["answer", "acknowledge"]
    unit: Literal["months", "days", "business_days"]
    amount: int
    extension: int
    rights: frozenset[str]
    rolls: bool
    pauses: bool
    calendar: str
    source: str
    url: str
    grade: Grade
    reviewed: date
    review_by: date

    def covers(self, right: str) -> bool:
        return right in self.rights or "*" in self.rights


@dataclass(frozen=True, slots=True)
class Due:
    """A rule and the last day on which it can be kept."""

    rule: Rule
    day: date

    def to_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule.key,
            "regime": self.rule.regime,
            "what": self.rule.what,
            "day": self.day.isoformat(),
            "source": self.rule.source,
        }


@dataclass(frozen=True, slots=True)
class Course:
    """What has happened to a request that moves its terms."""

    received: date
    extended: bool = False
    pauses: Sequence[Pause] = ()
    today: date | None = None
    """Until when a pause that lasts is counted."""


@cache
def rules() -> tuple[Rule, ...]:
    """All rules, as they stand in `law.json`."""
    return TypeAdapter(_Law).validate_json(files("omniops.privacy.rights").joinpath("law.json").read_bytes()).rules


@dataclass(frozen=True, slots=True)
class _Law:
    rules: tuple[Rule, ...]


def facts() -> list[Fact]:
    """What is stated about terms."""
    return [
        Fact("term", rule.key, _said(rule), rule.source, rule.url, rule.grade, rule.reviewed, rule.review_by)
        for rule in rules()
    ]


def _said(rule: Rule) -> str:
    unit = rule.unit.replace("_", " ")
    more = f", {rule.extension} more with notice" if rule.extension else ""
    return f"{rule.what} within {rule.amount} {unit}{more}"


def regimes_of(region: str, jurisdiction: str) -> frozenset[str]:
    """The regimes that apply: of where the person says to live, else of the domain's own country, else all."""
    if region in REGIONS:
        return frozenset({region, ALWAYS})
    if jurisdiction in EEA:
        return frozenset({"EEA", ALWAYS})
    if jurisdiction == "GB":
        return frozenset({"UK", ALWAYS})
    if jurisdiction == "US":
        return frozenset({"California", ALWAYS})
    return frozenset({*REGIONS, ALWAYS})


def dues(right: str, regimes: Collection[str], course: Course, country: str = "") -> list[Due]:
    """Every term of a request, the earliest first. `country` is the domain's own, for its holidays."""
    applying = [rule for rule in rules() if rule.regime in regimes and rule.covers(right)]
    return sorted((Due(rule, last_day(rule, course, country)) for rule in applying), key=lambda due: due.day)


def strictest(found: Sequence[Due], what: Literal["answer", "acknowledge"]) -> Due | None:
    """The earliest term to answer, or to confirm the receipt; None where no law asks for it."""
    return next((due for due in found if due.rule.what == what), None)


def last_day(rule: Rule, course: Course, country: str = "") -> date:
    """The last day on which a rule can be kept."""
    calendar = country if rule.calendar == "domain" else rule.calendar
    day = _end(rule, course.received, calendar)
    if course.extended and rule.extension:
        day = _extended(rule, course.received, day)
    if rule.pauses:
        for begun, ended in sorted(course.pauses, key=lambda pause: pause[0]):
            until = ended or course.today or begun
            if begun <= day:
                day += max(until - max(begun, course.received), timedelta())
    if rule.rolls:
        while not _works(day, calendar):
            day += timedelta(days=1)
    return day


def _end(rule: Rule, received: date, calendar: str) -> date:
    if rule.unit == "months":
        return _months(received, rule.amount)
    if rule.unit == "days":
        return received + timedelta(days=rule.amount)
    day, left = received, rule.amount
    while left:
        day += timedelta(days=1)
        left -= _works(day, calendar)
    return day


def _extended(rule: Rule, received: date, end: date) -> date:
    """Two further months after 31 January are 28 April by one reading and 30 April by the other: the earlier."""
    if rule.unit == "months":
        return min(_months(end, rule.extension), _months(received, rule.amount + rule.extension))
    return end + timedelta(days=rule.extension)


def _months(day: date, number: int) -> date:
    """The same day of a later month, or its last where it is too short."""
    later: date = day + relativedelta(months=number)
    return later


def _works(day: date, calendar: str) -> bool:
    return day.weekday() < 5 and day not in _holidays(calendar)


@cache
def _holidays(calendar: str) -> Collection[date]:
    """The holidays of a country, or of a state of it (`US-CA`); none where nobody knows them. Holidays of a part of a
    country do not count for the whole: without them the term ends earlier."""
    country, _, state = calendar.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=state or None) if country else ()
    except NotImplementedError:
        return ()

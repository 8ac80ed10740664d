"""Sentences about numbers: a share as one says it, a time as one reads it. Where there are few, they are counted."""

from __future__ import annotations

from decimal import Decimal

FEW = 20
"""Below so many, a share says more than is known."""
_SHARES = (
    (0.0, "none"), (0.1, "one in ten"), (0.2, "one in five"), (0.25, "one in four"), (1 / 3, "one in three"),
    (0.4, "two in five"), (0.5, "half"), (0.6, "three in five"), (2 / 3, "two in three"), (0.75, "three in four"),
    (0.8, "four in five"), (0.9, "nine in ten"), (1.0, "all"),
)  # fmt: skip
_NEAR = 0.015


def share(part: int, whole: int) -> str:
    """How much of a whole: "four in five" where it is that within 1.5 in 100, else in percent; of few, "2 of 3"."""
    if whole < FEW:
        return f"{part} of {whole}"
    found = part / whole
    for value, word in _SHARES:
        # None and all are said of nothing else.
        if found == value or (0 < value < 1 and abs(found - value) <= _NEAR):
            return word
    return percent(part, whole)


def percent(part: int, whole: int) -> str:
    """In percent, and never 0 or 100 of what is not none or all."""
    if not whole:
        return "–"
    rounded = round(part / whole * 100)
    if rounded == 0 and part:
        return "<1%"
    if rounded == 100 and part < whole:
        return ">99%"
    return f"{rounded}%"


def seconds(value: float | None) -> str:
    """A length of time by what one compares: "84 ms", "1.9 s", "12 min", "3.5 h", "2 days"."""
    if value is None:
        return "–"
    if value < 1:
        return f"{round(value * 1000)} ms"
    for size, unit, below in ((1, "s", 90), (60, "min", 90 * 60), (3600, "h", 48 * 3600), (86400, "days", None)):
        if below is None or value < below:
            return f"{value / size:.2g} {unit}" if value / size < 10 else f"{round(value / size)} {unit}"
    raise AssertionError


def usd(value: Decimal, places: int = 2) -> str:
    """An amount; of less than a cent as many places as it needs."""
    if value and value < Decimal("0.1"):
        places = 4
    return f"${value:,.{places}f}"


FILTERS = {"share_of": share, "percent_of": percent, "seconds": seconds, "usd": usd}

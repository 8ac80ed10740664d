"""The models that are known by name: what they can, take and cost, and from when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from omniops.contracts.provider import Cap, Price

SOURCE = "ai.google.dev/gemini-api/docs/pricing, genai-prices 0.2.3"
READ_AT = date(2026, 10, 14)
CAPS = (
    Cap.TOOLS | Cap.PARALLEL_TOOLS | Cap.STRICT_SCHEMA | Cap.VISION | Cap.PDF | Cap.CACHE | Cap.REASONING
    | Cap.TOKEN_COUNT
)  # fmt: skip
MAX_INPUT = 1_000_000
MAX_OUTPUT = 65_536


@dataclass(frozen=True, slots=True)
class Known:
    """One model of the table. `prices` are those of a day on, oldest first."""

    tier: Literal["cheap", "default", "strong"]
    prices: tuple[tuple[date, Price], ...]


def _price(input_: str, output: str, cache_read: str) -> Price:
    return Price(Decimal(input_), Decimal(output), SOURCE, READ_AT, cache_read=Decimal(cache_read))


MODELS: dict[str, Known] = {
    "gemini-3.8-flash": Known(
        "default",
        ((date.min, _price("0.75", "3.75", "0.075")), (date(2027, 1, 1), _price("1.50", "7.50", "0.15"))),
    ),
    "gemini-3.5-flash-lite": Known("cheap", ((date.min, _price("0.30", "2.50", "0.03")),)),
    "gemini-4-argon": Known(
        "strong",
        ((date.min, _price("2", "10", "0.10")), (date(2026, 12, 1), _price("4", "20", "0.20"))),
    ),
}
"""In the order in which they are asked. The dates are the ends of introductory prices."""

RETIRES: dict[str, date] = {
    "gemini-2.5-pro": date(2026, 12, 1),
    "gemini-2.5-flash": date(2026, 12, 1),
    "gemini-3.1-flash-lite": date(2027, 5, 7),
}
"""Announced ends (ai.google.dev/gemini-api/docs/deprecations). For those of the table none is announced."""


def price(model: str, today: date) -> Price | None:
    """What a model costs on a day, or None where nobody knows yet."""
    known = MODELS.get(model)
    return [price for since, price in known.prices if since <= today][-1] if known else None

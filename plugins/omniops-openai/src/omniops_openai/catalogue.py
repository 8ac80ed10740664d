"""The models that are known by name: what they can, take and cost, and when they end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

from omniops.contracts.provider import Cap, Price

SOURCE = "developers.openai.com/api/docs/pricing, genai-prices 0.2.3"
READ_AT = date(2026, 10, 26)
REGIONAL = Decimal("1.1")
"""Data residency endpoints cost a tenth more (developers.openai.com/api/docs/guides/data-residency)."""
CAPS = Cap.TOOLS | Cap.PARALLEL_TOOLS | Cap.STRICT_SCHEMA | Cap.VISION | Cap.PDF | Cap.CACHE | Cap.REASONING
MAX_INPUT = 272_000
"""Tokens. The models read 922,000, but a longer prompt than this doubles the price of the whole request."""
MAX_OUTPUT = 128_000


@dataclass(frozen=True, slots=True)
class Known:
    """One model of the table."""

    tier: Literal["cheap", "default", "strong"]
    price: Price


def _price(input_: str, output: str, cache_read: str, cache_write: str) -> Price:
    return Price(
        Decimal(input_),
        Decimal(output),
        SOURCE,
        READ_AT,
        cache_read=Decimal(cache_read),
        cache_write=Decimal(cache_write),
    )


MODELS: dict[str, Known] = {
    "gpt-6.1-terra": Known("default", _price("1", "5", "0.05", "1.25")),
    "gpt-6-luna": Known("cheap", _price("0.10", "0.50", "0.01", "0.125")),
    "gpt-6.1-sol": Known("strong", _price("2", "10", "0.10", "2.50")),
}
"""In the order in which they are asked."""

_ENDS: dict[date, tuple[str, ...]] = {
    date(2026, 12, 11): ("gpt-5", "gpt-5-mini", "gpt-5-nano", "o3"),
    date(2027, 1, 14): ("gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini"),
    date(2027, 4, 1): ("gpt-5.4-nano", "gpt-5.1"),
}
RETIRES: dict[str, date] = {model: day for day, models in _ENDS.items() for model in models}
"""Announced ends, from the docstring of `ChatModel` in the SDK 3.57.0."""


def price(model: str, region: str) -> Price | None:
    """What a model costs in a region, or None where nobody knows yet."""
    known = MODELS.get(model)
    if known is None or region == "global":
        return known.price if known else None
    base = known.price
    return replace(
        base,
        input=base.input * REGIONAL,
        output=base.output * REGIONAL,
        cache_read=base.cache_read * REGIONAL if base.cache_read is not None else None,
        cache_write=base.cache_write * REGIONAL if base.cache_write is not None else None,
    )

"""What is known of the models beforehand: limits, prices, capabilities, and when they end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from omniops.contracts.provider import Cap, Deployment, Price

from omniops_anthropic.names import ANTHROPIC

if TYPE_CHECKING:
    from anthropic.types import ModelInfo

PAGE = "platform.claude.com/docs/en/about-claude/models/overview"
READ_AT = date(2026, 11, 28)
"""When the page was read. Prices and dates below are from it."""
US_COSTS = Decimal("1.1")
"""Factor of every price with inference in the US (platform.claude.com/docs/en/manage-claude/data-residency)."""

_WRITES = (
    Cap.TOOLS | Cap.PARALLEL_TOOLS | Cap.STRICT_SCHEMA | Cap.VISION | Cap.PDF | Cap.CITATIONS | Cap.CACHE
    | Cap.TOKEN_COUNT
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Model:
    """One model. Tokens that it may read and write, and USD for a million of them."""

    id: str
    max_input: int
    max_output: int
    price: Price | None
    caps: Cap = _WRITES | Cap.REASONING
    retires: date | None = None
    tier: Literal["cheap", "default", "strong"] = "default"


def _price(read: str, written: str, cache_read: str, cache_write: str) -> Price:
    return Price(Decimal(read), Decimal(written), PAGE, READ_AT, Decimal(cache_read), Decimal(cache_write))


_KNOWN = (
    Model("claude-sonnet-5-5", 1_000_000, 128_000, _price("2", "10", "0.10", "2.50")),
    # It reads a million tokens, and costs five times as much above a hundred thousand: no turn needs that.
    Model("claude-haiku-5-5", 100_000, 128_000, _price("0.10", "0.50", "0.01", "0.125"), tier="cheap"),
    Model("claude-opus-5-5", 1_000_000, 128_000, _price("4", "20", "0.20", "5"), tier="strong"),
    Model("claude-sonnet-5", 1_000_000, 128_000, _price("2", "10", "0.20", "2.50")),
    Model("claude-opus-5", 1_000_000, 128_000, _price("5", "25", "0.50", "6.25"), tier="strong"),
    Model("claude-haiku-4-5", 200_000, 64_000, _price("1", "5", "0.10", "1.25"), _WRITES, tier="cheap"),
    Model("claude-sonnet-4-5", 200_000, 64_000, _price("3", "15", "0.30", "3.75"), _WRITES, retires=date(2026, 11, 30)),
    Model("claude-opus-4-5", 200_000, 64_000, None, _WRITES, retires=date(2027, 1, 22), tier="strong"),
)
KNOWN = {model.id: model for model in _KNOWN}
DEFAULTS = ("claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-5-5")


def model(name: str) -> Model:
    """What is known of a model. An unknown one is taken for small, and for as dear as the dearest."""
    return KNOWN.get(name) or Model(name, 200_000, 8_000, None, _WRITES)


def deployment(
    name: str, *, geo: Literal["global", "us"], retention: Literal["days", "none"], keyed: bool
) -> Deployment:
    """A model in a region."""
    known = model(name)
    price = known.price
    if price is not None and geo == "us":
        price = replace(
            price,
            input=price.input * US_COSTS,
            output=price.output * US_COSTS,
            cache_read=price.cache_read * US_COSTS if price.cache_read is not None else None,
            cache_write=price.cache_write * US_COSTS if price.cache_write is not None else None,
        )
    return Deployment(
        name=f"{ANTHROPIC}/{name}/{geo}",
        provider=ANTHROPIC,
        model=name,
        region=geo,
        processor=ANTHROPIC,
        caps=known.caps,
        max_input=known.max_input,
        max_output=known.max_output,
        retention=retention,
        price=price,
        retires=known.retires,
        keyed=keyed,
        tier=known.tier,
    )


def learned(known: Deployment, said: ModelInfo) -> Deployment:
    """A deployment after the vendor told of its model: when it ends, and what a model that is not listed here may read
    and write."""
    if said.retires_at is not None:
        known = replace(known, retires=said.retires_at.date())
    if known.model not in KNOWN:
        known = replace(
            known,
            max_input=said.max_input_tokens or known.max_input,
            max_output=said.max_tokens or known.max_output,
        )
    return known

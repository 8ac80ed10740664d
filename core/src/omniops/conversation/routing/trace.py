"""What happened on the way to an answer, over all its rounds: for the turn's record."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from omniops.conversation.routing.spending import Spent


@dataclass(slots=True)
class Trace:
    """Give the same one to every round of an answer; read it when the answer is over, however it ended.

    `failed` has who was asked in vain and the kind of error, `filtered` who was not asked and why. `order` is the
    preference that was followed. `over_budget` says openly why no vendor was asked.
    """

    ends: float | None = None
    """When the answer must be over, on the router's clock; its first round sets it."""
    deployment: str | None = None
    own_key: bool = False
    order: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    filtered: dict[str, str] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)
    over_budget: bool = False
    resets: int = 0
    hedges: int = 0

    @property
    def usd(self) -> Decimal | None:
        """Cost of the answer so far; None where a call's price is not known."""
        return None if self.spent.unpriced else self.spent.usd

    def to_json(self) -> dict[str, Any]:
        """As the turn's record keeps it: sums as text, nothing personal."""
        return {
            "own_key": self.own_key,
            "order": self.order,
            "failed": [list(pair) for pair in self.failed],
            "filtered": self.filtered,
            "calls": self.spent.calls,
            "usd": None if self.usd is None else f"{self.usd:f}",
            "measured": not self.spent.estimated,
            "over_budget": self.over_budget,
            "resets": self.resets,
            "hedges": self.hedges,
        }

"""How a crawl tells where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a crawl is. `phase`: seeds, reading, encoding, ended."""

    phase: str
    done: int = 0
    of: int = 0
    counts: dict[str, int] = field(default_factory=dict)


OnProgress = Callable[[Progress], None]

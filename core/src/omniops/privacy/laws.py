"""Everything that is stated about laws, in one list: what is read again by whom, and shown to whom it concerns."""

from __future__ import annotations

from omniops.privacy import ages, sensitive, transfers
from omniops.privacy.breach import facts as breach
from omniops.privacy.breach import texts
from omniops.privacy.fact import Fact
from omniops.privacy.rights import clocks


def law_facts() -> list[Fact]:
    """All of them, by area."""
    return [*ages.facts(), *breach.facts(), *texts.facts(), *clocks.facts(), *transfers.facts(), *sensitive.facts()]

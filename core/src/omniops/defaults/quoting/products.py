"""The card of the product that an answer is about, from what its page says for machines."""

from __future__ import annotations

from collections.abc import Sequence

from omniops.contracts.cards import ProductCard
from omniops.contracts.knowledge import Hit, Passage
from omniops.contracts.provider import Citation, Shown
from omniops.errors import Rejected

_STOCK = {"in_stock": "in_stock", "limited": "in_stock", "sold_out": "sold_out", "out_of_stock": "sold_out"}
"""What a card can say of an `Availability`; of the others it says nothing."""


def product(answering: Passage, hits: Sequence[Hit]) -> Shown | None:
    """The one product of the page that answers, where it was found with the answer; None where it was not, where the
    page has several, or where its facts do not make a card."""
    found = [hit.passage for hit in hits if hit.passage.kind == "product" and hit.passage.page_id == answering.page_id]
    if len(found) != 1:
        return None
    facts = {key: value for key, value in found[0].facts.items() if isinstance(value, str)}
    price, currency = facts.get("price", ""), facts.get("currency", "")
    try:
        card = ProductCard(
            name=facts.get("name", ""),
            url=found[0].url,
            price=price if currency else "",
            currency=currency if price else "",
            note=" · ".join(facts[key] for key in ("brand", "category") if key in facts),
            stock=_STOCK.get(facts.get("availability", ""), ""),  # type: ignore[arg-type]
        )
    except Rejected:
        return None
    return Shown(card, Citation(found[0].id, found[0].text))

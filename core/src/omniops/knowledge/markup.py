"""What a page says for machines in other ways than JSON-LD, as JSON-LD: microdata, and Open Graph's product tags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from omniops.knowledge.blocks import text_of

DEEPEST = 8
MOST = 500
"""Things on one page; a list of more says nothing about the page."""
_SCOPES = etree.XPath("//*[@itemscope and not(@itemprop)]")
_VALUE = {
    "meta": "content",
    "time": "datetime",
    "data": "value",
    "meter": "value",
    "link": "href",
    "a": "href",
    "area": "href",
    "img": "src",
    "source": "src",
    "audio": "src",
    "video": "src",
    "embed": "src",
    "iframe": "src",
    "object": "data",
}
"""Which attribute holds the value of a property, by element (HTML, section 5.2.4)."""


def read_markup(tree: etree._Element, meta: Mapping[str, str]) -> list[str]:
    """JSON-LD scripts that say the same. `meta` are the head's names with their contents."""
    nodes = [_node(scope, 0) for scope in _SCOPES(tree)[:MOST] if scope.get("itemtype")]
    nodes += _graph(meta)
    return [json.dumps(nodes)] if nodes else []


def _node(scope: etree._Element, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {"@type": (scope.get("itemtype") or "").split()}
    for element in _properties(scope):
        value = (
            _node(element, depth + 1) if element.get("itemscope") is not None and depth < DEEPEST else _value(element)
        )
        for name in element.get("itemprop", "").split():
            found.setdefault(name, []).append(value)
    return found


def _properties(scope: etree._Element) -> Iterator[etree._Element]:
    """The elements that say something of this thing itself, not of things within it."""
    pending = list(reversed(scope))
    while pending:
        element = pending.pop()
        if element.get("itemprop"):
            yield element
        if element.get("itemscope") is None:
            pending += reversed(element)


def _value(element: etree._Element) -> str:
    written = element.get(_VALUE.get(str(element.tag), "content"))
    return written if written is not None else text_of(element)


def _graph(meta: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The tags that shops give to social networks: `product:price:amount`, also with the older prefix `og:`."""
    tags = {key.removeprefix("og:").removeprefix("product:"): value for key, value in meta.items()}
    if (amount := tags.get("price:amount")) and (name := meta.get("og:title")):
        offer = {"price": amount, "priceCurrency": tags.get("price:currency", "")}
        if stock := meta.get("product:availability") or meta.get("og:availability"):
            offer["availability"] = stock.replace(" ", "")
        yield {"@type": "Product", "name": name, "sku": tags.get("retailer_item_id", ""), "offers": offer}

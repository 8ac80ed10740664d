"""What a page says of itself for machines (schema.org in JSON-LD), as facts and as sentences that can be quoted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from omniops.contracts.knowledge import PassageKind

_TAG = re.compile(r"<[^>]+>")
_SPACE = re.compile(r"\s+")
_DEEPEST = 8
_LONGEST_SCRIPT = 1_000_000
_AVAILABILITY = {
    "instock": "in stock",
    "outofstock": "out of stock",
    "preorder": "available for pre-order",
    "backorder": "on back order",
    "limitedavailability": "in limited supply",
    "discontinued": "discontinued",
    "soldout": "sold out",
    "onlineonly": "available online only",
    "instoreonly": "available in store only",
}
_ORGANISATIONS = frozenset("organization localbusiness store onlinestore corporation restaurant hotel place".split())


@dataclass(frozen=True, slots=True)
class Fact:
    """A typed fact of a page. `text` is a sentence about it; for an entry of questions and answers it is the answer."""

    kind: PassageKind
    text: str
    question: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def facts(scripts: Sequence[str]) -> list[Fact]:
    """The facts in a page's `application/ld+json` scripts. What does not parse is passed over."""
    found: list[Fact] = []
    for script in scripts:
        if len(script) > _LONGEST_SCRIPT:
            continue
        try:
            data = json.loads(script)
        except ValueError:
            continue
        for node in _nodes(data, 0):
            found += _read(node)
    return list({(fact.question, fact.text): fact for fact in reversed(found)}.values())[::-1]


def _nodes(data: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Every object with a type, also below `@graph` and in lists."""
    if depth > _DEEPEST:
        return
    if isinstance(data, list):
        for item in data:
            yield from _nodes(item, depth + 1)
    elif isinstance(data, dict):
        if "@type" in data:
            yield data
        for key in ("@graph", "mainEntity", "itemListElement", "hasVariant"):
            if key in data:
                yield from _nodes(data[key], depth + 1)


def _read(node: dict[str, Any]) -> list[Fact]:
    types = {str(kind).rpartition("/")[2].lower() for kind in _list(node["@type"])}
    if types & {"product", "productgroup"}:
        return _product(node)
    if "question" in types:
        return _question(node)
    if types & _ORGANISATIONS or any(kind.endswith(("store", "business")) for kind in types):
        return _organisation(node)
    return []


def _question(node: dict[str, Any]) -> list[Fact]:
    question = _text(node.get("name") or node.get("text"))
    answers = _list(node.get("acceptedAnswer")) or _list(node.get("suggestedAnswer"))[:1]
    answer = _text(answers[0].get("text")) if answers and isinstance(answers[0], dict) else ""
    return [Fact("faq", answer, question)] if question and answer else []


def _product(node: dict[str, Any]) -> list[Fact]:
    name = _text(node.get("name"))
    if not name:
        return []
    facts: dict[str, Any] = {"name": name}
    for key in ("sku", "gtin", "gtin13", "mpn", "color", "size", "material"):
        if value := _text(node.get(key)):
            facts[key] = value
    if brand := _named(node.get("brand")):
        facts["brand"] = brand
    offers = [offer for offer in _list(node.get("offers")) if isinstance(offer, dict)]
    sentences = [_offer(name, offer, facts) for offer in offers[:1]]
    if "sku" in facts:
        sentences.append(f"Its article number is {facts['sku']}.")
    text = " ".join(sentence for sentence in sentences if sentence)
    return [Fact("product", text, facts=facts)] if text else []


def _offer(name: str, offer: dict[str, Any], facts: dict[str, Any]) -> str:
    currency = _text(offer.get("priceCurrency"))
    price, low, high = (_text(offer.get(key)) for key in ("price", "lowPrice", "highPrice"))
    specification = offer.get("priceSpecification")
    if not price and isinstance(specification, dict):
        price = _text(specification.get("price"))
        currency = currency or _text(specification.get("priceCurrency"))
    stock = _AVAILABILITY.get(_text(offer.get("availability")).rpartition("/")[2].lower(), "")
    facts |= {
        key: value
        for key, value in {
            "price": price, "low_price": low, "high_price": high, "currency": currency, "availability": stock,
        }.items()
        if value
    }  # fmt: skip
    cost = (
        f"costs {price} {currency}" if price else f"costs between {low} and {high} {currency}" if low and high else ""
    )
    parts = [part for part in (cost.strip(), f"is {stock}" if stock else "") if part]
    return f"{name} {' and '.join(parts)}." if parts else ""


def _organisation(node: dict[str, Any]) -> list[Fact]:
    name = _text(node.get("name"))
    if not name:
        return []
    facts: dict[str, Any] = {"name": name}
    sentences = []
    if address := _address(node.get("address")):
        facts["address"] = address
        sentences.append(f"{name} is at {address}.")
    for key, label in (("telephone", "The phone number is"), ("email", "The e-mail address is")):
        if value := _text(node.get(key)).removeprefix("mailto:"):
            facts[key] = value
            sentences.append(f"{label} {value}.")
    if hours := _hours(node):
        facts["hours"] = hours
        sentences.append(f"Opening hours: {'; '.join(hours)}.")
    return [Fact("contact", " ".join(sentences), facts=facts)] if sentences else []


def _address(value: Any) -> str:
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return _text(value)
    town = " ".join(p for p in (_text(value.get("postalCode")), _text(value.get("addressLocality"))) if p)
    country = _named(value.get("addressCountry"))
    return ", ".join(
        p for p in (_text(value.get("streetAddress")), town, _text(value.get("addressRegion")), country) if p
    )


def _hours(node: dict[str, Any]) -> list[str]:
    found = [_text(line) for line in _list(node.get("openingHours")) if _text(line)]
    for entry in _list(node.get("openingHoursSpecification")):
        if not isinstance(entry, dict):
            continue
        days = [_text(day).rpartition("/")[2] for day in _list(entry.get("dayOfWeek"))]
        opens, closes = _text(entry.get("opens"))[:5], _text(entry.get("closes"))[:5]
        if not days:
            continue
        span = f"{days[0]} to {days[-1]}" if len(days) > 2 else " and ".join(days)
        found.append(f"{span} closed" if not opens or opens == closes else f"{span} {opens} to {closes}")
    return found


def _named(value: Any) -> str:
    return _text(value.get("name")) if isinstance(value, dict) else _text(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: Any) -> str:
    """Plain text of a value that may hold HTML."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, dict):
        value = value.get("@value", "")
    if value is None or isinstance(value, bool):
        return ""
    return _SPACE.sub(" ", unescape(_TAG.sub(" ", str(value)))).strip()

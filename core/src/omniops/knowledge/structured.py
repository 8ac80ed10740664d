"""What a page says of itself for machines: schema.org in JSON-LD, as facts and as sentences that can be quoted.

Products with price and stock, events with time and place, questions with their answers, and how to reach the business;
values as `contracts.facts` describes them. Of a bread crumb trail only the category of a product is taken. Persons are
left out: an author's address is not the business's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, cast

from omniops.contracts.facts import AddressFacts
from omniops.contracts.knowledge import PassageKind
from omniops.knowledge import values
from omniops.knowledge.nodes import listed, named, resolved, text_of_value
from omniops.knowledge.opening import hours as hours_in
from omniops.knowledge.opening import hours_facts

MOST_FACTS = 300
LONGEST_SCRIPT = 1_000_000
DEEPEST = 12
_BELOW = (
    "@graph",
    "mainEntity",
    "itemListElement",
    "item",
    "hasVariant",
    "department",
    "subOrganization",
    "itemOffered",
)
"""Where nodes hold nodes that the page itself is about; recommendations and the like hang elsewhere."""
_PRODUCTS = frozenset(("product", "productgroup", "productmodel", "individualproduct", "vehicle", "car", "service"))
_UNREACHABLE = frozenset(("person", "postaladdress", "offer", "jobposting", "contactpoint"))
_AVAILABILITY = {
    "instock": "in_stock",
    "outofstock": "out_of_stock",
    "preorder": "pre_order",
    "presale": "pre_order",
    "backorder": "back_order",
    "limitedavailability": "limited",
    "discontinued": "discontinued",
    "soldout": "sold_out",
    "onlineonly": "online_only",
    "instoreonly": "in_store_only",
    "madetoorder": "made_to_order",
}
_STOCK = {
    "pre_order": "available for pre-order",
    "back_order": "on back order",
    "limited": "in limited supply",
    "online_only": "available online only",
    "in_store_only": "available in store only",
}
"""How a sentence says it; the others by their name."""
_STATUS = {
    "eventscheduled": "scheduled",
    "eventcancelled": "cancelled",
    "eventpostponed": "postponed",
    "eventrescheduled": "rescheduled",
    "eventmovedonline": "moved_online",
}
_PLAIN = ("sku", "gtin", "gtin13", "mpn", "color", "size", "material")


@dataclass(frozen=True, slots=True)
class Fact:
    """A typed fact of a page.

    `text` is a sentence about it; for kind `faq` it is the answer to `question`, as plain text. `facts` holds the
    values, checked and in the shape that `contracts.facts` has for the kind.
    """

    kind: PassageKind
    text: str
    question: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Structured:
    """All facts of a page, each once, and a sentence for each script that could not be read."""

    facts: tuple[Fact, ...] = ()
    problems: tuple[str, ...] = ()


def read_structured(scripts: Sequence[str], markup: Sequence[str] = ()) -> Structured:
    """Reads a page's `application/ld+json` scripts. What breaks JSON's rules is reported, not guessed at.

    `markup` is what the page says in other ways, as JSON-LD (see `markup.py`): taken for kinds of which the scripts say
    nothing, since many a page says everything twice.
    """
    stated = _read(scripts)
    if not markup:
        return stated
    kinds = {fact.kind for fact in stated.facts}
    more = tuple(fact for fact in _read(markup).facts if fact.kind not in kinds)
    return Structured(stated.facts + more, stated.problems)


def _read(scripts: Sequence[str]) -> Structured:
    found: dict[tuple[str | None, str], Fact] = {}
    problems: list[str] = []
    for number, script in enumerate(scripts, 1):
        if len(script) > LONGEST_SCRIPT:
            problems.append(f"JSON-LD script {number} is longer than {LONGEST_SCRIPT} characters.")
            continue
        try:
            # Prices keep their written form: 289.00 is not 289.0. Raw line breaks in strings do no harm.
            data = json.loads(script, parse_float=str, parse_int=str, strict=False)
        except (ValueError, RecursionError) as error:
            problems.append(f"JSON-LD script {number} is not JSON: {error}.")
            continue
        for fact in _facts(data):
            found.setdefault((fact.question, fact.text), fact)
            if len(found) >= MOST_FACTS:
                break
    return Structured(tuple(found.values()), tuple(problems))


def _facts(data: Any) -> Iterator[Fact]:
    nodes = list(_nodes(data, 0))
    by_id = {node["@id"]: node for node in nodes if isinstance(node.get("@id"), str) and len(node) > 1}
    category = next((trail for node in nodes if "breadcrumblist" in _types(node) and (trail := _trail(node))), "")
    for node in nodes:
        types = _types(node)
        if types & _PRODUCTS:
            for fact in _product(node, by_id):
                yield replace(fact, facts={**fact.facts, "category": category}) if category else fact
        elif "question" in types:
            yield from _question(node)
        elif any(kind.endswith("event") for kind in types):
            yield from _event(node, by_id)
        elif types and not types & _UNREACHABLE:
            yield from _business(node, by_id)


def _nodes(data: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > DEEPEST:
        return
    if isinstance(data, list):
        for item in data:
            yield from _nodes(item, depth + 1)
    elif isinstance(data, dict):
        yield data
        for key in _BELOW:
            if key in data:
                yield from _nodes(data[key], depth + 1)


def _types(node: dict[str, Any]) -> set[str]:
    """Type names without `https://schema.org/` or `schema:`, in lower case."""
    return {str(kind).rpartition("/")[2].rpartition(":")[2].lower() for kind in listed(node.get("@type"))}


def _trail(node: dict[str, Any]) -> str:
    """The names between home and the page itself."""
    steps = (step for step in listed(node.get("itemListElement")) if isinstance(step, dict))
    names = [text_of_value(step.get("name")) or named(step.get("item")) for step in steps]
    return " › ".join(name for name in names[1:-1] if name)


def _question(node: dict[str, Any]) -> Iterator[Fact]:
    """Only what the page marks as the accepted answer: a suggested one is some visitor's word."""
    question = text_of_value(node.get("name")) or text_of_value(node.get("text"))
    for answer in listed(node.get("acceptedAnswer"))[:1]:
        text = text_of_value(answer.get("text") if isinstance(answer, dict) else answer)
        if question and text:
            yield Fact("faq", text, " ".join(question.split()))


def _product(node: dict[str, Any], by_id: dict[str, Any]) -> Iterator[Fact]:
    name = text_of_value(node.get("name"))
    offers = [offer for offer in (resolved(o, by_id) for o in listed(node.get("offers"))) if isinstance(offer, dict)]
    if not name or not offers:
        return
    facts: dict[str, Any] = {"name": name}
    facts |= {key: value for key in _PLAIN if (value := text_of_value(node.get(key)))}
    if brand := named(resolved(node.get("brand"), by_id)):
        facts["brand"] = brand
    facts |= _offered([part for offer in offers for part in _flat(offer, by_id)])
    if said := selling(facts):
        yield Fact("product", said, facts=facts)


def selling(facts: Mapping[str, Any]) -> str:
    """A sentence on what a product costs and whether it can be had; empty where its facts tell neither."""
    said = list(_prices(facts))
    if stock := facts.get("availability"):
        said.append(f"is {_STOCK.get(stock, stock.replace('_', ' '))}")
    if not said:
        return ""
    number = f" Its article number is {facts['sku']}." if "sku" in facts else ""
    return f"{facts['name']} {' and '.join(said)}.{number}"


def _prices(facts: Mapping[str, Any]) -> Iterator[str]:
    currency = facts.get("currency", "")
    if "price" in facts:
        yield f"costs {facts['price']} {currency}".strip()
    elif "low_price" in facts:
        yield f"costs between {facts['low_price']} and {facts['high_price']} {currency}".strip()


def _event(node: dict[str, Any], by_id: dict[str, Any]) -> Iterator[Fact]:
    name, start = text_of_value(node.get("name")), values.moment(text_of_value(node.get("startDate")))
    if not name or start is None:
        return
    facts: dict[str, Any] = {"name": name, "start": start}
    said = [f"{name} begins on {_when(start)}"]
    if (end := values.moment(text_of_value(node.get("endDate")))) and end >= start:
        facts["end"] = end
        said.append(f"and ends on {_when(end)}")
    place = resolved(node.get("location"), by_id)
    place = listed(place)[0] if listed(place) else None
    address = _address(resolved(place.get("address"), by_id)) if isinstance(place, dict) else ""
    if where := ", ".join(part for part in (named(place), address) if part):
        facts["place"] = where
        said.append(f"at {where}")
    sentences = [" ".join(said) + "."]
    offers = [offer for offer in (resolved(o, by_id) for o in listed(node.get("offers"))) if isinstance(offer, dict)]
    facts |= _offered([part for offer in offers for part in _flat(offer, by_id)])
    sentences += [f"It {costs}." for costs in _prices(facts)]
    if facts.get("availability") == "sold_out":
        sentences.append("It is sold out.")
    if status := _STATUS.get(text_of_value(node.get("eventStatus")).rpartition("/")[2].lower()):
        facts["status"] = status
        if status != "scheduled":
            sentences.append(f"It is {status.replace('_', ' ')}.")
    yield Fact("event", " ".join(sentences), facts=facts)


def _when(moment: str) -> str:
    """`2026-05-03 at 19:30`, without seconds and offset."""
    date, _, time = moment.partition("T")
    return f"{date} at {time[:5]}" if time else date


def _flat(offer: dict[str, Any], by_id: dict[str, Any]) -> list[dict[str, Any]]:
    """An AggregateOffer without a range of its own stands for the offers in it."""
    inner = [part for part in (resolved(o, by_id) for o in listed(offer.get("offers"))) if isinstance(part, dict)]
    return inner if inner and not text_of_value(offer.get("lowPrice")) else [offer]


def _offered(offers: Sequence[dict[str, Any]]) -> dict[str, str]:
    """What all offers say together: one price or the range, and the stock where they agree on it."""
    prices: list[str] = []
    currencies: set[str] = set()
    stocks: set[str] = set()
    for offer in offers:
        parts = [offer, *(part for part in listed(offer.get("priceSpecification")) if isinstance(part, dict))]
        for key in ("price", "lowPrice", "highPrice"):
            prices += [price for part in parts[:2] if (price := values.price(text_of_value(part.get(key))))][:1]
        currencies |= {code for part in parts if (code := values.currency(text_of_value(part.get("priceCurrency"))))}
        stocks.add(_AVAILABILITY.get(text_of_value(offer.get("availability")).rpartition("/")[2].lower(), ""))
    found: dict[str, str] = {}
    amounts = {Decimal(price): price for price in prices}
    if len(amounts) == 1:
        found["price"] = next(iter(amounts.values()))
    elif amounts and len(currencies) <= 1:
        found["low_price"], found["high_price"] = amounts[min(amounts)], amounts[max(amounts)]
    if len(currencies) == 1 and found:
        found["currency"] = currencies.pop()
    if len(stocks) == 1 and (stock := stocks.pop()):
        found["availability"] = stock
    return found


def _business(node: dict[str, Any], by_id: dict[str, Any]) -> Iterator[Fact]:
    name = text_of_value(node.get("name"))
    if not name:
        return
    facts: dict[str, Any] = {"name": name}
    said = []
    where = resolved(node.get("address"), by_id)
    if address := _address(where):
        facts["address"] = _address_facts(where)
        said.append(f"{name} is at {address}.")
    points = [
        point for point in (resolved(p, by_id) for p in listed(node.get("contactPoint"))) if isinstance(point, dict)
    ]
    for key, label in (("telephone", "phone number"), ("email", "e-mail address")):
        value = text_of_value(node.get(key)) or next(
            (value for point in points if (value := text_of_value(point.get(key)))), ""
        )
        if value := value.removeprefix("mailto:"):
            facts[key] = value
            said.append(f"The {label} is {value}.")
    if hours := list(hours_in(node)):
        facts |= hours_facts(node)
        said.append(f"Opening hours: {'; '.join(hours)}.")
    if said:
        yield Fact("contact", " ".join(said) if address else f"{name}: {' '.join(said)}", facts=facts)


def _address(value: Any) -> str:
    value = listed(value)[0] if listed(value) else None
    if not isinstance(value, dict):
        return ", ".join(text_of_value(value).splitlines())
    town = " ".join(part for key in ("postalCode", "addressLocality") if (part := text_of_value(value.get(key))))
    parts = (
        text_of_value(value.get("streetAddress")),
        town,
        text_of_value(value.get("addressRegion")),
        named(value.get("addressCountry")),
    )
    return ", ".join(", ".join(part.splitlines()) for part in parts if part)


def _address_facts(value: Any) -> AddressFacts:
    value = listed(value)[0]
    if not isinstance(value, dict):
        return {"lines": _address(value)}
    parts = {
        "street": ", ".join(text_of_value(value.get("streetAddress")).splitlines()),
        "postal_code": text_of_value(value.get("postalCode")),
        "locality": text_of_value(value.get("addressLocality")),
        "region": text_of_value(value.get("addressRegion")),
        "country": named(value.get("addressCountry")),
    }
    return cast("AddressFacts", {key: part for key, part in parts.items() if part})

"""What a page says of itself for machines: schema.org in JSON-LD, as facts and as sentences that can be quoted.

Products with price and stock, questions with their answers, and how to reach the business. Of a bread crumb trail only
the category of a product is taken. Persons are left out: an author's address is not the business's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree, html

from omniops.contracts.knowledge import PassageKind
from omniops.knowledge.blocks import lines, read

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
_UNREACHABLE = frozenset(("person", "event", "postaladdress", "offer", "jobposting", "contactpoint"))
_AVAILABILITY = {
    "instock": "in stock",
    "outofstock": "out of stock",
    "preorder": "available for pre-order",
    "presale": "available for pre-order",
    "backorder": "on back order",
    "limitedavailability": "in limited supply",
    "discontinued": "discontinued",
    "soldout": "sold out",
    "onlineonly": "available online only",
    "instoreonly": "available in store only",
    "madetoorder": "made to order",
}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PLAIN = ("sku", "gtin", "gtin13", "mpn", "color", "size", "material")


@dataclass(frozen=True, slots=True)
class Fact:
    """A typed fact of a page.

    `text` is a sentence about it; for kind `faq` it is the answer to `question`, as plain text. `facts` holds the
    values as strings or lists of strings. Of a product: name, price or low_price and high_price, currency,
    availability, brand, category, sku and the like. Of a business: name, address, telephone, email, hours.
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


def read_structured(scripts: Sequence[str]) -> Structured:
    """Reads a page's `application/ld+json` scripts. What breaks JSON's rules is reported, not guessed at."""
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
    return {str(kind).rpartition("/")[2].rpartition(":")[2].lower() for kind in _list(node.get("@type"))}


def _trail(node: dict[str, Any]) -> str:
    """The names between home and the page itself."""
    steps = (step for step in _list(node.get("itemListElement")) if isinstance(step, dict))
    names = [_text(step.get("name")) or _named(step.get("item")) for step in steps]
    return " › ".join(name for name in names[1:-1] if name)


def _question(node: dict[str, Any]) -> Iterator[Fact]:
    """Only what the page marks as the accepted answer: a suggested one is some visitor's word."""
    question = _text(node.get("name")) or _text(node.get("text"))
    for answer in _list(node.get("acceptedAnswer"))[:1]:
        text = _text(answer.get("text") if isinstance(answer, dict) else answer)
        if question and text:
            yield Fact("faq", text, " ".join(question.split()))


def _product(node: dict[str, Any], by_id: dict[str, Any]) -> Iterator[Fact]:
    name = _text(node.get("name"))
    resolved = (_resolved(offer, by_id) for offer in _list(node.get("offers")))
    offers = [offer for offer in resolved if isinstance(offer, dict)]
    if not name or not offers:
        return
    facts: dict[str, Any] = {"name": name}
    facts |= {key: value for key in _PLAIN if (value := _text(node.get(key)))}
    if brand := _named(_resolved(node.get("brand"), by_id)):
        facts["brand"] = brand
    facts |= _offered([part for offer in offers for part in _flat(offer, by_id)])
    said = []
    if "price" in facts:
        said.append(f"costs {facts['price']} {facts.get('currency', '')}".strip())
    elif "low_price" in facts:
        said.append(f"costs between {facts['low_price']} and {facts['high_price']} {facts.get('currency', '')}".strip())
    if "availability" in facts:
        said.append(f"is {facts['availability']}")
    if said:
        number = f" Its article number is {facts['sku']}." if "sku" in facts else ""
        yield Fact("product", f"{name} {' and '.join(said)}.{number}", facts=facts)


def _flat(offer: dict[str, Any], by_id: dict[str, Any]) -> list[dict[str, Any]]:
    """An AggregateOffer without a range of its own stands for the offers in it."""
    inner = [part for part in (_resolved(o, by_id) for o in _list(offer.get("offers"))) if isinstance(part, dict)]
    return inner if inner and not _text(offer.get("lowPrice")) else [offer]


def _offered(offers: Sequence[dict[str, Any]]) -> dict[str, str]:
    """What all offers say together: one price or the range, and the stock where they agree on it."""
    prices: list[str] = []
    currencies: set[str] = set()
    stocks: set[str] = set()
    for offer in offers:
        parts = [offer, *(part for part in _list(offer.get("priceSpecification")) if isinstance(part, dict))]
        for key in ("price", "lowPrice", "highPrice"):
            prices += [price for part in parts[:2] if (price := _text(part.get(key)))][:1]
        currencies |= {currency for part in parts if (currency := _text(part.get("priceCurrency")))}
        stocks.add(_AVAILABILITY.get(_text(offer.get("availability")).rpartition("/")[2].lower(), ""))
    found: dict[str, str] = {}
    amounts = {amount: price for price in prices if (amount := _amount(price)) is not None}
    if len(amounts) == 1:
        found["price"] = next(iter(amounts.values()))
    elif amounts and len(currencies) <= 1:
        found["low_price"], found["high_price"] = amounts[min(amounts)], amounts[max(amounts)]
    if len(currencies) == 1 and found:
        found["currency"] = currencies.pop()
    if len(stocks) == 1 and (stock := stocks.pop()):
        found["availability"] = stock
    return found


def _amount(price: str) -> Decimal | None:
    try:
        amount = Decimal(
            price.replace(",", ".") if price.count(",") == 1 and "." not in price else price.replace(",", "")
        )
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _business(node: dict[str, Any], by_id: dict[str, Any]) -> Iterator[Fact]:
    name = _text(node.get("name"))
    if not name:
        return
    facts: dict[str, Any] = {"name": name}
    said = []
    if address := _address(_resolved(node.get("address"), by_id)):
        facts["address"] = address
        said.append(f"{name} is at {address}.")
    points = [
        point for point in (_resolved(p, by_id) for p in _list(node.get("contactPoint"))) if isinstance(point, dict)
    ]
    for key, label in (("telephone", "phone number"), ("email", "e-mail address")):
        value = _text(node.get(key)) or next((value for point in points if (value := _text(point.get(key)))), "")
        if value := value.removeprefix("mailto:"):
            facts[key] = value
            said.append(f"The {label} is {value}.")
    if hours := list(_hours(node)):
        facts["hours"] = hours
        said.append(f"Opening hours: {'; '.join(hours)}.")
    if said:
        yield Fact("contact", " ".join(said) if address else f"{name}: {' '.join(said)}", facts=facts)


def _address(value: Any) -> str:
    value = _list(value)[0] if _list(value) else None
    if not isinstance(value, dict):
        return ", ".join(_text(value).splitlines())
    town = " ".join(part for key in ("postalCode", "addressLocality") if (part := _text(value.get(key))))
    parts = (
        _text(value.get("streetAddress")),
        town,
        _text(value.get("addressRegion")),
        _named(value.get("addressCountry")),
    )
    return ", ".join(", ".join(part.splitlines()) for part in parts if part)


def _hours(node: dict[str, Any]) -> Iterator[str]:
    yield from (text for line in _list(node.get("openingHours")) if (text := _text(line)))
    for entry in _list(node.get("openingHoursSpecification")):
        if not isinstance(entry, dict):
            continue
        days = _span([_text(day).rpartition("/")[2] for day in _list(entry.get("dayOfWeek"))])
        opens, closes = _text(entry.get("opens"))[:5], _text(entry.get("closes"))[:5]
        since, until = _text(entry.get("validFrom"))[:10], _text(entry.get("validThrough"))[:10]
        dates = since if since == until else " to ".join(date for date in (since, until) if date)
        when = f"{days} ({dates})" if days and dates else days or dates
        if not when:
            continue
        if not opens or opens == closes:
            yield f"{when} closed"
        elif opens == "00:00" and closes in ("23:59", "24:00"):
            yield f"{when} open all day"
        else:
            yield f"{when} {opens} to {closes}"


def _span(days: Sequence[str]) -> str:
    """`Monday to Friday` for days that follow each other, else the days one by one."""
    if len(days) > 2 and all(day in _DAYS for day in days):
        first = _DAYS.index(days[0])
        if list(days) == [_DAYS[(first + step) % 7] for step in range(len(days))]:
            return f"{days[0]} to {days[-1]}"
    return ", ".join(day for day in days if day)


def _resolved(value: Any, by_id: dict[str, Any]) -> Any:
    """The node that a bare `{"@id": …}` points to."""
    if isinstance(value, dict) and set(value) == {"@id"}:
        return by_id.get(str(value["@id"]), value)
    return value


def _named(value: Any) -> str:
    value = _list(value)[0] if _list(value) else None
    return _text(value.get("name")) if isinstance(value, dict) else _text(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: Any) -> str:
    """Plain text of a value. HTML in it (answers mostly have some) is read as on a page, a line for each of its
    parts."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("@value") or value.get("name")
    if not isinstance(value, str):
        return ""
    if "<" not in value and "&" not in value:
        return " ".join(value.split())
    try:
        fragment = html.fragment_fromstring(value, create_parent="div")
    except (etree.LxmlError, ValueError):
        return " ".join(value.split())
    return "\n".join(line for block in read(fragment, chars=0) for line in lines(block))

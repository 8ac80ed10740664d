"""Typed cards: what an answer may show beside its text. Plain words and addresses; there is no place for markup.

A card illustrates and shortens the way. A channel that shows no cards sends the text alone, so the text of the same
answer says everything that matters. `to_json` is the shape that the visitor API sends, in a message part of the type
`card`: `{"type": "card", "card": {"kind": "product", …}, "n": 2}`, where `n` is the number of the source that the card
stands on, or null. The shape is stable: fields are added, never changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from omniops.errors import Rejected

MOST = 8
"""Buttons, rows, fields, options or variants of one card."""
LONGEST = 400
"""Characters of one text in a card."""
Stock = Literal["", "in_stock", "sold_out"]
"""Empty where it is not known."""


def _checked(value: str, where: str, *, needed: bool = True) -> None:
    if (needed and not value.strip()) or len(value) > LONGEST:
        raise Rejected(f"{where} needs 1 to {LONGEST} characters.", code="bad_card", where=where)


def _checked_url(url: str, where: str) -> None:
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        raise Rejected(f"{where} must be a full http(s) address, not {url!r}.", code="bad_card", where=where)


def _checked_amount(price: str) -> None:
    try:
        good = not price or (Decimal(price).is_finite() and Decimal(price) >= 0)
    except InvalidOperation:
        good = False
    if not good:
        raise Rejected(f"A price is a number such as 289.00, not {price!r}.", code="bad_card", where="price")


def _checked_count(things: tuple[Any, ...], where: str, *, least: int = 1) -> None:
    if not least <= len(things) <= MOST:
        raise Rejected(f"{where} takes {least} to {MOST}, not {len(things)}.", code="bad_card", where=where)


@dataclass(frozen=True, slots=True)
class TextCard:
    """A heading with a paragraph."""

    kind: ClassVar[str] = "text"
    title: str
    text: str

    def __post_init__(self) -> None:
        _checked(self.title, "title")
        _checked(self.text, "text")


@dataclass(frozen=True, slots=True)
class Button:
    """Says `say` in the visitor's name (empty: its label), or opens `url`; not both."""

    label: str
    say: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        _checked(self.label, "label")
        _checked(self.say, "say", needed=False)
        _checked_url(self.url, "url")
        if self.say and self.url:
            raise Rejected("A button says something or opens a page, not both.", code="bad_card", where="say")


@dataclass(frozen=True, slots=True)
class ButtonsCard:
    """A sentence with what can be chosen."""

    kind: ClassVar[str] = "buttons"
    text: str
    buttons: tuple[Button, ...]

    def __post_init__(self) -> None:
        _checked(self.text, "text")
        _checked_count(self.buttons, "buttons")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a list, which may lead to a page."""

    title: str
    text: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        _checked(self.title, "title")
        _checked(self.text, "text", needed=False)
        _checked_url(self.url, "url")


@dataclass(frozen=True, slots=True)
class ListCard:
    """Several things of one kind."""

    kind: ClassVar[str] = "list"
    title: str
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        _checked(self.title, "title")
        _checked_count(self.rows, "rows")


@dataclass(frozen=True, slots=True)
class Field:
    """What a form asks for. `options` are those of a `choice`, and of nothing else."""

    label: str
    kind: Literal["text", "email", "tel", "number", "date", "choice"] = "text"
    required: bool = True
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _checked(self.label, "label")
        _checked_count(self.options, "options", least=2 if self.kind == "choice" else 0)
        if self.options and self.kind != "choice":
            raise Rejected("Only a choice has options.", code="bad_card", where="options")
        for option in self.options:
            _checked(option, "options")


@dataclass(frozen=True, slots=True)
class FormCard:
    """Asks for several things at once. What is filled in comes back as the visitor's next message, a line per field
    (`label: value`), so it is stored, sealed and shown like any other message. `send` is the word on the button."""

    kind: ClassVar[str] = "form"
    title: str
    fields: tuple[Field, ...]
    send: str

    def __post_init__(self) -> None:
        _checked(self.title, "title")
        _checked_count(self.fields, "fields")
        _checked(self.send, "send")


@dataclass(frozen=True, slots=True)
class Variant:
    """One of several to choose from, such as a colour. `price` is a decimal number as text in the product's currency,
    where variants differ in it; `left` how many there are, None where that is not known; `note` what else is to say.
    """

    name: str
    note: str = ""
    price: str = ""
    stock: Stock = ""
    left: int | None = None

    def __post_init__(self) -> None:
        _checked(self.name, "name")
        _checked(self.note, "note", needed=False)
        _checked_amount(self.price)


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A product. `price` is a decimal number as text, `currency` an ISO 4217 code; both may be empty together."""

    kind: ClassVar[str] = "product"
    name: str
    url: str
    price: str = ""
    currency: str = ""
    note: str = ""
    stock: Stock = ""
    variants: tuple[Variant, ...] = ()

    def __post_init__(self) -> None:
        _checked(self.name, "name")
        _checked(self.note, "note", needed=False)
        _checked_url(self.url, "url")
        _checked_count(self.variants, "variants", least=0)
        if bool(self.price) != bool(self.currency) or any(one.price and not self.price for one in self.variants):
            raise Rejected("A price and its currency belong together.", code="bad_card", where="price")
        _checked_amount(self.price)
        if self.currency and not (len(self.currency) == 3 and self.currency.isascii() and self.currency.isupper()):
            raise Rejected(f"{self.currency!r} is no currency code.", code="bad_card", where="currency")


Card = TextCard | ButtonsCard | ListCard | FormCard | ProductCard


def to_json(card: Card) -> dict[str, Any]:
    """The card as the visitor API sends it."""
    return {"kind": card.kind, **asdict(card)}


def addresses(card: Card) -> Iterator[str]:
    """Every address that a card can open."""
    match card:
        case ButtonsCard(buttons=buttons):
            yield from (button.url for button in buttons if button.url)
        case ListCard(rows=rows):
            yield from (row.url for row in rows if row.url)
        case ProductCard(url=url):
            yield url
        case _:
            return

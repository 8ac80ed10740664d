"""Typed facts of a passage: what a page states for machines, checked, in `Passage.facts` as JSON.

Which shape it is, the passage's `kind` tells: `product`, `contact` or `event`. Every key may be missing: what a page
states wrongly (a price that is no number, a date that does not exist) is left out and the rest kept. Values come from
the page and are never computed, so an answer may name them with the passage as its source.
"""

from __future__ import annotations

from typing import Literal, TypedDict

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Availability = Literal[
    "in_stock",
    "out_of_stock",
    "pre_order",
    "back_order",
    "limited",
    "discontinued",
    "sold_out",
    "online_only",
    "in_store_only",
    "made_to_order",
]
"""schema.org's ItemAvailability, without its several names for the same."""


class PriceFacts(TypedDict, total=False):
    """Of a product or an event. Either `price`, or `low_price` and `high_price` where there are several offers."""

    price: str
    """A decimal number of at least 0 with a point, without thousands marks, with the decimals of the page: `289.00`."""
    low_price: str
    high_price: str
    currency: str
    """ISO 4217 code; missing where the page names none or several."""
    availability: Availability
    """Missing where offers differ in it."""


class VariantFacts(TypedDict, total=False):
    """One of several of a product to choose from, such as `Blue / M`, as a connected shop tells it."""

    name: str
    sku: str
    price: str
    currency: str
    availability: Availability
    quantity: int


class ProductFacts(PriceFacts, total=False):
    """Kind `product`: something that is sold, also a service."""

    name: str
    brand: str
    category: str
    """The bread crumbs between home and the page, joined by ` › `."""
    sku: str
    gtin: str
    mpn: str
    color: str
    size: str
    material: str
    quantity: int
    """How many are left, and `variants`: told by connected shops alone."""
    variants: list[VariantFacts]


class AddressFacts(TypedDict, total=False):
    """A postal address in its parts; `lines` where the page gives it in one."""

    street: str
    postal_code: str
    locality: str
    region: str
    country: str
    lines: str


class SpecialHours(TypedDict):
    """Days with hours of their own. `since` and `until` are dates (`2026-12-24`), both included."""

    since: str
    until: str
    hours: list[list[str]]


class ContactFacts(TypedDict, total=False):
    """Kind `contact`: how to reach the business, never a person."""

    name: str
    address: AddressFacts
    telephone: str
    email: str
    hours: dict[Weekday, list[list[str]]]
    """Of each day that is stated, `[opens, closes]` as `HH:MM` in local time, empty for a closed day. What closes at or
    before it opens closes on the next day; `00:00` to `24:00` is the whole day."""
    special_hours: list[SpecialHours]


class EventFacts(PriceFacts, total=False):
    """Kind `event`. `start` and `end` are ISO 8601 dates or times, with an offset where the page gives one."""

    name: str
    start: str
    end: str
    place: str
    status: Literal["scheduled", "cancelled", "postponed", "rescheduled", "moved_online"]

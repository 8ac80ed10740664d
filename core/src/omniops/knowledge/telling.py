"""Short lines that tell a customer something: a price, a measure, hours, a way to reach the business."""

from __future__ import annotations

import re

_REACHES = re.compile(
    r"[\w.+-]+@[\w-]+\.[a-z]{2,}"  # e-mail
    r"|(?<![\w/])(?:\+|\(?0)\d[\d ()/.–-]{6,}\d|\(\d{3}\) ?\d{3}-\d{4}"  # phone
    r"|\b\d{1,2}(?:[:.h]\d\d)? ?(?:am|pm|Uhr|h)? ?(?:[–—-]|to|bis|à|a) ?"  # hours
    r"\d{1,2}(?:[:.h]\d\d| ?(?:am|pm|Uhr|h)\b)"
    r"|\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b|,\s*(?:[A-Z]{1,2}[ -])?\d{4,5}(?:-\d{3,4})?\b",  # postal code
    re.IGNORECASE,
)
_MEASURES = re.compile(
    r"(?:[£$€¥₹]|\b(?:EUR|USD|GBP|CHF|SEK|NOK|DKK|kr\.?|Fr\.|zł))\s?\d"
    r"|\d\s?(?:[£$€¥₹%]|(?:EUR|USD|GBP|CHF|SEK|NOK|DKK|Euro|kr|zł|Kč|Ft)\b)"
    r"|\d\s?(?:[cmk]?m[²³]?|k?g|m?l|k?Wh?|V|A|[GMT]B|°C|dB|inch|in|lbs?|oz|ft)\b"
)
_DATE = re.compile(r"\b\d{1,2}[./-]\d{1,2}[./-](?:\d\d){1,2}\b|\b(?:19|20)\d\d\b|\b\d{1,2}:\d\d:\d\d\b")


def reaches(line: str) -> bool:
    """Whether a line holds an e-mail address, a phone number, hours or a postal address."""
    return _REACHES.search(line) is not None


def tells(line: str) -> bool:
    """Whether a line holds a price, a measure or a way to reach someone, and is no date of publication."""
    return (_MEASURES.search(line) is not None or reaches(line)) and _DATE.search(line) is None

"""Ways to reach a person or a device: mail addresses, phone numbers, network addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from phonenumbers import Leniency, PhoneNumberMatcher, PhoneNumberType, number_type

from omniops.conversation.redaction.digits import LOOK_BACK, about

REGIONS = {
    "en": ("GB", "US"),
    "de": ("DE", "AT", "CH"),
    "fr": ("FR", "BE"),
    "es": ("ES", "MX"),
    "it": ("IT",),
    "nl": ("NL", "BE"),
    "pl": ("PL",),
    "pt": ("PT", "BR"),
    "tr": ("TR",),
    "ar": ("SA", "AE", "EG"),
}
"""Countries whose way of writing numbers without a country code is understood, by the conversation's language."""

_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}(?:@|\s?[(\[](?:at|ät|arroba|chiocciola)[)\]]\s?)"
    r"(?:[\w-]{1,63}(?:\.|\s?[(\[](?:dot|punkt|punto|point)[)\]]\s?)){1,8}[^\W\d_]{2,24}",
    re.IGNORECASE,
)
_SPOKEN = re.compile(
    r"(?<![\w.+-])[\w.+-]{2,64}(?: at (?:[\w-]{1,63} dot ){1,3}"
    r"| (?:arroba|chiocciola) (?:[\w-]{1,63}(?:\.| (?:punto|ponto) )){1,3})[^\W\d_]{2,24}\b",
    re.IGNORECASE,
)
_V4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\w)")
_V6 = re.compile(r"(?<![\w:])(?=[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:)[0-9A-Fa-f:]{3,45}(?![\w:])")
_VERSION = re.compile(
    r"(?:version|firmware|release|build|update|wersja|versión|versione|versie|sürüm|(?<!\w)v)(?!.*(?<!\w)ip(?!\w)).*\Z",
    re.IGNORECASE | re.DOTALL,
)
_SAID = re.compile(r"(?<![\w.])\(?(?:\+|00)?\(?\d[\d \u00a0().\-/]{4,20}\d(?![\w])")
_INTERNATIONAL = re.compile(r"(?<![\w+])\+ ?\d[\d \u00a0().\-/]{6,20}\d(?!\w)")
_DATE_OR_DOCUMENT = re.compile(
    r"\d{1,2}[./-] ?\d{1,2}[./-] ?(?:\d{4}|\d{2})(?:\s.*)?|\d{4}[./-]\d{1,2}[./-]\d{1,2}(?:\s.*)?"
    r"|(?:19|20)\d{2}\s?[-/]\s?\d{3,}(?:\D.*)?"
)
"""Dates, spans of years, and numbers of documents that begin with their year."""
_NOT_DIGIT = re.compile(r"\D")
_NOBODYS = frozenset(
    {
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
    }
)
"""Kinds of numbers that no person has; what is written like one is more often the number of a document."""
LEAST_BARE = 9
"""Digits of a number that nobody called a phone number and that has neither + nor 0 in front."""


def find_emails(text: str) -> Iterator[tuple[int, int]]:
    """Places of mail addresses, also such as `name (at) example (dot) com`."""
    for pattern in (_EMAIL, _SPOKEN):
        for match in pattern.finditer(text):
            yield match.span()


def find_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Places of IPv4 and IPv6 addresses; a version with four parts is none."""
    for pattern in (_V4, _V6):
        for match in pattern.finditer(text):
            if _is_address(match.group()) and not _VERSION.search(
                text, max(0, match.start() - LOOK_BACK), match.start()
            ):
                yield match.span()


def find_phones(text: str, regions: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Places of phone numbers: valid ones of these countries, international ones, and what is called a phone number."""
    if sum(char.isdigit() for char in text) < 6:
        return
    for match in _INTERNATIONAL.finditer(text):
        yield match.span()
    for match in _SAID.finditer(text):
        if about(text, match.start()) == "phone" and not _DATE_OR_DOCUMENT.fullmatch(match.group()):
            yield match.span()
    for region in regions:
        for found in PhoneNumberMatcher(text, region, leniency=Leniency.VALID):
            if number_type(found.number) not in _NOBODYS and _plausible(text, found.start, found.raw_string):
                yield found.start, found.end


def _plausible(text: str, start: int, raw: str) -> bool:
    digits, said = _NOT_DIGIT.sub("", raw), about(text, start)
    if raw.lstrip("(").startswith("+") or said == "phone":
        return True
    enough = LEAST_BARE - 2 if digits.startswith("0") else LEAST_BARE
    return said == "" and len(digits) >= enough and not _DATE_OR_DOCUMENT.fullmatch(raw)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(char.isalnum() for char in text)

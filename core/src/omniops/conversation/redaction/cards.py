"""Payment cards: found by network, length and check digit, and masked before a message is stored."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum import luhn

from omniops.conversation.redaction.digits import fold, windows

MASK = "•"
_NETWORKS = re.compile(
    r"""(?:
      4\d{12}(?:\d{3}(?:\d{3})?)?                     # Visa, 13, 16 or 19 digits
    | (?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}   # Mastercard
    | 3[47]\d{13}                                     # American Express
    | 3(?:0[0-5]|[68]\d)\d{11}                        # Diners Club
    | (?:6011|65\d{2}|64[4-9]\d)\d{12,15}             # Discover
    | 35(?:2[89]|[3-8]\d)\d{12,15}                    # JCB
    | 62\d{14,17}                                     # UnionPay
    | (?:5018|5020|5038|5893|6304|6759|676[123])\d{8,15}   # Maestro
    | 9792\d{12}                                      # Troy
    )""",
    re.VERBOSE,
)
_CODE = re.compile(
    r"(?<!\w)(?:cvv2?|cvc2?|csc|prüf(?:ziffer|nummer)|kartenprüfnummer|security code|code de sécurité|cryptogramme)"
    r"(?:\W{1,3}(?:code|is|ist|est|es|è|lautet|nummer|number|numéro)){0,2}\W{1,4}(?P<code>\d{3,4})(?!\d)",
    re.IGNORECASE,
)
"""The check code on the back: it may never be stored, and it is nobody's business."""


def find_cards(text: str) -> Iterator[tuple[int, int]]:
    """Places of card numbers, however grouped."""
    end = 0
    for window in windows(text, 12, 19, most_groups=19):
        if window.start >= end and _NETWORKS.fullmatch(window.digits) and luhn.is_valid(window.digits):
            end = window.end
            yield window.start, end


def find_codes(text: str) -> Iterator[tuple[int, int]]:
    """Places of check codes that are called so."""
    return (match.span("code") for match in _CODE.finditer(text))


def mask_cards(text: str) -> str:
    """The text with every card number masked but for its last four digits, and every check code masked wholly."""
    folded, masked = fold(text), list(text)
    for start, end in find_cards(folded):
        places = [place for place in range(start, end) if folded[place].isdigit()]
        for place in places[:-4]:
            masked[place] = MASK
    for start, end in find_codes(folded):
        masked[start:end] = MASK * (end - start)
    return "".join(masked)

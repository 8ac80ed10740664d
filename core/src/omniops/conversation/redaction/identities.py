"""Numbers that a state or a bank gave to a person: IBAN and national identity numbers, by their check digits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from stdnum import iban
from stdnum.at import vnr
from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ch import ssn as ahv
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.pt import nif
from stdnum.tr import tckimlik
from stdnum.us import ssn

from omniops.conversation.redaction.digits import about, windows

Check = Callable[[str], bool]

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ \u00a0\-.]?[A-Za-z0-9]){11,30}")
_ALNUM = re.compile(r"[^A-Za-z0-9]")
_SHORTEST_IBAN = 15
_LETTERS: tuple[tuple[re.Pattern[str], Check], ...] = (
    (re.compile(r"(?<!\w)\d{2}\.?\d{3}\.?\d{3}(?:-?[A-Za-z]| [A-Z])(?!\w)"), dni.is_valid),
    (re.compile(r"(?<!\w)[XYZxyz][ \-]?\d{7}(?:-?[A-Za-z]| [A-Z])(?!\w)"), nie.is_valid),
    (re.compile(r"(?<!\w)[A-Za-z]{3} ?[A-Za-z]{3} ?[A-Za-z0-9]{5} ?[A-Za-z0-9]{5}(?!\w)"), codicefiscale.is_valid),
    (re.compile(r"(?<!\w)[12] ?\d{2} ?\d{2} ?2[AB] ?\d{3} ?\d{3}[ \-]?\d{2}(?!\w)"), nir.is_valid),
    (
        # HM Revenue & Customs, NIM39110: which letters a National Insurance number begins and ends with.
        re.compile(
            r"(?<!\w)(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: ?\d{2}){3} ?[A-D](?!\w)",
            re.IGNORECASE,
        ),
        lambda number: True,
    ),
)  # fmt: skip
_STRONG: dict[int, tuple[Check, ...]] = {
    11: (idnr.is_valid, pesel.is_valid, nn.is_valid, tckimlik.is_valid, cpf.is_valid),
    13: (ahv.is_valid,),
    15: (nir.is_valid,),
}
"""Numbers by length whose own digits tell that somebody did not just write any number."""
_WEAK: dict[int, tuple[Check, ...]] = {
    8: (bsn.is_valid,),
    9: (bsn.is_valid, nif.is_valid, ssn.is_valid),
    10: (vnr.is_valid, nhs.is_valid),
}
"""Numbers that every tenth number looks like: taken only where the words before say so."""
_SSN = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")


def find_ibans(text: str) -> Iterator[tuple[int, int]]:
    """Places of account numbers. Words that follow one are left out: the longest valid number counts."""
    for match in _IBAN.finditer(text):
        for end in range(match.end(), match.start() + _SHORTEST_IBAN - 1, -1):
            whole = text[end - 1].isalnum() and not text[end : end + 1].isalnum()
            if whole and iban.is_valid(_ALNUM.sub("", text[match.start() : end])):
                yield match.start(), end
                break


def find_identities(text: str) -> Iterator[tuple[int, int]]:
    """Places of national identity numbers of the countries that the chat's languages are spoken in."""
    for pattern, valid in _LETTERS:
        for match in pattern.finditer(text):
            if valid(_ALNUM.sub("", match.group())) and about(text, match.start()) != "order":
                yield match.span()
    for match in _SSN.finditer(text):
        if about(text, match.start()) != "order":
            yield match.span()
    for window in windows(text, 8, 15):
        said_so = (*_STRONG.get(len(window.digits), ()), *_WEAK.get(len(window.digits), ()))
        if any(valid(window.digits) for valid in said_so) and about(text, window.start) == "id":
            yield window.start, window.end


def find_unnamed_identities(text: str) -> Iterator[tuple[int, int]]:
    """Places of numbers that nobody called identity numbers, but that are such by their own digits."""
    for window in windows(text, min(_STRONG), max(_STRONG)):
        valid = any(valid(window.digits) for valid in _STRONG.get(len(window.digits), ()))
        if valid and about(text, window.start) == "":
            yield window.start, window.end

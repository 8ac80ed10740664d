"""Single values of structured data, checked: prices, currencies, dates, times, weekly hours. What is none gives
None."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import get_args

from omniops.contracts.facts import Weekday

DAYS: tuple[Weekday, ...] = get_args(Weekday)
MOST = Decimal(10) ** 12
"""A price from here on is a mistake."""
_CURRENCIES = frozenset(
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP "
    "CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD "
    "MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB "
    "RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD "
    "UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG".split()
)
"""ISO 4217, without metals and units of account."""
_SYMBOLS = {"€": "EUR", "£": "GBP", "zł": "PLN", "₹": "INR", "₺": "TRY", "₴": "UAH"}
"""Signs of one currency only: `$` and `kr` are many."""
_TIME = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?$")
_LINE = re.compile(r"((?:(?:Mo|Tu|We|Th|Fr|Sa|Su)[-,\s]*)+)\s*(\d{1,2}:\d\d)\s*[-–]\s*(\d{1,2}:\d\d)$")
_SHORT = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_GROUPED = re.compile(r"\d{1,3}(?:[.,'\s]\d{3})+")


def price(text: str) -> str | None:
    """`1.299,00`, `1,299.00` and `1299.00` as `1299.00`; what is no amount of money gives None."""
    if re.search(r"\d[^\W\d_]+\d", text):
        return None
    written = re.sub(r"[^\d.,' \u00a0\u202f+-]", "", text).strip()
    if _GROUPED.fullmatch(written) and written.count(".") + written.count(",") != 1:
        plain = re.sub(r"\D", "", written)
    elif {".", ","} <= set(written):
        decimal = max(".,", key=written.rfind)
        plain = re.sub(rf"[^\d{decimal}+-]", "", written).replace(",", ".")
    elif re.fullmatch(r"\d{1,3},\d{3}", written):
        plain = written.replace(",", "")
    else:
        plain = re.sub(r"['\s]", "", written).replace(",", ".")
    try:
        amount = Decimal(plain)
    except InvalidOperation:
        return None
    return plain.lstrip("+") if amount.is_finite() and 0 <= amount < MOST else None


def currency(text: str) -> str | None:
    """An ISO 4217 code, also for a sign that means one currency only."""
    code = _SYMBOLS.get(text.strip(), text.strip().upper())
    return code if code in _CURRENCIES else None


def moment(text: str) -> str | None:
    """An ISO 8601 date or time as it is written, when there is such a day."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return None
    return text


def day(text: str) -> str | None:
    """The date of an ISO 8601 date or time."""
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        return None


def clock(text: str) -> str | None:
    """`9:00`, `09:00:00` and `09:00+01:00` as `09:00`."""
    found = _TIME.match(text.strip())
    if found is None or (found[1] == "24" and found[2] != "00"):
        return None
    return f"{int(found[1]):02}:{found[2]}"


def weekday(text: str) -> Weekday | None:
    """A day's name, also as `https://schema.org/Monday` or `Mo`."""
    name = text.strip().rpartition("/")[2].lower()
    return next((one for one in DAYS if name == one or (len(name) in (2, 3) and one.startswith(name))), None)


def weekly(lines: Iterable[str]) -> Iterator[tuple[Weekday, list[str]]]:
    """schema.org's short form: `Mo-Fr 09:00-17:00`, `Sa,Su 10:00-14:00`."""
    for line in lines:
        if (found := _LINE.match(line.strip())) and (opens := clock(found[2])) and (closes := clock(found[3])):
            for part in re.split(r"[,\s]+", found[1].strip(" ,")):
                first, _, last = part.partition("-")
                if first in _SHORT and (last or first) in _SHORT:
                    start, end = _SHORT.index(first), _SHORT.index(last or first)
                    for step in range((end - start) % 7 + 1):
                        yield DAYS[(start + step) % 7], [opens, closes]

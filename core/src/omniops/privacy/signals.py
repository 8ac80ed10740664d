"""What a browser asks for by itself, and what that forbids: Global Privacy Control and Do Not Track.

A signal denies every optional purpose, whatever was answered. It does not deny what the person asks for by an act of
their own: to find this chat here again, or to get news at an address that they gave and confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Signal = Literal["none", "gpc", "dnt"]
_ASKED_FOR = frozenset({"chat.remember", "marketing"})


def signal_of(headers: Mapping[str, str], said: Signal = "none") -> Signal:
    """The signal of a request: its headers `Sec-GPC` and `DNT`, else what the page's own script saw."""
    if headers.get("sec-gpc") == "1" or said == "gpc":
        return "gpc"
    if headers.get("dnt") == "1" or said == "dnt":
        return "dnt"
    return "none"


def forbids(signal: Signal, purpose: str) -> bool:
    """Whether a signal denies a purpose that rests on consent."""
    return signal != "none" and purpose not in _ASKED_FOR


def jurisdiction(locale: str, configured: str) -> str:
    """The country whose law a choice is recorded under, as ISO 3166: the business's own setting, else the region of the
    reader's language tag, else nothing. An address is never asked."""
    if configured:
        return configured.upper()
    parts = locale.split("-")[1:]
    return next((part.upper() for part in parts if len(part) == 2 and part.isalpha()), "")

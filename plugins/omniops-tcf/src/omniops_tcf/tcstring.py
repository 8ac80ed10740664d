"""Reading a TC string: what a person consented to under IAB Europe's Transparency & Consent Framework, version 2.

The format is IAB Tech Lab's "Consent string and vendor list formats v2": base64url segments, joined by dots, of fields
of so many bits. Read are the core segment and the list of disclosed vendors, which TCF 2.3 demands.
Legitimate interest is never read as consent.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

DISCLOSED = 1
MOST_RESTRICTED = 100_000
"""Pairs of purpose and vendor; a string could name millions in a few bytes."""


class Malformed(ValueError):
    """The string is none; says what does not fit."""


@dataclass(frozen=True, slots=True)
class TCString:
    """The parts of a TC string that say to what a person consented, and to when and to whom it goes back."""

    created: datetime
    updated: datetime
    cmp: int
    cmp_version: int
    language: str
    vendor_list: int
    policy: int
    service_specific: bool
    purposes: frozenset[int]
    vendors: frozenset[int]
    restrictions: Mapping[tuple[int, int], int]
    """By (purpose, vendor): 0 the publisher forbids it, 1 needs consent, 2 needs legitimate interest."""
    disclosed: frozenset[int] | None
    """The vendors that were shown to the person; None where the string does not say."""

    def allows(self, purposes: list[int], vendor: int | None) -> bool:
        """Whether all `purposes` have consent, and, where a vendor is named, that vendor may rely on it for each."""
        if not set(purposes) <= self.purposes:
            return False
        if vendor is None:
            return True
        shown = self.disclosed is None or vendor in self.disclosed
        barred = any(self.restrictions.get((purpose, vendor)) in (0, 2) for purpose in purposes)
        return shown and vendor in self.vendors and not barred


def read(string: str) -> TCString:
    """Raises `Malformed`, for whatever it is given."""
    core, *others = string.split(".")
    bits = _bits(core)
    if (version := bits.number(6)) != 2:
        raise Malformed(f"version {version} is not 2")
    created, updated = _moment(bits.number(36)), _moment(bits.number(36))
    cmp, cmp_version = bits.number(12), bits.number(12)
    bits.number(6)  # the screen on which consent was asked
    language = _letters(bits.number(6), bits.number(6))
    vendor_list, policy = bits.number(12), bits.number(6)
    service_specific = bits.flag()
    bits.flag()  # non-standard texts
    bits.number(12)  # opt-ins to special features
    purposes = bits.field(24)
    bits.field(24)  # purposes by legitimate interest
    bits.flag()  # purpose one was not asked for
    bits.number(12)  # the publisher's country
    vendors = bits.vendors()
    bits.vendors()  # vendors by legitimate interest
    restrictions = _restrictions(bits)
    disclosed = None
    for segment in others:
        more = _bits(segment)
        if more.number(3) == DISCLOSED:
            disclosed = more.vendors()
    return TCString(
        created, updated, cmp, cmp_version, language, vendor_list, policy, service_specific, purposes, vendors,
        restrictions, disclosed,
    )  # fmt: skip


class _Bits:
    """A segment, read from its first bit on."""

    def __init__(self, raw: bytes) -> None:
        self._value = int.from_bytes(raw)
        self._left = len(raw) * 8

    def number(self, size: int) -> int:
        self._left -= size
        if self._left < 0:
            raise Malformed("it ends too early")
        return (self._value >> self._left) & ((1 << size) - 1)

    def flag(self) -> bool:
        return self.number(1) == 1

    def field(self, size: int) -> frozenset[int]:
        """The numbers, from 1 on, whose bits are set."""
        value = self.number(size)
        return frozenset(n for n in range(1, size + 1) if value >> (size - n) & 1)

    def vendors(self) -> frozenset[int]:
        """A list of vendors: one bit each, or ranges."""
        most = self.number(16)
        return self.ranges(most) if self.flag() else self.field(most)

    def ranges(self, most: int) -> frozenset[int]:
        found: set[int] = set()
        for _ in range(self.number(12)):
            alone = not self.flag()
            first = self.number(16)
            last = first if alone else self.number(16)
            if not 1 <= first <= last <= most:
                raise Malformed("a range of vendors does not fit")
            found.update(range(first, last + 1))
        return frozenset(found)


def _restrictions(bits: _Bits) -> Mapping[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for _ in range(bits.number(12)):
        purpose, kind = bits.number(6), bits.number(2)
        vendors = bits.ranges(0xFFFF)
        if len(found) + len(vendors) > MOST_RESTRICTED:
            raise Malformed("it has too many restrictions")
        for vendor in vendors:
            # Where two contradict each other, what bars consent counts.
            before = found.get((purpose, vendor), kind)
            found[purpose, vendor] = before if before in (0, 2) else kind
    return found


def _bits(segment: str) -> _Bits:
    try:
        return _Bits(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (binascii.Error, ValueError) as error:
        raise Malformed("it is no base64url") from error


def _moment(deciseconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(deciseconds / 10, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise Malformed("its time is none") from error


def _letters(*numbers: int) -> str:
    if not all(number < 26 for number in numbers):
        raise Malformed("its language is none")
    return "".join(chr(ord("a") + number) for number in numbers)

"""The chain itself: what is hashed, and how a chain is followed. Pure.

A *record* is the text of an entry that its hash is of: a JSON list of account, number, moment, actor, action, object,
pseudonyms, purpose, detail and the hash before it, as the database's function `audit_record` writes it. Whoever checks
a chain hashes records as they come and never writes one anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

GENESIS = bytes(32)
"""The hash before the first entry."""
KEPT_DAYS = 730
"""How long entries stay, from the head that they were signed under. Whoever checks a chain knows it: entries that are
gone before were taken away."""


class Broken(Exception):
    """A chain does not fit: `entry` is the number of the first entry that does not."""

    def __init__(self, entry: int, reason: str) -> None:
        super().__init__(reason)
        self.entry = entry
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """`broken` is the number of the first entry that does not fit, or None; `reason` says why.

    `expired` entries were deleted after their term; the signed root of each segment of them is still there.
    """

    entries: int
    broken: int | None = None
    reason: str = ""
    expired: int = 0


def check_age(last: int, signed_at: datetime, now: datetime) -> None:
    """Raises `Broken` where entries up to `last` are gone too early, by the head that they were signed under."""
    if now - signed_at < timedelta(days=KEPT_DAYS):
        raise Broken(last, f"entries up to {last} are gone before their {KEPT_DAYS} days were over")


class Walk:
    """Follows one account's chain, record by record, from its first entry or from the end of a segment."""

    def __init__(self, account_id: UUID) -> None:
        self.seq = 0
        self.hash = GENESIS
        self._begin = f'["{account_id}",'

    def take(self, record: bytes) -> bytes:
        """The hash of the next record. Raises `Broken` for one that is not the next."""
        number = self.seq + 1
        if not record.startswith(f"{self._begin}{number},".encode()):
            raise Broken(number, f"entry {number} is missing")
        if not record.endswith(f',"{self.hash.hex()}"]'.encode()):
            raise Broken(number, f"entry {number} does not follow the one before it")
        self.seq, self.hash = number, hashlib.sha256(record).digest()
        return self.hash

    def skip(self, first: int, last: int, before: bytes, end: bytes) -> None:
        """Passes over a segment whose entries are gone. Raises `Broken` where it does not go on from here."""
        if first != self.seq + 1:
            raise Broken(self.seq + 1, f"entry {self.seq + 1} is missing")
        if before != self.hash:
            raise Broken(first, f"entry {first} does not follow the one before it")
        self.seq, self.hash = last, end

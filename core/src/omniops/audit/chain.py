"""The chain itself: what is hashed, and how a chain is verified. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

GENESIS = bytes(32)
"""The hash before the first entry."""


class Hashed(Protocol):
    """The fields of an entry that its hash covers."""

    account_id: UUID
    seq: int
    at: datetime
    actor: str
    action: str
    object: str
    subject_refs: list[str]
    purpose: str
    detail: dict[str, Any]
    prev_hash: bytes


def entry_hash(entry: Hashed) -> bytes:
    """SHA-256 over the canonical JSON of all fields, the hash before included."""
    fields = [
        str(entry.account_id),
        entry.seq,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.actor,
        entry.action,
        entry.object,
        entry.subject_refs,
        entry.purpose,
        entry.detail,
        entry.prev_hash.hex(),
    ]
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`broken` is the number of the first entry that does not fit, or None; `reason` says why."""

    entries: int
    broken: int | None = None
    reason: str = ""


class Stored(Hashed, Protocol):
    hash: bytes


def verify(entries: Iterable[Stored], *, head: tuple[int, bytes] | None = None) -> Verdict:
    """Walks a chain from its first entry. With `head`, the chain must end there, so that a cut end is seen too."""
    before, count = GENESIS, 0
    for entry in entries:
        count += 1
        if entry.seq != count:
            return Verdict(count, count, f"entry {count} is missing")
        if entry.prev_hash != before:
            return Verdict(count, count, f"entry {count} does not follow the one before it")
        if entry_hash(entry) != entry.hash:
            return Verdict(count, count, f"entry {count} was changed")
        before = entry.hash
    if head is not None and (count, before) != head:
        return Verdict(count, count + 1, "the end of the chain is missing")
    return Verdict(count)

"""What a segment is under a signed head: a leaf of its tree, and the way from there to the root that was signed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from omniops.audit.chain import Broken
from omniops.audit.merkle import root_by
from omniops.audit.models import AuditSegment
from omniops.signing import verified

KIND = "omniops-log+jws"
"""The kind of statement that a signed head is."""


def leaf_of(segment: AuditSegment) -> bytes:
    """What a segment is in the tree of all accounts."""
    return leaf(
        segment.account_id, segment.number, segment.first, segment.last, segment.before, segment.end, segment.root
    )


def leaf(account_id: UUID, number: int, first: int, last: int, before: bytes, end: bytes, root: bytes) -> bytes:
    fields = [str(account_id), number, first, last, before.hex(), end.hex(), root.hex()]
    return json.dumps(fields, separators=(",", ":")).encode()


def head_over(
    data: bytes,
    entries: tuple[int, int],
    place: int,
    size: int,
    path: Sequence[str],
    statement: str,
    key: Mapping[str, Any],
) -> dict[str, Any]:
    """What the signed head says that the leaf of `entries` (its first and its last) stands under.

    Raises `Broken` where it does not stand there, `Refused` where `key` did not sign the head."""
    head = verified(statement, key, KIND)
    reached = root_by(data, place, size, [bytes.fromhex(one) for one in path])
    if reached is None or reached.hex() != head["root"]:
        first, last = entries
        raise Broken(first, f"the entries {first} to {last} are not under the head that is named for them")
    return head

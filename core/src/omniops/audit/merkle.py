"""Merkle trees as RFC 9162 (section 2.1) hashes them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """The root of leaves that come one by one, in memory that grows with the logarithm of their number."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._full: list[bytes] = []  # roots of full trees, the largest first: one for each 1 in the binary of `size`
        for data in leaves:
            self.add(data)

    def add(self, data: bytes) -> None:
        node, rest = leaf_hash(data), self.size
        while rest & 1:
            node = node_hash(self._full.pop(), node)
            rest >>= 1
        self._full.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The Merkle tree hash (section 2.1.1); of no leaves, the hash of nothing."""
        if not self._full:
            return hashlib.sha256().digest()
        *rest, node = self._full
        for left in reversed(rest):
            node = node_hash(left, node)
        return node


def path(leaves: Sequence[bytes], place: int) -> list[bytes]:
    """The inclusion proof of the leaf at `place` (section 2.1.3.1)."""
    level, found = [leaf_hash(data) for data in leaves], []
    while len(level) > 1:
        beside = place ^ 1
        if beside < len(level):
            found.append(level[beside])
        pairs = [node_hash(*level[at : at + 2]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
        place //= 2
    return found


def root_by(data: bytes, place: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that a proof leads to from a leaf (section 2.1.3.2), or None where it is no proof for that place."""
    if not 0 <= place < size:
        return None
    node, last = leaf_hash(data), size - 1
    for beside in proof:
        if last == 0:
            return None
        if place & 1 or place == last:
            node = node_hash(beside, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, beside)
        place, last = place >> 1, last >> 1
    return node if last == 0 else None

"""The meaning's side: exact search over a matrix of int8 vectors.

numpy has no int8 matrix product (it would wrap around), so blocks are cast into one reused float buffer. Above
BITS_FROM rows the signs alone choose candidates first, and the int8 vectors score those.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 4096
BITS_FROM = 5_000
CANDIDATES = 1000


class Vectors:
    """Cosines of a question with every passage."""

    def __init__(self, matrix: NDArray[np.int8], scale: float) -> None:
        self._matrix = matrix
        self._scale = scale
        self._bits = _bits(matrix) if len(matrix) > BITS_FROM else None
        self._buffer = np.empty((min(BLOCK, max(1, len(matrix))), matrix.shape[1]), dtype=np.float32)

    def cosines(self, question: NDArray[np.float32]) -> NDArray[np.float32]:
        """One cosine per row; rows that the signs ruled out get −1."""
        if self._bits is None:
            return self._products(question)
        asked = np.packbits(question > 0).view(np.uint64)
        distance = np.bitwise_count(self._bits ^ asked).sum(axis=1, dtype=np.uint16)
        near = np.argpartition(distance, CANDIDATES)[:CANDIDATES]
        found = np.full(len(self._matrix), -1.0, dtype=np.float32)
        found[near] = self._matrix[near].astype(np.float32) @ question / self._scale
        return found

    def _products(self, question: NDArray[np.float32]) -> NDArray[np.float32]:
        found = np.empty(len(self._matrix), dtype=np.float32)
        for start in range(0, len(self._matrix), BLOCK):
            rows = self._matrix[start : start + BLOCK]
            buffer = self._buffer[: len(rows)]
            np.copyto(buffer, rows)
            np.dot(buffer, question, out=found[start : start + len(rows)])
        return found / self._scale


def _bits(matrix: NDArray[np.int8]) -> NDArray[np.uint64]:
    packed = [np.packbits(matrix[start : start + BLOCK] > 0, axis=1) for start in range(0, len(matrix), BLOCK)]
    joined: NDArray[np.uint64] = np.concatenate(packed).view(np.uint64)
    return joined

"""The words' side: BM25 over stems, title and headings counted three times."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

from omniops.defaults.words import Word, terms

logging.getLogger("bm25s").setLevel(logging.WARNING)  # its import sets DEBUG
K1, B = 1.2, 0.75
CONTEXT_TIMES = 3


class Lexical:
    """BM25 scores of one domain's passages."""

    def __init__(self, index: Any, size: int) -> None:
        self._index = index
        self._size = size

    @classmethod
    def build(cls, texts: Sequence[str], contexts: Sequence[str], languages: Sequence[str]) -> Lexical:
        """`languages` holds the code of each row, whose rules its words are stemmed by."""
        tokens = [
            terms(context, language) * CONTEXT_TIMES + terms(text, language)
            for text, context, language in zip(texts, contexts, languages, strict=True)
        ]
        index = bm25s.BM25(method="lucene", k1=K1, b=B)
        index.index(tokens or [["∅"]], show_progress=False)
        return cls(index, len(texts))

    def save(self, folder: Path) -> None:
        self._index.save(str(folder), show_progress=False)

    @classmethod
    def load(cls, folder: Path, size: int) -> Lexical:
        return cls(bm25s.BM25.load(str(folder), mmap=True), size)

    def scores(self, question: Sequence[str]) -> NDArray[np.float32]:
        """One score per passage, 0 where no term of the question occurs."""
        known = [term for term in question if term in self._index.vocab_dict]
        if not known or not self._size:
            return np.zeros(self._size, dtype=np.float32)
        found: NDArray[np.float32] = self._index.get_scores(known)[: self._size]
        return found

    def rarity(self, word: Word) -> float:
        """Inverse document frequency; highest for a word that no passage has."""
        number = self._index.vocab_dict.get(word.stem)
        pointers = self._index.scores["indptr"]
        having = int(pointers[number + 1] - pointers[number]) if number is not None else 0
        return float(np.log1p((self._size - having + 0.5) / (having + 0.5)))

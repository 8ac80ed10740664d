"""One domain's index, opened: built from rows, or mapped from the files of an earlier build."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from omniops.contracts.knowledge import Encoder, StoredPassages
from omniops.defaults.hybrid.lexical import Lexical
from omniops.defaults.hybrid.vectors import Vectors
from omniops.defaults.words import ASKING, stemmed, stems

_META = "meta.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage's place in the answer: row, weighted sum, cosine or None, share of the best BM25 score."""

    id: UUID
    score: float
    cosine: float | None
    lexical: float


class OpenedDomain:
    """Arrays of one domain at one generation. Read only, so threads share it."""

    def __init__(
        self,
        generation: str,
        ids: NDArray[np.uint8],
        lexical: Lexical,
        vectors: Vectors | None,
        questions: Vectors | None,
        question_rows: NDArray[np.int64],
        size: int,
    ) -> None:
        self.generation = generation
        self._ids = ids
        self._lexical = lexical
        self._vectors = vectors
        self._questions = questions
        self._question_rows = question_rows
        self.bytes = size

    @classmethod
    def build(cls, rows: StoredPassages, scale: float, folder: Path) -> OpenedDomain:
        """Builds from rows and writes the files beside the old ones, then swaps them in by rename."""
        work = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
        work.mkdir(parents=True, mode=0o700)
        try:
            lexical = Lexical.build(rows.texts, rows.contexts)
            lexical.save(work / "words")
            np.save(work / "ids.npy", np.frombuffer(b"".join(i.bytes for i in rows.ids), np.uint8).reshape(-1, 16))
            if rows.vectors is not None:
                np.save(work / "vectors.npy", rows.vectors)
                asked = sorted(rows.question_vectors)
                np.save(work / "question_rows.npy", np.array(asked, dtype=np.int64))
                if asked:
                    np.save(work / "questions.npy", np.stack([rows.question_vectors[i] for i in asked]))
            meta = {"format": _FORMAT, "generation": rows.generation, "size": len(rows.ids), "scale": scale}
            (work / _META).write_text(json.dumps(meta))
            shutil.rmtree(folder, ignore_errors=True)
            try:
                os.rename(work, folder)
            except OSError:  # another process built the same generation first
                return cls.load(folder)
            return cls.load(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path) -> OpenedDomain:
        """Maps the files of an earlier build. Raises `OSError` or `ValueError` for what is not whole."""
        meta = json.loads((folder / _META).read_text())
        if meta.get("format") != _FORMAT:
            raise ValueError("another format")
        size = int(meta["size"])
        ids = np.load(folder / "ids.npy", mmap_mode="r")
        if len(ids) != size:
            raise ValueError("not whole")
        vectors = questions = None
        question_rows = np.empty(0, dtype=np.int64)
        if (folder / "vectors.npy").exists():
            vectors = Vectors(np.load(folder / "vectors.npy", mmap_mode="r"), meta["scale"])
            question_rows = np.load(folder / "question_rows.npy")
            if len(question_rows):
                questions = Vectors(np.load(folder / "questions.npy", mmap_mode="r"), meta["scale"])
        used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        lexical = Lexical.load(folder / "words", size)
        return cls(meta["generation"], ids, lexical, vectors, questions, question_rows, used)

    @property
    def has_vectors(self) -> bool:
        return self._vectors is not None

    def rank(self, question: str, vector: NDArray[np.float32] | None, weight: float, limit: int) -> Sequence[Ranked]:
        """The best rows by `weight · cosine + (1 − weight) · BM25 / best BM25 of this question`."""
        if not len(self._ids):
            return ()
        words = self._lexical.scores(stems(question))
        best = float(words.max())
        words = words / best if best > 0 else words
        cosines = self._cosines(vector) if vector is not None and self._vectors is not None else None
        scores = words if cosines is None else weight * cosines + (1 - weight) * words
        count = min(limit, len(scores))
        top = np.argpartition(-scores, count - 1)[:count]
        top = top[np.argsort(-scores[top], kind="stable")]
        return [
            Ranked(
                UUID(bytes=self._ids[row].tobytes()),
                float(scores[row]),
                None if cosines is None else float(cosines[row]),
                float(words[row]),
            )
            for row in top
            if scores[row] > 0
        ]

    def _cosines(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of an entry of questions and answers, the better of the question alone and the whole."""
        assert self._vectors is not None
        found = self._vectors.cosines(vector)
        if self._questions is not None:
            found[self._question_rows] = np.maximum(found[self._question_rows], self._questions.cosines(vector))
        return found

    def cover(self, question: str, texts: Sequence[str]) -> tuple[float, dict[str, float]]:
        """Share of the question's words, by rarity, that occur in any of the texts; and the rarity of each word."""
        asked = {word: (stem, self._lexical.rarity(stem)) for word, stem in stemmed(question)}
        known = {stem for text in texts for stem in stems(text)}
        about = [rated for word, rated in asked.items() if word not in ASKING] or list(asked.values())
        total = sum(rarity for _, rarity in about)
        share = sum(rarity for stem, rarity in about if stem in known) / total if total > 0 else 0.0
        return share, {word: rarity for word, (_, rarity) in asked.items()}


def folder_name(generation: str, encoder: Encoder | None) -> str:
    """One folder per state of the rows and encoder; files of another never fit by accident."""
    return hashlib.sha256(f"{generation}|{encoder.id if encoder else ''}|{_FORMAT}".encode()).hexdigest()[:24]

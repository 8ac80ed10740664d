"""One domain's index, opened: built from rows, or mapped from the files of an earlier build."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from omniops.contracts.knowledge import Encoder, StoredPassages
from omniops.defaults.hybrid.lexical import Lexical
from omniops.defaults.hybrid.vectors import Vectors
from omniops.defaults.words import asks, language_of, terms, words

_META = "meta.json"
_FORMAT = 2
FOREIGN = 0.3
"""Share of the cosine for a question in a language that the encoder was not trained on; .1 … .5 do the same."""


MOST_LANGUAGES = 200
"""Of one domain; passages in a further one count as the most common."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage's place in the answer: row, weighted sum, cosine or None, share of the best BM25 score."""

    id: UUID
    score: float
    cosine: float | None
    lexical: float


OTHER = 0.3
"""What a passage's words count in another language than the question's: names and numbers are the same in all."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as one domain reads it: the language it is in, and the BM25 score of every passage."""

    question: str
    language: str
    scores: NDArray[np.float32]


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
        languages: Sequence[str],
        spoken: NDArray[np.uint8],
        size: int,
    ) -> None:
        self.generation = generation
        self._ids = ids
        self._lexical = lexical
        self._vectors = vectors
        self._questions = questions
        self._question_rows = question_rows
        self._languages = languages
        self._spoken = spoken
        self.bytes = size

    @classmethod
    def build(cls, rows: StoredPassages, scale: float, folder: Path) -> OpenedDomain:
        """Builds from rows and writes the files beside the old ones, then swaps them in by rename."""
        work = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
        work.mkdir(parents=True, mode=0o700)
        try:
            spoken = rows.languages or ["en"] * len(rows.ids)
            lexical = Lexical.build(rows.texts, rows.contexts, spoken)
            lexical.save(work / "words")
            languages = [language for language, _ in Counter(spoken).most_common(MOST_LANGUAGES)]
            numbers = {language: number for number, language in enumerate(languages)}
            np.save(work / "spoken.npy", np.array([numbers.get(language, 0) for language in spoken], dtype=np.uint8))
            np.save(work / "ids.npy", np.frombuffer(b"".join(i.bytes for i in rows.ids), np.uint8).reshape(-1, 16))
            if rows.vectors is not None:
                np.save(work / "vectors.npy", rows.vectors)
                asked = sorted(rows.question_vectors)
                np.save(work / "question_rows.npy", np.array(asked, dtype=np.int64))
                if asked:
                    np.save(work / "questions.npy", np.stack([rows.question_vectors[i] for i in asked]))
            meta = {
                "format": _FORMAT,
                "generation": rows.generation,
                "size": len(rows.ids),
                "scale": scale,
                "languages": languages,
            }
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
        spoken = np.load(folder / "spoken.npy", mmap_mode="r")
        return cls(meta["generation"], ids, lexical, vectors, questions, question_rows, meta["languages"], spoken, used)

    @property
    def has_vectors(self) -> bool:
        return self._vectors is not None

    def rank(self, asked: Asked, vector: NDArray[np.float32] | None, weight: float, limit: int) -> Sequence[Ranked]:
        """The best rows by `weight · cosine + (1 − weight) · BM25 / best BM25 of this question`."""
        if not len(self._ids):
            return ()
        found = asked.scores
        best = float(found.max())
        found = found / best if best > 0 else found
        cosines = self._cosines(vector) if vector is not None and self._vectors is not None else None
        scores = found if cosines is None else weight * cosines + (1 - weight) * found
        count = min(limit, len(scores))
        top = np.argpartition(-scores, count - 1)[:count]
        top = top[np.argsort(-scores[top], kind="stable")]
        return [
            Ranked(
                UUID(bytes=self._ids[row].tobytes()),
                float(scores[row]),
                None if cosines is None else float(cosines[row]),
                float(found[row]),
            )
            for row in top
            if scores[row] > 0
        ]

    def ask(self, question: str) -> Asked:
        """Reads a question by the rules of each language of the domain, and tells which it is in: by its function
        words, and where they leave it open by whose passages know it best. Every passage is scored by the question as
        its own language reads it; parts of words meet across languages, so those of another count less."""
        likely = language_of(question, self._languages)
        if len(self._languages) < 2:
            language = likely[0] if likely else "en"
            return Asked(question, language, self._lexical.scores(terms(question, language)))
        found = [self._lexical.scores(terms(question, language)) for language in self._languages]
        own = [self._spoken == number for number in range(len(found))]
        best = {name: float(found[i][own[i]].max()) for i, name in enumerate(self._languages)}
        asked = max(likely, key=lambda language: best[language])
        scores = np.zeros(len(self._ids), dtype=np.float32)
        for i, language in enumerate(self._languages):
            scores[own[i]] = found[i][own[i]] * (1.0 if language == asked else OTHER)
        return Asked(question, asked, scores)

    def _cosines(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of an entry of questions and answers, the better of the question alone and the whole."""
        assert self._vectors is not None
        found = self._vectors.cosines(vector)
        if self._questions is not None:
            found[self._question_rows] = np.maximum(found[self._question_rows], self._questions.cosines(vector))
        return found

    def cover(self, asked: Asked, texts: Sequence[str]) -> tuple[float, dict[str, float]]:
        """Share of the question's words, by rarity, that occur in any of the texts; and the rarity of each word."""
        rated = {word.text: (word, self._lexical.rarity(word)) for word in words(asked.question, asked.language)}
        there = {term for text in texts for term in terms(text, asked.language)}
        about = [pair for text, pair in rated.items() if not asks(text, asked.language)] or list(rated.values())
        total = sum(rarity for _, rarity in about)
        share = sum(rarity * word.known(there) for word, rarity in about) / total if total > 0 else 0.0
        return share, {text: rarity for text, (_, rarity) in rated.items()}


def folder_name(generation: str, encoder: Encoder | None) -> str:
    """One folder per state of the rows and encoder; files of another never fit by accident."""
    return hashlib.sha256(f"{generation}|{encoder.id if encoder else ''}|{_FORMAT}".encode()).hexdigest()[:24]

"""Words as the search sees them: lower case, stemmed by the rules of their language, stop words kept.

Stop words carry sense in questions ("how do I"): dropping them wins a little on encyclopaedic text and loses much on
questions and answers.

English is known by its stems alone. Where words are joined (`Reißverschluss`) or much inflected a stem too often finds
nothing, so in every other language a longer word is also known by its parts of four letters; accents are dropped, as
visitors leave them out. English itself loses by parts: of short function words there are too many.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import Stemmer

from omniops.defaults.asking import ASKING

PART = 4
"""Letters of a part; words up to this length have none."""
LEAST_SHARE = 0.6
"""Share of a word's parts from which it counts as partly known; stray parts say nothing."""
_ALGORITHMS = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "nb": "norwegian",
    "nn": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
"""Snowball's stemmers by ISO 639-1 code. A language without one is known by its words and their parts."""
_WORD = re.compile(r"\w+")
_UNFOLDED = str.maketrans({"ł": "l", "ß": "ss", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"})
"""Letters that Unicode does not take apart."""
_local = threading.local()


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a question: as it was written in lower case, its stem, its parts."""

    text: str
    stem: str
    parts: tuple[str, ...] = ()

    def known(self, terms: Collection[str]) -> float:
        """How much of it stands in a text with these terms: 1 for the word itself, else the share of its parts."""
        if self.stem in terms:
            return 1.0
        share = sum(part in terms for part in self.parts) / len(self.parts) if self.parts else 0.0
        return share if share >= LEAST_SHARE else 0.0


def terms(text: str, language: str = "en") -> list[str]:
    """What a text is found by, in order: the stems of its words and, but in English, the parts of longer ones."""
    if language == "en":
        return _stemmed(_WORD.findall(text.lower()), language)
    return [term for word in words(text, language) for term in (word.stem, *word.parts)]


def words(text: str, language: str = "en") -> Iterator[Word]:
    """The words of a text in order."""
    found = _WORD.findall(text.lower())
    stems = _stemmed(found, language)
    if language == "en":
        yield from map(Word, found, stems)
        return
    for word, stem in zip(found, stems, strict=True):
        yield Word(word, folded(stem), _parts(word))


def asks(word: str, language: str) -> bool:
    """Whether a word only asks. Of languages without a list, nothing is known to."""
    return word in ASKING.get(language, ())


def language_of(text: str, languages: Sequence[str]) -> list[str]:
    """Which of the languages a short text may be in, by its function words: those that know most of them, in the order
    given. All where none knows any."""
    found = _WORD.findall(text.lower())
    counts = {language: sum(asks(word, language) for word in found) for language in languages}
    most = max(counts.values(), default=0)
    return [language for language in languages if counts[language] == most]


@lru_cache(50_000)
def folded(word: str) -> str:
    """Without accents: `café` as `cafe`, `łódź` as `lodz`."""
    if word.isascii():
        return word
    apart = unicodedata.normalize("NFKD", word.translate(_UNFOLDED))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


@lru_cache(50_000)
def _parts(word: str) -> tuple[str, ...]:
    plain = folded(word)
    return tuple(plain[at : at + PART] for at in range(len(plain) - PART + 1)) if len(plain) > PART else ()


def _stemmed(found: list[str], language: str) -> list[str]:
    """A stemmer has state of its own and must not be shared by threads."""
    stemmers: dict[str, Any] = _local.__dict__
    algorithm = "english" if language == "en" else _ALGORITHMS.get(language)
    if algorithm is None:
        return found
    if algorithm not in stemmers:
        stemmers[algorithm] = Stemmer.Stemmer(algorithm)
    stems: list[str] = stemmers[algorithm].stemWords(found)
    return stems

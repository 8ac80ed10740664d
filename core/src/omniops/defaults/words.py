"""Words as the search sees them: lower case, Snowball stems, stop words kept.

Stop words carry sense in questions ("how do I"): dropping them wins a little on encyclopaedic text and loses much on
questions and answers.
"""

from __future__ import annotations

import re
import threading
from typing import Any

import Stemmer

_WORD = re.compile(r"\w+")
_local = threading.local()


def stems(text: str) -> list[str]:
    """The stems of a text in order."""
    found: list[str] = _stemmer().stemWords(_WORD.findall(text.lower()))
    return found


def stemmed(text: str) -> list[tuple[str, str]]:
    """Each word of a text, in lower case, with its stem."""
    words = _WORD.findall(text.lower())
    return list(zip(words, _stemmer().stemWords(words), strict=True))


def _stemmer() -> Any:
    """A stemmer has state of its own and must not be shared by threads."""
    if not hasattr(_local, "stemmer"):
        _local.stemmer = Stemmer.Stemmer("english")
    return _local.stemmer

"""Words as the search sees them: lower case, Snowball stems, stop words kept.

Stop words carry sense in questions ("how do I"): dropping them wins a little on encyclopaedic text and loses much on
questions and answers.
"""

from __future__ import annotations

import re
import threading
from typing import Any

import Stemmer

ASKING = frozenset(
    "a an and any are at be been by can could did do does for from had has have how i if in is it its long many may me "
    "might much my of on or our shall should so than that the their them there these they this to us was we were what "
    "when where which who whom whose why will with would you your "
    "aber als am an auch auf aus bei bin bis da das dass dem den der des die dies diese du ein eine einen einer er es "
    "für gibt habe haben hat ich ihr ihre im in ist kann können man mein mich mit nach nicht noch nur oder sie sind so "
    "über um und uns unser vom von wann war warum was welche welcher wenn wer werden wie wieviel will wir wird wo "
    "wohin zu zum zur".split()
)
"""Words that ask rather than say what about. On a small site they are rare, and would count as what it knows nothing
of."""
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

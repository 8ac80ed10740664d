"""Words as the search sees them: lower case, Snowball stems, stop words kept.

Stop words carry sense in questions ("how do I"): dropping them wins a little on encyclopaedic text and loses much on
questions and answers.
"""

from __future__ import annotations

import re
import threading

import Stemmer

_WORD = re.compile(r"\w+")
_local = threading.local()


def stems(text: str) -> list[str]:
    """The stems of a text in order."""
    stemmer = getattr(_local, "stemmer", None)
    if stemmer is None:  # a stemmer has state of its own and must not be shared by threads
        stemmer = _local.stemmer = Stemmer.Stemmer("english")
    found: list[str] = stemmer.stemWords(_WORD.findall(text.lower()))
    return found

"""Which language a text is in, as an ISO 639-1 code."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

SURE = 0.9
"""Probability from which the words overrule what a page declares: templates in English hold many a German page."""
SHORT = 80
"""Characters below which a declaration, where there is one, is better than a guess."""
LONGEST = 600
"""Characters that are looked at; more do not change the answer."""
DEFAULT = "en"
_NONE = frozenset(("und", "zxx", "mul", "mis"))
"""ISO 639 codes for no language at all, or none in particular."""


def detect(text: str, hint: str | None = None) -> str:
    """The language of a text. `hint` is what the page declares (`lang`, such as `de` or `pt-BR`): it wins where the
    text is short or the words are not sure. Without a hint even a short question gets the best guess, and a text
    without letters is taken as English.

    The first call loads a model of some 100 MB, so call it where memory goes away again: in a worker or a child
    process.
    """
    declared = (hint or "").strip().replace("_", "-").partition("-")[0].lower()
    if not (len(declared) in (2, 3) and declared.isascii() and declared.isalpha()) or declared in _NONE:
        declared = ""
    sample = text.strip()[:LONGEST]
    if not any(map(str.isalpha, sample)) or (declared and len(sample) < SHORT):
        return declared or DEFAULT
    found, probability = _identifier().classify(sample)
    if found in _NONE or (declared and probability < SURE):
        return declared or DEFAULT
    return str(found)


@lru_cache(1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

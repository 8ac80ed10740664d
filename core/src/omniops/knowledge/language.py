"""Which language a text is in."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

SURE = 0.9


@lru_cache(1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def detect(text: str, declared: str = "") -> str:
    """An ISO 639-1 code. What the page declares (`lang`) is taken; the words are asked where it declares nothing, which
    loads a model of some 100 MB. English where nothing tells."""
    code = declared.strip()[:2].lower()
    if len(code) == 2 and code.isalpha():
        return code
    if len(text.strip()) < 20:
        return "en"
    found, probability = _identifier().classify(text[:2000])
    return str(found) if probability >= SURE else "en"

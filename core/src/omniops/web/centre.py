"""The words of the preference centre and of the page behind a mail's link, in ten languages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from omniops.web.scripts import source_of

FOLDER = "preferences"


def page_words(language: str) -> Mapping[str, Any]:
    """All words in a language that there is. `needed` titles what needs no consent, by purpose."""
    return _words()[language]


@lru_cache(1)
def _words() -> Mapping[str, Mapping[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(source_of(FOLDER, "words.json"))
    return found

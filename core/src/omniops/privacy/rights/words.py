"""The words of the rights page, the letters and the chat, in ten languages: one file each beside this one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "pt", "tr", "ar")
RIGHT_TO_LEFT = frozenset({"ar"})


def spoken(wanted: str) -> str:
    """The first language of a tag or of an `Accept-Language` header that there are words in, else English."""
    for part in wanted.split(","):
        short = part.strip()[:2].lower()
        if short in LANGUAGES:
            return short
    return "en"


def word(language: str, key: str) -> str:
    """A text in a language given as an ISO 639-1 code or a longer tag. Raises `KeyError` for a key there is not."""
    return words(spoken(language))[key]


@cache
def words(language: str) -> Mapping[str, str]:
    """All texts of one of `LANGUAGES`."""
    found = files("omniops.privacy.rights").joinpath("words", f"{language}.json").read_text("utf-8")
    return dict(json.loads(found))

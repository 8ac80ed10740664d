"""What visitors write and how they name files, without what would deceive the reader of it."""

from __future__ import annotations

import unicodedata

LONGEST_NAME = 120
"""Characters of a file's name."""

_DIRECTIONS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Unicode's embeddings, overrides and isolates (UAX #9). They make text read otherwise than it is stored; marks that
single letters of right-to-left scripts need (U+200E, U+200F, joiners) stay."""
_CONTROLS = tuple(code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t")
_SURROGATES = dict.fromkeys(range(55296, 57344), "�")
"""Halves of characters: JSON can carry them alone, UTF-8 cannot."""
_TEXT: dict[int, str | None] = {**dict.fromkeys((*_DIRECTIONS, *_CONTROLS)), **_SURROGATES}
_NOT_IN_NAMES = frozenset('<>:"|?*\\/')


def clean_text(text: str) -> str:
    """Text with plain line ends, no control characters and no overrides of direction, without outer space."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_TEXT).strip()


def clean_name(name: str) -> str:
    """A file's name that is only a name: no folders, no control characters, no overrides, no leading dot, not too long.

    The ending stays at the end, where people look for it. `file` where nothing is left.
    """
    name = unicodedata.normalize("NFC", clean_text(name)).replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in name if c not in _NOT_IN_NAMES and unicodedata.category(c) not in ("Cf", "Zl", "Zp"))
    kept = " ".join(kept.split()).strip(". ")
    if len(kept) > LONGEST_NAME:
        stem, dot, ending = kept.rpartition(".")
        short = dot + ending if dot and len(ending) < 12 else ""
        kept = (stem if short else kept)[: LONGEST_NAME - len(short)] + short
    return kept or "file"

"""How sure an answer may claim to be. Three levels, because no single cut fits two sites."""

from __future__ import annotations

from typing import Literal

WORDS_ANSWER, WORDS_CLOSEST = 0.75, 0.4
"""Cuts for the share of known words, where no encoder knows the language."""


def level(
    strength: float | None, cover: float, *, answer_cut: float, closest_cut: float
) -> Literal["answer", "closest", "none"]:
    """`answer` from the first cut on, `closest` from the second. Where no encoder knows the language, the share of
    known words decides, with cuts of its own."""
    found = strength
    if found is None:
        found, answer_cut, closest_cut = cover, WORDS_ANSWER, WORDS_CLOSEST
    return "answer" if found >= answer_cut else "closest" if found >= closest_cut else "none"

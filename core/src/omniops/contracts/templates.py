"""How a business writes its numbers, such as those of orders: a picture of them, never an expression to be run.

A tenant's regular expression could hold a process for hours; a picture has no repetition that could.
"""

from __future__ import annotations

import re

LONGEST = 32
"""Characters of a template."""
MOST_DIGITS = 12
"""Digits that `9+` stands for at most."""
_STANDS_FOR = {"9": r"\d", "@": r"[A-Za-z]", "*": r"[A-Za-z0-9]"}


def compiled(template: str) -> re.Pattern[str]:
    """The expression of a template: `9` stands for a digit, `9+` for one to twelve, `@` for a letter, `*` for either,
    and every other character for itself. `#9+` fits #1001, `ABC-9999` fits ABC-4711.

    Raises `ValueError` for a template that is empty or too long, has two `9+` or a `+` elsewhere, or would fit any
    number that somebody writes.
    """
    if not template.strip() or template != template.strip() or len(template) > LONGEST:
        raise ValueError(f"{template!r} must have 1 to {LONGEST} characters and no outer space")
    if template.count("+") > 1 or template.count("+") != template.count("9+"):
        raise ValueError(f"{template!r}: '+' stands once at most, and only after a 9")
    open_places = sum(template.count(place) for place in _STANDS_FOR)
    literal = any(char not in "9@*+ " for char in template)
    if not open_places or not (literal or open_places >= 6):
        raise ValueError(f"{template!r} fits too much: write a fixed character, as in #9+, or six places or more")
    parts = (_STANDS_FOR.get(char, re.escape(char)) for char in template.replace("9+", "\0"))
    body = "".join(rf"\d{{1,{MOST_DIGITS}}}" if part == re.escape("\0") else part for part in parts)
    return re.compile(rf"(?<!\w){body}(?!\w)", re.IGNORECASE)


def checked_template(template: str) -> str:
    """The template, if `compiled` takes it. Raises `ValueError`."""
    compiled(template)
    return template

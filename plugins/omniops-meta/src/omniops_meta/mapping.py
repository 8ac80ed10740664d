"""An answer as people read it on a telephone: pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from omniops.contracts.channel import SourceLink

_ENDS = ("\n\n", "\n", ". ", "! ", "? ", " ")
"""Where a text is cut, best first."""


def answer(text: str, disclosure: str | None, sources: Sequence[SourceLink], *, most: int = 0) -> str:
    """An answer: that an AI writes comes first, the cited sources last. With `most` bytes, only as many sources as
    there is room for."""
    whole = "\n\n".join(part for part in (disclosure, text) if part)
    lines: list[str] = []
    for source in sources:
        line = f"[{source.number}] {' '.join(source.title.split())} {source.url}".rstrip()
        if most and len("\n".join([whole, "", *lines, line]).encode()) > most:
            break
        lines.append(line)
    return "\n\n".join([whole, "\n".join(lines)]) if lines else whole


def pieces(text: str, most: int, size: Callable[[str], int] = len) -> Sequence[str]:
    """A text in messages of at most `most`, cut at the ends of paragraphs, lines, sentences or words."""
    found, rest = [], text.strip()
    while size(rest) > most:
        room = min(len(rest), most)
        while size(rest[:room]) > most:
            room -= 1
        cut = next((at + len(end) for end in _ENDS if (at := rest.rfind(end, room // 2, room)) > 0), room)
        found.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*found, rest] if rest else found

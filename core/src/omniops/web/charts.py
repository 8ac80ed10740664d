"""Charts that the server draws: no script, no inline style, colours of the page's own style sheet.

What lies along a chart is in percent and what stands up is in pixels, so that a chart fills any width while its words
keep their size. Numbers that a picture shows stand in a table beside it; to who cannot see it it has one name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

HIGH = 172
"""Pixels from the base line to the top of the scale."""
_TOP, _FOOT, _ROW = 22, 24, 27
_BEGIN = Markup('<svg class="chart" width="100%" height="{}" role="img" aria-label="{}">')
_END = Markup("</svg>")
_GRID = Markup(
    '<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/><text x="-8" y="{text}" text-anchor="end">{}</text>'
)
_BAR = Markup('<rect class="{}" x="{:.3f}%" width="{:.3f}%" y="{:.1f}" height="{:.1f}"/>')
_WORD = Markup('<text x="{:.3f}%" y="{}" text-anchor="{}">{}</text>')


@dataclass(frozen=True, slots=True)
class Pile:
    """One bar: its parts from the base line up, each with its class, and a word below or none."""

    parts: Sequence[tuple[str, int]]
    word: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A row with two points between 0 and 1: the block of the AI and the circle of a person."""

    word: str
    block: float
    circle: float


def piles_svg(piles: Sequence[Pile], name: str) -> Markup:
    """Bars of parts on each other, with a scale of whole numbers."""
    top, ticks = scale(max((sum(count for _, count in pile.parts) for pile in piles), default=0))
    parts = [_BEGIN.format(_TOP + HIGH + _FOOT, name), *_grid(ticks, top)]
    step = 100 / max(len(piles), 1)
    for number, pile in enumerate(piles):
        base = float(_TOP + HIGH)
        for kind, count in pile.parts:
            height = count / top * HIGH
            if count:
                gap = 1 if height > 2 else 0  # so that no colour touches another
                parts.append(_BAR.format(kind, (number + 0.13) * step, step * 0.74, base - height, height - gap))
            base -= height
        if pile.word:
            parts.append(_word((number + 0.13) * step, _TOP + HIGH + 17, pile.word))
    return Markup("").join([*parts, _END])


def spread_svg(counts: Sequence[int], marks: Sequence[tuple[float, str]], words: Sequence[str], name: str) -> Markup:
    """Bars side by side that show how something is spread, as shares of all. `marks` are places along it, counted in
    bars, each with its word; `words` stand at the edges of the bars, from the left."""
    total = max(sum(counts), 1)
    top, ticks = scale(math.ceil(max(counts, default=0) / total * 100))
    parts = [_BEGIN.format(_TOP + HIGH + _FOOT, name), *_grid(ticks, top, "%")]
    step = 100 / max(len(counts), 1)
    first = min((place for place, _ in marks), default=0.0)
    for number, count in enumerate(counts):
        height = count / total * 100 / top * HIGH
        kind = "person" if number + 0.5 < first else "beyond"
        if count:
            parts.append(_BAR.format(kind, (number + 0.06) * step, step * 0.88, _TOP + HIGH - height, height))
    for number, word in enumerate(words):
        if word:
            parts.append(_word(number * step, _TOP + HIGH + 17, word))
    for line, (place, word) in enumerate(marks):
        x = min(place * step, 100)
        parts.append(
            Markup('<line class="mark-line" x1="{x:.3f}%" x2="{x:.3f}%" y1="{}" y2="{}"/>').format(
                _TOP - 10 + 18 * line, _TOP + HIGH, x=x
            )
        )
        side, move = ("start", 6) if x < 55 else ("end", -6)
        parts.append(
            Markup('<text class="legend" x="{:.3f}%" dx="{}" y="{}" text-anchor="{}">{}</text>').format(
                x, move, _TOP - 2 + 18 * line, side, word
            )
        )
    return Markup("").join([*parts, _END])


def pairs_svg(pairs: Sequence[Pair], name: str) -> Markup:
    """Rows with the block of the AI and the circle of a person between 0 and 100 %."""
    height = _ROW * len(pairs)
    parts = [_BEGIN.format(height + _FOOT, name)]
    for tick in (0, 25, 50, 75, 100):
        parts.append(
            Markup('<line class="grid" x1="{x}%" x2="{x}%" y1="0" y2="{}"/>').format(height, x=_along(tick / 100))
        )
        parts.append(_word(_along(tick / 100), height + 17, f"{tick}%", "middle"))
    for number, pair in enumerate(pairs):
        y = _ROW * number + _ROW // 2
        block, circle = _along(pair.block), _along(pair.circle)
        parts.append(
            Markup('<text x="0" y="{}">{}</text><line class="between" x1="{}%" x2="{}%" y1="{y}" y2="{y}"/>').format(
                y + 4, pair.word if len(pair.word) < 17 else f"{pair.word[:15]}…", block, circle, y=y
            )
        )
        parts.append(
            Markup('<rect class="ai" x="{}%" y="{}" width="8" height="12" transform="translate(-4 0)"/>').format(
                block, y - 6
            )
        )
        parts.append(Markup('<circle class="by-person" cx="{}%" cy="{}" r="5"/>').format(circle, y))
    return Markup("").join([*parts, _END])


def scale(most: int) -> tuple[int, list[int]]:
    """The top of a scale that holds `most`, and its ticks: about four, at round numbers."""
    if most <= 0:
        return 1, [0, 1]
    rough = most / 4
    power = 10 ** math.floor(math.log10(rough)) if rough >= 1 else 1
    step = next(int(power * nice) for nice in (1, 2, 5, 10) if power * nice >= rough)
    ticks = list(range(0, math.ceil(most / step) * step + 1, step))
    return ticks[-1], ticks


def _grid(ticks: Sequence[int], top: int, unit: str = "") -> list[Markup]:
    return [
        _GRID.format(f"{tick:,}{unit}", y=_TOP + HIGH - tick / top * HIGH, text=_TOP + HIGH - tick / top * HIGH + 4)
        for tick in ticks
    ]


def _word(x: float, y: int, word: str, anchor: str = "start") -> Markup:
    return _WORD.format(x, y, anchor, word)


def _along(share: float) -> float:
    """A share as a place in percent, right of the words of the rows."""
    return round(30 + 66 * share, 3)

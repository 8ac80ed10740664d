"""The data map as a picture, drawn by the server: columns of words and lines between them, in the reader's own colours.

Colours come from the page's style sheet where it stands in one, and from `currentColor` where it does not.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import escape

ROW, TOP, WIDTH, GAP = 26, 34, 260, 90
_LEGIBLE = 36
"""Characters of a word that fit its column."""


def columns_svg(
    titles: Sequence[str], columns: Sequence[Sequence[str]], lines: Sequence[tuple[str, str]], name: str
) -> str:
    """An SVG of columns from left to right. `lines` join words of neighbouring columns; `name` says what it shows to
    who does not see it."""
    height = TOP + ROW * max((len(column) for column in columns), default=1) + 8
    width = WIDTH * len(columns) + GAP * (len(columns) - 1)
    at: list[dict[str, int]] = [
        {word: TOP + ROW * number + ROW // 2 for number, word in enumerate(column)} for column in columns
    ]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="drawn" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(name)}" font-family="system-ui, sans-serif" font-size="13" fill="currentColor">'
    ]
    for number in range(len(columns) - 1):
        begin, end = number * (WIDTH + GAP) + WIDTH, (number + 1) * (WIDTH + GAP) - 8
        middle = (begin + end) // 2
        for left, right in lines:
            if left in at[number] and right in at[number + 1]:
                y, to = at[number][left], at[number + 1][right]
                parts.append(
                    f'<path d="M{begin} {y} C{middle} {y} {middle} {to} {end} {to}" fill="none" '
                    'stroke="currentColor" stroke-opacity="0.45"/>'
                )
    for number, (title, column) in enumerate(zip(titles, columns, strict=True)):
        x = number * (WIDTH + GAP)
        parts.append(f'<text x="{x}" y="16" font-weight="600">{escape(title)}</text>')
        parts += [
            f'<text x="{x}" y="{at[number][word] + 4}">{escape(_short(word))}<title>{escape(word)}</title></text>'
            for word in column
        ]
    parts.append("</svg>")
    return "".join(parts)


def _short(word: str) -> str:
    return word if len(word) <= _LEGIBLE else f"{word[: _LEGIBLE - 1]}…"

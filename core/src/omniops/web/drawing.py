"""The data map as a picture, drawn by the server: columns of words and lines between them, in the reader's own colours.

Colours come from the page's style sheet where it stands in one, and from `currentColor` where it does not.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

ROW, TOP, WIDTH, GAP = 26, 34, 240, 70
_LEGIBLE = 36
"""Characters of a word that fit its column."""
_BEGIN = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" class="drawn" viewBox="0 0 {} {}" role="img" aria-label="{}"'
    ' font-family="system-ui, sans-serif" font-size="13" fill="currentColor">'
)
_LINE = Markup('<path d="M{} {y} C{} {y} {} {to} {} {to}" fill="none" stroke="currentColor" stroke-opacity="0.45"/>')
_TITLE = Markup('<text x="{}" y="16" font-weight="600">{}</text>')
_WORD = Markup('<text x="{}" y="{}">{}<title>{}</title></text>')


def columns_svg(
    titles: Sequence[str], columns: Sequence[Sequence[str]], lines: Sequence[tuple[str, str]], name: str
) -> Markup:
    """An SVG of columns from left to right. `lines` join words of neighbouring columns; `name` says what it shows to
    who does not see it."""
    height = TOP + ROW * max((len(column) for column in columns), default=1) + 8
    width = WIDTH * len(columns) + GAP * (len(columns) - 1)
    at: list[dict[str, int]] = [
        {word: TOP + ROW * number + ROW // 2 for number, word in enumerate(column)} for column in columns
    ]
    parts = [_BEGIN.format(width, height, name)]
    for number in range(len(columns) - 1):
        begin, end = number * (WIDTH + GAP) + WIDTH, (number + 1) * (WIDTH + GAP) - 8
        middle = (begin + end) // 2
        parts += [
            _LINE.format(begin, middle, middle, end, y=at[number][left], to=at[number + 1][right])
            for left, right in lines
            if left in at[number] and right in at[number + 1]
        ]
    for number, (title, column) in enumerate(zip(titles, columns, strict=True)):
        x = number * (WIDTH + GAP)
        parts.append(_TITLE.format(x, title))
        parts += [_WORD.format(x, at[number][word] + 4, _short(word), word) for word in column]
    return Markup("").join([*parts, Markup("</svg>")])


def _short(word: str) -> str:
    return word if len(word) <= _LEGIBLE else f"{word[: _LEGIBLE - 1]}…"

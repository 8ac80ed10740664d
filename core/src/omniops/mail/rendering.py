"""The words around every mail, as text and as HTML made from the very same words."""

from __future__ import annotations

import re
from html import escape

_FOOT = {
    "en": ("Sent by {title}.", "This mail was written by an AI."),
    "de": ("Gesendet von {title}.", "Diese E-Mail hat eine KI geschrieben."),
}
_LINK = re.compile(r"https://[^\s<>\"']+[^\s<>\"'.,;:!?)]")


def framed(text: str, *, title: str, ai: bool, language: str) -> str:
    """The text with its foot: who sends it, and, where that is so, that an AI wrote it."""
    sender, machine = _FOOT.get(language[:2].lower(), _FOOT["en"])
    foot = [sender.format(title=title), *([machine] if ai else [])]
    return "\n".join([text.strip(), "", "-- ", *foot]) + "\n"


def html_of(text: str, *, language: str, ai: bool) -> str:
    """A plain page with the paragraphs of `text`. No picture, no style sheet, nothing that is loaded."""
    paragraphs = "\n".join(f"<p>{_inline(part)}</p>" for part in re.split(r"\n{2,}", text.strip()) if part.strip())
    mark = '<meta name="ai-generated" content="true">' if ai else ""
    return (
        f'<!doctype html>\n<html lang="{escape(language)}"><head><meta charset="utf-8">{mark}</head>\n'
        f"<body>\n{paragraphs}\n</body></html>\n"
    )


def _inline(paragraph: str) -> str:
    shown, at = [], 0
    for link in _LINK.finditer(paragraph):
        address = escape(link[0])
        shown += [escape(paragraph[at : link.start()]), f'<a href="{address}">{address}</a>']
        at = link.end()
    return "".join([*shown, escape(paragraph[at:])]).replace("\n", "<br>\n")

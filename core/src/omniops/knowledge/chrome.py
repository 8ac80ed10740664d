"""Which parts of a page are its frame: menus, banners, footers, dialogs, suggestions. What is left is its content."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from lxml import etree

Part = Literal["content", "menu", "widget", "frame"]
"""`frame` is dropped; `menu` is dropped where it consists of links; `widget` is dropped where it is short."""

DROPPED = frozenset(
    "script style noscript template head title meta link base nav button select option optgroup datalist input "
    "textarea iframe svg math canvas video audio object embed dialog menu map area progress".split()
)
"""Tags that never hold a page's own sentences."""
_STRICTNESS: tuple[Part, ...] = ("content", "menu", "widget", "frame")
_TAGS: dict[str, Part] = {"footer": "frame", "header": "menu", "aside": "menu", "form": "widget"}
_ROLES: dict[str, Part] = {
    **dict.fromkeys(("navigation", "search", "dialog", "alertdialog", "menubar", "tablist", "toolbar"), "frame"),
    **dict.fromkeys(("banner", "contentinfo", "menu", "complementary"), "menu"),
}
_FRAME = re.compile(
    r"\b(?:cookies?|consent|gdpr|ccpa|bread ?crumbs?|pagination|pager|paginator|skip ?(?:to|link|nav)\w*|newsletter|"
    r"mailing list|relateds?|recommend(?:ed|ations?|er)?|upsells?|cross ?sells?|also (?:like|bought)|"
    r"(?:recently|last) viewed|similar (?:products?|items?|posts?|articles?)|teasers?|modal|pop ?up|"
    r"lightbox|off ?canvas|drawer|toast|snackbar|comments?|comment ?list|respond|disqus|reviews?|"
    r"mega ?menu|nav ?bar|sub ?nav|top ?nav|"
    r"main ?nav|site ?nav|global nav|(?<!card )(?<!panel )(?<!item )(?<!box )(?<!tile )"
    r"(?<!plan )(?<!product )footer|colophon|copyright|search ?(?:form|box|bar)|print only|sponsored|outbrain|"
    r"taboola|filters?|facets?|toc|table of contents)\b"
)
_WIDGET = re.compile(
    r"\b(?:social|share|sharing|share ?bar|sharing ?container|follow us|read ?more|log ?in|sign ?in|feedback|helpful|"
    r"votes?|ad(?:s|vert|vertisement|vertising)?|author|byline)\b"
)
_MENU = re.compile(
    r"\b(?:nav|navi|navigation|menu|menue|header|masthead|top|top ?bar|side ?bar|aside|widget|widgets|links|languages?|"
    r"lang|tabs|tags?|meta|categories|bottom|foot|pied|pie|fuss|legal)\b"
)
_WORD_EDGE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[-_\s]+")


@lru_cache(20_000)
def _named(names: str) -> Part:
    words = _WORD_EDGE.sub(" ", names).lower()
    if _FRAME.search(words):
        return "frame"
    return "widget" if _WIDGET.search(words) else "menu" if _MENU.search(words) else "content"


def part(element: etree._Element) -> Part:
    """What an element's role, names and tag say it is. Names deceive: see `blocks.read` for what overrules them."""
    role = element.get("role")
    if role is not None and role in _ROLES:
        return _ROLES[role]
    names = f"{element.get('class') or ''} {element.get('id') or ''}"
    named = _named(names) if len(names) > 1 else "content"
    tagged = _TAGS.get(element.tag)
    return named if tagged is None else max(named, tagged, key=_STRICTNESS.index)

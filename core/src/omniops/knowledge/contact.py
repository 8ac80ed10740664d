"""How to reach the business, as the foot of nearly every page says it: address, phone, e-mail, opening hours.

A footer is no content of the page, but these lines are often the only place where a small business states them.
"""

from __future__ import annotations

import re

from lxml import etree

from omniops.knowledge.blocks import Block, read

MOST_CHARS = 600
LONGEST_LINE = 160
_FOOT = etree.XPath(
    "//*[@role='contentinfo'] | //div[contains(@id, 'footer') or contains(@id, 'Footer') or contains(@id, 'FOOTER') or"
    " contains(@class, 'footer') or contains(@class, 'Footer') or contains(@class, 'colophon')]"
)
_REACHES = re.compile(
    r"[\w.+-]+@[\w-]+\.[a-z]{2,}"  # e-mail
    r"|(?<![\w/])(?:\+|\(?0)\d[\d ()/.–-]{6,}\d|\(\d{3}\) ?\d{3}-\d{4}"  # phone
    r"|\b\d{1,2}(?:[:.h]\d\d)? ?(?:am|pm|Uhr|h)? ?(?:[–—-]|to|bis|à|a) ?\d{1,2}(?:[:.h]\d\d| ?(?:am|pm|Uhr|h)\b)"  # hours
    r"|\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b|,\s*(?:[A-Z]{1,2}[ -])?\d{4,5}(?:-\d{3,4})?\b(?! ?©)",  # postal code
    re.IGNORECASE,
)
_RIGHTS = re.compile(r"©|\(c\)|copyright|all rights", re.IGNORECASE)


def lines(tree: etree._Element) -> tuple[str, ...]:
    """The lines of the page's foot that say how to reach the business, as they stand there; empty where there are
    none."""
    found: dict[str, None] = {}
    for foot in list(tree.iter("footer")) or _FOOT(tree):
        if _REACHES.search("".join(foot.itertext())):
            for line in (line for block in read(foot, chars=0) for line in _texts(block)):
                if len(line) <= LONGEST_LINE and _REACHES.search(line) and not _RIGHTS.search(line):
                    found[line] = None
    kept = tuple(found)
    return kept if sum(map(len, kept)) <= MOST_CHARS else ()


def _texts(block: Block) -> list[str]:
    if block.rows:
        return [" ".join(cell for cell in row if cell) for row in block.rows]
    return [block.text]

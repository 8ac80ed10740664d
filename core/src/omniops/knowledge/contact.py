"""How to reach the business, as the foot of nearly every page says it: address, phone, e-mail, opening hours.

A footer is no content of the page, but these lines are often the only place where a small business states them.
"""

from __future__ import annotations

import re

from lxml import etree

from omniops.knowledge.blocks import lines as lines_of
from omniops.knowledge.blocks import read
from omniops.knowledge.telling import reaches

MOST_CHARS = 600
LONGEST_LINE = 160
_FOOT = etree.XPath(
    "//*[@role='contentinfo'] | //div[contains(@id, 'footer') or contains(@id, 'Footer') or contains(@id, 'FOOTER') or"
    " contains(@class, 'footer') or contains(@class, 'Footer') or contains(@class, 'colophon')]"
)
_RIGHTS = re.compile(r"©|\(c\)|copyright|all rights", re.IGNORECASE)


def lines(tree: etree._Element) -> tuple[str, ...]:
    """The lines of the page's foot that say how to reach the business, as they stand there; empty where there are
    none."""
    found: dict[str, None] = {}
    for foot in list(tree.iter("footer")) or _FOOT(tree):
        if reaches("\n".join(foot.itertext())):
            for line in (line for block in read(foot, chars=0) for line in lines_of(block)):
                if len(line) <= LONGEST_LINE and reaches(line) and not _RIGHTS.search(line):
                    found[line] = None
    kept = tuple(found)
    return kept if sum(map(len, kept)) <= MOST_CHARS else ()

"""Questions with their answers that a page's own markup shows as such: accordions, definition lists, bold questions.

They are taken out of the tree before the main text is looked for: extractors pass over what is folded away and over
short answers, and a pair must not stand among the passages twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from omniops.knowledge.blocks import HEADINGS, INLINE, Block, heading_of, read, size, text_of
from omniops.knowledge.chrome import DROPPED, part

MOST = 500
LONGEST = 300
"""Characters of a question; a longer label opens something else."""
_FOLDED = etree.XPath(
    "//*[contains(@class, 'accordion') or contains(@class, 'faq') or contains(@class, 'question') or"
    " contains(@class, 'toggle') or contains(@class, 'collaps')]"
)
_OPENING = etree.XPath("//button | //a[@aria-controls or starts-with(@href, '#')]")
_BOLD = etree.XPath("//p[(strong or b) and count(*) = 1]")
_IDS = etree.XPath("//*[@id]")
_MARKS = ("ccordion", "faq", "FAQ")
_ACCORDION = re.compile(r"accordion|faq|collaps|disclosure", re.IGNORECASE)
_NAMING = ("aria-controls", "data-bs-target", "data-target", "href")

_Pair = tuple[str, list[etree._Element]]


@dataclass(frozen=True, slots=True)
class Question:
    """A label and what it opens. `path` holds the headings above it, outermost first."""

    text: str
    answer: tuple[Block, ...]
    path: tuple[str, ...] = ()


def take(tree: etree._Element, source: str) -> list[Question]:
    """Removes the pairs from the tree and returns them in reading order. `source` is the HTML that the tree was read
    from: most pages have no accordion, and a look at the text is cheaper than one at every element's class."""
    pairs = _pairs(tree, any(mark in source for mark in _MARKS))
    if not pairs:
        return []
    found: list[Question] = []
    taken: dict[etree._Element, None] = {}
    path: list[tuple[int, str]] = []
    for element in tree.iter():
        if (pair := pairs.get(element)) and len(found) < MOST and not _inside(element, taken):
            question, parts = pair
            answer = tuple(block for part in parts for block in read(part, chars=0))
            if element.tag == "details" and answer and answer[0].text == question:
                answer = answer[1:]
            if size(answer):
                found.append(Question(question, answer, tuple(text for _, text in path if text != question)))
                taken.update(dict.fromkeys((element, *parts)))
        elif (level := HEADINGS.get(element.tag)) and (text := heading_of(element)) and not _inside(element, taken):
            path = [(above, title) for above, title in path if above < level]
            path.append((level, text))
    for element in taken:
        _remove(element)
    return found


def _pairs(tree: etree._Element, folded: bool) -> dict[etree._Element, _Pair]:
    """Labels with their questions and the elements that hold the answers."""
    pairs: dict[etree._Element, _Pair] = {}
    for element in tree.iter("details"):
        summary = element.find("summary")
        if summary is not None and summary.find(".//code") is None and (question := text_of(summary)):
            pairs[element] = (question, [element])
    for term in tree.iter("dt"):
        if (question := text_of(term)).endswith("?") and (answers := _definitions(term)):
            pairs[term] = (question, answers)
    for label in _BOLD(tree):
        if _is_bold_question(label) and (answers := _below(label)):
            pairs[label] = (text_of(label), answers)
    labels = [label for label in (*_OPENING(tree), *(_FOLDED(tree) if folded else ())) if _is_label(label)]
    if labels:
        ids = {element.get("id"): element for element in _IDS(tree)}
        for label in labels:
            panel = _panel(label, ids)
            if panel is not None:
                pairs[label] = (text_of(label), [panel])
    return pairs


def _definitions(term: etree._Element) -> list[etree._Element]:
    found = []
    for following in term.itersiblings("dt", "dd"):
        if following.tag == "dt":
            break
        found.append(following)
    return found


def _is_bold_question(element: etree._Element) -> bool:
    """Whether a paragraph is a question in bold and nothing else: what people write who have no headings."""
    if element.tag != "p" or len(element) != 1 or element[0].tag not in ("strong", "b"):
        return False
    text = text_of(element)
    return text.endswith("?") and len(text) <= LONGEST and text_of(element[0]) == text


def _below(label: etree._Element) -> list[etree._Element]:
    """What stands between a question in bold and the next, where it is one of several."""
    found = []
    for following in label.itersiblings():
        if following.tag in HEADINGS or _is_bold_question(following):
            break
        if part(following) == "content":
            found.append(following)
    others = (*label.itersiblings("p"), *label.itersiblings("p", preceding=True))
    return found if any(map(_is_bold_question, others)) else []


def _is_label(element: etree._Element) -> bool:
    """Whether an element reads as a question that opens its answer. Buttons and links that name what they open may have
    any label inside an accordion (`Delivery`); elsewhere, and for all else, only a question mark tells."""
    if element.get("role") == "tab" or any(child.tag not in INLINE for child in element):
        return False
    text = text_of(element)
    if not text or len(text) > LONGEST:
        return False
    parent = element.getparent()
    if text.endswith("?"):
        return True
    opens = element.tag == "button" or element.get("aria-controls") is not None
    names = f"{element.get('class') or ''} {'' if parent is None else parent.get('class') or ''}"
    return opens and _ACCORDION.search(names) is not None


def _panel(label: etree._Element, ids: dict[str | None, etree._Element]) -> etree._Element | None:
    """What a label opens: the element it names, or the one after it (or after the heading that holds just the
    label)."""
    for name in _NAMING:
        target = ids.get((label.get(name) or "").removeprefix("#"))
        if target is not None:
            return target if part(target) == "content" and not _inside(label, {target: None}) else None
    place = label
    while (
        place.getnext() is None
        and place.getprevious() is None
        and (parent := place.getparent()) is not None
        and parent.tag in (*HEADINGS, "div", "header")
    ):
        place = parent
    after = place.getnext()
    return None if after is None or after.tag in (*HEADINGS, "button", "a") or part(after) != "content" else after


def _inside(element: etree._Element, taken: dict[etree._Element, None]) -> bool:
    """Whether it lies in something that was taken before, or in the page's frame."""
    if element in taken:
        return True
    return any(
        parent in taken or (parent.tag not in ("html", "body", "main", "article") and _is_frame(parent))
        for parent in element.iterancestors()
    )


def _is_frame(element: etree._Element) -> bool:
    return element.tag in DROPPED or part(element) == "frame"


def _remove(element: etree._Element) -> None:
    """Out of the tree, leaving the text after it."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        before = element.getprevious()
        if before is None:
            parent.text = (parent.text or "") + element.tail
        else:
            before.tail = (before.tail or "") + element.tail
    parent.remove(element)

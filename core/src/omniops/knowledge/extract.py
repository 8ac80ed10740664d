"""From HTML to blocks of text: the page's own words, without its frame.

One parse serves everything. Two readers know how to find the content. trafilatura is the better one where a page
consists of paragraphs: articles, manuals, policies. Prices, hours, addresses and specifications stand in short lines,
cells and boxes, which it passes over; there the page is read by its structure (`blocks`). The page itself tells which
kind it is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from lxml import etree, html

from omniops.knowledge import contact, questions
from omniops.knowledge.article import read_article
from omniops.knowledge.blocks import Block, lines, read, size
from omniops.knowledge.charset import decode
from omniops.knowledge.head import Head, read_head
from omniops.knowledge.questions import Question
from omniops.knowledge.telling import tells

LONGEST = 2 * 1024 * 1024
"""Bytes of HTML that are looked at; the rest of a larger page is left."""
SAMPLE = 4096
"""Characters that are looked at to tell text from a picture or an archive."""
LITTLE = 200
"""Characters below which trafilatura's result counts as nothing."""
SHORT = 1500
"""Characters below which trafilatura's result on an article is looked at twice."""
PARAGRAPH = 120
"""Characters from which a block is a paragraph of an article, not a label, a line or a teaser."""
_CONTROL = bytes(range(9)) + b"\x0b\x0c" + bytes(range(14, 32)) + b"\x7f"
"""What no XML text may hold; lxml refuses it when text is moved."""
_NO_TEXT = ("script", "style", "noscript", "template", "svg", "iframe")
_TYPES = re.compile(r'"@type"\s*:\s*("[^"]*"|\[[^\]]*\])')
_ARTICLE = re.compile(r"\b\w*(?:Article|Posting)\b")
_OFFER = re.compile(r"\b(?:Product|ProductGroup|Offer|FAQPage)\b")


UNFRAMED = 0.85
"""Share of a page's characters from which it has no frame to speak of, and nothing is left to be found. Documentation
is mostly of this kind, and is read twice as fast."""


@dataclass(frozen=True, slots=True)
class Document:
    """A page as the crawler and the cutter need it.

    `problem` is None, or one of `empty`, `not_html`, `too_deep`, `no_text`. `scripted` says that there is little text
    and many scripts, or no text and a script: the page is probably made by JavaScript. `contact` holds the lines of the
    footer that say how to reach the business; they repeat on every page of a site. The rest is what the head says (see
    `Head`).
    """

    url: str
    head: Head = field(default_factory=Head)
    blocks: tuple[Block, ...] = ()
    questions: tuple[Question, ...] = ()
    contact: tuple[str, ...] = ()
    text_chars: int = 0
    scripted: bool = False
    problem: str | None = None


def extract(body: bytes, url: str, content_type: str | None = None) -> Document:
    """Reads a page. `content_type` is the header of that name. Never raises: what cannot be read comes back with
    `problem` set. Time is bounded by `LONGEST`."""
    text = decode(body[:LONGEST], content_type)
    if not text.strip():
        return Document(url, problem="empty")
    start = text[:SAMPLE].encode()
    if (
        len(start) - len(start.translate(None, _CONTROL)) > len(start) / 100
        or start.count(b"\xef\xbf\xbd") > len(start) / 50
    ):
        return Document(url, problem="not_html")
    try:
        return _read(html.document_fromstring(text.encode().translate(None, _CONTROL), parser=_parser()), text, url)
    except RecursionError:
        return Document(url, problem="too_deep")
    except (etree.LxmlError, ValueError, AssertionError):
        return Document(url, problem="not_html")


def _parser() -> etree.HTMLParser:
    """lxml.html's own parser asks a Python function for the class of every element; one class for all is faster."""
    parser = etree.HTMLParser(
        encoding="utf-8", collect_ids=False, default_doctype=False, remove_comments=True, remove_pis=True
    )
    parser.set_element_class_lookup(etree.ElementDefaultClassLookup(element=html.HtmlElement))
    return parser


def _read(tree: html.HtmlElement, source: str, url: str) -> Document:
    head = read_head(tree, url)
    scripts = sum(1 for _ in tree.iter("script"))
    etree.strip_elements(tree, *_NO_TEXT, with_tail=False)
    asked = tuple(questions.take(tree, source))
    reach = contact.lines(tree)
    blocks = tuple(_content(tree, head))
    chars = size(blocks) + sum(len(question.text) + size(question.answer) for question in asked)
    return Document(
        url,
        head=head,
        blocks=blocks,
        questions=asked,
        contact=reach,
        text_chars=chars,
        scripted=chars < LITTLE and scripts > (3 if chars else 0),
        problem=None if chars or head.json_ld else "no_text",
    )


def _content(tree: html.HtmlElement, head: Head) -> Sequence[Block]:
    """The blocks of the better reader for this kind of page."""
    types = " ".join((*tree.xpath("//@itemtype"), *_TYPES.findall("\n".join(head.json_ld))))
    article = _ARTICLE.search(types) is not None or (head.kind == "article" and head.published is not None)
    shown: Sequence[Block] = ()
    if not article:
        body = tree.find("body")
        shown = _shown(tree)
        if shown and body is not None and size(shown) > UNFRAMED * len("".join(body.itertext())):
            return shown
        offers = head.kind.startswith("product") or _OFFER.search(types) is not None
        if shown and (offers or _prose(shown) < size(shown) / 2):
            return shown
    found = read_article(tree)
    if article and size(found) < SHORT:
        shown = _shown(tree)
    if size(found) < LITTLE:
        return shown if size(shown) > size(found) else found
    if _prose(shown) > 3 * _prose(found):
        return shown
    return found if article else _with_facts(found, shown)


def _with_facts(found: Sequence[Block], shown: Sequence[Block]) -> list[Block]:
    """Puts the short lines that tell something, and that trafilatura passed over, back to where the page has them."""
    places = {block: place for place, block in enumerate(found, 1)}
    known = "\n".join(line for block in found for line in lines(block))
    missed: defaultdict[int, list[Block]] = defaultdict(list)
    place = 0
    for block in shown:
        if block in places:
            place = places[block]
        elif any(len(line) < PARAGRAPH and tells(line) and line not in known for line in lines(block)):
            missed[place].append(block)
    return [*missed[0], *(part for at, block in enumerate(found, 1) for part in (block, *missed[at]))]


def _shown(tree: html.HtmlElement) -> list[Block]:
    """What the page shows outside its frame: in its `main` element, in its only article, or in the whole body where
    these hold less than half of it (a form in a box of its own, an empty shell)."""
    body = tree.find("body")
    if body is None:
        return []
    chars = len("".join(body.itertext()))
    whole = read(body, chars=chars)
    root = next(iter(body.iter("main")), None)
    if root is None:
        articles = list(body.iter("article"))
        root = articles[0] if len(articles) == 1 else None
    if root is None:
        return whole
    inner = read(root, chars=chars)
    return inner if size(inner) > size(whole) / 2 else whole


def _prose(blocks: Sequence[Block]) -> int:
    return sum(len(block.text) for block in blocks if block.kind == "text" and len(block.text) > PARAGRAPH)

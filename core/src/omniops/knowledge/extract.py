"""From HTML to blocks of text: the page's own words, without its menus.

One parse serves everything. trafilatura finds the main text; where it finds little on a page that has much (product,
price and contact pages), the page's own `main` element is taken instead, without navigation and forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from lxml import etree, html

from omniops.knowledge.structured import Fact, facts
from omniops.knowledge.urls import normalise

LONGEST = 5 * 1024 * 1024
"""Bytes of HTML that are looked at; the rest of a larger page is left."""
MOST_LINKS = 5000
LITTLE = 200
"""Characters below which trafilatura's result counts as little."""

BlockKind = Literal["heading", "text", "list", "table"]


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of the page in reading order. `level` is 1 … 6 for a heading. A list has one row per item; of a table,
    `head` rows at the top are headings."""

    kind: BlockKind
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()
    head: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """An HTML page as the crawler needs it. `problem` says what was wrong with it, or is empty."""

    url: str
    title: str = ""
    language: str = ""
    canonical: str | None = None
    noindex: bool = False
    nofollow: bool = False
    links: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    questions: tuple[tuple[str, str], ...] = ()
    """Pairs of question and answer that the page's own markup shows as such."""
    facts: tuple[Fact, ...] = ()
    problem: str = ""
    scripted: bool = field(default=False)
    """Little text and many scripts: the page is probably made by JavaScript."""


_CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)""", re.IGNORECASE)
_HEADER_CHARSET = re.compile(r"charset\s*=\s*\"?([\w-]+)", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_DROP = frozenset(
    "script style noscript template nav footer aside form button select input textarea iframe svg canvas video audio "
    "object embed dialog menu".split()
)
_DROP_ROLES = frozenset("navigation banner contentinfo search complementary dialog alert menu menubar".split())
_DROP_NAMES = re.compile(
    r"\b(?:cookie|consent|breadcrumbs?|newsletter|social|share|sharing|mega-?menu|navbar|nav|menu|sidebar|pagination|"
    r"skip-?link|modal|popup|banner|recommend\w*|related)\b",
    re.IGNORECASE,
)
_BLOCKS = frozenset(
    "p div section article main td th li dd dt blockquote pre figcaption address summary details".split()
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}


def decode(body: bytes, content_type: str = "") -> str:
    """Text of a page: byte order mark, then the header, then the page's own word, then UTF-8, then Windows-1252."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    declared = [m[1] for m in (_HEADER_CHARSET.search(content_type),) if m]
    if found := _CHARSET.search(body[:4096]):
        declared.append(found[1].decode("ascii", "replace"))
    for name in (*declared, "utf-8"):
        try:
            # A page that says Latin-1 means Windows-1252 (WHATWG Encoding).
            return body.decode("cp1252" if name.lower() in ("iso-8859-1", "latin-1", "latin1", "ascii") else name)
        except (LookupError, UnicodeDecodeError):
            continue
    return body.decode("cp1252", "replace")


def extract(body: bytes, url: str, content_type: str = "") -> Document:
    """Reads a page. Never raises: what cannot be read comes back with `problem` set."""
    text = decode(body[:LONGEST], content_type).replace("\0", "")
    if not text.strip():
        return Document(url, problem="empty")
    try:
        tree = html.document_fromstring(text, parser=html.HTMLParser(huge_tree=False, recover=True))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        try:  # an XML declaration with an encoding is refused as text
            tree = html.document_fromstring(text.encode(), parser=html.HTMLParser(encoding="utf-8", recover=True))
        except (etree.ParserError, etree.XMLSyntaxError, ValueError):
            return Document(url, problem="not_html")
    try:
        return _read(tree, url)
    except (RecursionError, etree.LxmlError):
        return Document(url, problem="too_deep")


def _read(tree: html.HtmlElement, url: str) -> Document:
    head = _head(tree, url)
    scripts = len(tree.findall(".//script"))
    questions = tuple(_taken_questions(tree))
    own = _own_rule(tree)
    blocks = tuple(_trafilatura(tree, url))
    size, own_size = _size(blocks), _size(own)
    much_more = own_size > 1.5 * size if head.facts else own_size > 3 * size and _has_main(tree)
    if much_more or (size < LITTLE and own_size > size / 2):
        blocks, size = tuple(own), own_size
    return replace(
        head,
        blocks=blocks,
        questions=questions,
        problem="" if size or head.facts else "no_text",
        scripted=size < LITTLE and scripts > 3,
    )


def _head(tree: html.HtmlElement, url: str) -> Document:
    robots = " ".join(
        (meta.get("content") or "").lower()
        for meta in tree.iterfind(".//meta[@name]")
        if (meta.get("name") or "").lower() in ("robots", "omniopsbot")
    )
    canonical = next(
        (normalise(link.get("href", ""), url) for link in tree.iterfind(".//link[@rel='canonical']")), None
    )
    base = next((normalise(b.get("href", ""), url) for b in tree.iterfind(".//base[@href]")), None) or url
    nofollow = "nofollow" in robots or "none" in robots.split()
    scripts = [s.text or "" for s in tree.iterfind(".//script[@type='application/ld+json']")]
    return Document(
        url=url,
        title=_title(tree),
        language=(tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or "").strip(),
        canonical=canonical,
        noindex="noindex" in robots or "none" in robots.split(),
        nofollow=nofollow,
        links=() if nofollow else tuple(_links(tree, base)),
        facts=tuple(facts(scripts)),
    )


def _title(tree: html.HtmlElement) -> str:
    """The page's own heading where there is exactly one; else its title without the site's name at the end."""
    headings = [text for h in tree.iterfind(".//h1") if (text := _text(h))]
    if len(headings) == 1 and len(headings[0]) <= 150:
        return headings[0]
    title = _SPACE.sub(" ", tree.findtext(".//title") or "").strip()
    for separator in (" | ", " – ", " — ", " - ", " · ", " :: "):
        first, found, _ = title.partition(separator)
        if found and len(first) >= 3:
            return first.strip()
    return title or (headings[0] if headings else "")


def _links(tree: html.HtmlElement, base: str) -> Iterator[str]:
    origin = base.partition("//")[0] + "//" + base.partition("//")[2].partition("/")[0]
    seen: set[str] = set()
    written: set[str] = set()
    for anchor in tree.iterfind(".//a[@href]"):
        href = anchor.get("href", "")
        if href in written or href[:1] == "#" or "nofollow" in (anchor.get("rel") or "").lower():
            continue
        written.add(href)
        # Menus repeat on every page: what does not depend on the page is worked out once per site.
        rooted = (href[:1] == "/" and href[:2] != "//") or href[:4] == "http"
        address = _rooted(href, origin) if rooted else normalise(href, base)
        if address and address not in seen:
            seen.add(address)
            yield address
            if len(seen) >= MOST_LINKS:
                return


@lru_cache(20_000)
def _rooted(href: str, origin: str) -> str | None:
    return normalise(href, origin)


def _trafilatura(tree: html.HtmlElement, url: str) -> Iterator[Block]:
    from trafilatura import bare_extraction

    found = bare_extraction(
        tree,
        url=url,
        fast=True,
        include_comments=False,
        include_tables=True,
        with_metadata=False,
        deduplicate=False,
    )
    body = getattr(found, "body", None)
    if body is None:
        return
    for element in body:
        block = _tei(element)
        if block is not None:
            yield block


def _tei(element: etree._Element) -> Block | None:
    """A block from trafilatura's own XML."""
    text = _text(element)
    if not text:
        return None
    match element.tag:
        case "head":
            level = (element.get("rend") or "h3")[1:2]
            return Block("heading", text, int(level) if level.isdigit() else 3)
        case "list":
            items = [(item.get("rend") or "", t) for item in element.iterfind("item") if (t := _text(item))]
            if any(rend.startswith("dd") for rend, _ in items):
                return Block("table", rows=tuple(_paired(items)))
            return Block("list", rows=tuple((text,) for _, text in items))
        case "table":
            rows = [
                (tuple(_text(cell) for cell in row.iterfind("cell")), all(c.get("role") == "head" for c in row))
                for row in element.iterfind("row")
            ]
            kept = [(cells, is_head) for cells, is_head in rows if any(cells)]
            head = 1 if len(kept) > 1 and kept[0][1] and len(kept[0][0]) > 1 else 0
            return Block("table", rows=tuple(cells for cells, _ in kept), head=head)
        case _:
            return Block("text", text)


def _paired(items: Sequence[tuple[str, str]]) -> Iterator[tuple[str, ...]]:
    """Terms and definitions as rows of two."""
    term = ""
    for rend, text in items:
        if rend.startswith("dt"):
            term = text
        else:
            yield (term, text) if term else (text,)


def _own_rule(tree: html.HtmlElement) -> list[Block]:
    """Everything in `main` (else in the only `article`, else in the body) but navigation, forms and the like."""
    root = next(iter(tree.xpath("//main|//*[@role='main']")), None)
    if root is None:
        articles = tree.xpath("//article")
        root = articles[0] if len(articles) == 1 else tree.find(".//body")
    if root is None:
        return []
    blocks: list[Block] = []
    loose: list[str] = []

    def flush() -> None:
        text = _SPACE.sub(" ", " ".join(loose)).strip()
        loose.clear()
        if text:
            blocks.append(Block("text", text))

    def walk(element: etree._Element) -> None:
        for child in element:
            if isinstance(child.tag, str) and not _unwanted(child):
                tag = child.tag.lower()
                if tag in _HEADINGS:
                    flush()
                    if text := _text(child):
                        blocks.append(Block("heading", text, _HEADINGS[tag]))
                elif tag in ("ul", "ol") and not child.xpath(".//h1|.//h2|.//h3|.//h4|.//table"):
                    flush()
                    rows = tuple((t,) for item in child.iterfind("li") if (t := _text(item)))
                    if rows:
                        blocks.append(Block("list", rows=rows))
                elif tag == "dl":
                    flush()
                    blocks.extend(_definitions(child))
                elif tag == "table":
                    flush()
                    blocks.extend(_table(child))
                elif tag in _BLOCKS:
                    flush()
                    if child.text:
                        loose.append(child.text)
                    walk(child)
                    flush()
                elif tag == "br":
                    flush()
                else:
                    if child.text:
                        loose.append(child.text)
                    walk(child)
            if child.tail:
                loose.append(child.tail)

    if root.text:
        loose.append(root.text)
    walk(root)
    flush()
    return blocks


def _unwanted(element: etree._Element) -> bool:
    tag = element.tag.lower()
    if tag in _DROP or element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    if (element.get("role") or "").lower() in _DROP_ROLES:
        return True
    if tag == "header" and not element.xpath(".//h1"):
        return True
    names = f"{element.get('class') or ''} {element.get('id') or ''}".replace("_", "-")
    return bool(_DROP_NAMES.search(names)) and tag not in ("main", "article", "body")


def _table(element: etree._Element) -> Iterator[Block]:
    rows: list[tuple[str, ...]] = []
    head = 0
    for row in element.iter("tr"):
        cells = [cell for cell in row if isinstance(cell.tag, str) and cell.tag.lower() in ("td", "th")]
        texts = tuple(_text(cell) for cell in cells)
        if not any(texts):
            continue
        if not rows and len(cells) > 1 and all(cell.tag.lower() == "th" for cell in cells):
            head = 1
        rows.append(texts)
    if rows:
        yield Block("table", rows=tuple(rows), head=head)


def _definitions(element: etree._Element) -> Iterator[Block]:
    rows = tuple(_paired([(child.tag, text) for child in element.iter("dt", "dd") if (text := _text(child))]))
    if rows:
        yield Block("table", rows=rows)


def _taken_questions(tree: html.HtmlElement) -> list[tuple[str, str]]:
    """Accordions, and definition lists whose term is a question: pairs that the markup itself shows. They are taken out
    of the tree, so that they are not read again as text."""
    found: list[tuple[str, str]] = []
    taken: list[html.HtmlElement] = []
    for details in tree.iterfind(".//details"):
        summary = details.find("summary")
        question = _text(summary) if summary is not None else ""
        answer = " ".join(text for child in details if child is not summary if (text := _text(child)))
        answer = f"{summary.tail.strip()} {answer}".strip() if summary is not None and summary.tail else answer
        if question and answer and not _inside_unwanted(details):
            found.append((question, answer))
            taken.append(details)
    for term in tree.iterfind(".//dt"):
        question, answer_of = _text(term), term.getnext()
        if question.endswith("?") and answer_of is not None and answer_of.tag == "dd" and _text(answer_of):
            found.append((question, _text(answer_of)))
            taken += [term, answer_of]
    for element in taken:
        if element.getparent() is not None:
            element.drop_tree()
    return found


def _inside_unwanted(element: etree._Element) -> bool:
    return any(_unwanted(parent) for parent in element.iterancestors() if isinstance(parent.tag, str))


def _has_main(tree: html.HtmlElement) -> bool:
    return bool(tree.xpath("//main|//*[@role='main']"))


def _text(element: etree._Element) -> str:
    """The words of an element, with a space where its inner blocks meet."""
    parts: list[str] = []
    for node in element.iter():
        if not isinstance(node.tag, str) or node.tag in ("script", "style", "template", "noscript"):
            if node is not element and node.tail:
                parts.append(node.tail)
            continue
        if (node is not element and node.tag in _BLOCKS) or node.tag == "br":
            parts.append(" ")
        if node.text:
            parts.append(node.text)
        if node is not element and node.tail:
            parts.append(" " + node.tail if node.tag in _BLOCKS else node.tail)
    return _SPACE.sub(" ", "".join(parts)).strip()


def _size(blocks: Sequence[Block]) -> int:
    return sum(len(block.text) + sum(len(cell) for row in block.rows for cell in row) for block in blocks)

"""A page's tree as blocks of text in reading order: headings, paragraphs, lists, tables, code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from omniops.knowledge.chrome import DROPPED, Part, part

BlockKind = Literal["heading", "text", "list", "table", "code"]
HEADINGS = {f"h{level}": level for level in range(1, 7)}
INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark nobr output q s samp small "
    "span strike strong sub sup time tt u var wbr".split()
)
DEEPEST = 150
"""Elements below this depth are left; browsers stop at 512, and each level is a call here."""
_APART = frozenset("span a time data label small strong output".split())
_MONEY = tuple("£$€¥₹")
_SHORT_LINK = 40
_SENTENCE = 60
_ONE_LINE = 90


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of the page in reading order.

    `level` is 1 … 6 for a heading. A list has one row of one cell per item; of a table, the first `head` rows are
    headings. Text may have several lines (`<br>`); code keeps its own.
    """

    kind: BlockKind
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()
    head: int = 0

    @property
    def chars(self) -> int:
        return len(self.text) + sum(len(cell) for row in self.rows for cell in row)


def size(blocks: Sequence[Block]) -> int:
    """Characters in all."""
    return sum(block.chars for block in blocks)


def lines(block: Block) -> list[str]:
    """A block's text, a line for each item or row. Of two cells the first names the second."""
    found = list(filter(None, block.text.split("\n")))
    for number, row in enumerate(block.rows):
        cells = [cell for cell in row if cell]
        if len(row) == 2 and len(cells) == 2 and number >= block.head:
            found.append(f"{cells[0]} {cells[1]}" if cells[0][-1] in ":?!" else f"{cells[0]}: {cells[1]}")
        elif cells:
            found.append(" | ".join(row).strip(" |"))
    return found


def heading_of(element: etree._Element) -> str:
    """The words of a heading without the permalink sign that manuals put behind it."""
    return text_of(element).rstrip("#¶§🔗 ")


def text_of(element: etree._Element) -> str:
    """The words of an element on one line, with a space where its inner blocks meet."""
    if len(element) == 0:
        return " ".join((element.text or "").split())
    parts: list[str] = []
    _gather(element, parts)
    return " ".join("".join(parts).split())


def read(root: etree._Element, *, chars: int) -> list[Block]:
    """The blocks of a subtree without the page's frame. `chars` is how much text the page has: no single part of the
    frame may hold half of it."""
    reader = _Reader(chars)
    reader.inside(root, 0)
    reader.flush()
    return reader.blocks


def table_rows(element: etree._Element) -> Block | None:
    """A table of data as a block. A cell that spans rows stands in each of them."""
    rows: list[tuple[str, ...]] = []
    head = 0
    hanging: dict[int, tuple[int, str]] = {}
    for row in element.iter("tr"):
        cells: list[str] = []
        heading = True
        for cell in row.iterchildren("td", "th"):
            _hang(cells, hanging)
            text = text_of(cell)
            heading &= cell.tag == "th" or not text
            down = _span(cell, "rowspan")
            if down > 1 and text:
                hanging[len(cells)] = (down - 1, text)
            cells.append(text)
            cells.extend([""] * (_span(cell, "colspan") - 1))
        _hang(cells, hanging)
        if any(cells):
            if heading and len(cells) > 1 and head == len(rows):
                head += 1
            rows.append(tuple(cells))
    if not rows:
        return None
    return Block("table", rows=tuple(rows), head=head if head < len(rows) else 0)


def _hang(cells: list[str], hanging: dict[int, tuple[int, str]]) -> None:
    """Puts the texts of cells that span down from rows above into their columns."""
    while (place := len(cells)) in hanging:
        left, text = hanging[place]
        if left == 1:
            del hanging[place]
        else:
            hanging[place] = (left - 1, text)
        cells.append(text)


def _span(cell: etree._Element, name: str) -> int:
    value = cell.get(name) or ""
    return min(50, max(1, int(value))) if value.isdecimal() and len(value) < 4 else 1


def _gather(element: etree._Element, parts: list[str], depth: int = 0) -> None:
    if element.text:
        parts.append(element.text)
    for child in element:
        tag = child.tag
        if isinstance(tag, str) and tag not in ("script", "style", "template", "noscript", "svg") and depth < DEEPEST:
            if tag not in INLINE or _apart(child, parts):
                parts.append(" ")
            _gather(child, parts, depth + 1)
            if tag not in INLINE:
                parts.append(" ")
        if child.tail:
            parts.append(child.tail)


def _apart(element: etree._Element, parts: list[str]) -> bool:
    """Whether styling alone sets an inline element apart from the one before it: `<span>Size</span><span>24 m²</span>`
    reads as two words."""
    if element.tag not in _APART or not parts or not parts[-1][-1:].isalnum():
        return False
    before = element.getprevious()
    if before is None or before.tail:
        return False
    text = element.text or (element[0].text if len(element) else "") or ""
    return text[:1].isalnum() or text[:1] in _MONEY


class _Reader:
    """Walks a subtree once. A container whose text is mostly links leaves no blocks behind."""

    def __init__(self, chars: int) -> None:
        self.blocks: list[Block] = []
        self._half = chars / 2
        self._lines: list[list[str]] = [[]]
        self._chars = 0
        self._linked = 0
        self._links = 0
        self._menus = 0

    def inside(self, element: etree._Element, depth: int) -> None:
        if element.text:
            self._lines[-1].append(element.text)
        if depth < DEEPEST:
            for child in element:
                tag = child.tag
                if isinstance(tag, str):
                    if tag in INLINE:
                        self._inline(child, depth)
                    elif tag == "br":
                        self._lines.append([])
                    elif tag not in DROPPED:
                        self.flush()
                        self._block(child, tag, depth)
                        self.flush()
                if child.tail:
                    self._lines[-1].append(child.tail)

    def flush(self) -> None:
        """Ends the paragraph that was being gathered; an empty line inside it ends one too."""
        lines, self._lines = self._lines, [[]]
        paragraph: list[str] = []
        for parts in lines:
            line = " ".join("".join(parts).split())
            if line:
                paragraph.append(line)
            elif paragraph:
                self._add(Block("text", "\n".join(paragraph)))
                paragraph = []
        if paragraph:
            self._add(Block("text", "\n".join(paragraph)))

    def _add(self, block: Block) -> None:
        self.blocks.append(block)
        self._chars += block.chars

    def _inline(self, element: etree._Element, depth: int) -> None:
        if element.get("aria-hidden") == "true":
            return
        parts = self._lines[-1]
        if _apart(element, parts):
            parts.append(" ")
        if element.tag != "a":
            self.inside(element, depth + 1)
            return
        before = len(self.blocks), len(self._lines), len(parts)
        self.inside(element, depth + 1)
        if (len(self.blocks), len(self._lines)) == before[:2]:
            text = "".join(parts[before[2] :]).strip()
            if text and len(text) <= _SHORT_LINK and not (element.get("href") or "").startswith(("tel:", "mailto:")):
                self._linked += len(text)
                self._links += 1

    def _block(self, element: etree._Element, tag: str, depth: int) -> None:
        said = part(element)
        if said in ("frame", "widget") and not self._holds_content(element, said):
            return
        if tag in HEADINGS:
            if text := heading_of(element):
                self._add(Block("heading", text, HEADINGS[tag]))
            return
        start, menus = len(self.blocks), self._menus
        tally = self._chars, self._linked, self._links
        self._contents(element, tag, depth)
        self.flush()
        chars, linked, links = self._chars - tally[0], self._linked - tally[1], self._links - tally[2]
        if linked and _is_menu(said, chars, linked, links):
            self._menus += 1
            del self.blocks[start:]
            self._chars, self._linked, self._links = tally
        elif self._menus > menus and all(block.kind == "heading" for block in self.blocks[start:]):
            del self.blocks[start:]

    def _contents(self, element: etree._Element, tag: str, depth: int) -> None:
        match tag:
            case "pre":
                if text := "".join(element.itertext()).strip("\n").rstrip():
                    self._add(Block("code", text))
            case "table" if not _is_layout(element):
                if block := table_rows(element):
                    self._add(block)
                    if not block.head:
                        self._count_links(element)
            case "ul" | "ol" if element.find(".//table") is None and not _has_headings(element):
                if rows := tuple((text,) for text in _items(element)):
                    self._add(Block("list", rows=rows))
                    self._count_links(element)
            case "dl":
                if pairs := tuple(_definitions(element)):
                    self._add(Block("table", rows=pairs))
                    self._count_links(element)
            case _ if line := _short_line(element):
                self._add(Block("text", line))
                self._count_links(element)
            case _:
                self.inside(element, depth + 1)

    def _count_links(self, element: etree._Element) -> None:
        for link in element.iter("a"):
            text = text_of(link)
            if text and len(text) <= _SHORT_LINK and not (link.get("href") or "").startswith(("tel:", "mailto:")):
                self._linked += len(text)
                self._links += 1

    def _holds_content(self, element: etree._Element, said: Part) -> bool:
        """Names deceive. What holds the page's main heading or half its text is no part of the frame, whatever it is
        called; and a widget (sharing, signing in) says nothing in whole sentences."""
        if next(element.iter("h1", "main"), None) is not None:
            return True
        if said == "widget":
            return any(len(run) > _SENTENCE and len(run.strip()) > _SENTENCE for run in element.itertext())
        return len("".join(element.itertext())) > self._half


def _is_menu(said: Part, chars: int, linked: int, links: int) -> bool:
    """Whether text is mostly short links, or, where names say menu, a good part of it; or links with little between."""
    share = linked / max(chars, 1)
    return share > (0.6 if said == "content" else 0.3) or (links > 1 and share > 0.3 and chars / links < 60)


def _is_layout(table: etree._Element) -> bool:
    """A table that arranges the page: it holds tables, headings or lists, or has the role."""
    if table.get("role") in ("presentation", "none"):
        return True
    return (
        next(table.iterdescendants("table", "h1", "h2", "h3", "form", "p" if _long(table) else "h4"), None) is not None
    )


def _long(table: etree._Element) -> bool:
    return any(len("".join(cell.itertext())) > 600 for cell in table.iter("td"))


def _has_headings(element: etree._Element) -> bool:
    return next(element.iter("h1", "h2", "h3", "h4", "h5", "h6"), None) is not None


def _items(element: etree._Element) -> Iterator[str]:
    """The items of a list, those of lists inside it after the item that holds them."""
    for item in element.iterchildren("li", "ul", "ol"):
        inner = list(item.iter("ul", "ol"))
        if not inner:
            if text := text_of(item):
                yield text
            continue
        parts: list[str] = []
        if item.tag == "li":
            _gather_flat(item, parts)
            if text := " ".join("".join(parts).split()):
                yield text
        for sub in inner:
            if next((parent for parent in sub.iterancestors("ul", "ol")), None) is element or sub is item:
                yield from _items(sub)


def _gather_flat(item: etree._Element, parts: list[str]) -> None:
    """The text of an item without the lists in it."""
    if item.text:
        parts.append(item.text)
    for child in item:
        if isinstance(child.tag, str) and child.tag not in ("ul", "ol", "script", "style"):
            parts.append(" ")
            _gather_flat(child, parts)
            parts.append(" ")
        if child.tail:
            parts.append(child.tail)


def _definitions(element: etree._Element) -> Iterator[tuple[str, ...]]:
    """Terms and definitions as rows of two; a term with several definitions stands in each row."""
    term = ""
    for child in element.iter("dt", "dd"):
        if text := text_of(child):
            if child.tag == "dt":
                term = text
            else:
                yield (term, text) if term else (text,)


def _short_line(element: etree._Element) -> str | None:
    """A label and its value in boxes of their own (`<div>Noise</div><div>42 dB</div>`), as one line."""
    if not 2 <= len(element) <= 3 or (element.text and element.text.strip()):
        return None
    words = []
    for child in element:
        if child.tag not in ("div", "span", "p") or len(child) or (child.tail and child.tail.strip()):
            return None
        if text := " ".join((child.text or "").split()):
            words.append(text)
    line = " ".join(words)
    return line if len(words) > 1 and len(line) <= _ONE_LINE else None

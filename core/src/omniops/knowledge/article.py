"""The main text of a page that is an article, found by trafilatura and read into blocks."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree
from trafilatura import bare_extraction
from trafilatura.settings import Extractor

from omniops.knowledge.blocks import Block, heading_of, text_of

_OPTIONS = Extractor(fast=True, comments=False, tables=True)
_ASIDE = (
    "aside footer button select option optgroup datalist input textarea dialog menu progress canvas video audio object "
    "embed map picture source link meta"
).split()
"""What trafilatura passes over anyway. Without these its own passes over the tree are a fifth faster; `nav` stays,
since some pages wrap everything in one."""
_PARTS = frozenset(("head", "list", "table", "quote", "p", "row", "item", "cell"))


def read_article(tree: etree._Element) -> list[Block]:
    """The blocks of the main text; empty where trafilatura finds none. Takes away what stands aside in the tree."""
    etree.strip_elements(tree, *_ASIDE, with_tail=False)
    chars = len("".join(tree.itertext()))
    for menu in list(tree.iter("nav")):
        if menu.getparent() is not None and len("".join(menu.itertext())) < chars / 4:
            menu.drop_tree()
    found = bare_extraction(tree, options=_OPTIONS)
    body = getattr(found, "body", None)
    return [] if body is None else list(_mixed(body))


def _mixed(element: etree._Element) -> Iterator[Block]:
    """Text and parts in trafilatura's own XML, in their order."""
    run: list[str] = [element.text or ""]
    for child in element:
        if child.tag in _PARTS or (child.tag == "code" and element.tag != "p"):
            yield from _paragraph(run)
            run = []
            yield from _part(child)
        elif child.tag == "lb":
            run.append("\0")
        else:
            run.append("".join(child.itertext()))
        run.append(child.tail or "")
    yield from _paragraph(run)


def _paragraph(run: list[str]) -> Iterator[Block]:
    lines = [line for part in "".join(run).split("\0") if (line := " ".join(part.split()))]
    if lines:
        yield Block("text", "\n".join(lines))


def _part(element: etree._Element) -> Iterator[Block]:
    match element.tag:
        case "head":
            level = (element.get("rend") or "h3")[1:2]
            if text := heading_of(element):
                yield Block("heading", text, level=int(level) if level.isdecimal() else 3)
        case "list":
            yield from _list(element)
        case "table":
            rows = [row for row in element.iterchildren("row") if len(row)]
            cells = [tuple(text_of(cell) for cell in row.iterchildren("cell")) for row in rows]
            if any(any(texts) for texts in cells):
                heads = len(rows) > 1 and len(rows[0]) > 1 and all(cell.get("role") == "head" for cell in rows[0])
                yield Block("table", rows=tuple(texts for texts in cells if any(texts)), head=int(heads))
        case "code":
            if text := "".join(element.itertext()).strip("\n").rstrip():
                yield Block("code", text)
        case _:
            yield from _mixed(element)


def _list(element: etree._Element) -> Iterator[Block]:
    """A list of items, or of terms and definitions, which trafilatura marks `dt-1`, `dd-1`."""
    rows: list[tuple[str, ...]] = []
    term = ""
    for item in element.iterchildren("item"):
        text, kind = text_of(item), (item.get("rend") or "")[:2]
        if kind == "dt":
            term = text
        elif text:
            rows.append((term, text) if kind == "dd" and term else (text,))
    if rows:
        yield Block("table" if any(len(row) > 1 for row in rows) else "list", rows=tuple(rows))

"""Sitemaps (sitemaps.org), their indexes, plain lists of URLs, and feeds. Hostile XML is refused, not expanded."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from omniops.errors import Rejected

MOST_URLS = 50_000
"""The protocol's own limit for one file."""
MOST_BYTES = 50 * 1024 * 1024
_PARSER_OPTIONS = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "recover": True,
}


@dataclass(frozen=True, slots=True)
class Sitemap:
    """Pages, and further sitemaps to read."""

    pages: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


def parse(body: bytes) -> Sitemap:
    """Reads a sitemap of any of the kinds. Raises `Rejected` for what is none, or does not stay within the limits."""
    if body[:2] == b"\x1f\x8b":
        body = _gunzip(body)
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text.startswith(b"<"):
        return Sitemap(pages=tuple(_plain(text)))
    if b"<!ENTITY" in text[:4096] or b"<!DOCTYPE" in text[:4096]:
        raise Rejected("The sitemap has a document type or entities, which a sitemap never needs.", code="bad_sitemap")
    try:
        root = etree.fromstring(text, etree.XMLParser(**_PARSER_OPTIONS))
    except etree.XMLSyntaxError as error:
        raise Rejected("The sitemap is no XML.", code="bad_sitemap") from error
    if root is None:
        raise Rejected("The sitemap is no XML.", code="bad_sitemap")
    found = tuple(_locations(root))[:MOST_URLS]
    return Sitemap(children=found) if _name(root) == "sitemapindex" else Sitemap(pages=found)


def _locations(root: etree._Element) -> Iterator[str]:
    """`loc` of a sitemap, `link` of RSS, `link href` of Atom."""
    for element in root.iter():
        name = _name(element)
        if name == "loc" and element.text and _name(element.getparent()) in ("url", "sitemap"):
            yield element.text.strip()
        elif name == "link" and _name(element.getparent()) in ("item", "entry"):
            address = element.get("href") or element.text
            if address and element.get("rel", "alternate") == "alternate":
                yield address.strip()


def _name(element: etree._Element | None) -> str:
    return etree.QName(element).localname.lower() if element is not None and isinstance(element.tag, str) else ""


def _plain(text: bytes) -> Iterator[str]:
    for number, line in enumerate(text.decode("utf-8", "replace").splitlines()):
        if number >= MOST_URLS:
            return
        if line.strip().startswith(("http://", "https://")):
            yield line.strip()


def _gunzip(body: bytes) -> bytes:
    decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        text = decoder.decompress(body, MOST_BYTES)
    except zlib.error as error:
        raise Rejected("The sitemap's compression is broken.", code="bad_sitemap") from error
    if decoder.unconsumed_tail:
        raise Rejected("The sitemap is larger than 50 MiB when unpacked.", code="bad_sitemap")
    return text

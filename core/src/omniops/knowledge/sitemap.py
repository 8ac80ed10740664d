"""Sitemaps (sitemaps.org), their indexes, plain lists of URLs, and RSS and Atom feeds.

The file comes from outside and is large by nature, so it is read as a stream, and hostile XML is refused: nothing is
expanded, fetched or kept beyond the limits.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from itertools import islice

from lxml import etree

from omniops.errors import Rejected
from omniops.knowledge.urls import normalise

MOST_ENTRIES = 50_000
"""The protocol's own limit for one file; the rest is left."""
MOST_BYTES = 50 * 1024 * 1024
"""The protocol's own limit for one file, unpacked."""
_ROOTS = frozenset(("urlset", "sitemapindex", "rss", "rdf", "feed"))
_ENTRIES = frozenset(("url", "sitemap", "item", "entry"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A page that a sitemap lists, and when it last changed where the sitemap says so."""

    url: str
    lastmod: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sitemap:
    """Pages in the order of the file, and further sitemaps to read. All URLs are absolute and in their normal form."""

    urls: tuple[Entry, ...] = ()
    children: tuple[str, ...] = ()


def parse(body: bytes, url: str) -> Sitemap:
    """Reads the sitemap that was found at `url`.

    Raises `Rejected` (`bad_sitemap`) for what is none of the kinds, declares entities, or is larger than `MOST_BYTES`.
    """
    if body[:2] == b"\x1f\x8b":
        body = _unpacked(body)
    if len(body) > MOST_BYTES:
        raise _rejected(url, f"is larger than {MOST_BYTES // 1024 // 1024} MiB")
    if body[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        body = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    found = _xml(body, url) if body[:1] in (b"<", b"\xff", b"\xfe") else _lines(body)
    pages: dict[str, Entry] = {}
    children: dict[str, None] = {}
    for is_child, address, lastmod in islice(found, MOST_ENTRIES):
        clean = normalise(address, base=url)
        if clean is None:
            continue
        if is_child:
            children[clean] = None
        else:
            pages.setdefault(clean, Entry(clean, lastmod))
    return Sitemap(tuple(pages.values()), tuple(children))


_Found = tuple[bool, str, datetime | None]


def _xml(body: bytes, url: str) -> Iterator[_Found]:
    events = etree.iterparse(
        BytesIO(body),
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=True,
    )
    root: etree._Element | None = None
    try:
        for event, element in events:
            if root is None:
                root = element
                _check(root, url)
            if event == "end" and _name(element) in _ENTRIES:
                yield from _entry(element)
                element.clear()
                while (before := element.getprevious()) is not None:
                    element.getparent().remove(before)
    except etree.XMLSyntaxError as error:
        raise _rejected(url, "is no XML") from error
    if root is None:
        raise _rejected(url, "is no XML")


def _check(root: etree._Element, url: str) -> None:
    """A document type is harmless (old RSS has one), entities in it are not: a sitemap never needs any."""
    document_type = root.getroottree().docinfo.internalDTD
    if document_type is not None and next(document_type.iterentities(), None) is not None:
        raise _rejected(url, "declares entities")
    if _name(root) not in _ROOTS:
        raise _rejected(url, f"is a document of the kind {_name(root)!r}, no sitemap and no feed")


def _entry(element: etree._Element) -> Iterator[_Found]:
    address, lastmod = "", None
    for child in element:
        match _name(child):
            case "loc":
                address = address or child.text or ""
            case "link" if child.get("rel", "alternate") == "alternate":
                address = address or child.get("href") or child.text or ""
            case "lastmod" | "updated" | "pubdate" | "date":
                lastmod = lastmod or _moment(child.text or "")
    if address.strip():
        yield _name(element) == "sitemap", address.strip(), lastmod


def _moment(text: str) -> datetime | None:
    """A W3C date or, in RSS, an RFC 5322 one; without a zone it is taken as UTC."""
    text = text.strip()
    try:
        moment = datetime.fromisoformat(text) if text[:4].isdecimal() else parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _lines(body: bytes) -> Iterator[_Found]:
    for line in body.decode("utf-8", "replace").splitlines():
        if line.strip().startswith(("http://", "https://")):
            yield False, line.strip(), None


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname.lower() if isinstance(element.tag, str) else ""


def _unpacked(body: bytes) -> bytes:
    decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        return decoder.decompress(body, MOST_BYTES + 1)
    except zlib.error as error:
        raise Rejected("The sitemap's compression is broken.", code="bad_sitemap") from error


def _rejected(url: str, what: str) -> Rejected:
    return Rejected(f"The sitemap {url} {what}.", code="bad_sitemap", where=url)

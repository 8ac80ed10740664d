"""What a page says of itself in its head: title, language, address, dates, wishes for robots, and its links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from omniops.knowledge.blocks import text_of
from omniops.knowledge.markup import read_markup
from omniops.knowledge.urls import host_of, normalise

MOST_LINKS = 5000
LONGEST_TITLE = 200
_SEPARATOR = re.compile(r"\s+(?:[|–—·•»«›~/]|--?|::)\s+|\s*[|»]\s*")
_DATE = r'"\s*:\s*"(\d{4}-\d\d-\d\d[^"]{0,20})"'
_PUBLISHED, _MODIFIED = re.compile('"datePublished' + _DATE), re.compile('"dateModified' + _DATE)


@dataclass(frozen=True, slots=True)
class Head:
    """`canonical` is absolute and in normal form. `json_ld` holds the page's JSON-LD scripts as they are written."""

    title: str = ""
    language: str = ""
    canonical: str | None = None
    noindex: bool = False
    nofollow: bool = False
    published: datetime | None = None
    modified: datetime | None = None
    links: tuple[str, ...] = ()
    json_ld: tuple[str, ...] = ()
    markup: tuple[str, ...] = ()
    """What the page says in other ways for machines, as JSON-LD scripts."""
    kind: str = ""
    """The Open Graph type in lower case, for example `article` or `product`."""


def read_head(tree: etree._Element, url: str) -> Head:
    """Reads an HTML tree that was fetched from `url`."""
    meta = _meta(tree)
    robots = {word.strip().lower() for name in ("robots", "omniopsbot") for word in meta.get(name, "").split(",")}
    base = url
    for element in tree.iter("base"):
        base = normalise(element.get("href") or "", base=url) or url
        break
    json_ld = tuple(script.text for script in tree.iter("script") if _is_json_ld(script) and script.text)
    joined = "\n".join(json_ld)
    nofollow = bool(robots & {"nofollow", "none"})
    language = (
        tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or meta.get("content-language", "")
    )
    return Head(
        title=_title(tree, meta, url),
        language=re.split(r"[-_,;\s]", language.strip(), maxsplit=1)[0].lower(),
        canonical=_canonical(tree, base),
        noindex=bool(robots & {"noindex", "none"}),
        nofollow=nofollow,
        published=_moment(meta.get("article:published_time") or _first(_PUBLISHED, joined)),
        modified=_moment(meta.get("article:modified_time") or meta.get("og:updated_time") or _first(_MODIFIED, joined)),
        links=() if nofollow else tuple(_links(tree, base)),
        json_ld=json_ld,
        markup=tuple(read_markup(tree, meta)),
        kind=meta.get("og:type", "").strip().lower(),
    )


def _meta(tree: etree._Element) -> dict[str, str]:
    """Names (also `property` and `http-equiv`) in lower case with their first content."""
    found: dict[str, str] = {}
    for element in tree.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("http-equiv")
        content = element.get("content")
        if name and content:
            found.setdefault(name.lower(), content)
    return found


def _is_json_ld(script: etree._Element) -> bool:
    return (script.get("type") or "").partition(";")[0].strip().lower() == "application/ld+json"


def _canonical(tree: etree._Element, base: str) -> str | None:
    for link in tree.iter("link"):
        if (link.get("rel") or "").lower() == "canonical":
            return normalise(link.get("href") or "", base=base)
    return None


def _title(tree: etree._Element, meta: dict[str, str], url: str) -> str:
    """The title without the site's name, which stands behind it or before it on every page; else the main heading."""
    element = next(tree.iter("title"), None)
    written = meta.get("og:title") or (text_of(element) if element is not None else "")
    headings = [text for heading in tree.iter("h1") if (text := text_of(heading))]
    site = _letters(meta.get("og:site_name", ""))
    label = _letters(_registered(host_of(url)))
    parts = [part for piece in _SEPARATOR.split(" ".join(written.split())) if (part := piece.strip())]
    named = [part for part in parts if _letters(part) not in ("", site)]
    if len(named) > 1 and len(named) == len(parts):
        first, last = _letters(named[0]), _letters(named[-1])
        named = named[1:] if _alike(label, first) and not _alike(label, last) else named[:-1]
    heading = next((text for text in headings if _letters(text) in map(_letters, named)), None)
    title = heading or (named[0] if named else headings[0] if headings else parts[0] if parts else "")
    return title[:LONGEST_TITLE]


def _alike(label: str, words: str) -> bool:
    return len(label) > 2 and (label in words or words in label)


def _registered(host: str) -> str:
    """The word of a host that names the site: `fernhill` of `www.fernhill.co.uk`."""
    labels = [label for label in host.split(".")[:-1] if label != "www"]
    return max(labels, key=len, default="")


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _links(tree: etree._Element, base: str) -> Iterator[str]:
    seen: set[str | None] = {None}
    written: set[str] = set()
    for anchor in tree.iter("a", "area"):
        href = anchor.get("href")
        if not href or href in written or href[0] == "#":
            continue
        rel = anchor.get("rel")
        if rel and "nofollow" in rel.lower():
            continue
        written.add(href)
        address = normalise(href, base=base)
        if address not in seen:
            seen.add(address)
            yield address  # type: ignore[misc]
            if len(seen) > MOST_LINKS:
                return


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment

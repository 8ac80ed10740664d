"""Sources that read what a list names, and nothing else: a sitemap, or a feed of entries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar
from urllib.parse import urlsplit

from omniops.contracts.knowledge import Fetch, Source, SourceView
from omniops.errors import Rejected

MOST_SITEMAPS = 200


class SitemapSource(Source):
    """The pages that one sitemap, or those of its index, list. One that is listed no longer is forgotten."""

    kind: ClassVar[str] = "sitemap"
    title: ClassVar[str] = "Sitemap"
    follows: ClassVar[bool] = False
    complete: ClassVar[bool] = True

    async def seeds(self, source: SourceView, fetch: Fetch) -> AsyncIterator[str]:
        waiting, seen, pages = [source.url], {source.url}, 0
        while waiting:
            # A part that cannot be read ends the crawl: its pages would count as listed no longer.
            found = await fetch.sitemap(waiting.pop(0))
            for page in found.pages:
                pages += 1
                yield page
            for child in found.children:
                if child not in seen and len(seen) < MOST_SITEMAPS and _same_host(child, source.url):
                    seen.add(child)
                    waiting.append(child)
        if not pages:
            raise Rejected(f"The sitemap {source.url} lists no page.", code="nothing_listed", where="url")

    def accepts(self, source: SourceView, url: str) -> bool:
        return source.admits(url)


class FeedSource(Source):
    """The entries of an RSS or Atom feed. A feed drops old entries; their pages are still read."""

    kind: ClassVar[str] = "feed"
    title: ClassVar[str] = "Feed"
    follows: ClassVar[bool] = False

    async def seeds(self, source: SourceView, fetch: Fetch) -> AsyncIterator[str]:
        for page in (await fetch.sitemap(source.url)).pages:
            yield page

    def accepts(self, source: SourceView, url: str) -> bool:
        return source.admits(url)


def _same_host(url: str, other: str) -> bool:
    return urlsplit(url).hostname == urlsplit(other).hostname

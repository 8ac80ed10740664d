"""The built-in source: a business's own website, from its sitemaps and its links."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import ClassVar
from urllib.parse import urljoin, urlsplit

from omniops import Info, Plugin, hookimpl
from omniops.contracts.knowledge import Fetch, Source, SourceView
from omniops.defaults.listed import MOST_SITEMAPS, FeedSource, SitemapSource
from omniops.errors import NotReachable, Rejected


class SitePlugin(Plugin):
    """Reads a business's own website: all of it, what a sitemap lists, or the entries of a feed."""

    info = Info(title="Website", version="0.1.0", omniops=">=0.1,<0.2")

    @hookimpl
    def sources(self) -> Sequence[Source]:
        return [SiteSource(), SitemapSource(), FeedSource()]


class SiteSource(Source):
    """Everything on one host below the start, less what patterns exclude."""

    kind: ClassVar[str] = "site"
    title: ClassVar[str] = "Website"

    async def seeds(self, source: SourceView, fetch: Fetch) -> AsyncIterator[str]:
        yield source.url
        waiting = [*source.hints, urljoin(source.url, "/sitemap.xml")]
        seen: set[str] = set()
        while waiting and len(seen) < MOST_SITEMAPS:
            url = waiting.pop(0)
            if url in seen or urlsplit(url).hostname != urlsplit(source.url).hostname:
                continue
            seen.add(url)
            try:
                found = await fetch.sitemap(url)
            except (NotReachable, Rejected):
                continue  # a site without a sitemap is read by its links
            waiting += found.children
            for page in found.pages:
                yield page

    def accepts(self, source: SourceView, url: str) -> bool:
        return source.admits(url)

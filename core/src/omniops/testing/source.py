"""What every kind of source must do: start somewhere, end, survive a broken site, and know what belongs to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import pytest

from omniops.contracts.ids import new_id
from omniops.contracts.knowledge import Fetch, SitemapView, Source, SourceView
from omniops.errors import NotReachable, Rejected
from omniops.hookspecs import Plugin
from omniops.testing.suite import Suite

MOST = 100_000


class MapFetch(Fetch):
    """A site of which only the sitemaps are known: what is not listed cannot be reached."""

    def __init__(self, sitemaps: Mapping[str, SitemapView | Exception] | None = None) -> None:
        self._sitemaps = sitemaps or {}

    async def sitemap(self, url: str) -> SitemapView:
        found = self._sitemaps.get(url, NotReachable(f"{url} does not answer."))
        if isinstance(found, Exception):
            raise found
        return found


class SourceSuite(Suite):
    """The contract of a kind of source."""

    source_kind: ClassVar[str | None] = None
    """Which kind, where the plugin offers several."""
    url: ClassVar[str] = "https://shop.example/"
    """Where the source begins."""

    @pytest.fixture
    def source(self, plugin: Plugin) -> Source:
        """The source under test."""
        found: Sequence[Source] = self.offered(plugin, "sources")
        return self.only(found, [source.kind for source in found], self.source_kind, "source_kind")

    def view(self, include: tuple[str, ...] = (), exclude: tuple[str, ...] = (), *hints: str) -> SourceView:
        """A source as it is stored."""
        return SourceView(new_id(), self.url, include, exclude, hints)

    async def seeds(self, source: Source, fetch: Fetch, *hints: str) -> list[str]:
        """Everything that the source says to visit first. Fails the test where it does not end."""
        found: list[str] = []
        async for url in source.seeds(self.view((), (), *hints), fetch):
            found.append(url)
            assert len(found) < MOST, "seeds() does not end"
        return found

    def test_it_is_named(self, source: Source) -> None:
        assert source.kind, "the source has no kind"
        assert source.title.strip(), "the source has no title for people"

    def listing(self) -> MapFetch:
        """A site on which there is a list of pages at `url`, as sources that read one need it."""
        return MapFetch({self.url: SitemapView((f"{self.url}page",), ())})

    async def test_it_starts_somewhere(self, source: Source) -> None:
        found = await self.seeds(source, self.listing())
        assert found, "seeds() gives nothing, so nothing would ever be read"
        for url in found:
            assert url.startswith(("https://", "http://")), f"seeds() gives {url!r}, which is no absolute URL"

    async def test_a_broken_site_does_not_stop_it(self, source: Source) -> None:
        broken = f"{self.url}sitemap.xml"
        if not source.follows:
            with pytest.raises((NotReachable, Rejected)):
                await self.seeds(source, MapFetch())
            return
        found = await self.seeds(source, MapFetch({broken: Rejected("No sitemap.", code="no_sitemap")}), broken)
        assert found, "seeds() gives nothing when the site has no readable sitemap"

    async def test_sitemaps_in_a_circle_end(self, source: Source) -> None:
        one, two = f"{self.url}sitemap.xml", f"{self.url}two.xml"
        circle = {url: SitemapView((f"{self.url}page",), (two, one, self.url)) for url in (self.url, one, two)}
        await self.seeds(source, MapFetch(circle), one)

    async def test_it_accepts_what_it_starts_with(self, source: Source) -> None:
        for url in await self.seeds(source, self.listing()):
            assert source.accepts(self.view(), url) is True, f"it starts with {url} and does not accept it"

    async def test_excluded_pages_are_not_accepted(self, source: Source) -> None:
        for url in await self.seeds(source, self.listing()):
            assert source.accepts(self.view(exclude=("/*",)), url) is False, f"it accepts {url} although it is excluded"
            assert source.accepts(self.view(include=("/no-such-folder/*",)), url) is False, (
                f"it accepts {url} although only another folder is included"
            )

    def test_accepting_is_pure(self, source: Source) -> None:
        view = self.view()
        for url in (self.url, f"{self.url}a?b=c#d", "https://[", "mailto:a@b.example", "", f"{self.url}ü/東京"):
            first = source.accepts(view, url)
            assert isinstance(first, bool), f"accepts({url!r}) gave {first!r}, not True or False"
            assert source.accepts(view, url) is first, f"accepts({url!r}) gives another answer the second time"

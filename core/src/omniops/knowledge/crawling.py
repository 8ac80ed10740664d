"""One crawl of one source: seeds, visits, passages, vectors."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from omniops.contracts.knowledge import Fetch, SitemapView, Source, SourceView
from omniops.contracts.scope import Scope
from omniops.errors import NotReachable
from omniops.knowledge.fetching import Fetcher, Response, Unfit
from omniops.knowledge.frontier import Frontier, Visit, Waiting
from omniops.knowledge.progress import OnProgress, Progress
from omniops.knowledge.reading import PageReader, Unreadable
from omniops.knowledge.rendering import Renderer
from omniops.knowledge.sitemap import parse as parse_sitemap
from omniops.knowledge.store import PassageRows
from omniops.knowledge.urls import TRAP, normalise, refines, same_site, skippable, trap_score

AT_ONCE = 8
AHEAD = 64
WRITE_AT_ONCE = 16
REPORT_EVERY = 10
DEEPEST = 20
RENDERED = "text/html; charset=utf-8"
BUMP_EVERY = 200
"""Pages after which what was read so far becomes answerable."""


class _Sitemaps(Fetch):
    """What a source may fetch. What is said there about changes is kept: no kind of source need know of it."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self.changes: dict[str, datetime] = {}

    async def sitemap(self, url: str) -> SitemapView:
        try:
            answer = await self._fetcher.fetch(url)
        except Unfit as error:
            raise NotReachable(error.said) from error
        found = await asyncio.to_thread(parse_sitemap, answer.body, url)
        self.changes.update((entry.url, entry.lastmod) for entry in found.urls if entry.lastmod is not None)
        return SitemapView(tuple(entry.url for entry in found.urls), tuple(found.children))


class Crawling:
    """Visits the pages of one source."""

    def __init__(
        self,
        rows: PassageRows,
        frontier: Frontier,
        fetcher: Fetcher,
        renderer: Renderer,
        source: Source,
        view: SourceView,
        hosts: frozenset[str],
        scope: Scope,
        on_progress: OnProgress,
    ) -> None:
        self._rows = rows
        self._frontier = frontier
        self._fetcher = fetcher
        self._renderer = renderer
        self._source = source
        self._view = view
        self._hosts = hosts
        self._scope = scope
        self._report = on_progress
        self._reader = PageReader()
        self._visited = 0
        self._since_bump = 0
        self.changed = 0
        """How many passages and titles changed so far."""
        self.news = False
        """Whether sitemaps and feeds told of pages that are new or changed."""

    async def read(self, *, look: bool = True) -> None:
        """Everything but the vectors; without `look` no sitemap or feed is read. Safe to begin again after a kill: what
        was visited is not visited twice."""
        self._report(Progress("seeds"))
        sitemaps = _Sitemaps(self._fetcher)
        seeds = [url async for url in self._seeds(sitemaps)] if look else []
        hinted = await self._frontier.hint(sitemaps.changes)
        await self._frontier.begin()
        if look and self._source.complete:
            self._since_bump += await self._frontier.keep_only(seeds)
        self.news = await self._frontier.add(seeds, 0) + hinted > 0
        ahead: deque[Waiting] = deque()
        busy: dict[asyncio.Task[Visit], Waiting] = {}
        seen: list[tuple[Waiting, Visit]] = []
        try:
            while True:
                if not ahead:
                    ahead += await self._frontier.take(AHEAD, but=[waiting.id for waiting in busy.values()])
                while ahead and len(busy) < AT_ONCE:
                    waiting = ahead.popleft()
                    busy[asyncio.create_task(self._visit(waiting))] = waiting
                if not busy:
                    return
                done, _ = await asyncio.wait(busy, return_when=asyncio.FIRST_COMPLETED)
                seen += [(busy.pop(task), task.result()) for task in done]
                # One writer: the rows of one crawl never wait for each other's locks, and share transactions. A kill
                # loses what was not written yet; the next start visits it again.
                if len(seen) >= WRITE_AT_ONCE or not ahead:
                    await self._record(seen)
                    seen = []
        finally:
            for task in busy:
                task.cancel()
            await asyncio.gather(*busy, return_exceptions=True)
            await self._reader.close()
            await self._renderer.close()

    async def visit(self, page_ids: Sequence[UUID]) -> None:
        """These pages and no others; links on them wait for the next crawl."""
        try:
            for waiting in await self._frontier.named(page_ids):
                await self._record([(waiting, replace(await self._visit(waiting), links=()))])
            await self.publish()
        finally:
            await self._reader.close()
            await self._renderer.close()

    async def _seeds(self, sitemaps: _Sitemaps) -> AsyncIterator[str]:
        try:
            hints = (await self._fetcher.robots(self._view.url)).sitemaps
        except Unfit:
            hints = ()  # the seed itself will say why
        view = replace(self._view, hints=tuple(hints))
        async for url in self._source.seeds(view, sitemaps):
            address = normalise(url)
            if address is not None and self._belongs(address):
                yield address

    async def _visit(self, waiting: Waiting) -> Visit:
        try:
            response = await self._fetcher.fetch(waiting.url, etag=waiting.etag, last_modified=waiting.last_modified)
            return await self._understood(waiting, response)
        except Unfit as unfit:
            pieces = () if unfit.state in ("gone", "skipped") else None
            return Visit(unfit.state, unfit.problem, unfit.said, pieces=pieces, retry_after=unfit.retry_after)

    async def _record(self, visits: Sequence[tuple[Waiting, Visit]]) -> None:
        before, self._visited = self._visited, self._visited + len(visits)
        changed = await self._frontier.record(visits)
        self.changed += changed
        self._since_bump += changed
        if self._visited // BUMP_EVERY != before // BUMP_EVERY:
            await self.publish()
        if self._visited // REPORT_EVERY != before // REPORT_EVERY or self._visited < REPORT_EVERY:
            counts = await self._frontier.counts()
            waits = counts.get("queued", 0)
            self._report(Progress("reading", sum(counts.values()) - waits, sum(counts.values()), counts))

    async def _understood(self, waiting: Waiting, response: Response) -> Visit:
        if response.unchanged:
            return Visit("unchanged")
        digest: bytes | None = hashlib.sha256(response.body).digest()
        if digest == waiting.content_hash:
            return Visit("unchanged", etag=response.etag, last_modified=response.last_modified)
        if not response.is_html:
            return Visit("skipped", "not_html", f"It is {response.content_type!r}.", pieces=())
        etag, last_modified, problem, said = response.etag, response.last_modified, None, None
        try:
            reading = await self._reader.read(response.body, response.url, response.content_type)
            if reading.scripted:
                # What is sent stays the same while what the scripts show changes: it says nothing of the next visit.
                etag = last_modified = digest = None
            if reading.scripted and response.url == waiting.url and self._renderer.there:
                body = await self._renderer.page(response.url)
                digest = hashlib.sha256(body).digest()
                if digest == waiting.content_hash:
                    return Visit("unchanged")
                reading = await self._reader.read(body, response.url, RENDERED)
        except Unreadable as error:
            return Visit("failed", error.problem, str(error))
        except NotReachable as error:
            if waiting.content_hash is not None:
                return Visit("failed", "not_rendered", str(error))  # what was seen before is better than a shell
            problem, said = "not_rendered", str(error)
        links = [
            link for link in reading.links if self._wanted(link, waiting.depth + 1) and not refines(link, response.url)
        ]
        if response.url != waiting.url and self._source.follows:
            # The page lives at another address: that one is visited in its own right.
            return Visit("skipped", "redirected", f"It is now {response.url}.", pieces=(), links=[response.url])
        canonical = reading.canonical
        if canonical and canonical != waiting.url and self._wanted(canonical, waiting.depth):
            return Visit("skipped", "canonical", f"Its own address is {canonical}.", pieces=(), links=[canonical])
        if reading.noindex:
            return Visit("skipped", "noindex", "The page asks not to be indexed.", pieces=(), links=links)
        return Visit(
            "read",
            problem or reading.problem,
            said,
            title=reading.title,
            language=reading.language,
            etag=etag,
            last_modified=last_modified,
            content_hash=digest,
            pieces=reading.pieces,
            links=links,
        )

    def _belongs(self, url: str) -> bool:
        return same_site(url, self._hosts) and not skippable(url) and self._source.accepts(self._view, url)

    def _wanted(self, url: str, depth: int) -> bool:
        return self._source.follows and depth <= DEEPEST and self._belongs(url) and trap_score(url) < TRAP

    async def publish(self) -> None:
        """Makes what was read so far answerable."""
        if self._since_bump:
            self._since_bump = 0
            await self._rows.publish(self._scope)

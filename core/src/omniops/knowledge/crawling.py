"""One crawl of one source: seeds, visits, passages, vectors."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from omniops.contracts.knowledge import Encoder, Fetch, SitemapView, Source, SourceView
from omniops.contracts.scope import Scope
from omniops.errors import NotReachable
from omniops.knowledge.encoding import encode_in_child
from omniops.knowledge.fetching import Fetcher, Response, Unfit
from omniops.knowledge.frontier import Frontier, Visit, Waiting
from omniops.knowledge.progress import OnProgress, Progress
from omniops.knowledge.reading import PageReader, Unreadable
from omniops.knowledge.sitemap import parse as parse_sitemap
from omniops.knowledge.store import PassageRows
from omniops.knowledge.urls import TRAP, normalise, same_site, skippable, trap_score

AT_ONCE = 8
AHEAD = 64
WRITE_AT_ONCE = 16
REPORT_EVERY = 10
DEEPEST = 20
ENCODE_AT_ONCE = 2000
BUMP_EVERY = 200
"""Pages after which what was read so far becomes answerable."""


class _Sitemaps(Fetch):
    """What a source may fetch."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    async def sitemap(self, url: str) -> SitemapView:
        try:
            answer = await self._fetcher.fetch(url)
        except Unfit as error:
            raise NotReachable(error.said) from error
        found = await asyncio.to_thread(parse_sitemap, answer.body, url)
        return SitemapView(tuple(entry.url for entry in found.urls), tuple(found.children))


class Crawling:
    """Visits the pages of one source."""

    def __init__(
        self,
        rows: PassageRows,
        frontier: Frontier,
        fetcher: Fetcher,
        source: Source,
        view: SourceView,
        hosts: frozenset[str],
        scope: Scope,
        on_progress: OnProgress,
    ) -> None:
        self._rows = rows
        self._frontier = frontier
        self._fetcher = fetcher
        self._source = source
        self._view = view
        self._hosts = hosts
        self._scope = scope
        self._report = on_progress
        self._reader = PageReader()
        self._visited = 0
        self._since_bump = 0

    async def read(self) -> None:
        """Everything but the vectors. Safe to begin again after a kill: what was visited is not visited twice."""
        self._report(Progress("seeds"))
        await self._frontier.begin()
        await self._frontier.add([url async for url in self._seeds()], 0)
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

    async def _seeds(self) -> AsyncIterator[str]:
        try:
            hints = (await self._fetcher.robots(self._view.url)).sitemaps
        except Unfit:
            hints = ()  # the seed itself will say why
        view = replace(self._view, hints=tuple(hints))
        async for url in self._source.seeds(view, _Sitemaps(self._fetcher)):
            address = normalise(url)
            if address is not None and self._belongs(address):
                yield address

    async def _visit(self, waiting: Waiting) -> Visit:
        try:
            response = await self._fetcher.fetch(waiting.url, etag=waiting.etag, last_modified=waiting.last_modified)
            return await self._understood(waiting, response)
        except Unfit as unfit:
            pieces = () if unfit.state in ("gone", "skipped") else None
            return Visit(unfit.state, unfit.problem, unfit.said, pieces=pieces)

    async def _record(self, visits: Sequence[tuple[Waiting, Visit]]) -> None:
        before, self._visited = self._visited, self._visited + len(visits)
        self._since_bump += await self._frontier.record(visits)
        if self._visited // BUMP_EVERY != before // BUMP_EVERY:
            await self.publish()
        if self._visited // REPORT_EVERY != before // REPORT_EVERY or self._visited < REPORT_EVERY:
            counts = await self._frontier.counts()
            waits = counts.get("queued", 0)
            self._report(Progress("reading", sum(counts.values()) - waits, sum(counts.values()), counts))

    async def _understood(self, waiting: Waiting, response: Response) -> Visit:
        if response.unchanged:
            return Visit("unchanged")
        digest = hashlib.sha256(response.body).digest()
        if digest == waiting.content_hash:
            return Visit("unchanged", etag=response.etag, last_modified=response.last_modified)
        if not response.is_html:
            return Visit("skipped", "not_html", f"It is {response.content_type!r}.", pieces=())
        try:
            reading = await self._reader.read(response.body, response.url, response.content_type)
        except Unreadable as error:
            return Visit("failed", error.problem, str(error))
        links = [link for link in reading.links if self._wanted(link, waiting.depth + 1)]
        if response.url != waiting.url:
            # The page lives at another address: that one is visited in its own right.
            return Visit("skipped", "redirected", f"It is now {response.url}.", pieces=(), links=[response.url])
        canonical = reading.canonical
        if canonical and canonical != waiting.url and self._wanted(canonical, waiting.depth):
            return Visit("skipped", "canonical", f"Its own address is {canonical}.", pieces=(), links=[canonical])
        if reading.noindex:
            return Visit("skipped", "noindex", "The page asks not to be indexed.", pieces=(), links=links)
        return Visit(
            "read",
            reading.problem,
            title=reading.title,
            language=reading.language,
            etag=response.etag,
            last_modified=response.last_modified,
            content_hash=digest,
            pieces=reading.pieces,
            links=links,
        )

    def _belongs(self, url: str) -> bool:
        return same_site(url, self._hosts) and not skippable(url) and self._source.accepts(self._view, url)

    def _wanted(self, url: str, depth: int) -> bool:
        return depth <= DEEPEST and self._belongs(url) and trap_score(url) < TRAP

    async def publish(self) -> None:
        """Makes what was read so far answerable."""
        if self._since_bump:
            self._since_bump = 0
            await self._rows.publish(self._scope)

    async def encode(self, encoder: Encoder) -> int:
        """Vectors for every passage that has none of this encoder. Returns how many were made."""
        waiting = await self._rows.unencoded(self._scope, encoder.id)
        made = 0
        for start in range(0, len(waiting), ENCODE_AT_ONCE):
            part = waiting[start : start + ENCODE_AT_ONCE]
            texts = [text for _, text, _ in part] + [question for _, _, question in part if question]

            def report(done: int, of: int, start: int = start, part_size: int = len(part)) -> None:
                share = min(part_size, done * part_size // max(1, of))
                self._report(Progress("encoding", start + share, len(waiting)))

            vectors = await encode_in_child(encoder, texts, progress=report)
            questions = iter(vectors[len(part) :])
            await self._rows.store_vectors(
                self._scope,
                encoder.id,
                [
                    (row, vectors[i].tobytes(), next(questions).tobytes() if question else None)
                    for i, (row, _, question) in enumerate(part)
                ],
            )
            made += len(part)
        return made

"""Reading pages politely: robots first, one pace per host, redirects by hand, limits on everything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from omniops.contracts.ids import Clock
from omniops.errors import EgressRefused, NotReachable, Rejected
from omniops.gate.crawl import Crawler, read_capped
from omniops.knowledge.pace import Paces
from omniops.knowledge.robots import Robots
from omniops.knowledge.urls import normalise

USER_AGENT = "OmniOpsBot/0.1 (+https://omniops.example/crawler)"
MOST_BYTES = 10 * 1024 * 1024
"""Of one page, unpacked."""
MOST_REDIRECTS = 5
TRIES = 3
LONGEST_WAIT = 60.0
"""Seconds of a Retry-After that are waited for; a site that wants longer is left alone for so long, by everybody."""
LONGEST_SHUT = 7 * 86_400.0
"""A longer Retry-After is taken as this many seconds."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HTML = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class Response:
    """A page as it came: `url` after redirects, `body` unpacked. `unchanged`: the site says so (304)."""

    url: str
    status: int
    content_type: str
    body: bytes
    etag: str | None = None
    last_modified: str | None = None

    @property
    def unchanged(self) -> bool:
        return self.status == 304

    @property
    def is_html(self) -> bool:
        return self.content_type.partition(";")[0].strip().lower() in ("", *_HTML)


class Unfit(Exception):
    """A URL that cannot or may not be read. `state` is what its page becomes, `problem` a stable code, `retry_after`
    the seconds that the site asked us to stay away."""

    def __init__(self, state: str, problem: str, said: str, *, retry_after: float | None = None) -> None:
        super().__init__(said)
        self.state = state
        self.problem = problem
        self.said = said
        self.retry_after = retry_after


@dataclass(slots=True)
class _Host:
    robots: Robots | None = None
    slowed: float = 0.0
    open_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Fetcher:
    """Fetches pages of one domain's own hosts. `per_second` visits a host gets, unless it is one of the operator's own
    exceptions (`unhurried` says so), which are machines of the operator."""

    def __init__(
        self, crawler: Crawler, clock: Clock, paces: Paces, *, per_second: float, unhurried: Callable[[str], bool]
    ) -> None:
        self._crawler = crawler
        self._clock = clock
        self._paces = paces
        self._pause = 1 / per_second
        self._unhurried = unhurried
        self._hosts: dict[str, _Host] = {}

    async def robots(self, url: str) -> Robots:
        """The rules of a URL's host, read once per crawl. Raises `Unfit` for a host that the gate refuses or
        that asked to be left alone."""
        host = self._host(url)
        async with host.lock:
            if host.robots is None:
                host.robots = await self._read_robots(url)
        return host.robots

    async def _read_robots(self, url: str) -> Robots:
        parts = urlsplit(url)
        try:
            answer = await self._follow(f"{parts.scheme}://{parts.netloc}/robots.txt", {}, check_robots=False)
        except NotReachable:
            return Robots.unreachable()
        except Unfit as unfit:
            if unfit.retry_after or isinstance(unfit.__cause__, EgressRefused):
                raise  # the host's wish, or the gate's reason, is the true one
            return Robots.unreachable()
        return Robots.answered(answer.status, answer.body)

    async def fetch(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Response:
        """One page. Raises `Unfit` with what is wrong; tries again where the site is only busy."""
        headers = {"If-None-Match": etag} if etag else {}
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        for attempt in range(1, TRIES + 1):
            try:
                answer = await self._follow(url, headers, check_robots=True)
            except NotReachable as error:
                if attempt == TRIES:
                    raise Unfit("failed", "unreachable", str(error)) from error
                await asyncio.sleep(0.2 * attempt)
                continue
            if answer.status in (429, 503):
                wait = self._retry_after(answer)
                await self._slow_down(url, wait)
                if attempt == TRIES or wait > LONGEST_WAIT:
                    said = f"The site answers {answer.status}: too busy."
                    raise Unfit("failed", "busy", said, retry_after=wait)
                continue
            return self._fit(answer)
        raise AssertionError("every try returns or raises")

    def _fit(self, answer: _Answer) -> Response:
        if answer.status in (404, 410):
            raise Unfit("gone", "not_found", f"The site answers {answer.status}.")
        if answer.status in (401, 403):
            raise Unfit("skipped", "forbidden", f"The site answers {answer.status}: it is not public.")
        if answer.status != 304 and not 200 <= answer.status < 300:
            raise Unfit("failed", "http_error", f"The site answers {answer.status}.")
        return Response(
            answer.url,
            answer.status,
            answer.headers.get("Content-Type", ""),
            answer.body,
            answer.headers.get("ETag"),
            answer.headers.get("Last-Modified"),
        )

    async def _follow(self, url: str, headers: Mapping[str, str], *, check_robots: bool) -> _Answer:
        """GET with redirects followed by hand; every hop passes the gate, the robots and the pace again."""
        seen = [url]
        while True:
            if check_robots:
                robots = await self.robots(url)
                if not robots.reached:
                    # Nothing is read now, and nothing that was read before is forgotten.
                    raise Unfit("failed", "unreachable", "The site's robots.txt cannot be reached.")
                if not robots.allowed(url):
                    raise Unfit("skipped", "robots", "The site's robots.txt does not allow it.")
            await self._pace(url)
            try:
                async with self._crawler.get(url, headers) as answer:
                    location = answer.headers.get("Location")
                    if answer.status not in _REDIRECTS or not location:
                        body = b"" if answer.status == 304 else await read_capped(answer, MOST_BYTES)
                        return _Answer(url, answer.status, answer.headers, body)
            except EgressRefused as error:
                raise Unfit("skipped" if len(seen) > 1 else "failed", error.reason, str(error)) from error
            except Rejected as error:
                raise Unfit("failed", error.code, str(error)) from error
            moved = normalise(location, base=url)
            if moved is None:
                raise Unfit("failed", "bad_redirect", f"It redirects to {location[:100]!r}, which is no page.")
            if moved in seen or len(seen) > MOST_REDIRECTS:
                raise Unfit("failed", "redirect_loop", f"It redirects {len(seen)} times without an end.")
            seen.append(moved)
            url = moved

    async def _pace(self, url: str) -> None:
        """Waits for this URL's turn on its host, which all sources and workers share. Raises `Unfit` for a host that
        asked to be left alone for long."""
        host, name = self._host(url), urlsplit(url).netloc
        asked = host.robots.delay if host.robots is not None else 0.0
        pause = max(asked, host.slowed, 0.0 if self._unhurried(url) else self._pause)
        wait = shut = max(0.0, host.open_at - time.monotonic())
        if pause and not shut:
            turn = await self._paces.turn(name, pause)
            wait, shut = max(turn.wait, turn.shut), turn.shut
        if shut > LONGEST_WAIT:
            said = f"The site asked to be left alone for {shut:.0f} s more."
            raise Unfit("failed", "busy", said, retry_after=shut)
        if wait:
            await asyncio.sleep(wait)

    async def _slow_down(self, url: str, wait: float) -> None:
        host = self._host(url)
        host.open_at = max(host.open_at, time.monotonic() + wait)
        host.slowed = min(10.0, max(2 * host.slowed, 0.5))
        await self._paces.shut(urlsplit(url).netloc, wait)

    def _retry_after(self, answer: _Answer) -> float:
        value = answer.headers.get("Retry-After", "")
        if value.isdigit():
            return min(LONGEST_SHUT, float(value))
        try:
            wait = (parsedate_to_datetime(value) - self._clock.now()).total_seconds()
            return min(LONGEST_SHUT, max(0.0, wait))
        except (ValueError, TypeError):
            return 1.0

    def _host(self, url: str) -> _Host:
        return self._hosts.setdefault(urlsplit(url).netloc, _Host())


@dataclass(frozen=True, slots=True)
class _Answer:
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

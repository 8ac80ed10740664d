"""What every integration that asks a vendor over HTTP needs: its pace, learnt from the answers, and one meaning for
each thing that can go wrong.

The words of an error are ours. What a vendor wrote is never repeated: it may hold what a person wrote, or a secret.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Collection, Hashable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from omniops.contracts.ids import Clock
from omniops.errors import NotReady, Permanent, Reconnect, Rejected

if TYPE_CHECKING:
    import httpx2

AT_ONCE = 4
"""Calls at the same time for one connection: what the strictest vendors take."""
PATIENCE = 2.0
"""Seconds that a call waits in place for its turn; what must wait longer is told so, and goes back to its queue."""
LONGEST = 86400.0
"""Seconds: nobody is left alone for longer, whatever was asked for."""
_FIRST, _CAP = 1.0, 60.0
_EPOCH = 1_000_000_000
"""A reset above this is a moment in seconds since 1970, below it a number of seconds from now."""
_SOON = frozenset({408, 423, 425, 429})
_LEFT = ("x-ratelimit-remaining", "ratelimit-remaining", "x-rate-limit-remaining")
_RESET = ("x-ratelimit-reset", "ratelimit-reset", "x-rate-limit-reset")


@dataclass(slots=True)
class _Pace:
    """One connection's places, how often it was refused in a row, and until when it waits."""

    places: asyncio.Semaphore
    strikes: int = 0
    until: datetime | None = None
    users: int = field(default=0)


class Limits:
    """How fast a vendor may be asked, for each connection by itself. One object per integration, in its process.

    `send` takes its turn, makes the call and raises what core understands: `NotReady` for what can work later (with the
    time, where it was said), `Reconnect` for refused credentials, `Permanent` for a no.
    """

    def __init__(self, vendor: str, clock: Clock, *, at_once: int = AT_ONCE, patience: float = PATIENCE) -> None:
        """`vendor` is its name for people."""
        self._vendor = vendor
        self._clock = clock
        self._at_once = at_once
        self._patience = patience
        self._paces: dict[Hashable, _Pace] = {}

    async def send(
        self,
        client: httpx2.AsyncClient,
        method: str,
        url: str,
        *,
        key: Hashable,
        takes: Collection[int] = (),
        **options: Any,
    ) -> httpx2.Response:
        """One call in its turn. `key` tells connections apart, `takes` are statuses beside 2xx that are no error here;
        `options` are those of `client.request`.

        Raises `NotReady`, `Reconnect`, `Permanent`, and what the gate raises.
        """
        async with self._turn(key) as pace:
            with self._reached():
                response = await client.request(method, url, **options)
            self._learn(pace, response)
            if response.is_success or response.status_code in takes:
                return response
            raise self.failure(response)

    @asynccontextmanager
    async def stream(
        self,
        client: httpx2.AsyncClient,
        method: str,
        url: str,
        *,
        key: Hashable,
        takes: Collection[int] = (),
        **options: Any,
    ) -> AsyncIterator[httpx2.Response]:
        """The same, with the body still to be read; the turn is over once it was.

        Raises as `send` does, also for what breaks off while it is read.
        """
        async with self._turn(key) as pace:
            with self._reached():
                async with client.stream(method, url, **options) as response:
                    self._learn(pace, response)
                    if not response.is_success and response.status_code not in takes:
                        raise self.failure(response)
                    yield response

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """What it means that a call found nobody, or lost them."""
        import httpx2

        try:
            yield
        except httpx2.TimeoutException as error:
            raise NotReady(f"{self._vendor} did not answer in time.") from error
        except httpx2.TransportError as error:
            raise NotReady(f"{self._vendor} could not be reached, or broke off.") from error

    def failure(self, response: httpx2.Response) -> NotReady | Reconnect | Permanent:
        """What an answer means whose own code says no more: for a status among `takes`."""
        status = response.status_code
        if status in _SOON or status >= 500:
            wait = retry_after(response.headers, self._clock.now())
            return NotReady(f"{self._vendor} takes no more calls for a while ({status}).", retry_after=wait)
        if status == 401:
            return Reconnect(f"{self._vendor} refused the credentials.")
        if 300 <= status < 400:
            return Permanent(f"{self._vendor} sends us elsewhere ({status}); nothing is followed.")
        return Permanent(f"{self._vendor} refused the call ({status}).")

    def json(self, response: httpx2.Response) -> Any:
        """The answer's JSON. A page of a proxy, or half an answer, is no answer: raises `NotReady`."""
        try:
            return response.json()
        except ValueError as error:
            raise NotReady(f"{self._vendor} answered what cannot be read.") from error

    def pause(self, key: Hashable, seconds: float) -> None:
        """Nothing more is asked for a connection before `seconds` are over: for limits that stand in an answer."""
        self._paces.setdefault(key, self._new()).until = self._at(seconds)

    @asynccontextmanager
    async def _turn(self, key: Hashable) -> AsyncIterator[_Pace]:
        pace = self._paces.setdefault(key, self._new())
        pace.users += 1
        try:
            async with pace.places:
                wait = (pace.until - self._clock.now()).total_seconds() if pace.until is not None else 0
                if wait > self._patience:
                    raise NotReady(f"{self._vendor} asked us to wait.", retry_after=wait)
                if wait > 0:
                    await asyncio.sleep(wait)
                yield pace
        finally:
            pace.users -= 1
            if not pace.users and not pace.strikes and (pace.until is None or pace.until <= self._clock.now()):
                self._paces.pop(key, None)

    def _learn(self, pace: _Pace, response: httpx2.Response) -> None:
        if response.status_code in _SOON or response.status_code >= 500:
            asked = retry_after(response.headers, self._clock.now())
            pace.until = self._at(asked if asked is not None else backoff(pace.strikes))
            pace.strikes += 1
            return
        pace.strikes = 0
        pace.until = None
        if _number(response.headers, _LEFT) == 0 and (reset := _number(response.headers, _RESET)) is not None:
            now = self._clock.now().timestamp()
            pace.until = self._at(reset - now if reset > _EPOCH else reset)

    def _new(self) -> _Pace:
        return _Pace(asyncio.Semaphore(self._at_once))

    def _at(self, seconds: float) -> datetime:
        return self._clock.now() + timedelta(seconds=min(max(seconds, 0), LONGEST))


def backoff(failures: int, *, first: float = _FIRST, cap: float = _CAP) -> float:
    """Seconds until something is tried again after so many failures: twice as long each time up to `cap`, and by chance
    up to half of it less, so that not all come back at once."""
    return min(cap, first * 2.0 ** min(failures, 30)) * random.uniform(0.5, 1)  # noqa: S311


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that `Retry-After` asks for, as a number or a date (RFC 9110); None where it says nothing or nonsense."""
    said = headers.get("retry-after")
    if not said:
        return None
    try:
        seconds = float(said)
    except ValueError:
        try:
            moment = parsedate_to_datetime(said)
        except ValueError:
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
        return min(max(seconds, 0.0), LONGEST)
    return min(seconds, LONGEST) if math.isfinite(seconds) and seconds >= 0 else None


def next_link(link: str, base: str) -> str:
    """A link to the next page, where it leads to the scheme, host and port of `base`; a relative one is completed.

    Credentials go along with the next call, so a link to anywhere else raises `Rejected` (`foreign_link`).
    """
    whole = urljoin(base, link)
    try:
        found, known = urlsplit(whole), urlsplit(base)
        same = (found.scheme, found.hostname, found.port) == (known.scheme, known.hostname, known.port)
    except ValueError:
        same = False
    if not same or found.username is not None or found.password is not None:
        raise Rejected("The next page lies at another host; it is not asked.", code="foreign_link")
    return whole


def _number(headers: Mapping[str, str], names: Collection[str]) -> float | None:
    for name in names:
        try:
            found = float(headers.get(name, ""))
        except ValueError:
            continue
        if math.isfinite(found):
            return found
    return None

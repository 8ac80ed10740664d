"""Limits on tries that must hold over all processes: sign-in, set-up, what visitors write."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from omniops.database.service import Database
from omniops.errors import Throttled

# Keys in order: two transactions that count the same things never wait for each other in a circle.
_HIT = text(
    "insert into throttle (key, window_ends, tries)"
    " select key, now() + make_interval(secs => seconds), 1"
    " from unnest(cast(:keys as bytea[]), cast(:seconds as int[])) as given (key, seconds) order by key"
    " on conflict (key) do update set"
    " tries = case when throttle.window_ends < now() then 1 else throttle.tries + 1 end,"
    " window_ends = case when throttle.window_ends < now() then excluded.window_ends else throttle.window_ends end"
    " returning key, tries, extract(epoch from window_ends - now()) as left"
)
# A count that a crash loses harms nobody; waiting for the disk with every message would.
_LAZY = text("set local synchronous_commit = off")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` tries of `who` in a window of `seconds`."""

    what: str
    who: str
    most: int
    seconds: int


class Throttle:
    """Counts tries per window in the database, under keyed hashes of what is limited."""

    def __init__(self, database: Database, pepper: str) -> None:
        self._database = database
        self._pepper = pepper.encode()

    async def hit(self, what: str, who: str, *, limit: int, seconds: int) -> None:
        """Counts one try of `who`. Above `limit` tries in a window it raises `Throttled` with the time left."""
        await self.hit_all([Limit(what, who, limit, seconds)])

    async def hit_all(self, limits: Sequence[Limit]) -> None:
        """Counts one try under each limit, all in one statement. Raises `Throttled` with the longest time left of those
        that are passed."""
        keys = {
            hmac.new(self._pepper, f"{limit.what}|{limit.who}".encode(), hashlib.sha256).digest(): limit
            for limit in limits
        }
        values = {"keys": list(keys), "seconds": [limit.seconds for limit in keys.values()]}
        async with self._database.connect() as connection:
            await connection.execute(_LAZY)
            rows = (await connection.execute(_HIT, values)).all()
            await connection.commit()
        passed = [float(row.left) for row in rows if row.tries > keys[bytes(row.key)].most]
        if passed:
            raise Throttled("That was tried too often.", do="Wait a little.", retry_after=max(1.0, *passed))

    async def purge(self) -> None:
        """Removes windows that are over."""
        async with self._database.connect() as connection:
            await connection.execute(text("delete from throttle where window_ends < now()"))
            await connection.commit()

"""Limits on tries that must hold over all processes: sign-in, set-up, new visitor sessions."""

from __future__ import annotations

import hashlib
import hmac

from sqlalchemy import text

from omniops.database.service import Database
from omniops.errors import Throttled

_HIT = text(
    "insert into throttle (key, window_ends, tries) values (:key, now() + make_interval(secs => :seconds), 1)"
    " on conflict (key) do update set"
    " tries = case when throttle.window_ends < now() then 1 else throttle.tries + 1 end,"
    " window_ends = case when throttle.window_ends < now() then excluded.window_ends else throttle.window_ends end"
    " returning tries, extract(epoch from window_ends - now()) as left"
)


class Throttle:
    """Counts tries per window in the database, under keyed hashes of what is limited."""

    def __init__(self, database: Database, pepper: str) -> None:
        self._database = database
        self._pepper = pepper.encode()

    async def hit(self, what: str, who: str, *, limit: int, seconds: int) -> None:
        """Counts one try of `who`. Above `limit` tries in a window it raises `Throttled` with the time left."""
        key = hmac.new(self._pepper, f"{what}|{who}".encode(), hashlib.sha256).digest()
        async with self._database.connect() as connection:
            row = (await connection.execute(_HIT, {"key": key, "seconds": seconds})).one()
            await connection.commit()
        if row.tries > limit:
            raise Throttled("That was tried too often.", do="Wait a little.", retry_after=max(1.0, float(row.left)))

    async def purge(self) -> None:
        """Removes windows that are over."""
        async with self._database.connect() as connection:
            await connection.execute(text("delete from throttle where window_ends < now()"))
            await connection.commit()

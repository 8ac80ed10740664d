"""One pace per host for the whole deployment: two sources on one host, or two workers, share its turns."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from omniops.database.service import Database

# The database's clock, since the workers' own may differ. While the host is shut, no turn is taken.
_TURN = text(
    "insert into host_pace as p (host, free_at) values (:host, clock_timestamp() + make_interval(secs => :pause))"
    " on conflict (host) do update set free_at = case when p.shut_until > clock_timestamp() then p.free_at"
    " else greatest(p.free_at, clock_timestamp()) + make_interval(secs => :pause) end"
    " returning extract(epoch from free_at - clock_timestamp()) - :pause as wait,"
    " extract(epoch from shut_until - clock_timestamp()) as shut"
)
_SHUT = text(
    "insert into host_pace as p (host, free_at, shut_until)"
    " values (:host, clock_timestamp(), clock_timestamp() + make_interval(secs => :seconds))"
    " on conflict (host) do update set shut_until = greatest(p.shut_until, excluded.shut_until)"
)
_PURGE = text("delete from host_pace where greatest(free_at, coalesce(shut_until, free_at)) < now() - interval '1 day'")


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds until the turn that was taken; or, where the host is shut, until it may be asked again."""

    wait: float
    shut: float


class Paces:
    """Turns at hosts, kept in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def turn(self, host: str, pause: float) -> Turn:
        """Takes the next turn at a host; the one after it comes `pause` seconds later. No turn is taken while the host
        is shut."""
        async with self._database.connect() as connection:
            row = (await connection.execute(_TURN, {"host": host, "pause": pause})).one()
            await connection.commit()
        shut = max(0.0, float(row.shut or 0))
        return Turn(0.0 if shut else max(0.0, float(row.wait)), shut)

    async def shut(self, host: str, seconds: float) -> None:
        """The host wants not to be asked for so long (Retry-After)."""
        async with self._database.connect() as connection:
            await connection.execute(_SHUT, {"host": host, "seconds": seconds})
            await connection.commit()

    async def purge(self) -> None:
        """Forgets hosts that were asked long ago."""
        async with self._database.connect() as connection:
            await connection.execute(_PURGE)
            await connection.commit()

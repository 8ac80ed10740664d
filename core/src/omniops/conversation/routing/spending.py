"""What answers cost: from tokens and prices, summed by domain and day, against the domain's budget."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from omniops.contracts.ids import Clock, new_id
from omniops.contracts.plugin import Log
from omniops.contracts.provider import Deployment, Price, Usage
from omniops.contracts.scope import Scope
from omniops.conversation.routing.models import DaySpending
from omniops.database.service import Database

MILLION = Decimal(1_000_000)
_ADD = text(
    "insert into day_spending (domain_id, id, day, usd, calls, estimated, unpriced)"
    " values (:domain, :id, :day, :usd, :calls, :estimated, :unpriced)"
    " on conflict (domain_id, day) do update set usd = day_spending.usd + excluded.usd,"
    " calls = day_spending.calls + excluded.calls, estimated = day_spending.estimated + excluded.estimated,"
    " unpriced = day_spending.unpriced + excluded.unpriced"
)


def cost(usage: Usage, price: Price | None, dearest: Price | None = None) -> Decimal | None:
    """USD of one call. Without a price it counts as `dearest`; None where no price is known at all."""
    price = price or dearest
    if price is None:
        return None
    fresh = max(0, usage.input - usage.cache_read - usage.cache_write)
    read = price.input if price.cache_read is None else price.cache_read
    write = price.input if price.cache_write is None else price.cache_write
    per_million = (
        fresh * price.input + usage.cache_read * read + usage.cache_write * write + usage.output * price.output
    )
    return per_million / MILLION


def dearest(deployments: Iterable[Deployment]) -> Price | None:
    """The dearest price that is known, each kind of token for itself."""
    prices = [deployment.price for deployment in deployments if deployment.price is not None]
    if not prices:
        return None
    latest = max(prices, key=lambda price: price.at)
    return Price(
        input=max(max(p.input, p.cache_read or p.input, p.cache_write or p.input) for p in prices),
        output=max(price.output for price in prices),
        source="the dearest known",
        at=latest.at,
    )


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls and their cost in USD. `unpriced` calls are not in the sum; of `estimated` ones the tokens are ours."""

    usd: Decimal = Decimal(0)
    calls: int = 0
    estimated: int = 0
    unpriced: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.usd + other.usd,
            self.calls + other.calls,
            self.estimated + other.estimated,
            self.unpriced + other.unpriced,
        )

    def __sub__(self, other: Spent) -> Spent:
        return self + Spent(-other.usd, -other.calls, -other.estimated, -other.unpriced)


class Spending:
    """The sums of all domains.

    Booking never waits: the rows are written right behind, so that neither the end of an answer nor its cancelling
    depends on it. A process that is killed loses what it has not written yet, some milliseconds' worth; one whose
    database is away keeps the sums and counts them.
    """

    def __init__(self, database: Database, clock: Clock, log: Log) -> None:
        self._database = database
        self._clock = clock
        self._log = log
        self._pending: dict[tuple[Scope, date], Spent] = {}
        self._writing: asyncio.Task[None] | None = None
        self._moving = asyncio.Lock()
        """Held while a sum goes from what is pending into its row, so that no reader misses it or counts it twice."""

    def book(self, scope: Scope, spent: Spent) -> None:
        """Counts a call in, today."""
        key = (scope, self._today())
        self._pending[key] = self._pending.get(key, Spent()) + spent
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def today(self, scope: Scope) -> Spent:
        """What the domain spent today (UTC), with what is not written yet."""
        async with self._moving:
            written = await self.days(scope, 1)
            return written.get(self._today(), Spent()) + self._pending.get((scope, self._today()), Spent())

    async def days(self, scope: Scope, last: int) -> dict[date, Spent]:
        """What was written for each of the last days, today included, newest first."""
        since = self._today() - timedelta(days=last - 1)
        async with self._database.session(scope) as session:
            statement = (
                select(DaySpending)
                .where(DaySpending.domain_id == scope.domain_id, DaySpending.day >= since)
                .order_by(col(DaySpending.day).desc())
            )
            rows = (await session.exec(statement)).all()
        return {row.day: Spent(row.usd, row.calls, row.estimated, row.unpriced) for row in rows}

    async def close(self) -> None:
        """Writes what is left."""
        if self._writing is not None:
            await self._writing
        await self._write()

    async def _write(self) -> None:
        failed: set[tuple[Scope, date]] = set()
        while todo := [key for key in self._pending if key not in failed]:
            for key in todo:
                async with self._moving:
                    spent = self._pending[key]
                    try:
                        await self._add(*key, spent)
                    except Exception:  # it stays, counts, and is written with the next
                        self._log.error("spending.not_written", exc_info=True)
                        failed.add(key)
                        continue
                    left = self._pending.pop(key) - spent
                    if left != Spent():
                        self._pending[key] = left

    async def _add(self, scope: Scope, day: date, spent: Spent) -> None:
        values: dict[str, UUID | date | Decimal | int | None] = {
            "domain": scope.domain_id,
            "id": new_id(),
            "day": day,
            "usd": spent.usd,
            "calls": spent.calls,
            "estimated": spent.estimated,
            "unpriced": spent.unpriced,
        }
        async with self._database.session(scope) as session:
            await (await session.connection()).execute(_ADD, values)
            await session.commit()

    def _today(self) -> date:
        return self._clock.now().date()

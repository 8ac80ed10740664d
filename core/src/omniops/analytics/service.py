"""The one writer of analytics. Nothing is stored of a visitor who did not say yes, and all of it goes with a no."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.analytics.figures import Figures
from omniops.analytics.intake import Device, device_of, network_of, page_of
from omniops.analytics.models import AnalyticsCount, AnalyticsEvent
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.database.service import Database
from omniops.privacy.service import Catalog, Consents, Signal
from omniops.vault.models import Subject

PURPOSE = "analytics"
ACTOR = Actor.system("analytics.write")
_ADD = text(
    "insert into analytics_count (domain_id, id, day, what, value, count)"
    " values (:domain, :id, :day, :what, :value, :count) on conflict (domain_id, day, what, value)"
    " do update set count = analytics_count.count + excluded.count"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that happened: `kind` says what, `page` where, as a path or an address."""

    kind: str
    page: str


@dataclass(frozen=True, slots=True)
class Visit:
    """What a request tells of a visit, as it came. It is cut before anything is stored, and never logged."""

    user_agent: str
    address: str
    signal: Signal


class Analytics:
    """Writes events behind consent, and counts. `figures` are those of conversations."""

    def __init__(self, database: Database, consents: Consents, catalog: Catalog, clock: Clock) -> None:
        self.figures = Figures(database, catalog, clock)
        self._database = database
        self._consents = consents
        self._clock = clock
        consents.when_ended(PURPOSE, self._forget)

    async def write(self, scope: Scope, subject_id: UUID, seen: Sequence[Seen], visit: Visit) -> None:
        """Stores events of a person whose consent stands now. Raises `Refused` where it does not, and for a browser
        that asks not to be tracked, whatever was answered: that ends the consent as well."""
        assert scope.domain_id is not None
        await self._consents.heed(scope, subject_id, visit.signal)
        async with self._database.session(scope) as session:
            await self._consents.admit(session, scope, subject_id, PURPOSE, signal=visit.signal, actor=ACTOR)
            device = await asyncio.to_thread(device_of, visit.user_agent)
            network = network_of(visit.address)
            now = self._clock.now()
            for one in seen:
                session.add(
                    AnalyticsEvent(
                        domain_id=scope.domain_id,
                        subject_id=subject_id,
                        kind=one.kind,
                        page=seal(page_of(one.page)),
                        device=seal(device.kind),
                        browser=seal(device.browser),
                        system=seal(device.system),
                        network=seal(network),
                        created_at=now,
                    )
                )
            await self._count(session, scope, now.date(), seen, device)
            await session.commit()

    async def counts(self, scope: Scope, days: int) -> dict[str, Any]:
        """The last `days` days (UTC), today among them: events by kind for each day, and the whole time's pages,
        devices, browsers and systems, the most frequent first."""
        today = self._clock.now().date()
        first = today - timedelta(days=days - 1)
        async with self._database.session(scope) as session:
            statement = (
                select(AnalyticsCount)
                .where(AnalyticsCount.domain_id == scope.domain_id, AnalyticsCount.day >= first)
                .order_by(col(AnalyticsCount.day))
            )
            rows = (await session.exec(statement)).all()
        by_day: dict[date, dict[str, int]] = {first + timedelta(days=n): {} for n in range(days)}
        sums: dict[str, Counter[str]] = {what: Counter() for what in ("page", "device", "browser", "system")}
        for row in rows:
            if row.what == "kind":
                by_day.setdefault(row.day, {})[row.value] = row.count
            else:
                sums[row.what][row.value] += row.count
        return {
            "days": [{"day": day.isoformat(), "counts": counts} for day, counts in by_day.items()],
            **{
                f"{what}s": [{"name": name, "count": count} for name, count in found.most_common(50)]
                for what, found in sums.items()
            },
        }

    async def _count(
        self, session: AsyncSession, scope: Scope, day: date, seen: Sequence[Seen], device: Device
    ) -> None:
        counts = Counter(("kind", one.kind) for one in seen)
        for one in seen:
            if one.kind == "page":
                counts["page", page_of(one.page)] += 1
                counts["device", device.kind] += 1
                counts["browser", device.browser] += 1
                counts["system", device.system] += 1
        rows = [
            {"domain": scope.domain_id, "id": new_id(), "day": day, "what": what, "value": value, "count": count}
            for (what, value), count in sorted(counts.items())  # one order for all: two writers cannot wait in a ring
        ]
        connection = await session.connection()
        await connection.execute(_ADD, rows)

    async def _forget(self, session: AsyncSession, scope: Scope, subject_id: UUID) -> None:
        """Under a legal hold the events stay, and open for nobody; they go once the hold and their time are over."""
        subject = await session.get(Subject, (scope.domain_id, subject_id))
        if subject is not None and subject.hold:
            return
        connection = await session.connection()
        await connection.execute(
            delete(AnalyticsEvent).where(
                col(AnalyticsEvent.domain_id) == scope.domain_id, col(AnalyticsEvent.subject_id) == subject_id
            )
        )

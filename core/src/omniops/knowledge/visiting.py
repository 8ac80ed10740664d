"""The periodic jobs of a site: due visits are queued, owners of hosts are looked for again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.errors import OmniOpsError, Rejected
from omniops.jobs.service import CRAWLS, MAINTENANCE, Jobs, Retry, Task
from omniops.knowledge.freshness import TICK
from omniops.knowledge.models import Ownership, Source
from omniops.knowledge.ownership import CHECKED_AGAIN, Ownerships
from omniops.knowledge.pace import Paces
from omniops.knowledge.runs import Runs

_ONCE = Retry(attempts=1)
"""The next tick tries again."""


class Visiting:
    """Visits what is due, source by source, without a whole crawl."""

    def __init__(
        self, database: Database, jobs: Jobs, runs: Runs, ownership: Ownerships, clock: Clock, log: Log
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._runs = runs
        self._ownership = ownership
        self._clock = clock
        self._log = log

    def tasks(self) -> Sequence[Task]:
        """What this room wants done at its times."""
        return (
            Task("knowledge:due", self.due, queue=MAINTENANCE, retry=_ONCE, cron="*/5 * * * *"),
            Task("knowledge:visit", self.visit, queue=CRAWLS, retry=_ONCE),
            Task("knowledge:owners", self.owners, queue=MAINTENANCE, retry=_ONCE, cron="23 * * * *"),
            Task("knowledge:owner", self.owner, queue=MAINTENANCE, retry=_ONCE),
        )

    async def due(self) -> None:
        """Queues a visit for every source that has something due before the next tick. One that waits is enough."""
        async with self._database.system("knowledge: sources that are due") as session:
            statement = select(Source.domain_id, Source.id).where(
                col(Source.due_at) <= self._clock.now() + TICK, col(Source.paused_at).is_(None)
            )
            for domain_id, source_id in (await session.exec(statement)).all():
                await self._jobs.enqueue(
                    session,
                    "knowledge:visit",
                    lock=f"crawl:{source_id}",
                    unique=f"visit:{source_id}",
                    domain_id=domain_id,
                    source_id=source_id,
                )
            await session.commit()

    async def visit(self, scope: Scope, source_id: str) -> None:
        """Visits what is due of one source; nothing where a run came in between, or another process reads it now."""
        until = self._clock.now() + TICK
        async with self._database.session(scope) as session:
            source = await session.get(Source, (scope.domain_id, UUID(source_id)))
        if source is None or source.due_at is None or source.due_at > until:
            return
        try:
            report = await self._runs.crawl(scope, source.id, due=until)
        except Rejected as error:
            self._log.warning("visit.refused", source=source_id, code=error.code, said=str(error))
            return
        self._log.info("visit.ended", pages=dict(report.counts), encoded=report.encoded)

    async def owners(self) -> None:
        """Queues a look for every owner who was last seen too long ago."""
        async with self._database.system("knowledge: owners to look for again") as session:
            statement = select(Ownership.domain_id, Ownership.host).where(
                col(Ownership.state) != "waiting",
                col(Ownership.method) != "operator",
                col(Ownership.checked_at) <= self._clock.now() - CHECKED_AGAIN,
            )
            for domain_id, host in (await session.exec(statement)).all():
                await self._jobs.enqueue(
                    session, "knowledge:owner", unique=f"owner:{domain_id}:{host}", domain_id=domain_id, host=host
                )
            await session.commit()
        await Paces(self._database).purge()

    async def owner(self, scope: Scope, host: str) -> None:
        """Looks for one owner again."""
        try:
            await self._ownership.check(scope, host)
        except OmniOpsError as error:
            self._log.warning("owner.unchecked", host=host, said=str(error))

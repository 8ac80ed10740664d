"""What happens to consents by itself: each ends in the ledger when its time is over, and plugins hear of each entry."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.jobs.service import MAINTENANCE, Jobs, Task
from omniops.privacy.ledger import Ledger, Page, change_of, home
from omniops.privacy.models import ConsentEvent
from omniops.privacy.voices import TELL, Voices
from omniops.vault.models import Subject

ACTOR = Actor.system("consent.age")
AT_ONCE = 200
"""Persons whose consents end in one round of the job."""
KEPT_FOR_ITS_HOLDER = timedelta(days=1)
_WORTHLESS = text(
    "delete from omniops.consent_browser b using omniops.subject s where s.home_id = b.domain_id"
    " and s.id = b.subject_id and s.consents_end is null and b.created_at < :before"
    " and s.child_below is null and jsonb_array_length(s.shut_for_age) = 0"
    " and not exists (select from omniops.consent_event e where e.home_id = b.domain_id"
    " and e.subject_id = b.subject_id and e.created_at >= :before)"
)


class ConsentJobs:
    """The jobs of the ledger."""

    def __init__(self, database: Database, ledger: Ledger, voices: Voices, jobs: Jobs, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._voices = voices
        self._clock = clock
        jobs.register(
            Task("privacy:consent_expiry", self.expire, queue=MAINTENANCE, cron="*/5 * * * *"),
            Task(TELL, self.tell),
        )

    async def expire(self) -> None:
        """Enters the end of every yes whose time is over; the vault's door did not wait for it. Forgets the numbers of
        browsers that have allowed nothing for a day."""
        while True:
            async with self._database.system("consent: answers whose time is over") as session:
                statement = (
                    select(Subject.account_id, Subject.home_id, Subject.id)
                    .where(col(Subject.consents_end) <= self._clock.now(), col(Subject.erased_at).is_(None))
                    .limit(AT_ONCE)
                )
                due = (await session.exec(statement)).all()
            ended = 0
            for account_id, home_id, subject_id in due:
                ended += await self._expire(Scope(account_id, home_id if home_id != account_id else None), subject_id)
            if len(due) < AT_ONCE or not ended:
                break
        async with self._database.system("consent: numbers of browsers that allow nothing any more") as session:
            connection = await session.connection()
            await connection.execute(_WORTHLESS, {"before": self._clock.now() - KEPT_FOR_ITS_HOLDER})
            await session.commit()

    async def _expire(self, scope: Scope, subject_id: UUID) -> int:
        async with self._database.session(scope) as session:
            subject = await session.get(Subject, (home(scope), subject_id), with_for_update=True)
            if subject is None or subject.erased_at is not None:
                return 0
            page = Page(session, scope, ACTOR)
            ended = await self._ledger.expire(page, subject)
            await self._ledger.finish(page)
            await session.commit()
        return ended

    async def tell(self, scope: Scope, event_id: str) -> None:
        """Tells plugins of one entry."""
        async with self._database.session(scope) as session:
            event = await session.get(ConsentEvent, (home(scope), UUID(event_id)))
        if event is not None:  # erased meanwhile
            await self._voices.tell(change_of(scope, event))

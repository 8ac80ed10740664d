"""What time does to cases: people are told at 50, 80 and 100 per cent of a term, places that failed are asked again,
children's data goes, requests that nobody confirmed end, and requesters are forgotten once an erasure is answered.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import select

from omniops.contracts.scope import Actor, Scope
from omniops.errors import OmniOpsError
from omniops.jobs.service import MAINTENANCE, Jobs, Task
from omniops.mail.models import Mail
from omniops.privacy.erasure import Erasure
from omniops.privacy.rights.book import settled
from omniops.privacy.rights.cases import Cases
from omniops.privacy.rights.kinds import RIGHTS
from omniops.privacy.rights.models import RightsCase, RightsLetter
from omniops.webhooks.service import emit

ACTOR = Actor.system("privacy.cases")
LEVELS = (100, 80, 50)
"""Per cent of the strictest term at which people are told, the last first."""
EARLY = timedelta(days=1)
"""How long before its term ends a child's data goes: then it is gone when the term ends."""
_LIVE = text(
    "select account_id, domain_id, id from rights_case where state <> 'closed'"
    " or (forgotten_at is null and ("
    "outcome = 'not_proven' or \"right\" = any(:erasing))) order by due_at"
)


class Ticking:
    """The periodic job `privacy:cases`."""

    def __init__(self, cases: Cases, erasure: Erasure, jobs: Jobs) -> None:
        self._cases = cases
        self._book = cases.book
        self._erasure = erasure
        jobs.register(Task("privacy:cases", self.tick, queue=MAINTENANCE, cron="*/5 * * * *"))

    async def tick(self) -> None:
        """One look at every case that is not over. One that fails keeps no other from its turn."""
        erasing = [key for key, right in RIGHTS.items() if right.act == "erase"]
        async with self._book.database.system("privacy: cases that are not over") as session:
            rows = (await (await session.connection()).execute(_LIVE, {"erasing": erasing})).all()
        failed: OmniOpsError | None = None
        for row in rows:
            try:
                await self.look(Scope(row.account_id, row.domain_id), row.id)
            except OmniOpsError as error:
                failed = error
        if failed is not None:
            raise failed

    async def look(self, scope: Scope, case_id: UUID) -> None:
        """What is due about one case."""
        now = self._book.clock.now()
        async with self._book.database.session(scope) as session:
            case = await self._book.get(session, scope, case_id, lock=True)
            if case.state != "closed":
                await self._book.count(scope, case)
                level = next((one for one in LEVELS if passed(case, now) >= one), 0)
                if level > case.escalated:
                    case.escalated = level
                    self._book.note(session, case, "escalated", ACTOR, percent=level)
                    await emit(session, scope, "case.escalated", case_id=case.id, right=case.right, percent=level)
                session.add(case)
            tasks = await self._book.tasks(session, case)
            over = now > case.due_at
            if case.state == "unproven" and over:
                case.outcome = "not_proven"
                await self._cases.ending.end(session, scope, case, tasks, actor=ACTOR)
            elif case.state == "open":
                begun = any(not settled(task) for task in tasks if task.store != "person")
                late = now > case.due_at - EARLY
                child = case.right == "child" and bool(case.subjects) and late and not case.consent_shown
                if begun or child or (not tasks and await self._cases.automatic(scope, case)):
                    await self._cases.later(session, scope, case)
            await session.commit()
            forget = case.state == "closed" and case.forgotten_at is None and not await self._waiting(scope, case)
        if forget and (RIGHTS[case.right].act == "erase" or case.outcome == "not_proven"):
            await self._forget(scope, case)

    async def _waiting(self, scope: Scope, case: RightsCase) -> bool:
        """Whether a letter is still on its way: it is sealed under the requester's key."""
        statement = (
            select(Mail.id)
            .join(RightsLetter, (RightsLetter.domain_id == Mail.domain_id) & (RightsLetter.mail_id == Mail.id))  # type: ignore[arg-type]
            .where(RightsLetter.domain_id == case.domain_id, RightsLetter.case_id == case.id, Mail.state == "waiting")
        )
        async with self._book.database.session(scope) as session:
            return (await session.exec(statement)).first() is not None

    async def _forget(self, scope: Scope, case: RightsCase) -> None:
        await self._erasure.erase(scope, case.requester_id, actor=ACTOR)
        async with self._book.database.session(scope) as session:
            row = await self._book.get(session, scope, case.id, lock=True)
            row.forgotten_at = self._book.clock.now()
            session.add(row)
            await session.commit()


def passed(case: RightsCase, now: datetime) -> float:
    """Per cent of the strictest term that are over."""
    whole = (case.due_at - case.received_at).total_seconds()
    return 100.0 if whole <= 0 else 100 * (now - case.received_at).total_seconds() / whole

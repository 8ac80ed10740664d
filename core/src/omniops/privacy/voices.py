"""What plugins say about consent, and what they are told: only those that are on for the domain.

A veto is asked before anything is locked. Telling is a job of the ledger's own transaction: it happens when, and only
when, the entry is there, also where the process died in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts, is_on
from omniops.contracts.consent import ConsentChange, ConsentSource, Verdict
from omniops.contracts.scope import Scope
from omniops.errors import NotFound
from omniops.jobs.service import Jobs, scope_argument
from omniops.plugins.calling import On, everywhere
from omniops.plugins.seams import Seams

TELL = "privacy:consent_changed"


class Voices:
    """Asks and tells."""

    def __init__(self, seams: Seams, accounts: Accounts, jobs: Jobs) -> None:
        self._seams = seams
        self._accounts = accounts
        self._jobs = jobs

    async def veto(self, change: ConsentChange) -> Mapping[str, Verdict]:
        """What each plugin says to a yes. Who fails, hangs or says nothing has said no."""
        if not self._seams.asked("consent_veto"):
            return {}
        return await self._seams.consent_veto(change, await self._on(change.scope))

    async def tell_later(self, session: AsyncSession, scope: Scope, subject_id: UUID, event_id: UUID) -> None:
        """Queues the telling, in the session's transaction. What one person answered is told in its order."""
        if scope.domain_id is not None and self._seams.asked("consent_changed"):
            lock = f"consent:{subject_id}"
            await self._jobs.enqueue(session, TELL, lock=lock, domain_id=scope_argument(scope), event_id=event_id)

    async def tell(self, change: ConsentChange) -> None:
        await self._seams.consent_changed(change, await self._on(change.scope))

    async def source(self, scope: Scope, name: str) -> tuple[str, ConsentSource]:
        """A source that is on for the domain, with its plugin. Raises `NotFound`."""
        found = self._seams.consent_sources(await self._on(scope)).get(name)
        if found is None:
            raise NotFound(f"No consent manager {name!r} is connected here.")
        return found

    async def _on(self, scope: Scope) -> On:
        if scope.domain_id is None:
            return everywhere
        switched = await self._accounts.switched(scope)
        return lambda plugin: is_on(switched, plugin)

"""What is known of a person's age: noted where somebody says so, and undone by a parent's verified consent.

Ages themselves are not kept: only below which the person is known to be.
"""

from __future__ import annotations

from uuid import UUID

from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.privacy.ages import child
from omniops.privacy.consents import Consents
from omniops.privacy.ledger import Page, locked_person


class Children:
    """Notes ages, and ends what a child below the age had said yes to."""

    def __init__(self, database: Database, audit: Audit, consents: Consents, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._consents = consents
        self._clock = clock

    async def known(self, scope: Scope, subject_id: UUID, years: int, *, country: str, actor: Actor) -> bool:
        """The person is known to be `years` old. Where that is below the age of `country`, every standing consent ends
        and no yes counts without a parent. Returns whether it is. Raises `NotFound`, and `Rejected` for no age."""
        if not 0 <= years <= 120:
            raise Rejected(f"{years} is no age.", code="bad_age", where="years")
        async with self._database.session(scope) as session:
            person = await locked_person(session, scope, subject_id)
            if not person:
                raise NotFound("There is no such person.")
            for one in person:
                one.child_below = years + 1 if years < 18 else None
            session.add_all(person)
            young = child(person, country)
            page = Page(session, scope, actor)
            for one in person if young else ():
                others = [other for other in person if other is not one]
                await self._consents.end(page, [one, *others], list(one.consents), "child")
            detail = {"child": young}
            page.entries.append(Entry(scope.account_id, str(actor), "subject.age", "subject", detail=detail))
            await self._consents.ledger.finish(page)
            await session.commit()
        return young

    async def parent_verified(self, scope: Scope, subject_id: UUID, *, actor: Actor) -> None:
        """A member checked that a parent consents: from now on the child's yes counts. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            person = await locked_person(session, scope, subject_id)
            if not person:
                raise NotFound("There is no such person.")
            for one in person:
                one.parent_verified_at = self._clock.now()
            session.add_all(person)
            await self._audit.write_in(
                session, [Entry(scope.account_id, str(actor), "subject.parent_verified", "subject")]
            )
            await session.commit()

"""What is known of a person's age: noted where somebody says so, and what a parent's verified consent opens again.

Ages themselves are not kept: only below which the person is known to be. What the age shuts is written beside what the
person chose, so that neither undoes the other, and a parent's consent opens what it names and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from omniops.audit.service import Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.privacy.ages import too_young
from omniops.privacy.browsers import chatted_in
from omniops.privacy.catalog import Catalog, may_be_shut
from omniops.privacy.consents import Consents
from omniops.privacy.ledger import Page, locked_person
from omniops.vault.models import Subject


class Children:
    """Notes ages, and ends what a child below the age had said yes to."""

    def __init__(self, database: Database, consents: Consents, catalog: Catalog, clock: Clock) -> None:
        self._database = database
        self._consents = consents
        self._catalog = catalog
        self._clock = clock

    async def known(self, scope: Scope, subject_id: UUID, years: int, *, country: str, actor: Actor) -> bool:
        """The person is known to be `years` old. Where that is below the age of `country`, standing consents end, and
        no yes counts that no parent's consent names. Returns whether it is. Raises `NotFound`, and `Rejected` for no
        age."""
        if not 0 <= years <= 120:
            raise Rejected(f"{years} is no age.", code="bad_age", where="years")
        async with self._database.session(scope) as session:
            page = Page(session, scope, actor)
            person = await self._person(page, subject_id)
            for one in await self._marked(page, person):
                one.child_below = years + 1 if years < 18 else None
            young = any(too_young(one, country) for one in person)
            if young:
                await self._consents.end_all(page, person, "child")
            await self._finish(page, "subject.age", {"child": young})
        return young

    async def shut(self, scope: Scope, subject_id: UUID, *, actor: Actor) -> None:
        """Shuts for a child every purpose that is automated, optional or rests on a legitimate interest: no provider
        reads it, nothing is learnt from it, nothing is counted. A person can still answer. Raises `NotFound`."""
        purposes = sorted(key for key, purpose in self._catalog.purposes.items() if may_be_shut(purpose))
        async with self._database.session(scope) as session:
            page = Page(session, scope, actor)
            person = await self._person(page, subject_id)
            for one in await self._marked(page, person):
                one.shut_for_age = purposes
            await self._consents.end_all(page, person, "child")
            await self._finish(page, "subject.shut_for_age", {"purposes": purposes})

    async def parent_verified(self, scope: Scope, subject_id: UUID, purposes: Sequence[str], *, actor: Actor) -> None:
        """A member checked that a parent consents to these purposes: they open, the child's own yes to them counts, and
        everything else stays shut, also what an earlier consent named. Raises `NotFound`, and `Rejected`
        (`no_such_choice`) for what needs no parent's consent."""
        shut = [key for key, known in self._catalog.purposes.items() if may_be_shut(known)]
        for purpose in purposes:
            if purpose not in shut:
                raise Rejected(
                    f"{purpose!r} is no purpose that a parent opens.",
                    code="no_such_choice",
                    where="purposes",
                    do=f"There are: {', '.join(shut)}.",
                )
        named = sorted(set(purposes))
        await self._parent(scope, subject_id, named, actor, "subject.parent_verified")

    async def parent_withdrew(self, scope: Scope, subject_id: UUID, *, actor: Actor) -> None:
        """A parent takes the consent back: what it opened is shut, and each yes that it carried ends. Safe to repeat.
        Raises `NotFound`."""
        await self._parent(scope, subject_id, None, actor, "subject.parent_withdrew")

    async def _parent(self, scope: Scope, subject_id: UUID, named: list[str] | None, actor: Actor, action: str) -> None:
        async with self._database.session(scope) as session:
            page = Page(session, scope, actor)
            person = await self._person(page, subject_id)
            for one in await self._marked(page, person):
                one.parent_verified_at = None if named is None else self._clock.now()
                one.parent_allows = named or []
            if any(one.child_below is not None or one.shut_for_age for one in person):
                await self._consents.end_all(page, person, "child")
            await self._finish(page, action, {"purposes": named or []})

    async def _person(self, page: Page, subject_id: UUID) -> list[Subject]:
        person = await locked_person(page.session, page.scope, subject_id)
        if not person:
            raise NotFound("There is no such person.")
        return person

    async def _marked(self, page: Page, person: Sequence[Subject]) -> list[Subject]:
        """Who is marked: the person, and the browsers that their word counts for, where a yes of the same child would
        else stand. The changes are part of the page's transaction."""
        marked = [*person, *await chatted_in(page.session, page.scope, [one.id for one in person])]
        page.session.add_all(marked)
        return marked

    async def _finish(self, page: Page, action: str, detail: dict[str, object]) -> None:
        page.entries.append(Entry(page.scope.account_id, str(page.actor), action, "subject", detail=detail))
        await self._consents.ledger.finish(page)
        await page.session.commit()

"""What a person forbids: restriction (Art. 18), objection (Art. 21) and opt-out. It stands in the row that the vault's
door reads at each opening, so it holds from the next opening on, in every process; and in the rows of all subjects that
are this person.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.declaration import Purpose
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.errors import Rejected
from omniops.privacy.catalog import Catalog
from omniops.privacy.persons.people import People
from omniops.vault.models import Subject


class Limits:
    """Writes the states."""

    def __init__(self, database: Database, people: People, catalog: Catalog, clock: Clock) -> None:
        self._database = database
        self._people = people
        self._catalog = catalog
        self._clock = clock

    async def restrict(self, scope: Scope, subject_id: UUID, *, lifted: bool) -> tuple[UUID, ...]:
        """The subjects whose state changed. Raises `NotFound`."""
        now = self._clock.now()

        def change(subject: Subject) -> None:
            subject.restricted_at = None if lifted else subject.restricted_at or now

        return await self._all(scope, subject_id, change)

    async def object_to(self, scope: Scope, subject_id: UUID, purpose: str, *, lifted: bool) -> tuple[UUID, ...]:
        """Raises `NotFound`, and `Rejected` (`not_objectable`) for a purpose that rests on no legitimate interest."""
        if not self._known(purpose).objectable:
            raise Rejected(
                f"One cannot object to {purpose!r}: it rests on no legitimate interest (Art. 21 GDPR).",
                code="not_objectable",
                where="purpose",
                do=self._there_are(lambda known: known.objectable),
            )

        def change(subject: Subject) -> None:
            subject.objections = _changed(subject.objections, purpose, lifted)

        return await self._all(scope, subject_id, change)

    async def opt_out(self, scope: Scope, subject_id: UUID, purpose: str, *, lifted: bool) -> tuple[UUID, ...]:
        """For what is automated (Art. 22), optional or objectable. Raises `NotFound`, `Rejected` (`no_opt_out`)."""
        if not _can_opt_out(self._known(purpose)):
            raise Rejected(
                f"One cannot opt out of {purpose!r}.",
                code="no_opt_out",
                where="purpose",
                do=self._there_are(_can_opt_out),
            )

        def change(subject: Subject) -> None:
            subject.opt_outs = _changed(subject.opt_outs, purpose, lifted)

        return await self._all(scope, subject_id, change)

    def _known(self, purpose: str) -> Purpose:
        known = self._catalog.purposes.get(purpose)
        if known is None:
            raise Rejected(f"There is no purpose {purpose!r}.", code="no_such_purpose", where="purpose")
        return known

    def _there_are(self, fits: Callable[[Purpose], bool]) -> str:
        return f"There are: {', '.join(key for key, known in self._catalog.purposes.items() if fits(known))}."

    async def _all(self, scope: Scope, subject_id: UUID, change: Callable[[Subject], None]) -> tuple[UUID, ...]:
        async with self._database.session(scope) as session:
            subjects = await self._people.subjects(session, scope, subject_id, lock=True)
            changed = [subject.id for subject in subjects if _differs(session, subject, change)]
            await session.commit()
        return tuple(changed)


def _differs(session: AsyncSession, subject: Subject, change: Callable[[Subject], None]) -> bool:
    before = (subject.restricted_at, subject.objections, subject.opt_outs)
    change(subject)
    session.add(subject)
    return (subject.restricted_at, subject.objections, subject.opt_outs) != before


def _changed(purposes: list[str], purpose: str, lifted: bool) -> list[str]:
    rest = [one for one in purposes if one != purpose]
    return rest if lifted else sorted([*rest, purpose])


def _can_opt_out(purpose: Purpose) -> bool:
    return purpose.automated or purpose.objectable or purpose.basis == "consent"

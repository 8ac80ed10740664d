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
from omniops.privacy.catalog import Catalog, may_be_shut
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
            # Whoever objects anew is heard anew.
            subject.objections_refused = _changed(subject.objections_refused, purpose, lifted=True)

        return await self._all(scope, subject_id, change)

    def check_refusable(self, purpose: str) -> None:
        """Raises `Rejected` (`not_refusable`) for a purpose whose objections nobody may refuse."""
        if not self._known(purpose).refusable:
            raise Rejected(
                f"An objection to {purpose!r} is not refused: it is honoured.",
                code="not_refusable",
                where="purpose",
                do=self._there_are(lambda known: known.refusable),
            )

    async def override(self, scope: Scope, subject_id: UUID, purpose: str) -> tuple[UUID, ...]:
        """An objection was refused, and the person told: the purpose goes on. Raises `NotFound`, `Rejected`."""
        self.check_refusable(purpose)

        def change(subject: Subject) -> None:
            if purpose in subject.objections:
                subject.objections_refused = _changed(subject.objections_refused, purpose, lifted=False)

        return await self._all(scope, subject_id, change)

    async def opt_out(self, scope: Scope, subject_id: UUID, purpose: str, *, lifted: bool) -> tuple[UUID, ...]:
        """For what is automated (Art. 22), optional or objectable. Raises `NotFound`, `Rejected` (`no_opt_out`)."""
        if not may_be_shut(self._known(purpose)):
            raise Rejected(
                f"One cannot opt out of {purpose!r}.",
                code="no_opt_out",
                where="purpose",
                do=self._there_are(may_be_shut),
            )

        def change(subject: Subject) -> None:
            subject.opt_outs = _changed(subject.opt_outs, purpose, lifted)

        return await self._all(scope, subject_id, change)

    async def limit(self, scope: Scope, subject_id: UUID, *, lifted: bool) -> tuple[UUID, ...]:
        """Sensitive data only for what California's list allows; see `sensitive`. Raises `NotFound`."""

        def change(subject: Subject) -> None:
            subject.sensitive_limited = not lifted

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
    before = _limits(subject)
    change(subject)
    session.add(subject)
    return _limits(subject) != before


def _limits(subject: Subject) -> tuple[object, ...]:
    return (
        subject.restricted_at,
        subject.objections,
        subject.objections_refused,
        subject.opt_outs,
        subject.sensitive_limited,
    )


def _changed(purposes: list[str], purpose: str, lifted: bool) -> list[str]:
    rest = [one for one in purposes if one != purpose]
    return rest if lifted else sorted([*rest, purpose])

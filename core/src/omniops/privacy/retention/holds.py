"""Legal holds: nothing of one person, or of a whole domain, is deleted until a member lifts the hold.

The rows say who demanded it and why; the state that the vault, erasure and sweeps read is `Subject.hold`, written in
the same transaction for everybody who is known to be the person (Art. 17(3)(e) and 18(2) GDPR).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.models import Member
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.database.service import Database
from omniops.errors import NotFound, NotReady, Refused, Rejected
from omniops.privacy.linking import same_person
from omniops.privacy.retention.models import LegalHold
from omniops.vault.models import Subject
from omniops.vault.service import Vault

PURPOSE = "legal.defend"
LONGEST_REVIEW = 366
"""Days until somebody must look again: a hold that nobody looks at is storage without an end (Art. 5(1)(e) GDPR)."""
State = Literal["standing", "overdue", "lifted"]

_TURNS = text("select pg_advisory_xact_lock(hashtextextended('hold:' || cast(:home as text), 0))")
# Locked in one order, as whoever locks several of them does: two that meet wait for each other in turn.
_ALL = text(
    "with locked as (select id from subject where home_id = :home and hold <> :hold and erased_at is null order by id"
    " for update) update subject s set hold = :hold from locked l where s.home_id = :home and s.id = l.id"
)
_SOME = text("update subject set hold = :hold where home_id = :home and id = any(:subjects)")
_LOCK = text("select id from subject where home_id = :home and id = any(:subjects) order by id for update")
_HELD = text("select subject_id from legal_hold where home_id = :home and lifted_at is null")


def all_held(home: str) -> str:
    """In SQL: that a legal hold stands on all of a domain or account. `home` is its id there, a column or parameter."""
    return (
        f"exists (select from omniops.legal_hold h where h.home_id = {home} and h.subject_id is null"
        " and h.lifted_at is null)"
    )


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as people see it. `subject_id` None: the whole domain. `state` says `overdue` past its review date."""

    id: UUID
    subject_id: UUID | None
    state: State
    authority: str
    reason: str
    review_on: date
    placed_by: str
    placed_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None
    why_lifted: str | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Holds:
    """Places, reviews and lifts holds of a domain. Every act needs a member, whose id stays on record."""

    def __init__(self, database: Database, vault: Vault, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self._clock = clock

    async def place(
        self, scope: Scope, subject_id: UUID | None, authority: str, reason: str, review_on: date, *, actor: Actor
    ) -> Hold:
        """From its commit on nothing of the person, or of the domain, is swept or erased.

        Raises `Refused` (`needs_a_member`), `NotFound` for a person of another scope or one who was erased, `Rejected`
        for an empty text or a review date that is past or more than a year away.
        """
        home = _domain(scope)
        self._check_review(review_on)
        row = LegalHold(
            account_id=scope.account_id,
            home_id=home,
            subject_id=subject_id,
            authority=seal(_words("authority", authority)),
            reason=seal(_words("reason", reason)),
            review_on=review_on,
            placed_by=await self._member(scope, actor),
            created_at=self._clock.now(),
        )
        async with self._database.session(scope) as session:
            connection = await session.connection()
            await connection.execute(_TURNS, {"home": home})
            if subject_id is None:
                await connection.execute(_ALL, {"home": home, "hold": True})
            else:
                same = await _locked(session, home, subject_id)
                subject = await session.get(Subject, (home, subject_id))
                if subject is None:
                    raise NotFound("There is no such person.")
                if subject.erased_at is not None:
                    raise NotFound("This person was erased; nothing is left to hold.")
                await connection.execute(_SOME, {"home": home, "subjects": list(same), "hold": True})
            session.add(row)
            await session.commit()
        await self._audited(scope, actor, "hold.placed", row)
        return await self._one(scope, row.id, actor)

    async def review(self, scope: Scope, hold_id: UUID, review_on: date, *, actor: Actor) -> Hold:
        """It is still needed; somebody looks again on another day. Raises as `place` does."""
        self._check_review(review_on)
        await self._member(scope, actor)
        async with self._database.session(scope) as session:
            row = await _standing(session, _domain(scope), hold_id)
            row.review_on = review_on
            session.add(row)
            await session.commit()
        await self._audited(scope, actor, "hold.reviewed", row)
        return await self._one(scope, hold_id, actor)

    async def lift(self, scope: Scope, hold_id: UUID, reason: str, *, actor: Actor) -> Hold:
        """The hold ends; who is under no other one may be swept and erased again. Raises as `place` does, and
        `Rejected` (`not_standing`)."""
        home = _domain(scope)
        member = await self._member(scope, actor)
        why = _words("reason", reason)
        async with self._database.session(scope) as session:
            connection = await session.connection()
            await connection.execute(_TURNS, {"home": home})
            row = await _standing(session, home, hold_id)
            row.lifted_by, row.lifted_at, row.why_lifted = member, self._clock.now(), seal(why)
            session.add(row)
            if row.subject_id is not None:
                await _locked(session, home, row.subject_id)
            await session.flush()
            await _settle(session, home, row.subject_id)
            await session.commit()
        await self._audited(scope, actor, "hold.lifted", row)
        return await self._one(scope, hold_id, actor)

    async def all(
        self, scope: Scope, *, actor: Actor, state: State | None = None, after: UUID | None = None, limit: int = 50
    ) -> list[Hold]:
        """Holds, the newest first. `overdue` ones are standing past their review date. Opening them is on record."""
        today = self._clock.now().date()
        statement = select(LegalHold).where(LegalHold.home_id == _domain(scope))
        if state == "lifted":
            statement = statement.where(col(LegalHold.lifted_at).is_not(None))
        elif state is not None:
            statement = statement.where(col(LegalHold.lifted_at).is_(None))
            if state == "overdue":
                statement = statement.where(col(LegalHold.review_on) < today)
        if after is not None:
            statement = statement.where(col(LegalHold.id) < after)
        async with self._database.session(scope) as session:
            rows = (await session.exec(statement.order_by(col(LegalHold.id).desc()).limit(limit))).all()
        return await self._views(rows, actor)

    async def _one(self, scope: Scope, hold_id: UUID, actor: Actor) -> Hold:
        async with self._database.session(scope) as session:
            row = await session.get(LegalHold, (_domain(scope), hold_id))
        assert row is not None
        return (await self._views([row], actor))[0]

    async def _views(self, rows: Sequence[LegalHold], actor: Actor) -> list[Hold]:
        clear = await self._vault.open(rows, purpose=PURPOSE, actor=actor)
        today = self._clock.now().date()
        return [
            Hold(
                row.id,
                row.subject_id,
                "lifted" if row.lifted_at else "overdue" if row.review_on < today else "standing",
                clear(row.authority),
                clear(row.reason),
                row.review_on,
                row.placed_by,
                row.created_at,
                row.lifted_by,
                row.lifted_at,
                clear(row.why_lifted),
            )
            for row in rows
        ]

    async def _member(self, scope: Scope, actor: Actor) -> str:
        """The id of the member who acts. A key has no name that a court could ask."""
        if actor.kind == "member":
            async with self._database.session(scope) as session:
                statement = select(Member.id).where(Member.account_id == scope.account_id, Member.id == _id(actor.name))
                if (await session.exec(statement)).first() is not None:
                    return actor.name
        raise Refused(
            "A legal hold is placed and lifted by a member of the account, by name.",
            reason="needs_a_member",
            do="Sign in as a member, or name one with --by at the command line.",
        )

    def _check_review(self, review_on: date) -> None:
        days = (review_on - self._clock.now().date()).days
        if not 0 < days <= LONGEST_REVIEW:
            raise Rejected(
                f"The review date {review_on} is {'past' if days <= 0 else 'too far away'}.",
                code="bad_review_date",
                where="review_on",
                do=f"Give a day within the next {LONGEST_REVIEW} days.",
            )

    async def _audited(self, scope: Scope, actor: Actor, action: str, row: LegalHold) -> None:
        detail = {
            "hold": str(row.id),
            "whole_domain": row.subject_id is None,
            "domain": str(row.home_id),
            "review_on": row.review_on.isoformat(),
        }
        await self._audit.write(Entry(scope.account_id, str(actor), action, "legal_hold", detail=detail))


async def _locked(session: AsyncSession, home: UUID, subject_id: UUID) -> tuple[UUID, ...]:
    """Everybody who is known to be the person, locked. Who is found to be the same person meanwhile waits, and then
    takes the state over."""
    connection = await session.connection()
    for _ in range(5):
        same = await same_person(session, home, subject_id)
        await connection.execute(_LOCK, {"home": home, "subjects": list(same)})
        if same == await same_person(session, home, subject_id):
            return same
    raise NotReady("Who this person is changes at this moment.", do="Try again.", retry_after=1)


async def _settle(session: AsyncSession, home: UUID, subject_id: UUID | None) -> None:
    """Writes `Subject.hold` anew from the holds that still stand: of one person, or of all of the domain."""
    connection = await session.connection()
    held = set((await connection.execute(_HELD, {"home": home})).scalars())
    if None in held:
        return
    still: set[UUID] = set()
    for one in held:
        still.update(await same_person(session, home, one))
    if subject_id is None:
        await connection.execute(_ALL, {"home": home, "hold": False})
        await connection.execute(_SOME, {"home": home, "subjects": sorted(still), "hold": True})
    else:
        free = set(await same_person(session, home, subject_id)) - still
        await connection.execute(_SOME, {"home": home, "subjects": sorted(free), "hold": False})


async def _standing(session: AsyncSession, home: UUID, hold_id: UUID) -> LegalHold:
    row = await session.get(LegalHold, (home, hold_id), with_for_update=True)
    if row is None:
        raise NotFound("There is no such legal hold.")
    if row.lifted_at is not None:
        raise Rejected("This legal hold was lifted.", code="not_standing")
    return row


def _domain(scope: Scope) -> UUID:
    if scope.domain_id is None:
        raise NotFound("Legal holds belong to a domain.")
    return scope.domain_id


def _words(where: str, words: str) -> str:
    said = words.strip()
    if not said:
        raise Rejected(f"The {where} is empty.", code="empty", where=where)
    return said


def _id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None

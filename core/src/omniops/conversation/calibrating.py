"""Calibration: the cuts of each domain follow what members and visitors say of its answers, and hand-overs, nightly.

It works from ids, levels, strengths and yes or no; nothing personal is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import col, select

from omniops.accounts.service import Accounts, DomainView
from omniops.contracts.ids import Clock
from omniops.contracts.knowledge import Encoder
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.cuts import Cuts, Mark, fit
from omniops.conversation.lessons import Calibration
from omniops.database.service import Database
from omniops.errors import Rejected

QUOTING = "quoting"
"""The answerer whose strength the cuts are applied to; other providers judge by a scale of their own."""
WINDOW = timedelta(days=180)
MOST = 5000
ACTOR = Actor.system("conversation.calibrate")

# What a member says of an answer counts before the visitor's thumb: they know what is right. A thumb counts before a
# hand-over: who says that the answer was good and then wants a person wants something else.
_MARKS = text(
    "select (t.record->>'strength')::float as strength, coalesce(v.fits, f.helpful, false) as good"
    " from turn t join message m on m.domain_id = t.domain_id and m.turn_id = t.id and m.author = 'ai'"
    " left join feedback f on f.domain_id = m.domain_id and f.message_id = m.id"
    " left join answer_verdict v on v.domain_id = m.domain_id and v.message_id = m.id"
    " left join message n on n.domain_id = m.domain_id and n.conversation_id = m.conversation_id and n.seq = m.seq + 1"
    " where t.domain_id = :domain and t.state = 'done' and t.deployment = :deployment and t.created_at >= :since"
    " and m.level in ('answer', 'closest') and (t.record->>'meaning')::boolean"
    " and (v.fits is not null or f.helpful is not null or n.event = 'handed_off')"
    " order by t.created_at desc limit :most"
)


@dataclass(frozen=True, slots=True)
class CalibrationView:
    """The cuts in force, which of them a person set, and the looks at the marks, newest first."""

    cuts: Cuts
    by_hand: tuple[str, ...]
    looks: tuple[Calibration, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "answer_cut": self.cuts.answer,
            "closest_cut": self.cuts.closest,
            "by_hand": list(self.by_hand),
            "looks": [look.model_dump(mode="json", exclude={"domain_id"}) for look in self.looks],
        }


class Calibrating:
    """Reads marks, moves cuts, keeps the evidence."""

    def __init__(
        self, database: Database, accounts: Accounts, encoder: Callable[[], Encoder | None], clock: Clock
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._encoder = encoder
        self._clock = clock

    async def run(self, scope: Scope) -> Calibration | None:
        """Looks at the marks and moves the cuts that no person set. None where no encoder runs: words have cuts of
        their own. A look that finds nothing new leaves no row."""
        encoder = self._encoder()
        if encoder is None or scope.domain_id is None:
            return None
        domain = await self._accounts.domain(scope)
        last = next(iter(await self._looks(scope, 1)), None)
        since = self._since(last, encoder.id)
        marks = await self._marks(scope, max(since, self._clock.now() - WINDOW))
        before = _cuts(domain)
        after, why = self._wanted(domain, marks, before)
        if why == "changed":
            try:
                await self._accounts.calibrate(
                    scope, {"answer_cut": after.answer, "closest_cut": after.closest}, actor=ACTOR
                )
            except Rejected:  # the domain's own questions would be answered worse
                after, why = before, "fell"
        good = sum(mark.good for mark in marks)
        if why != "changed" and last is not None and (last.marks, last.good, last.why) == (len(marks), good, why):
            return last
        look = Calibration(
            domain_id=scope.domain_id,
            encoder_id=encoder.id,
            since=since,
            marks=len(marks),
            good=good,
            answer_before=before.answer,
            answer_after=after.answer,
            closest_before=before.closest,
            closest_after=after.closest,
            why=why,
            created_at=self._clock.now(),
        )
        async with self._database.session(scope) as session:
            session.add(look)
            await session.commit()
        return look

    async def view(self, scope: Scope, limit: int = 20) -> CalibrationView:
        domain = await self._accounts.domain(scope)
        by_hand = tuple(sorted(domain.by_hand & {"answer_cut", "closest_cut"}))
        return CalibrationView(_cuts(domain), by_hand, tuple(await self._looks(scope, limit)))

    def _wanted(self, domain: DomainView, marks: list[Mark], before: Cuts) -> tuple[Cuts, str]:
        fitted, why = fit(marks, before)
        if why != "changed":
            return before, why
        if "closest_cut" in domain.by_hand:
            fitted = Cuts(max(fitted.answer, before.closest), before.closest)
        if "answer_cut" in domain.by_hand:
            fitted = Cuts(before.answer, min(fitted.closest, before.answer))
        after = before if domain.by_hand >= {"answer_cut", "closest_cut"} else fitted
        return after, "by_hand" if after == before else "changed"

    def _since(self, last: Calibration | None, encoder_id: str) -> datetime:
        """Strengths of two models cannot be compared: marks count from the first look with the model in use."""
        if last is None:
            return self._clock.now() - WINDOW
        return last.since if last.encoder_id == encoder_id else self._clock.now()

    async def _marks(self, scope: Scope, since: datetime) -> list[Mark]:
        async with self._database.session(scope) as session:
            connection = await session.connection()
            rows = await connection.execute(
                _MARKS, {"domain": scope.domain_id, "deployment": QUOTING, "since": since, "most": MOST}
            )
            return [Mark(row.strength, row.good) for row in rows if row.strength is not None]

    async def _looks(self, scope: Scope, limit: int) -> list[Calibration]:
        async with self._database.session(scope) as session:
            statement = select(Calibration).where(Calibration.domain_id == scope.domain_id)
            return list((await session.exec(statement.order_by(col(Calibration.id).desc()).limit(limit))).all())


def _cuts(domain: DomainView) -> Cuts:
    return Cuts(domain.settings.answer_cut, domain.settings.closest_cut)

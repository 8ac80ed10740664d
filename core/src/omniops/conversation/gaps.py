"""Gaps: what visitors ask and the pages leave unanswered, grouped by meaning, for a person who can write the answer.

The questions are personal: each is opened through the vault for `knowledge.improve`, which a visitor can object to, and
each opening is in the audit. A gap's rows hold ids and sealed vectors; the text stays in the visitor's message.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from omniops.accounts.models import Domain
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.knowledge import Encoder, Passage
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.calibrating import Calibrating
from omniops.conversation.clusters import Asked, grouped, middle
from omniops.conversation.lessons import Gap, GapQuestion
from omniops.conversation.models import IMPROVE, Message, Turn
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.jobs.service import MAINTENANCE, Jobs, Task, scope_argument
from omniops.vault.opening import Opened
from omniops.vault.service import Vault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW = timedelta(days=90)
"""As long as a chat is kept."""
MOST = 1000
"""Questions that one look takes in; the next takes the rest."""
PAGES = 3
LEVELS = ("answer", "closest", "none")
NIGHTLY = "23 2 * * *"
ACTOR = Actor.system("conversation.gaps")

# What a member says of an answer counts before all else, then a thumb; a person asked for right after an answer says
# that it did not help.
_UNANSWERED = text(
    "select t.id as turn_id, t.message_id, t.subject_id, q.created_at, coalesce(m.level, 'answer') as level, case"
    " when v.fits is false then 'not_right' when f.helpful is false then 'not_helpful'"
    " when m.level in ('none', 'closest') then m.level"
    " else 'handed_over' end as why"
    " from turn t join message m on m.domain_id = t.domain_id and m.turn_id = t.id and m.author = 'ai'"
    " join message q on q.domain_id = t.domain_id and q.id = t.message_id"
    " left join feedback f on f.domain_id = m.domain_id and f.message_id = m.id"
    " left join answer_verdict v on v.domain_id = m.domain_id and v.message_id = m.id"
    " left join message n on n.domain_id = m.domain_id and n.conversation_id = m.conversation_id and n.seq = m.seq + 1"
    " where t.domain_id = :domain and t.state = 'done' and t.created_at >= :since"
    " and t.record->>'courtesy' is null"
    " and coalesce(v.fits, f.helpful) is not true"
    " and (coalesce(v.fits, f.helpful) is false or m.level in ('none', 'closest') or n.event = 'handed_off')"
    " and not exists (select from gap_question g where g.domain_id = t.domain_id and g.message_id = t.message_id)"
    " order by t.created_at limit :most"
)
_ANSWERED = text(
    "delete from gap_question g using turn t, message m"
    " left join feedback f on f.domain_id = m.domain_id and f.message_id = m.id"
    " left join answer_verdict v on v.domain_id = m.domain_id and v.message_id = m.id"
    " where g.domain_id = :domain and t.domain_id = g.domain_id and t.id = g.turn_id and m.domain_id = t.domain_id"
    " and m.turn_id = t.id and coalesce(v.fits, f.helpful)"
)
_EMPTY = text(
    "delete from gap p where p.domain_id = :domain and p.state = 'open' and not exists"
    " (select from gap_question g where g.domain_id = p.domain_id and g.gap_id = p.id)"
)


class PassagesById(Protocol):
    """How gaps reach the pages that came closest."""

    async def fetch(self, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, Passage]: ...


@dataclass(frozen=True, slots=True)
class GapView:
    """A gap as the people who mend it see it. `example` is None where no question of it may be opened."""

    id: UUID
    state: str
    people: int
    questions: int
    example: str | None
    reasons: Mapping[str, int]
    level: str
    """The best level that was reached."""
    pages: Sequence[Mapping[str, str]]
    reference: str | None
    returned: bool
    first_at: datetime
    last_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "state": self.state,
            "people": self.people,
            "questions": self.questions,
            "example": self.example,
            "reasons": dict(self.reasons),
            "level": self.level,
            "pages": list(self.pages),
            "reference": self.reference,
            "returned": self.returned,
            "first_at": self.first_at.isoformat(),
            "last_at": self.last_at.isoformat(),
        }


def rank(people: int, gap_id: UUID) -> str:
    """The place of a gap in the list: the smaller, the more people asked."""
    return f"{10**9 - people:010d} {gap_id}"


class Gaps:
    """Finds, groups and shows what was left unanswered."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        audit: Audit,
        jobs: Jobs,
        passages: PassagesById,
        encoder: Callable[[], Encoder | None],
        calibrating: Calibrating,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self._jobs = jobs
        self._passages = passages
        self._encoder = encoder
        self._calibrating = calibrating
        self._clock = clock
        jobs.register(
            Task("conversation:lessons", self._all_domains, queue=MAINTENANCE, cron=NIGHTLY),
            Task("conversation:learn", self._learn, queue=MAINTENANCE),
        )

    async def _all_domains(self) -> None:
        async with self._database.system("conversation: which domains learn tonight") as session:
            domains = (await session.exec(select(Domain.account_id, Domain.id))).all()
        for account_id, domain_id in domains:
            scope = Scope(account_id, domain_id)
            async with self._database.session(scope) as session:
                await self._jobs.enqueue(
                    session,
                    "conversation:learn",
                    lock=f"learn:{domain_id}",
                    unique=f"learn:{domain_id}",
                    domain_id=scope_argument(scope),
                )
                await session.commit()

    async def _learn(self, scope: Scope) -> None:
        await self._calibrating.run(scope)
        await self.refresh(scope)

    async def refresh(self, scope: Scope) -> int:
        """Takes in what was left unanswered since the last look, and lets go of what turned out to have helped.
        Returns how many questions are new."""
        async with self._database.session(scope) as session:
            connection = await session.connection()
            await connection.execute(_ANSWERED, {"domain": scope.domain_id})
            found = (
                await connection.execute(
                    _UNANSWERED,
                    {"domain": scope.domain_id, "since": self._clock.now() - WINDOW, "most": MOST},
                )
            ).all()
            await session.commit()
        added = await self._add(scope, found) if found else 0
        async with self._database.session(scope) as session:
            await (await session.connection()).execute(_EMPTY, {"domain": scope.domain_id})
            await session.commit()
        return added

    async def _add(self, scope: Scope, found: Sequence[Any]) -> int:
        rows = await self._rows(scope)
        messages = await self._messages(scope, [row.message_id for row in (*found, *rows)])
        opened = await self._vault.open([*messages.values(), *rows], purpose=IMPROVE, actor=ACTOR)
        encoder = self._encoder()
        known: dict[Hashable, list[Asked]] = defaultdict(list)
        for row in rows:
            if asked := _asked(row.message_id, messages, opened):
                if encoder is not None and row.encoder_id == encoder.id:
                    asked.vector = _vector(opened(row.vector, otherwise=None))
                known[row.gap_id].append(asked)
        new = [asked for row in found if (asked := _asked(row.message_id, messages, opened))]
        if encoder is not None:
            every = [*new, *(asked for members in known.values() for asked in members)]
            await _encode(encoder, [asked for asked in every if asked.vector is None])
        by_message = {row.message_id: row for row in found}
        fresh = {asked.id for asked in new}
        async with self._database.session(scope) as session:
            for group in grouped(known, new):
                coming = [asked for asked in group.members if asked.id in fresh]
                if not coming:
                    continue
                gap = await session.get(Gap, (scope.domain_id, group.id)) if group.id is not None else None
                if gap is None:
                    gap = Gap(domain_id=scope_argument(scope), created_at=self._clock.now())
                elif gap.state == "resolved":
                    gap.state, gap.returned = "open", True
                session.add(gap)
                await session.flush()
                session.add_all(self._row(gap, asked, by_message, encoder) for asked in coming)
            await session.commit()
        return len(new)

    def _row(self, gap: Gap, asked: Asked, found: Mapping[Any, Any], encoder: Encoder | None) -> GapQuestion:
        row = found[asked.id]
        return GapQuestion(
            domain_id=gap.domain_id,
            subject_id=row.subject_id,
            gap_id=gap.id,
            message_id=row.message_id,
            turn_id=row.turn_id,
            level=row.level,
            why=row.why,
            encoder_id=encoder.id if encoder is not None else None,
            vector=None if asked.vector is None else seal(asked.vector.astype("float16").tobytes()),
            created_at=row.created_at,
        )

    async def all(
        self, scope: Scope, *, actor: Actor, state: str = "open", after: str | None = None, limit: int = 50
    ) -> list[GapView]:
        """The gaps in a state, those of most people first, after the one with the rank `after`. Opens one question of
        each, on record."""
        async with self._database.session(scope) as session:
            statement = select(Gap).where(Gap.domain_id == scope.domain_id, Gap.state == state)
            gaps = (await session.exec(statement)).all()
        by_gap: dict[UUID, list[GapQuestion]] = defaultdict(list)
        for row in await self._rows(scope):
            by_gap[row.gap_id].append(row)
        ranked = {rank(_people(by_gap[gap.id]), gap.id): gap for gap in gaps if by_gap[gap.id]}
        shown = [ranked[place] for place in sorted(ranked) if after is None or place > after][:limit]
        examples = await self._examples(scope, [by_gap[gap.id] for gap in shown], actor)
        pages = await self._pages(scope, [by_gap[gap.id] for gap in shown])
        return [
            GapView(
                id=gap.id,
                state=gap.state,
                people=_people(by_gap[gap.id]),
                questions=len(by_gap[gap.id]),
                example=example,
                reasons=Counter(row.why for row in by_gap[gap.id]),
                level=min((row.level for row in by_gap[gap.id]), key=LEVELS.index),
                pages=closest,
                reference=gap.reference,
                returned=gap.returned,
                first_at=min(row.created_at for row in by_gap[gap.id]),
                last_at=max(row.created_at for row in by_gap[gap.id]),
            )
            for gap, example, closest in zip(shown, examples, pages, strict=True)
        ]

    async def dismiss(self, scope: Scope, gap_id: UUID, *, actor: Actor) -> None:
        """Nothing is to be written: later questions of the same meaning join it unseen. Raises `NotFound`."""
        await self._decide(scope, gap_id, "dismissed", None, actor)

    async def resolve(self, scope: Scope, gap_id: UUID, reference: str, *, actor: Actor) -> None:
        """Something answers it now, named by `reference`; asked again in vain, it opens again. Raises `NotFound`."""
        await self._decide(scope, gap_id, "resolved", reference, actor)

    async def _decide(self, scope: Scope, gap_id: UUID, state: str, reference: str | None, actor: Actor) -> None:
        async with self._database.session(scope) as session:
            gap = await session.get(Gap, (scope.domain_id, gap_id))
            if gap is None:
                raise NotFound("There is no such gap.")
            gap.state, gap.reference, gap.returned = state, reference, False
            gap.decided_at = self._clock.now()
            session.add(gap)
            await session.commit()
        await self._audit.write(Entry(scope.account_id, str(actor), f"gap.{state}", "gap", detail={"id": str(gap_id)}))

    async def _examples(self, scope: Scope, groups: Sequence[list[GapQuestion]], actor: Actor) -> list[str | None]:
        """The wording in the middle of each group's newest questions."""
        newest = [rows[-PAGES:] for rows in groups]
        messages = await self._messages(scope, [row.message_id for rows in newest for row in rows])
        opened = await self._vault.open(list(messages.values()), purpose=IMPROVE, actor=actor)
        examples: list[str | None] = []
        for rows in newest:
            readable = [asked for row in rows if (asked := _asked(row.message_id, messages, opened))]
            examples.append(middle(readable).text if readable else None)
        return examples

    async def _pages(self, scope: Scope, groups: Sequence[list[GapQuestion]]) -> list[list[dict[str, str]]]:
        """The pages whose passages came first most often."""
        ids = [row.turn_id for rows in groups for row in rows]
        async with self._database.session(scope) as session:
            statement = select(Turn.id, Turn.record).where(Turn.domain_id == scope.domain_id, col(Turn.id).in_(ids))
            records = dict((await session.exec(statement)).all())
        first = {turn: [UUID(p) for p in record.get("passages", [])[:PAGES]] for turn, record in records.items()}
        passages = await self._passages.fetch(scope, list({p for found in first.values() for p in found}))
        pages = []
        for rows in groups:
            found = [passages[p] for row in rows for p in first.get(row.turn_id, []) if p in passages]
            counted = Counter((passage.url, passage.title) for passage in found)
            pages.append([{"url": url, "title": title} for (url, title), _ in counted.most_common(PAGES)])
        return pages

    async def _rows(self, scope: Scope) -> list[GapQuestion]:
        """The questions that are in gaps, oldest first."""
        async with self._database.session(scope) as session:
            statement = select(GapQuestion).where(GapQuestion.domain_id == scope.domain_id)
            return list(
                (await session.exec(statement.order_by(col(GapQuestion.created_at), col(GapQuestion.id)))).all()
            )

    async def _messages(self, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, Message]:
        async with self._database.session(scope) as session:
            statement = select(Message).where(Message.domain_id == scope.domain_id, col(Message.id).in_(ids))
            return {message.id: message for message in (await session.exec(statement)).all()}


def _people(rows: Sequence[GapQuestion]) -> int:
    return len({row.subject_id for row in rows})


def _asked(message_id: UUID, messages: Mapping[UUID, Message], opened: Opened) -> Asked | None:
    """The question in clear, or None where it is gone or its person objects."""
    message = messages.get(message_id)
    said = opened(message.text, otherwise=None) if message is not None else None
    return Asked(message_id, said) if said else None


def _vector(stored: bytes | None) -> NDArray[np.float32] | None:
    import numpy as np

    return None if stored is None else np.frombuffer(stored, np.float16).astype(np.float32)


async def _encode(encoder: Encoder, questions: Sequence[Asked]) -> None:
    if not questions:
        return
    vectors = await asyncio.to_thread(encoder.encode, [asked.text for asked in questions])
    for asked, vector in zip(questions, vectors, strict=True):
        asked.vector = vector

"""Reading and writing cases: one place that opens them, notes what happens, and computes until when."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts
from omniops.contracts.ids import Clock
from omniops.contracts.rights import Fulfilment
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.contracts.tokens import new_token, token_hash
from omniops.database.service import Database
from omniops.errors import NotFound, Refused, Rejected
from omniops.jobs.service import scope_argument
from omniops.privacy.rights.clocks import REGIONS, Course, Due, Pause, dues, regimes_of, strictest
from omniops.privacy.rights.kinds import RIGHTS
from omniops.privacy.rights.models import RightsCase, RightsEvent, RightsLink, RightsTask, RightsWords
from omniops.vault.models import Subject
from omniops.vault.service import Vault
from omniops.webhooks.service import emit

CLOSED = ("done", "nothing_held", "refused")
HELD = "hold"
"""The code of our own task while a legal hold refuses it (Art. 17(3)(e) GDPR)."""
"""States of a task that needs nothing more."""
LONGEST = 4000
"""Characters of what a requester writes."""
_CODE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks. `email` is where the answer goes; without one it is shown where it was asked."""

    right: str
    language: str = "en"
    email: str | None = None
    text: str = ""
    region: str = ""
    by_agent: bool = False


@dataclass(frozen=True, slots=True)
class Came:
    """How a request came. `key` makes what comes twice one case; `proof` says what showed already who asks."""

    channel: str
    key: str
    at: datetime
    subjects: Sequence[UUID] = ()
    proof: str = "none"
    conversation_id: UUID | None = None


class Book:
    """The rows of cases."""

    def __init__(self, database: Database, vault: Vault, accounts: Accounts, clock: Clock) -> None:
        self.database = database
        self.vault = vault
        self._accounts = accounts
        self.clock = clock

    async def add(
        self, session: AsyncSession, scope: Scope, asked: Asked, came: Came, *, actor: Actor
    ) -> tuple[RightsCase, bool]:
        """A new case, or the one that came with this key before; and whether it is new. Raises `Rejected`."""
        if asked.right not in RIGHTS:
            raise Rejected(f"There is no right {asked.right!r}.", code="no_such_right", where="right")
        if asked.region and asked.region not in REGIONS:
            raise Rejected(f"There is no region {asked.region!r}.", code="no_such_region", where="region")
        known = (
            await session.exec(
                select(RightsCase).where(RightsCase.domain_id == scope.domain_id, RightsCase.key == came.key)
            )
        ).first()
        if known is not None:
            return known, False
        domain_id = scope_argument(scope)
        requester = Subject(account_id=scope.account_id, home_id=domain_id, kind="requester")
        proven = came.proof != "none" and not asked.by_agent
        case = RightsCase(
            domain_id=domain_id,
            account_id=scope.account_id,
            key=came.key,
            reference=f"R-{_code(4)}-{_code(4)}",
            requester_id=requester.id,
            right=asked.right,
            channel=came.channel,
            language=asked.language[:2].lower(),
            region=asked.region,
            subjects=[str(one) for one in came.subjects],
            conversation_id=came.conversation_id,
            by_agent=asked.by_agent,
            identity=came.proof if proven else "none",
            state="open" if proven or asked.right == "child" else "unproven",
            received_at=came.at,
            due_at=came.at,
            confirmed_at=came.at if proven else None,
            pauses=[] if proven else [[came.at.date().isoformat(), None]],
        )
        session.add_all([requester, case])
        await session.flush()
        words = RightsWords(domain_id=domain_id, subject_id=requester.id, case_id=case.id)
        words.email = seal(asked.email.strip()) if asked.email else None
        words.text = seal(asked.text.strip()[:LONGEST]) if asked.text.strip() else None
        session.add(words)
        self.note(session, case, "received", actor, channel=came.channel)
        await self.count(scope, case)
        await emit(session, scope, "case.opened", case_id=case.id, right=case.right)
        return case, True

    async def get(self, session: AsyncSession, scope: Scope, case_id: UUID, *, lock: bool = False) -> RightsCase:
        """Raises `NotFound` for a case of another scope."""
        statement = select(RightsCase).where(RightsCase.domain_id == scope.domain_id, RightsCase.id == case_id)
        case = (await session.exec(statement.with_for_update() if lock else statement)).first()
        if case is None:
            raise NotFound("There is no such case.")
        return case

    async def open_(self, session: AsyncSession, scope: Scope, case_id: UUID) -> RightsCase:
        """A case that is not closed, locked. Raises `NotFound`, `Rejected`."""
        case = await self.get(session, scope, case_id, lock=True)
        if case.state == "closed":
            raise Rejected("This case is closed.", code="case_closed")
        return case

    async def said_before(
        self, session: AsyncSession, scope: Scope, conversation_id: UUID, right: str, state: str = "unproven"
    ) -> RightsCase | None:
        """A case of a conversation in that state: saying it again opens no other."""
        statement = select(RightsCase).where(
            RightsCase.domain_id == scope.domain_id,
            RightsCase.conversation_id == conversation_id,
            RightsCase.right == right,
            RightsCase.state == state,
        )
        return (await session.exec(statement.order_by(col(RightsCase.id).desc()).limit(1))).first()

    def note(
        self, session: AsyncSession, case: RightsCase, name: str, actor: Actor, *, words: str = "", **detail: Any
    ) -> None:
        """Adds to what happened, in the session's transaction. `words` are a member's, and are sealed."""
        session.add(
            RightsEvent(
                domain_id=case.domain_id,
                case_id=case.id,
                name=name,
                actor=str(actor),
                detail=detail,
                words=seal(words) if words else None,
                at=self.clock.now(),
            )
        )

    async def terms(self, scope: Scope, case: RightsCase) -> list[Due]:
        """Every term that applies, the strictest first."""
        country = (await self._accounts.domain(scope)).settings.jurisdiction
        course = Course(
            case.received_at.astimezone(UTC).date(),
            case.extended_at is not None,
            [_pause(one) for one in case.pauses],
            self.clock.now().date(),
        )
        return dues(case.right, regimes_of(case.region, country), course, country)

    async def count(self, scope: Scope, case: RightsCase) -> list[Due]:
        """Computes the case's terms anew, after something moved them."""
        found = await self.terms(scope, case)
        answer, confirm = strictest(found, "answer"), strictest(found, "acknowledge")
        assert answer is not None
        case.due_at = _end_of(answer.day)
        case.confirm_by = _end_of(confirm.day) if confirm else None
        return found

    def resume(self, case: RightsCase) -> None:
        """Clocks that stood still run again."""
        today = self.clock.now().date().isoformat()
        case.pauses = [[begun, ended or today] for begun, ended in case.pauses]

    def pause(self, case: RightsCase) -> None:
        """Clocks that may stand still do so from today."""
        case.pauses = [*case.pauses, [self.clock.now().date().isoformat(), None]]

    # Tasks

    async def tasks(self, session: AsyncSession, case: RightsCase) -> list[RightsTask]:
        statement = (
            select(RightsTask)
            .where(RightsTask.domain_id == case.domain_id, RightsTask.case_id == case.id)
            .order_by(col(RightsTask.store))
        )
        return list((await session.exec(statement)).all())

    async def answer(
        self,
        session: AsyncSession,
        case: RightsCase,
        store: str,
        title: str,
        answer: Fulfilment | None,
        *,
        by: str | None = None,
    ) -> None:
        """How a place stands about a case; None: it has not answered yet. What a person settled stays."""
        statement = select(RightsTask).where(
            RightsTask.domain_id == case.domain_id, RightsTask.case_id == case.id, RightsTask.store == store
        )
        task = (await session.exec(statement.with_for_update())).first()
        if task is None:
            task = RightsTask(domain_id=case.domain_id, case_id=case.id, store=store, title=title)
        if answer is not None and (task.by is None or by is not None):
            task.state, task.code, task.by = answer.state, answer.code, by
            task.evidence = answer.evidence if by is None else ""
            task.words = seal(answer.evidence) if by is not None else None
            task.attempts, task.answered_at = task.attempts + 1, self.clock.now()
        session.add(task)

    # One-time links

    def link(self, session: AsyncSession, case: RightsCase, use: str, *, expires_at: datetime, proves: str) -> str:
        """A new one-time link's token, which is never shown again."""
        token = new_token("oo_rights_")
        session.add(
            RightsLink(
                domain_id=case.domain_id,
                case_id=case.id,
                hash=token_hash(token),
                use=use,
                proves=proves,
                expires_at=expires_at,
            )
        )
        return token

    async def follow(self, session: AsyncSession, scope: Scope, token: str, use: str, *, spend: bool) -> RightsLink:
        """The link of a token; with `spend` it works no more from this transaction on.

        Raises `Refused` (`bad_link`) in the same words for one that is forged, used, over, or for something else."""
        statement = select(RightsLink).where(
            RightsLink.domain_id == scope.domain_id, RightsLink.hash == token_hash(token), RightsLink.use == use
        )
        found = (await session.exec(statement.with_for_update() if spend else statement)).first()
        if found is None or found.used_at is not None or found.expires_at <= self.clock.now():
            raise Refused("This link is not valid any more.", reason="bad_link", do="Ask again for a new one.")
        if spend:
            found.used_at = self.clock.now()
            session.add(found)
        return found


def _pause(pair: list[str | None]) -> Pause:
    begun, ended = pair
    assert begun is not None
    return date.fromisoformat(begun), date.fromisoformat(ended) if ended else None


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), UTC)


def _code(length: int) -> str:
    return "".join(secrets.choice(_CODE) for _ in range(length))


def settled(task: RightsTask) -> bool:
    """Whether a task needs nothing more. What a hold refuses is tried again until somebody lifts the hold, or refuses
    the request."""
    return task.state in CLOSED and (task.code != HELD or task.by is not None)

"""The ledger's pen: one entry, the state that the vault's door reads, what ends with a yes, and who is told.

All of it in the caller's transaction, the entry in the audit included: a process that dies loses all or nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Audit, Entry
from omniops.contracts.consent import ConsentChange, Event, Verdict
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.privacy.catalog import CHOICE_DAYS
from omniops.privacy.linking import same_person
from omniops.privacy.models import ConsentEvent
from omniops.privacy.signals import Signal
from omniops.privacy.voices import Voices
from omniops.vault.keys import state_of
from omniops.vault.models import Subject
from omniops.webhooks.service import emit

OnNo = Callable[[AsyncSession, Scope, UUID], Awaitable[None]]
"""Called in the transaction in which a person's consent to a purpose ends."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A yes or no to one purpose. `notice` and `version` name the words that were shown; see `notices.Choice`."""

    purpose: str
    given: bool
    notice: str
    version: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How an answer was given. `jurisdiction` comes from settings or language, never from an address.

    `statement` are the facts of another consent manager's statement, where the answer comes from one: then the words
    were that manager's, and the answer's version is the hash of the statement.
    """

    method: str
    locale: str
    signal: Signal = "none"
    jurisdiction: str = ""
    statement: Mapping[str, str | int] | None = None


@dataclass(slots=True)
class Page:
    """What one transaction enters. `entries` go to the audit with it."""

    session: AsyncSession
    scope: Scope
    actor: Actor
    entries: list[Entry] = field(default_factory=list)


class Ledger:
    """Writes; decides nothing."""

    def __init__(self, audit: Audit, voices: Voices, clock: Clock) -> None:
        self._audit = audit
        self._voices = voices
        self._clock = clock
        self._on_no: dict[str, list[OnNo]] = defaultdict(list)

    def when_ended(self, purpose: str, act: OnNo) -> None:
        """From now on `act` runs in the transaction in which a given consent to `purpose` ends."""
        self._on_no[purpose].append(act)

    async def answer(
        self,
        page: Page,
        person: Sequence[Subject],
        answer: Answer,
        circumstances: Circumstances,
        vetoes: Mapping[str, Verdict],
    ) -> str:
        """Enters what the first of `person` answered, and gives the new state.

        A yes counts where it was said: on that device, for that subject. A no counts for everybody who is found to be
        the same person, and ends what stood there.
        """
        who, *others = person
        given = answer.given and all(verdict.allowed for verdict in vetoes.values())
        state = await self._enter(page, who, answer, given, circumstances, vetoes)
        for other in others if not given else ():
            if state_of(other).consents.get(answer.purpose) == "given":
                await self._enter(page, other, answer, False, circumstances, vetoes)
        return state

    async def nobody(self, page: Page, subject_id: UUID, answer: Answer, circumstances: Circumstances) -> None:
        """A no of somebody of whom nothing is known, under an id that nobody holds: it counts, and leads to no one."""
        page.session.add(self._event(page.scope, subject_id, answer, "refused", None, circumstances, {}))
        self._enter_audit(page, answer.purpose, "refused")

    async def expire(self, page: Page, subject: Subject) -> int:
        """Enters the end of each yes whose time is over. Returns how many there were."""
        state = state_of(subject)
        now = self._clock.now()
        over = [p for p, end in state.until.items() if end <= now and state.consents.get(p) == "given"]
        for purpose in over:
            answer, how = await without_asking(page, subject.id, purpose, "age")
            await self._change(page, subject, answer, "expired", "expired", how, {})
        return len(over)

    async def finish(self, page: Page) -> None:
        """The audit's entries; the last thing to do before the commit."""
        await self._audit.write_in(page.session, page.entries)

    async def _enter(
        self,
        page: Page,
        subject: Subject,
        answer: Answer,
        given: bool,
        circumstances: Circumstances,
        vetoes: Mapping[str, Verdict],
    ) -> str:
        await self.expire(page, subject)
        before = subject.consents.get(answer.purpose)
        state: Event = "given" if given else ("withdrawn" if before in ("given", "withdrawn") else "refused")
        told: Event = "renewed" if state == before == "given" else state
        await self._change(page, subject, answer, state, told, circumstances, vetoes)
        return state

    async def _change(
        self,
        page: Page,
        subject: Subject,
        answer: Answer,
        state: str,
        told: Event,
        circumstances: Circumstances,
        vetoes: Mapping[str, Verdict],
    ) -> None:
        session, scope, purpose = page.session, page.scope, answer.purpose
        before = subject.consents.get(purpose)
        ends = {p: end for p, end in subject.consents_until.items() if p != purpose}
        if state == "given":
            ends[purpose] = (self._clock.now() + timedelta(days=CHOICE_DAYS)).isoformat()
        subject.consents = {**subject.consents, purpose: state}
        subject.consents_until = ends
        subject.consents_end = min(state_of(subject).until.values(), default=None)
        event = self._event(scope, subject.id, answer, told, before, circumstances, vetoes)
        event.valid_until = state_of(subject).until.get(purpose)
        session.add_all([subject, event])
        await session.flush()
        await emit(session, scope, "consent.changed", subject_id=subject.id, purpose=purpose, state=state)
        if before == "given" and state != "given":
            for act in self._on_no[purpose]:
                await act(session, scope, subject.id)
        await self._voices.tell_later(session, scope, subject.id, event.id)
        self._enter_audit(page, purpose, state)

    def _enter_audit(self, page: Page, purpose: str, state: str) -> None:
        entry = Entry(page.scope.account_id, str(page.actor), f"consent.{state}", "subject", purpose=purpose)
        page.entries.append(entry)

    def _event(
        self,
        scope: Scope,
        subject_id: UUID,
        answer: Answer,
        told: Event,
        before: str | None,
        circumstances: Circumstances,
        vetoes: Mapping[str, Verdict],
    ) -> ConsentEvent:
        return ConsentEvent(
            account_id=scope.account_id,
            home_id=home(scope),
            subject_id=subject_id,
            purpose=answer.purpose,
            answer=told,
            before=before,
            notice_id=answer.notice,
            notice_version=answer.version,
            locale=circumstances.locale,
            method=circumstances.method,
            signal=circumstances.signal,
            jurisdiction=circumstances.jurisdiction,
            vetoes=[[who, verdict.allowed, verdict.reason] for who, verdict in vetoes.items()],
            statement=dict(circumstances.statement or {}),
            created_at=self._clock.now(),
        )


def change_of(scope: Scope, event: ConsentEvent) -> ConsentChange:
    """An entry as plugins are told of it."""
    return ConsentChange(
        scope,
        event.subject_id,
        event.purpose,
        event.answer,  # type: ignore[arg-type]  # the column holds nothing else
        event.before,
        event.notice_id,
        event.notice_version,
        event.locale,
        event.method,
        event.signal,
        event.jurisdiction,
        event.created_at,
    )


async def without_asking(
    page: Page, subject_id: UUID, purpose: str, method: str, signal: Signal = "none"
) -> tuple[Answer, Circumstances]:
    """The end of a standing consent that its person was not asked for, in the words that the yes rests on."""
    statement = (
        select(ConsentEvent)
        .where(ConsentEvent.home_id == home(page.scope), ConsentEvent.subject_id == subject_id)
        .where(ConsentEvent.purpose == purpose, col(ConsentEvent.answer).in_(("given", "renewed")))
        .order_by(col(ConsentEvent.id).desc())
        .limit(1)
    )
    given = (await page.session.exec(statement)).first()
    if given is None:  # of a build that had no ledger yet
        return Answer(purpose, False, f"choice.{purpose}", ""), Circumstances(method, "", signal)
    no = Answer(purpose, False, given.notice_id, given.notice_version)
    return no, Circumstances(method, given.locale, signal, given.jurisdiction)


async def locked_person(session: AsyncSession, scope: Scope, subject_id: UUID) -> list[Subject]:
    """Everybody who is this person, `subject_id` first, locked in one order for all; empty where there is nobody, or
    nobody any more."""
    same: Iterable[UUID] = (subject_id,)
    if scope.domain_id is not None:
        same = await same_person(session, scope.domain_id, subject_id)
    found = {}
    for one in sorted(same):
        subject = await session.get(Subject, (home(scope), one), with_for_update=True)
        if subject is not None and subject.erased_at is None:
            found[one] = subject
    first = found.pop(subject_id, None)
    return [] if first is None else [first, *found.values()]


def home(scope: Scope) -> UUID:
    """See `vault.models`."""
    return scope.domain_id or scope.account_id

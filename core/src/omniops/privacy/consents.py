"""A person's yes or no to an optional purpose: the ledger that keeps every answer, and the state that the vault's door
reads. Both are written in one transaction; an entry in the audit follows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Audit, Entry
from omniops.contracts.declaration import Mark
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.tokens import new_token, token_hash
from omniops.database.service import Database
from omniops.errors import NotFound, Refused, Rejected
from omniops.privacy.catalog import Catalog
from omniops.privacy.models import ConsentBrowser, ConsentEvent
from omniops.privacy.notices import NoticeTexts
from omniops.privacy.policy import decide
from omniops.privacy.signals import Signal, forbids
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
    """How an answer was given. `jurisdiction` comes from settings or language, never from an address."""

    method: str
    locale: str
    signal: Signal = "none"
    jurisdiction: str = ""


@dataclass(frozen=True, slots=True)
class Browser:
    """What a browser is told after its visitor chose. `token` is None where nothing is allowed: then it keeps none."""

    token: str | None
    answers: Mapping[str, str]


class Consents:
    """Writes the ledger and the state, and reads the state."""

    def __init__(self, database: Database, audit: Audit, catalog: Catalog, texts: NoticeTexts, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._catalog = catalog
        self._texts = texts
        self._clock = clock
        self._on_no: dict[str, list[OnNo]] = defaultdict(list)

    def when_ended(self, purpose: str, act: OnNo) -> None:
        """From now on `act` runs in the transaction in which a given consent to `purpose` ends."""
        self._on_no[purpose].append(act)

    async def record(
        self, scope: Scope, subject_id: UUID, answer: Answer, circumstances: Circumstances, *, actor: Actor
    ) -> None:
        """Keeps the answer of a known person; effective at the next opening in every process.

        Raises `Rejected` for a purpose that rests on no consent, for a notice that was never shown, and for a yes that
        the browser's own signal forbids; `NotFound` for a person of another scope.
        """
        await self._check(answer, circumstances.signal)
        async with self._database.session(scope) as session:
            subject = await _locked(session, scope, subject_id)
            if subject is None:
                raise NotFound("There is no such person.")
            state = await self._write(session, scope, subject, answer, circumstances)
            await session.commit()
        await self._audited(scope, {answer.purpose: state}, actor)

    async def choose(
        self, scope: Scope, token: str | None, answers: list[Answer], circumstances: Circumstances
    ) -> Browser:
        """Keeps the answers of a browser whose visitor may be unknown. Raises as `record` does.

        A first yes makes a random number, which stands for this browser. Who says no to all gets none, and the one of
        earlier is forgotten.
        """
        for answer in answers:
            await self._check(answer, circumstances.signal)
        async with self._database.session(scope) as session:
            browser = await self._browser(session, scope, token) if token else None
            subject = await _locked(session, scope, browser.subject_id) if browser else None
            if subject is None and any(answer.given for answer in answers):
                assert scope.domain_id is not None
                subject = Subject(account_id=scope.account_id, home_id=scope.domain_id, kind="browser")
                token = new_token("oo_consent_")
                browser = ConsentBrowser(
                    domain_id=scope.domain_id,
                    subject_id=subject.id,
                    hash=token_hash(token),
                    created_at=self._clock.now(),
                )
                session.add_all([subject, browser])
            if subject is None:
                nobody = new_id()
                states = {answer.purpose: "refused" for answer in answers}
                for answer in answers:
                    session.add(self._event(scope, nobody, answer, "refused", circumstances))
                token = None
            else:
                states = {}
                for answer in answers:
                    states[answer.purpose] = await self._write(session, scope, subject, answer, circumstances)
                if "given" not in subject.consents.values():
                    token = None
                    await session.delete(browser)
            await session.commit()
        await self._audited(scope, states, Actor("visitor", str(subject.id) if subject else "unknown"))
        return Browser(token, states)

    async def bearer(self, scope: Scope, token: str) -> UUID | None:
        """The person that a browser's random number stands for, or None."""
        async with self._database.session(scope) as session:
            browser = await self._browser(session, scope, token)
        return browser.subject_id if browser else None

    async def of(self, scope: Scope, subject_id: UUID) -> Mapping[str, str]:
        async with self._database.session(scope) as session:
            subject = await session.get(Subject, (scope.domain_id or scope.account_id, subject_id))
        return dict(subject.consents) if subject is not None else {}

    async def history(self, scope: Scope, subject_id: UUID) -> list[ConsentEvent]:
        """Every answer of a person, the oldest first."""
        home = scope.domain_id or scope.account_id
        async with self._database.session(scope) as session:
            statement = (
                select(ConsentEvent)
                .where(ConsentEvent.home_id == home, ConsentEvent.subject_id == subject_id)
                .order_by(col(ConsentEvent.id))
            )
            return list((await session.exec(statement)).all())

    async def admit(
        self, session: AsyncSession, scope: Scope, subject_id: UUID, purpose: str, *, signal: Signal, actor: Actor
    ) -> None:
        """Lets a writer go on, or raises `Refused`. The decision is the vault's own, and holds until the session's
        transaction ends: a withdrawal waits for it, and then finds what was written."""
        if forbids(signal, purpose):
            raise Refused("The browser asks not to be tracked.", reason="signal_forbids")
        home = scope.domain_id or scope.account_id
        subject = await session.get(Subject, (home, subject_id), with_for_update={"read": True})
        if subject is None:
            raise Refused("Nobody said yes to this.", reason="no_consent")
        mark = Mark("personal", purposes=frozenset({purpose}))
        reason = decide(mark, self._catalog.purposes[purpose], state_of(subject), actor)
        if reason is not None:
            raise Refused("This person did not say yes to this.", reason=reason)

    async def _check(self, answer: Answer, signal: Signal) -> None:
        known = self._catalog.purposes.get(answer.purpose)
        if known is None or known.basis != "consent":
            raise Rejected(
                f"{answer.purpose!r} is no purpose that one can consent to.", code="no_such_choice", where="purpose"
            )
        if answer.notice != f"choice.{answer.purpose}":
            raise Rejected(
                f"The notice {answer.notice!r} does not ask for {answer.purpose!r}.",
                code="wrong_notice",
                where="notice",
            )
        if answer.given and forbids(signal, answer.purpose):
            raise Rejected("The browser's signal forbids this purpose.", code="signal_forbids", where="given")
        await self._texts.find(answer.notice, answer.version)

    async def _write(
        self, session: AsyncSession, scope: Scope, subject: Subject, answer: Answer, circumstances: Circumstances
    ) -> str:
        before = subject.consents.get(answer.purpose)
        state = "given" if answer.given else ("withdrawn" if before in ("given", "withdrawn") else "refused")
        told = "renewed" if state == before == "given" else state
        subject.consents = {**subject.consents, answer.purpose: state}
        session.add(subject)
        session.add(self._event(scope, subject.id, answer, told, circumstances))
        await emit(session, scope, "consent.changed", subject_id=subject.id, purpose=answer.purpose, state=state)
        if before == "given" and not answer.given:
            await session.flush()
            for act in self._on_no[answer.purpose]:
                await act(session, scope, subject.id)
        return state

    def _event(
        self, scope: Scope, subject_id: UUID, answer: Answer, told: str, circumstances: Circumstances
    ) -> ConsentEvent:
        return ConsentEvent(
            account_id=scope.account_id,
            home_id=scope.domain_id or scope.account_id,
            subject_id=subject_id,
            purpose=answer.purpose,
            answer=told,
            notice_id=answer.notice,
            notice_version=answer.version,
            locale=circumstances.locale,
            method=circumstances.method,
            signal=circumstances.signal,
            jurisdiction=circumstances.jurisdiction,
            created_at=self._clock.now(),
        )

    async def _browser(self, session: AsyncSession, scope: Scope, token: str) -> ConsentBrowser | None:
        statement = select(ConsentBrowser).where(
            ConsentBrowser.domain_id == scope.domain_id, ConsentBrowser.hash == token_hash(token)
        )
        return (await session.exec(statement)).first()

    async def _audited(self, scope: Scope, states: Mapping[str, str], actor: Actor) -> None:
        for purpose, state in states.items():
            await self._audit.write(Entry(scope.account_id, str(actor), f"consent.{state}", "subject", purpose=purpose))


async def _locked(session: AsyncSession, scope: Scope, subject_id: UUID) -> Subject | None:
    subject = await session.get(Subject, (scope.domain_id or scope.account_id, subject_id), with_for_update=True)
    return None if subject is None or subject.erased_at is not None else subject

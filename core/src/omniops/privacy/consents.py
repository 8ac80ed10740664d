"""A person's yes or no to an optional purpose: what is asked before it counts, and what it leads to.

The ledger keeps every answer; the subject's row holds the state that the vault's door reads, and when a yes ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts
from omniops.audit.service import Audit
from omniops.contracts.consent import ConsentChange, Verdict
from omniops.contracts.declaration import Mark
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.tokens import new_token, token_hash
from omniops.database.service import Database
from omniops.errors import NotFound, Refused, Rejected
from omniops.jobs.service import Jobs
from omniops.plugins.seams import Seams
from omniops.privacy.ages import child, known_child
from omniops.privacy.browsers import chatted_in
from omniops.privacy.catalog import Catalog
from omniops.privacy.ledger import (
    Answer,
    Circumstances,
    Ledger,
    OnNo,
    Page,
    home,
    locked_person,
    without_asking,
)
from omniops.privacy.models import ConsentBrowser, ConsentEvent
from omniops.privacy.notices import NoticeTexts
from omniops.privacy.policy import decide
from omniops.privacy.signals import Signal, forbids
from omniops.privacy.voices import Voices
from omniops.vault.keys import state_of
from omniops.vault.models import Subject


@dataclass(frozen=True, slots=True)
class Browser:
    """What a browser is told after its visitor chose. `token` is None where nothing is allowed: then it keeps none."""

    token: str | None
    answers: Mapping[str, str]


class Consents:
    """Takes answers, and reads what stands."""

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        texts: NoticeTexts,
        ledger: Ledger,
        voices: Voices,
        clock: Clock,
    ) -> None:
        self._database = database
        self._catalog = catalog
        self.texts = texts
        self.ledger = ledger
        self.voices = voices
        self._clock = clock

    @classmethod
    def over(
        cls,
        database: Database,
        audit: Audit,
        catalog: Catalog,
        texts: NoticeTexts,
        seams: Seams,
        accounts: Accounts,
        jobs: Jobs,
        clock: Clock,
    ) -> Consents:
        """With the ledger's pen and the voices of plugins."""
        voices = Voices(seams, accounts, jobs)
        return cls(database, catalog, texts, Ledger(audit, voices, clock), voices, clock)

    def when_ended(self, purpose: str, act: OnNo) -> None:
        """From now on `act` runs in the transaction in which a given consent to `purpose` ends."""
        self.ledger.when_ended(purpose, act)

    # Answers

    async def record(
        self,
        scope: Scope,
        subject_id: UUID,
        answer: Answer,
        circumstances: Circumstances,
        *,
        actor: Actor,
        confirmed: bool = False,
    ) -> None:
        """Keeps the answer of a known person; effective at the next opening in every process.

        `confirmed` says that the person opened the link that was sent to them; see `Purpose.confirmed`.

        Raises `Rejected` for a purpose that rests on no consent, for a notice that was never shown, for a yes that
        must be confirmed first, and for one that the browser's own signal forbids (which is kept as a no); `Refused`
        for a yes that a plugin or the age rules do not let stand (kept as a no as well); `NotFound` for a person of
        another scope.
        """
        await self._check(answer, circumstances, confirmed=confirmed)
        vetoes = await self._vetoes(scope, subject_id, answer, circumstances)
        denied = _signalled(answer, circumstances)
        if denied:
            answer, circumstances = _denied(answer, circumstances)
        async with self._database.session(scope) as session:
            person = await locked_person(session, scope, subject_id)
            if not person:
                raise NotFound("There is no such person.")
            page = Page(session, scope, actor)
            vetoes = {**vetoes, **_age(person, answer, circumstances)}
            await self.ledger.answer(page, person, answer, circumstances, vetoes)
            await self.ledger.finish(page)
            await session.commit()
        if denied:
            raise _forbidden()
        if answer.given and (no := [verdict.reason for verdict in vetoes.values() if not verdict.allowed]):
            raise Refused("This yes does not stand here.", reason="child" if "child" in no else "vetoed")

    async def choose(
        self,
        scope: Scope,
        token: str | None,
        answers: Sequence[Answer],
        circumstances: Circumstances,
        *,
        forget: bool = True,
    ) -> Browser:
        """Keeps the answers of a browser whose visitor may be unknown. Raises `Rejected` as `record` does; a yes that a
        plugin does not let stand is a `refused` among the answers.

        A first yes makes a random number, which stands for this browser. Who says no to all gets none, and the one of
        earlier is forgotten, but for a child's: at once, or without `forget` after a day, in which its holder sees what
        was answered.
        """
        for answer in answers:
            await self._check(answer, circumstances)
        known, fresh = (await self.bearer(scope, token) if token else None), new_id()
        vetoes = {a.purpose: await self._vetoes(scope, known or fresh, a, circumstances) for a in answers}
        denied = any(_signalled(answer, circumstances) for answer in answers)
        async with self._database.session(scope) as session:
            browser = await self._browser(session, scope, token) if token else None
            person = await locked_person(session, scope, browser.subject_id) if browser else []
            page = Page(session, scope, Actor("visitor", "unknown"))
            if denied:
                answers = [a for a in answers if not a.given or _signalled(a, circumstances)]
            elif not person and any(a.given and _stand(vetoes[a.purpose]) for a in answers):
                token, browser, person = self._new_browser(session, scope, fresh)
                await session.flush()
            if person:
                page.actor = Actor("visitor", str(person[0].id))
            states = {}
            for answer in answers:
                said, how = answer, circumstances
                if _signalled(answer, circumstances):
                    said, how = _denied(answer, circumstances)
                if person:
                    asked = {**vetoes[answer.purpose], **_age(person, said, how)}
                    states[answer.purpose] = await self.ledger.answer(page, person, said, how, asked)
                else:
                    await self.ledger.nobody(page, fresh, said, how)
                    states[answer.purpose] = "refused"
            if not (person and self._worth(person[0])):
                token = None
                if browser is not None and forget:
                    await session.delete(browser)
            await self.ledger.finish(page)
            await session.commit()
        if denied:
            raise _forbidden()
        return Browser(token, states)

    async def heed(self, scope: Scope, subject_id: UUID, signal: Signal) -> None:
        """Takes back what a browser's signal forbids, whatever was answered earlier, and enters it as the signal's own
        (Art. 21(5) GDPR; § 7025 of California's regulations)."""
        if signal == "none":
            return
        standing = await self.of(scope, subject_id)
        against = [p for p, state in standing.items() if state == "given" and forbids(signal, p)]
        if not against:
            return
        async with self._database.session(scope) as session:
            person = await locked_person(session, scope, subject_id)
            page = Page(session, scope, Actor.system("consent.signal"))
            await self.end(page, person, against, "signal", signal)
            await self.ledger.finish(page)
            await session.commit()

    async def end(
        self, page: Page, person: Sequence[Subject], purposes: Sequence[str], method: str, signal: Signal = "none"
    ) -> set[str]:
        """Ends standing consents of the first of `person`, in the page's transaction, for a reason that is not their
        own answer: `method` names it. Returns those that stood."""
        ended = set()
        for purpose in purposes:
            if person and person[0].consents.get(purpose) == "given":
                no, how = await without_asking(page, person[0].id, purpose, method, signal)
                await self.ledger.answer(page, person, no, how, {})
                ended.add(purpose)
        return ended

    async def end_all(self, page: Page, person: Sequence[Subject], method: str) -> set[str]:
        """`end` of everything that stands, for everybody who is this person and in every browser that they chatted in
        last; of a child, but for what a parent allows where it is the age that ends it."""
        ended = set()
        for one in person:
            ending = [p for p in one.consents if method != "child" or p not in one.parent_allows]
            ended |= await self.end(page, [one, *(other for other in person if other is not one)], ending, method)
        allowed = {purpose for one in person for purpose in one.parent_allows} if method == "child" else set()
        for browser in await chatted_in(page.session, page.scope, [one.id for one in person]):
            ending = [p for p in browser.consents if p not in allowed]
            ended |= await self.end(page, [browser], ending, method)
        return ended

    async def withdraw(
        self, session: AsyncSession, scope: Scope, subject_id: UUID, method: str, *, actor: Actor
    ) -> set[str]:
        """A person takes back every yes, in the session's transaction; of nobody there is none to take back. Returns
        the purposes that something stood for."""
        page = Page(session, scope, actor)
        ended = await self.end_all(page, await locked_person(session, scope, subject_id), method)
        await self.ledger.finish(page)
        return ended

    async def chats(self, scope: Scope, token: str, subject_id: UUID) -> None:
        """Whoever is `subject_id` chats in the browser of this random number: from now on it is their word that ends
        what was allowed there. A number that stands for nobody here binds nothing."""
        async with self._database.session(scope) as session:
            browser = await self._browser(session, scope, token)
            if browser is not None and browser.visitor_id != subject_id:
                browser.visitor_id = subject_id
                session.add(browser)
                await session.commit()

    # What stands

    async def bearer(self, scope: Scope, token: str) -> UUID | None:
        """The person that a browser's random number stands for, or None."""
        async with self._database.session(scope) as session:
            browser = await self._browser(session, scope, token)
        return browser.subject_id if browser else None

    async def of(self, scope: Scope, subject_id: UUID) -> Mapping[str, str]:
        """The state of each purpose that was ever asked, at this moment."""
        async with self._database.session(scope) as session:
            subject = await session.get(Subject, (home(scope), subject_id))
        return dict(state_of(subject).at(self._clock.now()).consents) if subject is not None else {}

    async def worth(self, scope: Scope, subject_id: UUID) -> bool:
        """Whether a browser's number is to be kept there: a yes stands, or a child said its age, whose next yes there
        must be known for one."""
        async with self._database.session(scope) as session:
            subject = await session.get(Subject, (home(scope), subject_id))
        return subject is not None and self._worth(subject)

    def _worth(self, subject: Subject) -> bool:
        return "given" in state_of(subject).at(self._clock.now()).consents.values() or known_child(subject)

    async def history(self, scope: Scope, subject_id: UUID) -> list[ConsentEvent]:
        """Every answer of a person, the oldest first."""
        async with self._database.session(scope) as session:
            statement = (
                select(ConsentEvent)
                .where(ConsentEvent.home_id == home(scope), ConsentEvent.subject_id == subject_id)
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
        subject = await session.get(Subject, (home(scope), subject_id), with_for_update={"read": True})
        if subject is None:
            raise Refused("Nobody said yes to this.", reason="no_consent")
        mark = Mark("personal", purposes=frozenset({purpose}))
        state = state_of(subject).at(self._clock.now())
        reason = decide(mark, self._catalog.purposes[purpose], state, actor)
        if reason is not None:
            raise Refused("This person did not say yes to this.", reason=reason)

    # Before an answer counts

    async def _check(self, answer: Answer, circumstances: Circumstances, *, confirmed: bool = False) -> None:
        known = self._catalog.purposes.get(answer.purpose)
        if known is None or known.basis != "consent":
            raise Rejected(
                f"{answer.purpose!r} is no purpose that one can consent to.", code="no_such_choice", where="purpose"
            )
        if answer.given and known.confirmed and not confirmed:
            raise Rejected(
                f"A yes to {answer.purpose!r} counts once the link in a mail was opened and confirmed.",
                code="needs_confirmation",
                where="given",
            )
        if circumstances.statement is not None:
            return
        if answer.notice != f"choice.{answer.purpose}":
            raise Rejected(
                f"The notice {answer.notice!r} does not ask for {answer.purpose!r}.",
                code="wrong_notice",
                where="notice",
            )
        await self.texts.find(answer.notice, answer.version)

    async def _vetoes(
        self, scope: Scope, subject_id: UUID, answer: Answer, circumstances: Circumstances
    ) -> Mapping[str, Verdict]:
        if not answer.given or _signalled(answer, circumstances):
            return {}
        before = (await self.of(scope, subject_id)).get(answer.purpose)
        change = ConsentChange(
            scope,
            subject_id,
            answer.purpose,
            "renewed" if before == "given" else "given",
            before,
            answer.notice,
            answer.version,
            circumstances.locale,
            circumstances.method,
            circumstances.signal,
            circumstances.jurisdiction,
            self._clock.now(),
        )
        return await self.voices.veto(change)

    def _new_browser(
        self, session: AsyncSession, scope: Scope, subject_id: UUID
    ) -> tuple[str, ConsentBrowser, list[Subject]]:
        assert scope.domain_id is not None
        token = new_token("oo_consent_")
        subject = Subject(account_id=scope.account_id, home_id=scope.domain_id, id=subject_id, kind="browser")
        browser = ConsentBrowser(
            domain_id=scope.domain_id, subject_id=subject_id, hash=token_hash(token), created_at=self._clock.now()
        )
        session.add_all([subject, browser])
        return token, browser, [subject]

    async def _browser(self, session: AsyncSession, scope: Scope, token: str) -> ConsentBrowser | None:
        statement = select(ConsentBrowser).where(
            ConsentBrowser.domain_id == scope.domain_id, ConsentBrowser.hash == token_hash(token)
        )
        return (await session.exec(statement)).first()


def _stand(vetoes: Mapping[str, Verdict]) -> bool:
    return all(verdict.allowed for verdict in vetoes.values())


def _age(person: Sequence[Subject], answer: Answer, circumstances: Circumstances) -> Mapping[str, Verdict]:
    """The age rules as a verdict of core's own, kept like any other (Art. 8 GDPR)."""
    refused = answer.given and child(person, circumstances.jurisdiction, answer.purpose)
    return {"omniops": Verdict(False, "child")} if refused else {}


def _signalled(answer: Answer, circumstances: Circumstances) -> bool:
    return answer.given and forbids(circumstances.signal, answer.purpose)


def _denied(answer: Answer, circumstances: Circumstances) -> tuple[Answer, Circumstances]:
    """A yes that a signal forbids, as it is kept: the signal's no."""
    return replace(answer, given=False), replace(circumstances, method="signal")


def _forbidden() -> Rejected:
    return Rejected("The browser's signal forbids this purpose.", code="signal_forbids", where="given")

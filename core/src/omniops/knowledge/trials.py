"""The go-live gate: a business's own questions, asked after every change of content, encoder or settings.

Each run goes through the product's own search and the quoting answerer, and is held against the last accepted one. New
settings are tried before they are stored; content and encoder as soon as they changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts, DomainSettings, DomainView
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.knowledge import Encoder, IndexOffer, KnowledgeIndex
from omniops.contracts.plugin import Log
from omniops.contracts.provider import Provider
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound, NotReady, Rejected
from omniops.jobs.service import MAINTENANCE, Jobs, Task, scope_argument
from omniops.knowledge.collection import Collection
from omniops.knowledge.models import Crawl
from omniops.knowledge.outcomes import Outcome, compared, outcome_of
from omniops.knowledge.own_questions import MOST, Asking
from omniops.knowledge.store import PassageRows
from omniops.knowledge.trial_models import OwnQuestion, Trial

SETTLE = timedelta(seconds=60)
"""A crawl publishes many times; its questions are asked when it is done, or after `MOST_WAITS` such whiles."""
MOST_WAITS = 60
HOURLY = "41 * * * *"
NAMED = 5
"""Questions that a refusal names; the run holds all."""
EPSILON = 1e-9
QUOTING = "quoting"
"""The answerer that is measured, whoever answers the domain's visitors."""
KEPT = 50
"""Runs of a domain; the accepted one is kept however old it is."""


class Trials:
    """Keeps the questions, runs them, says what fell."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        audit: Audit,
        jobs: Jobs,
        rows: PassageRows,
        index: KnowledgeIndex,
        offers: Callable[[], Sequence[IndexOffer]],
        providers: Callable[[], Sequence[Provider]],
        encoder: Callable[[], Encoder | None],
        clock: Clock,
        log: Log,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._audit = audit
        self._jobs = jobs
        self._rows = rows
        self._index = index
        self._offers = offers
        self._providers = providers
        self._encoder = encoder
        self._clock = clock
        self._log = log
        jobs.register(
            Task("knowledge:trial", self._job, queue=MAINTENANCE),
            Task("knowledge:trials", self._all_domains, queue=MAINTENANCE, cron=HOURLY),
        )
        rows.on_change(self._content_changed)
        accounts.before_settings(self._before_settings)

    # The questions

    async def questions(self, scope: Scope) -> list[OwnQuestion]:
        """All questions of a domain, oldest first."""
        async with self._database.session(scope) as session:
            statement = (
                select(OwnQuestion).where(OwnQuestion.domain_id == scope.domain_id).order_by(col(OwnQuestion.id))
            )
            return list((await session.exec(statement)).all())

    async def add(self, scope: Scope, asked: Sequence[Asking], *, actor: Actor) -> list[OwnQuestion]:
        """Adds questions, all or none; one that is there is replaced where anything about it differs. Raises
        `Rejected` above the limit."""
        domain_id = scope_argument(scope)
        async with self._database.session(scope) as session:
            statement = select(OwnQuestion).where(OwnQuestion.domain_id == domain_id).with_for_update()
            known = {row.question: row for row in (await session.exec(statement)).all()}
            wanted = {one.question: one for one in asked}
            if len(known.keys() | wanted.keys()) > MOST:
                raise Rejected(f"A domain has at most {MOST} questions.", code="too_many_questions")
            kept = []
            for one in wanted.values():
                row = known.get(one.question)
                if row is not None and (tuple(row.pages), tuple(row.contains)) != (one.pages, one.contains):
                    # Another expectation is another question: what earlier runs say of it must not be compared.
                    await session.delete(row)
                    await session.flush()
                    row = None
                kept.append(row or _row(domain_id, one))
            session.add_all(kept)
            await self._soon(session, scope)
            await session.commit()
        await self._audit.write(
            Entry(scope.account_id, str(actor), "questions.add", "own_question", detail={"count": len(kept)})
        )
        return kept

    async def remove(self, scope: Scope, question_id: UUID, *, actor: Actor) -> None:
        """Raises `NotFound`."""
        async with self._database.session(scope) as session:
            row = await session.get(OwnQuestion, (scope.domain_id, question_id))
            if row is None:
                raise NotFound("There is no such question.")
            await session.delete(row)
            await session.commit()
        await self._audit.write(Entry(scope.account_id, str(actor), "questions.remove", "own_question"))

    # The runs

    async def all(self, scope: Scope, limit: int = 20, *, after: UUID | None = None) -> list[Trial]:
        """Runs, newest first, after the one with the id `after`."""
        async with self._database.session(scope) as session:
            statement = select(Trial).where(Trial.domain_id == scope.domain_id).order_by(col(Trial.id).desc())
            if after is not None:
                statement = statement.where(Trial.id < after)
            return list((await session.exec(statement.limit(limit))).all())

    async def one(self, scope: Scope, trial_id: UUID) -> Trial:
        """Raises `NotFound`."""
        async with self._database.session(scope) as session:
            trial = await session.get(Trial, (scope.domain_id, trial_id))
        if trial is None:
            raise NotFound("There is no such run.")
        return trial

    async def last(self, scope: Scope) -> Trial | None:
        """The newest run with what visitors get, or None."""
        async with self._database.session(scope) as session:
            statement = select(Trial).where(Trial.domain_id == scope.domain_id, col(Trial.live))
            return (await session.exec(statement.order_by(col(Trial.id).desc()).limit(1))).first()

    async def accept(self, scope: Scope, trial_id: UUID, *, actor: Actor) -> Trial:
        """From now on later runs are held against this one. Raises `NotFound`, and `Rejected` for a dry run."""
        trial = await self.one(scope, trial_id)
        if not trial.live:
            raise Rejected("This run was a trial of something that visitors do not get.", code="dry_run")
        async with self._database.session(scope) as session:
            trial.state, trial.accepted_at = "held", self._clock.now()
            session.add(trial)
            await session.commit()
        await self._audit.write(Entry(scope.account_id, str(actor), "trial.accept", "trial"))
        return trial

    async def run(self, scope: Scope, *, cause: str = "asked", live: bool = True) -> Trial:
        """Asks all questions now. With `live=False` the encoder of this process is tried: passages that have no vector
        of it are encoded in memory. Raises `NotFound` where there is no question, and `NotReady` without the quoting
        answerer."""
        return await self._run(await self._accounts.domain(scope), None, cause, live)

    async def _run(self, domain: DomainView, settings: DomainSettings | None, cause: str, live: bool) -> Trial:
        scope, now = domain.scope, settings or domain.settings
        questions = await self.questions(scope)
        if not questions:
            raise NotFound("This domain has no questions of its own.", do="Add some with `omniops eval questions add`.")
        outcomes = await self._ask(scope, questions, (now.answer_cut, now.closest_cut), live or settings is not None)
        base = await self._accepted(scope)
        comparison = compared(base.outcomes if base is not None else None, outcomes)
        fell = base is not None and comparison.loss > now.fall_margin + EPSILON
        held = live and (base is None or comparison.loss <= EPSILON)
        encoder = self._encoder()
        trial = Trial(
            domain_id=scope_argument(scope),
            cause="first" if base is None and live else cause,
            live=live,
            state="fell" if fell else "held",
            fingerprint=await self._fingerprint(scope, now, questions),
            encoder_id=encoder.id if encoder is not None else "none",
            answer_cut=now.answer_cut,
            closest_cut=now.closest_cut,
            score=round(sum(outcome.score for outcome in outcomes) / len(outcomes), 4),
            loss=round(comparison.loss, 4),
            against=base.id if base is not None else None,
            fell=[str(outcome.id) for outcome in comparison.fell],
            outcomes=[outcome.to_json() for outcome in outcomes],
            created_at=self._clock.now(),
            accepted_at=self._clock.now() if held else None,
        )
        async with self._database.session(scope) as session:
            session.add(trial)
            await session.flush()
            await _forget_old(session, scope, {trial.id, base.id if base is not None else trial.id})
            await session.commit()
        if fell:
            self._log.warning(
                "trial.fell", domain=str(domain.id), trial=str(trial.id), cause=cause, live=live, fell=len(trial.fell)
            )
        return trial

    async def _ask(
        self, scope: Scope, questions: Sequence[OwnQuestion], cuts: tuple[float, float], as_is: bool
    ) -> list[Outcome]:
        provider = next((provider for provider in self._providers() if provider.name == QUOTING), None)
        encoder = self._encoder()
        if provider is None:
            raise NotReady("The quoting answerer is not enabled.", do="Run `omniops plugin enable quoting`.")
        if as_is or encoder is None or not await self._rows.unencoded(scope, encoder.id):
            return [await outcome_of(question, self._index, provider, scope, cuts) for question in questions]
        from omniops.knowledge.evaluate import indexed

        offer = next((offer for offer in self._offers() if offer.name == self._index.name), None)
        if offer is None:
            raise NotReady(f"The index {self._index.name!r} offers no second one to try an encoder in.")
        async with indexed(await self._collection(scope), offer, encoder) as index:
            return [await outcome_of(question, index, provider, scope, cuts) for question in questions]

    async def _collection(self, scope: Scope) -> Collection:
        stored = await self._rows.passages(scope, None)
        by_id = await self._rows.fetch(scope, stored.ids)
        passages = tuple(by_id[i] for i in stored.ids if i in by_id)
        return Collection("", passages, tuple(p.url for p in passages), (), {})

    async def _accepted(self, scope: Scope) -> Trial | None:
        async with self._database.session(scope) as session:
            statement = select(Trial).where(Trial.domain_id == scope.domain_id, col(Trial.accepted_at).is_not(None))
            return (await session.exec(statement.order_by(col(Trial.accepted_at).desc()).limit(1))).first()

    async def _fingerprint(self, scope: Scope, settings: DomainSettings, questions: Sequence[OwnQuestion]) -> str:
        encoder = self._encoder()
        parts = [
            await self._rows.generation(scope),
            encoder.id if encoder is not None else "none",
            f"{settings.answer_cut} {settings.closest_cut}",
            *sorted(str(question.id) for question in questions),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    # When they run

    async def _before_settings(self, before: DomainView, after: DomainSettings, despite_fall: bool) -> None:
        cuts = (after.answer_cut, after.closest_cut)
        if cuts == (before.settings.answer_cut, before.settings.closest_cut) or not await self._has_any(before.scope):
            return
        if await self._accepted(before.scope) is None:
            await self._run(before, None, "first", True)
        trial = await self._run(before, after, "settings", False)
        if trial.state == "fell" and after.on_fall == "refuse" and not despite_fall:
            names = {outcome["id"]: outcome["question"] for outcome in trial.outcomes}
            worse = "; ".join(names[i] for i in trial.fell[:NAMED])
            raise Rejected(
                f"Nothing was changed: {len(trial.fell)} of {len(trial.outcomes)} own questions would be answered "
                f"worse ({worse}).",
                code="answers_fell",
                where="settings",
                do=f"See run {trial.id}. To take it all the same, send it with despite_fall.",
            )
        async with self._database.session(before.scope) as session:
            await self._soon(session, before.scope)
            await session.commit()

    async def _content_changed(self, session: AsyncSession, scope: Scope) -> None:
        statement = select(OwnQuestion.id).where(OwnQuestion.domain_id == scope.domain_id).limit(1)
        if (await session.exec(statement)).first() is not None:
            await self._soon(session, scope)

    async def _soon(self, session: AsyncSession, scope: Scope, waits: int = 0) -> None:
        domain_id = scope_argument(scope)
        await self._jobs.enqueue(
            session,
            "knowledge:trial",
            lock=f"trial:{domain_id}",
            unique=f"trial:{domain_id}",
            at=self._clock.now() + SETTLE,
            domain_id=domain_id,
            waits=waits,
        )

    async def _job(self, scope: Scope, waits: int = 0) -> None:
        """Runs where anything changed since the last run. A crawl at work is waited for: half a site answers half."""
        async with self._database.session(scope) as session:
            reading = (
                await session.exec(
                    select(func.count()).select_from(Crawl)
                    .where(Crawl.domain_id == scope.domain_id, Crawl.state == "running")
                )
            ).one()  # fmt: skip
            if reading and waits < MOST_WAITS:
                await self._soon(session, scope, waits + 1)
                await session.commit()
                return
        domain, questions = await self._accounts.domain(scope), await self.questions(scope)
        last = await self.last(scope)
        if not questions:
            return
        if last is None or last.fingerprint != await self._fingerprint(scope, domain.settings, questions):
            encoder = self._encoder()
            changed = last is not None and last.encoder_id != (encoder.id if encoder is not None else "none")
            await self._run(domain, None, "encoder" if changed else "content", True)

    async def _all_domains(self) -> None:
        """What no change told of, such as another encoder, is found within the hour."""
        async with self._database.system("knowledge: which domains have questions of their own") as session:
            domains = (await session.exec(select(OwnQuestion.domain_id).distinct())).all()
        for domain_id in domains:
            scope = await self._database.scope_of(domain_id)
            async with self._database.session(scope) as session:
                await self._soon(session, scope)
                await session.commit()

    async def _has_any(self, scope: Scope) -> bool:
        async with self._database.session(scope) as session:
            statement = select(OwnQuestion.id).where(OwnQuestion.domain_id == scope.domain_id).limit(1)
            return (await session.exec(statement)).first() is not None


async def _forget_old(session: AsyncSession, scope: Scope, but: set[UUID]) -> None:
    newest = select(Trial.id).where(Trial.domain_id == scope.domain_id).order_by(col(Trial.id).desc()).limit(KEPT)
    connection = await session.connection()
    await connection.execute(
        delete(Trial).where(
            col(Trial.domain_id) == scope.domain_id, col(Trial.id).not_in(newest), col(Trial.id).not_in(but)
        )
    )


def _row(domain_id: UUID, asked: Asking) -> OwnQuestion:
    return OwnQuestion(
        domain_id=domain_id, question=asked.question, pages=list(asked.pages), contains=list(asked.contains)
    )

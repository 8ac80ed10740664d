"""Cases from their receipt to their answer: `runtime.privacy.cases`.

A case opens when somebody asks, whoever it is. Who asks is shown in proportion: a live session shows that session's
data, a one-time link an e-mail address, a person decides the rest. Then it is done, by the rules or by a person, at
every place; and it closes when every place has answered, with a reply and a signed certificate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, literal, tuple_
from sqlalchemy.dialects.postgresql import array
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts
from omniops.audit.service import Audit, Entry
from omniops.contracts.rights import Fulfilment
from omniops.contracts.scope import Actor, Scope
from omniops.errors import NotFound, Refused, Rejected
from omniops.jobs.service import SENDING, Jobs, Retry, Task, scope_argument
from omniops.privacy.rights.book import CLOSED, Asked, Book, Came, settled
from omniops.privacy.rights.ending import Ending
from omniops.privacy.rights.fulfilling import Fulfilling
from omniops.privacy.rights.kinds import AUTOMATIC, REFUSALS, fits
from omniops.privacy.rights.letters import RULES, Letters
from omniops.privacy.rights.models import RightsCase, RightsEvent, RightsTask
from omniops.privacy.rights.views import CaseView
from omniops.signing import Signer

ACTOR = Actor.system("privacy.case")


class Cases:
    """What members and the rules do with cases."""

    def __init__(
        self,
        book: Book,
        fulfilling: Fulfilling,
        letters: Letters,
        accounts: Accounts,
        jobs: Jobs,
        audit: Audit,
        signer: Signer,
        public_url: str,
    ) -> None:
        self.book = book
        self.fulfilling = fulfilling
        self.letters = letters
        self._accounts = accounts
        self._jobs = jobs
        self._audit = audit
        self.ending = Ending(book, letters, accounts, signer, public_url)
        # One that fails is left to `privacy:cases`, which asks again.
        jobs.register(Task("privacy:case", self.run, queue=SENDING, retry=Retry(attempts=3)))

    @property
    def public_key(self) -> bytes:
        """What certificates are checked with."""
        return self.ending.public_key

    # Opening

    async def open(self, scope: Scope, asked: Asked, came: Came, *, actor: Actor) -> CaseView:
        """A case; the same `came.key` again gives the same one. With a proof the rules go to work at once.

        Raises `Rejected` for a right or region that there is not."""
        async with self.book.database.session(scope) as session:
            case, _ = await self.put(session, scope, asked, came, actor=actor)
            await session.commit()
        return CaseView(case)

    async def put(
        self, session: AsyncSession, scope: Scope, asked: Asked, came: Came, *, actor: Actor
    ) -> tuple[RightsCase, bool]:
        """`open` in the session's transaction; and whether the case is new."""
        case, new = await self.book.add(session, scope, asked, came, actor=actor)
        if new and case.identity != "none":
            await self.begin(session, scope, case)
        return case, new

    async def begin(self, session: AsyncSession, scope: Scope, case: RightsCase) -> None:
        """Identity is shown: the rules do it, or it waits for a person. Part of the session's transaction."""
        case.state = "open"
        self.book.resume(case)
        await self.book.count(scope, case)
        session.add(case)
        if await self.automatic(scope, case):
            await self.later(session, scope, case)

    async def automatic(self, scope: Scope, case: RightsCase) -> bool:
        """Whether nobody has to approve what is done: the rules allow it, and the business does not want to look."""
        wanted = (await self._accounts.domain(scope)).settings.rights_by_person
        return case.right in AUTOMATIC and case.right not in wanted and case.identity in ("session", "email")

    async def later(self, session: AsyncSession, scope: Scope, case: RightsCase) -> None:
        """A job carries the case on."""
        await self._jobs.enqueue(
            session,
            "privacy:case",
            lock=f"rights:{case.id}",
            unique=f"rights:{case.id}",
            domain_id=scope_argument(scope),
            case_id=case.id,
        )

    # Doing

    async def run(self, scope: Scope, case_id: str) -> None:
        """The job: does what is asked, and closes the case if every place has answered and nobody must look."""
        async with self.book.database.session(scope) as session:
            case = await self.book.get(session, scope, UUID(case_id))
        if case.state != "open":
            return
        await self.fulfilling.carry(scope, case, actor=ACTOR)
        async with self.book.database.session(scope) as session:
            case = await self.book.get(session, scope, case.id, lock=True)
            tasks = await self.book.tasks(session, case)
            if case.state == "open" and all(map(settled, tasks)):
                if await self.automatic(scope, case) or case.right == "child":
                    await self.ending.finish(session, scope, case, tasks, None, by=RULES, actor=ACTOR)
                else:
                    await self.ending.draft(session, scope, case, tasks)
            await session.commit()

    async def act(self, scope: Scope, case_id: UUID, *, actor: Actor) -> CaseView:
        """A person lets it be done. Raises `NotFound`, `Rejected`, and `Refused` where nobody has shown who asks."""
        async with self.book.database.session(scope) as session:
            case = await self.book.open_(session, scope, case_id)
            self._proven(case)
            self.book.note(session, case, "approved", actor)
            await session.commit()
        await self._note(scope, actor, "case.act", case)
        await self.run(scope, str(case.id))
        return await self.read(scope, case_id, actor=actor)

    async def prove(
        self, scope: Scope, case_id: UUID, subjects: Sequence[UUID], evidence: str, *, actor: Actor
    ) -> CaseView:
        """A person decides who asks, or that an agent's mandate holds, and whom it is about. Raises `NotFound` for
        subjects of another scope, `Rejected`."""
        worded(evidence, "evidence")
        async with self.book.database.session(scope) as session:
            case = await self.book.open_(session, scope, case_id)
            for one in subjects:
                await self.fulfilling.living(scope, one)
            case.subjects, case.identity = [str(one) for one in subjects], "person"
            await self.begin(session, scope, case)
            self.book.note(session, case, "proven", actor, words=evidence.strip(), subjects=len(subjects))
            await session.commit()
        await self._note(scope, actor, "case.prove", case)
        return await self.read(scope, case_id, actor=actor)

    async def settle(self, scope: Scope, case_id: UUID, task_id: UUID, answer: Fulfilment, *, actor: Actor) -> CaseView:
        """A person closes a task on evidence. Raises `NotFound`, `Rejected`."""
        if answer.state not in CLOSED:
            raise Rejected(f"A task is not closed by {answer.state!r}.", code="not_closed", where="state")
        async with self.book.database.session(scope) as session:
            case = await self.book.open_(session, scope, case_id)
            found = {task.id: task for task in await self.book.tasks(session, case)}
            if (task := found.get(task_id)) is None:
                raise NotFound("This case has no such task.", do="Look at the case's tasks; give the id of one.")
            await self.book.answer(session, case, task.store, task.title, answer, by=str(actor))
            self.book.note(session, case, "settled", actor, store=task.store, state=answer.state)
            tasks = await self.book.tasks(session, case)
            if all(map(settled, tasks)):
                await self.ending.draft(session, scope, case, tasks)
            await session.commit()
        await self.fulfilling.settled(scope, case, task.store, answer, actor=actor)
        await self._note(scope, actor, "case.settle", case)
        return await self.read(scope, case_id, actor=actor)

    async def correct(
        self, scope: Scope, case_id: UUID, what: str, value: str, *, row_id: UUID | None = None, actor: Actor
    ) -> CaseView:
        """A person corrects a value; who received the old one becomes a task (Arts. 16, 19). Raises `NotFound`,
        `Rejected` as `Persons.rectify` does and for a case of another right, `Refused` where nobody showed who asks."""
        async with self.book.database.session(scope) as session:
            case = await self.book.open_(session, scope, case_id)
        self._proven(case)
        if case.right not in ("rectification", "correct"):
            raise Rejected("This case asks for no correction.", code="no_correction", where="case")
        await self.fulfilling.correct(scope, case, what, value, row_id, actor=actor)
        async with self.book.database.session(scope) as session:
            case = await self.book.open_(session, scope, case_id)
            self.book.note(session, case, "corrected", actor, what=what)
            await session.commit()
        await self._note(scope, actor, "case.correct", case)
        return await self.read(scope, case_id, actor=actor)

    # Ending

    async def close(self, scope: Scope, case_id: UUID, text: str | None = None, *, actor: Actor) -> CaseView:
        """Approves the drafted reply, or one with these words, sends it and closes the case.

        Raises `Refused` (`open_tasks`) while a place has not answered, `NotFound`, `Rejected`."""
        async with self.book.database.session(scope) as session:
            case = await self.book.open_(session, scope, case_id)
            tasks = await self.book.tasks(session, case)
            await self.ending.finish(session, scope, case, tasks, text, by=str(actor), actor=actor)
            await session.commit()
        await self._note(scope, actor, "case.close", case)
        return await self.read(scope, case_id, actor=actor)

    async def refuse(self, scope: Scope, case_id: UUID, code: str, reason: str, *, actor: Actor) -> CaseView:
        """Refuses for a reason of law. The reply names it, and where the person can complain (Art. 12(4)).

        Raises `Rejected` without a code of the law that fits the right, or without a reason; `NotFound`. An objection
        as a whole is refused only where it is none (Art. 12): against grounds, `objections.py` weighs each purpose."""
        worded(reason, "reason")
        async with self.book.database.session(scope) as session:
            case = await self.book.open_(session, scope, case_id)
            if code not in REFUSALS or not fits(code, case.right):
                fitting = [one for one in REFUSALS if fits(one, case.right)]
                raise Rejected(
                    f"The law knows no refusal {code!r} of the right {case.right!r}.",
                    code="no_such_refusal",
                    where="code",
                    do=f"There are: {', '.join(fitting)}.",
                )
            case.refusal = code
            tasks = await self.book.tasks(session, case)
            for task in [task for task in tasks if not settled(task)]:
                said = Fulfilment("refused", REFUSALS[code], code)
                await self.book.answer(session, case, task.store, task.title, said, by=str(actor))
            self.book.note(session, case, "refused", actor, words=reason.strip(), code=code)
            text = self.letters.text(case, "refused", {"law": REFUSALS[code], "reason": reason.strip()})
            tasks = await self.book.tasks(session, case)
            await self.ending.finish(session, scope, case, tasks, text, by=str(actor), actor=actor, refused=True)
            await session.commit()
        await self._note(scope, actor, "case.refuse", case)
        return await self.read(scope, case_id, actor=actor)

    async def extend(self, scope: Scope, case_id: UUID, reason: str, *, actor: Actor) -> CaseView:
        """Takes the longer term, and tells the person why (Art. 12(3)). Raises `Rejected` without a reason, a second
        time, where no law extends, and after the first term is over."""
        worded(reason, "reason")
        async with self.book.database.session(scope) as session:
            case = await self.book.open_(session, scope, case_id)
            now, before = self.book.clock.now(), case.due_at
            if case.extended_at is not None or now > before:
                raise Rejected("The term was extended before, or is over.", code="not_extendable")
            case.extended_at = now
            await self.book.count(scope, case)
            if case.due_at <= before:
                raise Rejected("No law extends the term of this case.", code="not_extendable")
            values = {"reason": reason.strip(), "day": f"{case.due_at:%Y-%m-%d}"}
            await self.letters.at_once(session, scope, case, "extended", values)
            self.book.note(session, case, "extended", actor, words=reason.strip(), due=f"{case.due_at:%Y-%m-%d}")
            session.add(case)
            await session.commit()
        await self._note(scope, actor, "case.extend", case)
        return await self.read(scope, case_id, actor=actor)

    async def confirm_receipt(self, scope: Scope, case_id: UUID, *, actor: Actor) -> CaseView:
        """Tells the person that the request was received (11 CCR § 7021(a), s. 164A DPA 2018)."""
        async with self.book.database.session(scope) as session:
            case = await self.book.open_(session, scope, case_id)
            if case.confirmed_at is None:
                case.confirmed_at = self.book.clock.now()
                await self.letters.at_once(session, scope, case, "received", {"day": f"{case.due_at:%Y-%m-%d}"})
                session.add(case)
                await session.commit()
        return await self.read(scope, case_id, actor=actor)

    # Reading

    async def all(
        self,
        scope: Scope,
        *,
        state: str | None = None,
        order: Literal["came", "due", "newest"] = "came",
        after: UUID | None = None,
        limit: int = 50,
    ) -> list[CaseView]:
        """Cases of a domain, in the order in which they came, by their last day, or the newest first. Those of
        children are marked `urgent`. By last day, raises `NotFound` for an `after` that is no case."""
        statement = select(RightsCase).where(RightsCase.domain_id == scope.domain_id)
        if state is not None:
            statement = statement.where(RightsCase.state == state)
        async with self.book.database.session(scope) as session:
            if after is not None:
                statement = statement.where(await self._beyond(session, scope, order, after))
            match order:
                case "came":
                    statement = statement.order_by(col(RightsCase.id))
                case "due":
                    statement = statement.order_by(col(RightsCase.due_at), col(RightsCase.id))
                case "newest":
                    statement = statement.order_by(col(RightsCase.id).desc())
            rows = (await session.exec(statement.limit(limit))).all()
        return [CaseView(row) for row in rows]

    async def about(self, scope: Scope, subjects: Sequence[UUID]) -> list[CaseView]:
        """The cases about a person that are not closed, in the order in which they came."""
        theirs = col(RightsCase.subjects).op("?|")(array([str(one) for one in subjects]))
        statement = select(RightsCase).where(
            RightsCase.domain_id == scope.domain_id, RightsCase.state != "closed", theirs
        )
        async with self.book.database.session(scope) as session:
            return [CaseView(row) for row in (await session.exec(statement.order_by(col(RightsCase.id)))).all()]

    async def _beyond(self, session: AsyncSession, scope: Scope, order: str, after: UUID) -> ColumnElement[bool]:
        """That a case stands behind another in an order."""
        if order != "due":
            return col(RightsCase.id) > after if order == "came" else col(RightsCase.id) < after
        last = await self.book.get(session, scope, after)
        return tuple_(col(RightsCase.due_at), col(RightsCase.id)) > tuple_(literal(last.due_at), literal(last.id))

    async def read(self, scope: Scope, case_id: UUID, *, actor: Actor) -> CaseView:
        """A case with everything, opened for the reader, with an entry in the audit. Raises `NotFound`."""
        async with self.book.database.session(scope) as session:
            case = await self.book.get(session, scope, case_id)
            tasks = await self.book.tasks(session, case)
            events = select(RightsEvent).where(RightsEvent.domain_id == case.domain_id, RightsEvent.case_id == case.id)
            happened = (await session.exec(events.order_by(col(RightsEvent.id)))).all()
            written: list[RightsTask | RightsEvent] = [*tasks, *happened]
            beside = [row for row in written if row.words is not None]
            words, letters, opened = await self.letters.all(session, case, beside, actor=actor)
        return CaseView(
            case,
            await self.book.terms(scope, case),
            tasks,
            happened,
            [(one, opened(one.text, otherwise="")) for one in letters],
            opened(words.text, otherwise="") if words is not None and words.text is not None else "",
            opened(words.email, otherwise="") if words is not None and words.email is not None else "",
            {row.id: opened(row.words, otherwise="") or "" for row in beside},
        )

    async def certificate(self, scope: Scope, case_id: UUID) -> dict[str, Any]:
        """What was signed when the case was closed. Raises `NotFound`, `Rejected`."""
        async with self.book.database.session(scope) as session:
            case = await self.book.get(session, scope, case_id)
        if case.certificate is None:
            raise Rejected("This case is not closed.", code="case_open")
        return case.certificate

    def _proven(self, case: RightsCase) -> None:
        if case.identity == "none" and case.right != "child":
            raise Refused(
                "Nobody has shown who asks.",
                reason="not_proven",
                do="Wait for the one-time link, or decide who it is, on evidence.",
            )

    async def _note(self, scope: Scope, actor: Actor, action: str, case: RightsCase) -> None:
        await self._audit.write(
            Entry(
                scope.account_id, str(actor), action, "rights_case", detail={"case": str(case.id), "right": case.right}
            )
        )


def worded(text: str, where: str) -> None:
    """Raises `Rejected` for words that are empty or too long."""
    if not text.strip() or len(text) > 1000:
        raise Rejected(f"{where} needs 1 to 1000 characters.", code="empty", where=where)

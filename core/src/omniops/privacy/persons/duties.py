"""The duty to erase a person: begun once, and carried on by every run until nothing is left anywhere (Art. 17).

Our own half goes at once: keys, then rows and files. Stores outside are asked in parallel, each with a deadline; one
that fails, lies or is silent is asked again by a job, and the duty stays open. A run that was killed is finished by the
next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.ids import Clock
from omniops.contracts.rights import Fulfilment, Person
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.database.service import Database
from omniops.database.tables import forget
from omniops.errors import NotFound, Refused, Rejected
from omniops.jobs.service import MAINTENANCE, SENDING, Jobs, Retry, Task
from omniops.privacy.erasure import Erasure
from omniops.privacy.linking import same_person
from omniops.privacy.persons.models import ErasureContact, ErasureDuty, ErasureTask
from omniops.privacy.persons.people import People, home_of
from omniops.privacy.persons.recipients import Recipients
from omniops.privacy.persons.scanning import Scanner
from omniops.privacy.persons.stores import Outside, Stores
from omniops.vault.models import Subject
from omniops.vault.service import Vault

ACTOR = Actor.system("privacy.erase")
CLOSED = ("done", "nothing_held", "refused")
"""States of a task that needs nothing more."""
SOON = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
"""Waits between runs grow twofold from `SOON` up to this."""
_DUE = text(
    "select account_id, home_id, id from erasure_duty where state = 'open' and next_at <= :now order by next_at"
)


class Duties:
    """Begins duties and carries them on."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        jobs: Jobs,
        people: People,
        erasure: Erasure,
        stores: Stores,
        recipients: Recipients,
        scanner: Scanner,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._jobs = jobs
        self._people = people
        self._erasure = erasure
        self._stores = stores
        self._recipients = recipients
        self._scanner = scanner
        self._clock = clock
        jobs.register(
            Task("privacy:erase", self.run, queue=SENDING, retry=Retry(attempts=3)),
            Task("privacy:duties", self.due, queue=MAINTENANCE, cron="*/5 * * * *"),
        )

    async def begin(self, scope: Scope, subject_id: UUID, *, actor: Actor, wait: bool) -> UUID:
        """The person's duty: the one that is there, opened again if it was closed, or a new one. With it a job is
        stored that carries it on: at once, or where the caller does so itself (`wait`) a minute later, should this
        process end before. Raises `NotFound`, and `Refused` (`hold`)."""
        async with self._database.session(scope) as session:
            found = await self._people.subjects(session, scope, subject_id)
        ids = [subject.id for subject in found]
        outside = await self._stores.of(scope)
        unknown = [one for one in await self._recipients.of(scope, ids) if not one.known and not _own(one.processor)]
        living = any(subject.erased_at is None for subject in found)
        # For nobody but the stores and a member's sign-in: else nothing of the person is kept for the duty.
        wanted = living and (outside or scope.domain_id is None)
        known = (await self._people.person(scope, ids, actor=actor)).identifiers if wanted else {}
        async with self._database.session(scope) as session:
            locked = await self._people.subjects(session, scope, subject_id, lock=True)
            if any(subject.hold for subject in locked):
                raise Refused(
                    "A legal hold stands against erasing this person. Nothing was erased.",
                    reason="hold",
                    do="Lift the hold first, or wait until somebody does.",
                )
            duty = await self._known(session, scope, ids)
            if duty is None:
                duty = ErasureDuty(
                    account_id=scope.account_id,
                    home_id=home_of(scope),
                    subjects=[str(one) for one in ids],
                    requested_by=str(actor),
                    created_at=self._clock.now(),
                )
                session.add(duty)
                await session.flush()
                await self._keep_contact(session, scope, duty, known if outside else {})
            elif duty.state == "closed" and living:  # of the same person something came to be known since
                await self._keep_contact(session, scope, duty, known if outside else {})
                await self._ask_anew(session, duty)
            if scope.domain_id is None:
                for email in known.get("email", ()):
                    address = await self._vault.address_hash("email", email, session=session)
                    await forget(session, "member_address", address)
            tasks = [(one.key, one.store.title) for one in outside]
            tasks += [(f"processor:{one.processor}", one.name) for one in unknown]
            await self._add_tasks(session, duty, tasks)
            duty.state, duty.closed_at, duty.next_at = "open", None, self._clock.now() + SOON
            session.add(duty)
            later = duty.next_at if wait else None
            await self._enqueue(session, duty.account_id, duty.home_id, duty.id, at=later)
            await session.commit()
        return duty.id

    async def run(self, account_id: str, home_id: str, duty_id: str) -> None:
        """The job: carries a duty on."""
        account, home = UUID(account_id), UUID(home_id)
        await self.advance(Scope(account, home if home != account else None), UUID(duty_id))

    async def due(self) -> None:
        """Every open duty whose time has come gets its job."""
        async with self._database.system("privacy: erasures that are not finished") as session:
            rows = (await (await session.connection()).execute(_DUE, {"now": self._clock.now()})).all()
            for row in rows:
                await self._enqueue(session, row.account_id, row.home_id, row.id)
            await session.commit()

    async def advance(self, scope: Scope, duty_id: UUID) -> None:
        """Does what can be done now, and closes the duty if nothing is left. Safe to repeat, also at the same time."""
        duty, tasks = await self.read(scope, duty_id)
        if duty.state == "closed":
            return
        ids = await self._grown(scope, duty)
        if await self._held(scope, ids) or not await self._delete(scope, duty, ids):
            await self._close(scope, duty_id, "hold")
            return
        person = await self._person(scope, duty, ids)
        by_key = {one.key: one for one in await self._stores.of(scope)}
        waiting = [task for task in tasks if task.state not in CLOSED]
        known = [by_key[task.store] for task in waiting if task.store in by_key]
        answers = {one.key: answer for one, answer in await self._stores.ask_all(known, "erase", person)}
        for task in waiting:
            await self._note(scope, task, answers.get(task.store) or _nobody(task.store), count=True)
        waits_for = await self._check(scope, duty_id, person, by_key)
        if waits_for is None:
            await self._forget_contact(scope, duty)
        await self._close(scope, duty_id, waits_for)

    async def settle(self, scope: Scope, duty_id: UUID, task_id: UUID, answer: Fulfilment, *, actor: Actor) -> None:
        """A person closes a task whose store cannot answer any more, on evidence. Raises `NotFound`, and `Rejected` for
        a state that closes nothing."""
        if answer.state not in CLOSED:
            raise Rejected(f"A task is not closed by {answer.state!r}.", code="not_closed", where="state")
        _, tasks = await self.read(scope, duty_id)
        task = next((task for task in tasks if task.id == task_id), None)
        if task is None:
            raise NotFound("There is no such task.")
        await self._note(scope, task, answer, by=str(actor))

    async def read(self, scope: Scope, duty_id: UUID) -> tuple[ErasureDuty, list[ErasureTask]]:
        """A duty and its tasks. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            duty = await session.get(ErasureDuty, (home_of(scope), duty_id))
            if duty is None:
                raise NotFound("There is no such erasure.")
            return duty, await self._tasks(session, duty)

    async def of(self, scope: Scope, subject_ids: Sequence[UUID]) -> tuple[ErasureDuty, list[ErasureTask]] | None:
        """The person's duty, if there ever was one."""
        async with self._database.session(scope) as session:
            duty = await self._known(session, scope, subject_ids)
            return None if duty is None else (duty, await self._tasks(session, duty))

    async def person(self, scope: Scope, duty: ErasureDuty) -> Person:
        """Whom the stores are asked about."""
        return await self._person(scope, duty, [UUID(one) for one in duty.subjects])

    async def _known(self, session: AsyncSession, scope: Scope, ids: Sequence[UUID]) -> ErasureDuty | None:
        statement = (
            select(ErasureDuty)
            .where(ErasureDuty.home_id == home_of(scope))
            .where(
                col(ErasureDuty.subjects).op("?|")(text("cast(:ids as text[])").bindparams(ids=[str(i) for i in ids]))
            )
            .order_by(col(ErasureDuty.id).desc())
            .limit(1)
        )
        return (await session.exec(statement)).first()

    async def _tasks(self, session: AsyncSession, duty: ErasureDuty) -> list[ErasureTask]:
        statement = (
            select(ErasureTask)
            .where(ErasureTask.home_id == duty.home_id, ErasureTask.duty_id == duty.id)
            .order_by(col(ErasureTask.store))
        )
        return list((await session.exec(statement)).all())

    async def _keep_contact(
        self, session: AsyncSession, scope: Scope, duty: ErasureDuty, known: Mapping[str, Sequence[str]]
    ) -> None:
        if not known:
            return
        own = Subject(account_id=scope.account_id, home_id=duty.home_id, kind="erasure")
        duty.contact_id = own.id
        session.add(own)
        for kind, values in known.items():
            for value in values:
                session.add(
                    ErasureContact(
                        account_id=scope.account_id,
                        home_id=duty.home_id,
                        subject_id=own.id,
                        duty_id=duty.id,
                        kind=kind,
                        value=seal(value),
                    )
                )

    async def _add_tasks(self, session: AsyncSession, duty: ErasureDuty, wanted: Sequence[tuple[str, str]]) -> None:
        there = {task.store for task in await self._tasks(session, duty)}
        for store, title in wanted:
            if store not in there:
                session.add(
                    ErasureTask(
                        account_id=duty.account_id, home_id=duty.home_id, duty_id=duty.id, store=store, title=title
                    )
                )

    async def _ask_anew(self, session: AsyncSession, duty: ErasureDuty) -> None:
        for task in await self._tasks(session, duty):
            task.state, task.by = "waiting", None
            session.add(task)

    async def _grown(self, scope: Scope, duty: ErasureDuty) -> list[UUID]:
        """The duty's subjects, and those that were found to be the same person since it began."""
        ids = [UUID(one) for one in duty.subjects]
        if scope.domain_id is None:
            return ids
        async with self._database.session(scope) as session:
            linked = {other for one in ids for other in await same_person(session, scope.domain_id, one)}
            if linked - set(ids):
                ids += sorted(linked - set(ids))
                row = await session.get(ErasureDuty, (duty.home_id, duty.id), with_for_update=True)
                assert row is not None
                row.subjects = [str(one) for one in ids]
                session.add(row)
                await session.commit()
        return ids

    async def _person(self, scope: Scope, duty: ErasureDuty, ids: Sequence[UUID]) -> Person:
        async with self._database.session(scope) as session:
            statement = select(ErasureContact).where(
                ErasureContact.home_id == duty.home_id, ErasureContact.duty_id == duty.id
            )
            rows = (await session.exec(statement.order_by(col(ErasureContact.id)))).all()
        known: dict[str, list[str]] = {}
        if rows:
            clear = await self._people.open(scope, rows, actor=ACTOR)
            for row in rows:
                # None where a run was cut while it forgot them: then every store has answered.
                if (value := clear(row.value, otherwise=None)) is not None:
                    known.setdefault(row.kind, []).append(value)
        return Person(scope, tuple(ids), {kind: tuple(values) for kind, values in known.items()})

    async def _held(self, scope: Scope, ids: Sequence[UUID]) -> bool:
        """A hold on one of the subjects holds all: of a person half erased nothing could be defended."""
        statement = select(Subject.id).where(
            Subject.home_id == home_of(scope),
            col(Subject.id).in_(ids),
            col(Subject.hold),
            col(Subject.erased_at).is_(None),
        )
        async with self._database.session(scope) as session:
            return (await session.exec(statement)).first() is not None

    async def _delete(self, scope: Scope, duty: ErasureDuty, ids: Sequence[UUID]) -> bool:
        """Our own half, of every subject of which something is left: the keys of all in one transaction, so that nobody
        is half erased. False where a hold came in between."""
        left = [one for one in ids if (await self._scanner.here(scope, [one])).here]
        try:
            await self._vault.shred(scope, *left, actor=ACTOR)
        except Refused:
            return False
        for one in left:
            deleted = await self._erasure.delete_rows(scope, one)
            async with self._database.session(scope) as session:
                row = await session.get(ErasureDuty, (duty.home_id, duty.id), with_for_update=True)
                assert row is not None
                row.deleted = {t: row.deleted.get(t, 0) + deleted.get(t, 0) for t in {*row.deleted, *deleted}}
                session.add(row)
                await session.commit()
        return True

    async def _check(self, scope: Scope, duty_id: UUID, person: Person, by_key: dict[str, Outside]) -> str | None:
        """What the duty waits for. A store that says it holds nothing is asked for a copy; one that cannot give one,
        or still has something, has failed."""
        _, tasks = await self.read(scope, duty_id)
        said_so = [t for t in tasks if t.state in ("done", "nothing_held") and t.by is None and t.store in by_key]
        scan = await self._scanner.scan(person, [by_key[task.store] for task in said_so])
        copies = dict(scan.outside)
        for task in said_so:
            answer = copies[task.store]
            if answer.state != "nothing_held":
                code = "still_held" if answer.state == "done" else "unproven"
                said = f"It said {task.state!r}; asked for a copy, it answered {answer.state!r}."
                await self._note(scope, task, Fulfilment("failed", said, code))
        if scan.here:
            return "rows"
        _, tasks = await self.read(scope, duty_id)
        return None if all(task.state in CLOSED for task in tasks) else "stores"

    async def _note(
        self, scope: Scope, task: ErasureTask, answer: Fulfilment, *, count: bool = False, by: str | None = None
    ) -> None:
        async with self._database.session(scope) as session:
            row = await session.get(ErasureTask, (task.home_id, task.id), with_for_update=True)
            if row is None or row.by is not None:  # a person has decided
                return
            if count and row.state in CLOSED:  # another run was quicker, and this answer is of before
                return
            row.state, row.code, row.by = answer.state, answer.code, by
            row.evidence = answer.evidence if by is None else ""
            row.words = seal(answer.evidence) if by is not None else None
            row.attempts, row.answered_at = row.attempts + count, self._clock.now()
            session.add(row)
            await session.commit()

    async def _forget_contact(self, scope: Scope, duty: ErasureDuty) -> None:
        if duty.contact_id is not None:
            await self._erasure.erase(scope, duty.contact_id, actor=ACTOR)

    async def _close(self, scope: Scope, duty_id: UUID, waits_for: str | None) -> None:
        async with self._database.session(scope) as session:
            duty = await session.get(ErasureDuty, (home_of(scope), duty_id), with_for_update=True)
            assert duty is not None
            now = self._clock.now()
            duty.attempts, duty.waits_for = duty.attempts + 1, waits_for
            if waits_for is None:
                duty.state, duty.closed_at = "closed", duty.closed_at or now
            else:
                duty.state, duty.closed_at = "open", None
                duty.next_at = now + min(SOON * 2 ** min(duty.attempts, 10), LONGEST_WAIT)
            session.add(duty)
            await session.commit()

    async def _enqueue(
        self, session: AsyncSession, account_id: UUID, home_id: UUID, duty_id: UUID, *, at: datetime | None = None
    ) -> None:
        await self._jobs.enqueue(
            session,
            "privacy:erase",
            lock=f"erase:{duty_id}",
            unique=f"erase:{duty_id}",
            at=at,
            account_id=account_id,
            home_id=home_id,
            duty_id=duty_id,
        )


def _own(processor: str) -> bool:
    return processor.startswith("own-")


def _nobody(store: str) -> Fulfilment:
    return Fulfilment("failed", f"No loaded plugin knows {store}.", "plugin_not_loaded")

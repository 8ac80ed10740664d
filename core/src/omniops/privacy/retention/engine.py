"""The engine: a plan that is counted and shown, a person's approval, a deletion that equals the plan or does not begin.

The nightly run plans and deletes in one go, under the periods that are promised to visitors; nobody needs to wake up
for it. A plan that a person asked for waits for a person's approval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.models import Account, Domain
from omniops.accounts.service import Accounts
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.retention import Swept
from omniops.contracts.scope import Actor, Scope, only_a_person
from omniops.database.service import Database
from omniops.errors import NotFound, PluginError, Refused, Rejected
from omniops.jobs.service import MAINTENANCE, Jobs, Task, scope_argument
from omniops.plugins.seams import Seams
from omniops.privacy.catalog import Catalog
from omniops.privacy.retention.closing import Closing
from omniops.privacy.retention.counting import changes, name_of, plan_hash
from omniops.privacy.retention.models import RetentionRun
from omniops.privacy.retention.reckoning import Reckoned, Reckoning
from omniops.privacy.retention.rules import Rules
from omniops.privacy.retention.sweeping import ACTOR, HomeHeld, Sweeper
from omniops.vault.blobs import Blobs
from omniops.vault.service import Vault

NIGHTLY = "41 3 * * *"
_ABOUT_PEOPLE = text(
    "select c.relname as name, h.attname as home from pg_class c"
    " join pg_attribute s on s.attrelid = c.oid and s.attname = 'subject_id' and not s.attisdropped"
    " join pg_attribute h on h.attrelid = c.oid and h.attname in ('domain_id', 'home_id') and not h.attisdropped"
    " where c.relnamespace = 'omniops'::regnamespace and c.relkind in ('r', 'p')"
)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as people see it. `plan` holds periods, items (rows by table and field), persons, and what is kept back."""

    id: UUID
    state: str
    at: datetime
    hash: str
    plan: dict[str, Any]
    deleted: dict[str, int]
    shredded: int
    problems: list[str]
    planned_by: str
    approved_by: str | None
    created_at: datetime
    ended_at: datetime | None

    @property
    def rows(self) -> int:
        """How many rows and fields are planned to go."""
        return sum(item["rows"] for item in self.plan["items"])

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {"rows": self.rows}


class Retention:
    """Plans, approves, deletes, and keeps count."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        blobs: Blobs,
        audit: Audit,
        jobs: Jobs,
        accounts: Accounts,
        seams: Seams,
        catalog: Catalog,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._blobs = blobs
        self._audit = audit
        self._jobs = jobs
        self._seams = seams
        self._clock = clock
        self.rules = Rules(database, audit, catalog, clock)
        self.closing = Closing(database, vault, accounts, audit, clock)
        self._reckoning = Reckoning(database, accounts, seams, self.rules)
        jobs.register(
            Task("privacy:nightly", self.nightly, queue=MAINTENANCE, cron=NIGHTLY),
            Task("privacy:sweep", self._sweep, queue=MAINTENANCE),
            Task("privacy:sweep_account", self._sweep_account, queue=MAINTENANCE),
            Task("privacy:run", self._run, queue=MAINTENANCE),
        )

    # What a person does

    async def plan(self, scope: Scope, *, actor: Actor) -> Run:
        """The dry run: what would be deleted now. Nothing is. Where a plugin does not answer, the run is `incomplete`
        at once, and says why."""
        return _view(await self._planned(scope, actor, "planned"))

    async def approve(self, scope: Scope, run_id: UUID, hash_: str, *, actor: Actor) -> Run:
        """A person's yes to exactly this plan; a worker then deletes it.

        Raises `Refused` (`needs_a_member`) for who is no person; `NotFound`; `Rejected` (`not_planned`, `wrong_hash`);
        `Refused` (`plan_changed`) where something else would be deleted by now, and then the plan is over.
        """
        row = await self._get(scope, run_id)
        only_a_person(actor, "A plan of deletions is approved")
        if row.state != "planned":
            raise Rejected(
                f"This run is {row.state}; only a planned one can be approved.",
                code="not_planned",
                do="Make a new plan.",
            )
        if row.hash != hash_:
            raise Rejected(
                "This is not the hash of the plan.",
                code="wrong_hash",
                where="hash",
                do="Look at the plan, give its hash.",
            )
        await self._check(scope, row)
        async with self._database.session(scope) as session:
            if not await _move(session, row, "planned", state="approved", approved_by=str(actor)):
                raise Rejected("Somebody else decided about this plan meanwhile.", code="not_planned")
            if scope.domain_id is not None:
                await self._jobs.enqueue(
                    session, "privacy:run", lock=_lock(scope), domain_id=scope_argument(scope), run_id=run_id
                )
            await session.commit()
        await self._audited(scope, actor, "retention.approved", row, {"hash": row.hash})
        return _view(await self._get(scope, run_id))

    async def runs(self, scope: Scope, *, after: UUID | None = None, limit: int = 50) -> list[Run]:
        """Runs of a domain or account, the newest first."""
        async with self._database.session(scope) as session:
            statement = select(RetentionRun).where(RetentionRun.home_id == _home(scope))
            if after is not None:
                statement = statement.where(col(RetentionRun.id) < after)
            found = (await session.exec(statement.order_by(col(RetentionRun.id).desc()).limit(limit))).all()
        return [_view(row) for row in found]

    async def one(self, scope: Scope, run_id: UUID) -> Run:
        """Raises `NotFound`."""
        return _view(await self._get(scope, run_id))

    # What a worker does

    async def nightly(self) -> None:
        """A run for every domain, and one for every account's own rows."""
        async with self._database.system("retention: which domains and accounts there are") as session:
            domains = (await session.exec(select(Domain.account_id, Domain.id))).all()
            accounts = (await session.exec(select(Account.account_id))).all()
        for account_id, domain_id in domains:
            scope = Scope(account_id, domain_id)
            async with self._database.session(scope) as session:
                await self._jobs.enqueue(
                    session, "privacy:sweep", lock=_lock(scope), unique=_lock(scope), domain_id=domain_id
                )
                await session.commit()
        for account_id in accounts:
            scope = Scope(account_id)
            async with self._database.session(scope) as session:
                await self._jobs.enqueue(
                    session, "privacy:sweep_account", lock=_lock(scope), unique=_lock(scope), account_id=account_id
                )
                await session.commit()

    async def sweep(self, scope: Scope) -> Run:
        """Finishes what a killed run left, then plans and deletes what is due now."""
        async with self._database.session(scope) as session:
            begun = select(RetentionRun).where(RetentionRun.home_id == _home(scope), RetentionRun.state == "running")
            cut_short = (await session.exec(begun.order_by(col(RetentionRun.id)))).all()
        for row in cut_short:
            await self._execute(scope, row)
        row = await self._planned(scope, ACTOR, "running")
        if row.state == "running":
            await self._execute(scope, row)
        return await self.one(scope, row.id)

    async def run(self, scope: Scope, run_id: UUID) -> Run:
        """Deletes an approved plan, or goes on with one that was cut short. Anything else is left as it is. A plan that
        does not hold any more becomes `refused`."""
        row = await self._get(scope, run_id)
        if row.state == "approved":
            try:
                await self._check(scope, row)
            except Refused:
                return await self.one(scope, run_id)
            async with self._database.session(scope) as session:
                await _move(session, row, "approved", state="running")
                await session.commit()
            row = await self._get(scope, run_id)
        if row.state == "running":
            await self._execute(scope, row)
        return await self.one(scope, run_id)

    async def _run(self, scope: Scope, run_id: str) -> None:
        await self.run(scope, UUID(run_id))

    async def _sweep(self, scope: Scope) -> None:
        await self.sweep(scope)

    async def _sweep_account(self, account_id: str) -> None:
        if not await self.closing.end(UUID(account_id)):
            await self.sweep(Scope(UUID(account_id)))

    async def _planned(self, scope: Scope, actor: Actor, state: str) -> RetentionRun:
        at = self._clock.now()
        problems: list[str] = []
        try:
            plan = (await self._reckoning.plan(scope, at)).plan
        except PluginError as error:
            plan = {
                "at": at.isoformat(),
                "periods": {},
                "held": False,
                "kept_back": [],
                "items": [],
                "subjects": 0,
                "unruled": [],
            }
            state, problems = "incomplete", [str(error)]
        row = RetentionRun(
            account_id=scope.account_id,
            home_id=_home(scope),
            state=state,
            at=at,
            plan=plan,
            hash=plan_hash(plan),
            problems=problems,
            planned_by=str(actor),
            created_at=at,
            ended_at=at if problems else None,
        )
        async with self._database.session(scope) as session:
            session.add(row)
            await session.commit()
        await self._audited(scope, actor, "retention.planned", row, {"hash": row.hash, "state": state})
        return row

    async def _check(self, scope: Scope, row: RetentionRun) -> None:
        """Refuses a plan that is not what would be deleted now, and closes it. Raises `Refused`."""
        try:
            found = changes(row.plan, (await self._reckoning.plan(scope, row.at)).plan)
        except PluginError as error:
            found = [str(error)]
        if not found:
            return
        async with self._database.session(scope) as session:
            await _move(session, row, row.state, state="refused", problems=found, ended_at=self._clock.now())
            await session.commit()
        await self._audited(scope, ACTOR, "retention.refused", row, {"hash": row.hash})
        raise Refused(
            f"The plan does not hold any more: {' '.join(found)}", reason="plan_changed", do="Make a new plan."
        )

    async def _execute(self, scope: Scope, row: RetentionRun) -> None:
        """Deletes, destroys the keys of persons of whom nothing is left, and closes the run."""
        problems: list[str] = []
        files = 0
        try:
            found = await self._reckoning.again(scope, row.plan)
        except PluginError as error:
            problems = [str(error)]
        else:
            problems, files = await self._delete(scope, row, found)
        done = await self._get(scope, row.id)
        problems += [*row.plan["unruled"], *_differences(done)]
        state = "incomplete" if problems else "done"
        detail = {"state": state, "hash": row.hash, "rows": done.deleted, "shredded": done.shredded, "files": files}
        await self._audited(scope, ACTOR, "retention.swept", row, detail)
        async with self._database.session(scope) as session:
            await _move(session, row, "running", state=state, problems=problems, ended_at=self._clock.now())
            await session.commit()
        swept = Swept(scope, row.id, "incomplete" if problems else "done", done.deleted, done.shredded)
        await self._seams.retention_swept(swept, await self._reckoning.on(scope))

    async def _delete(self, scope: Scope, row: RetentionRun, found: Reckoned) -> tuple[list[str], int]:
        if found.plan["held"]:
            return ["A legal hold stands on the whole domain."] if row.plan["items"] else [], 0
        sweeper = Sweeper(self._database, self._vault, scope, row.id, found.terms)
        try:
            await sweeper.sweep(found.places)
            if scope.domain_id is None:
                return [], 0
            files = await self._blobs.sweep(scope)
            await sweeper.shred(found.places, await self._unknown(scope))
        except HomeHeld:
            return ["A legal hold was placed on the whole domain meanwhile."], 0
        return [], files

    async def _unknown(self, scope: Scope) -> Sequence[tuple[str, str]]:
        """Tables about people that no model is known of, such as those of a plugin that is gone."""
        known = {table.name for table in SQLModel.metadata.tables.values()}
        async with self._database.session(scope) as session:
            rows = await (await session.connection()).execute(_ABOUT_PEOPLE)
            return [(row.name, row.home) for row in rows if row.name not in known]

    async def _get(self, scope: Scope, run_id: UUID) -> RetentionRun:
        async with self._database.session(scope) as session:
            row = await session.get(RetentionRun, (_home(scope), run_id))
        if row is None:
            raise NotFound("There is no such run.")
        return row

    async def _audited(
        self, scope: Scope, actor: Actor, action: str, row: RetentionRun, detail: dict[str, Any]
    ) -> None:
        home = {"run": str(row.id), "home": str(row.home_id)}
        await self._audit.write(Entry(scope.account_id, str(actor), action, "retention_run", detail=home | detail))


async def _move(session: AsyncSession, row: RetentionRun, before: str, **values: Any) -> bool:
    """Changes a run that is still in a state; part of the session's transaction."""
    statement = (
        update(RetentionRun)
        .where(
            col(RetentionRun.home_id) == row.home_id, col(RetentionRun.id) == row.id, col(RetentionRun.state) == before
        )
        .values(**values)
    )
    return (await (await session.connection()).execute(statement)).rowcount == 1


def _differences(row: RetentionRun) -> list[str]:
    """Where a run deleted something else than planned."""
    planned = {name_of(item): item["rows"] for item in row.plan["items"]}
    found = []
    for name in sorted({*planned, *row.deleted}):
        wanted, done = planned.get(name, 0), row.deleted.get(name, 0)
        if done != wanted:
            found.append(f"{name}: {done} of {wanted} planned rows were deleted; the next run takes what is left.")
    return found


def _home(scope: Scope) -> UUID:
    return scope.domain_id or scope.account_id


def _lock(scope: Scope) -> str:
    return f"retention:{_home(scope)}"


def _view(row: RetentionRun) -> Run:
    return Run(
        row.id,
        row.state,
        row.at,
        row.hash,
        row.plan,
        row.deleted,
        row.shredded,
        row.problems,
        row.planned_by,
        row.approved_by,
        row.created_at,
        row.ended_at,
    )

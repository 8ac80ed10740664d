"""The queue's one door: tasks by name, enqueued in the caller's own transaction, run by workers on any machine.

Delivery is at least once: every task must be safe to run twice. Arguments are ids, never personal data: they lie in
clear, without row-level security, until the job is purged.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from procrastinate import App, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import JobAborted, UniqueViolation
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from procrastinate.retry import BaseRetryStrategy
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import acting
from omniops.contracts.plugin import Log
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotReady, Permanent, Rejected

Handler = Callable[..., Awaitable[None]]
REPLIES = "replies"
CRAWLS = "crawls"
MAINTENANCE = "maintenance"
SENDING = "sending"
"""Jobs that wait for a receiver that a business chose. They have places of their own: who answers slowly, or never,
keeps nobody's replies waiting."""
QUEUES = (REPLIES, CRAWLS, MAINTENANCE, SENDING)
"""Long CPU work has a queue of its own, so that a crawl cannot fill the places of the replies."""
SENDERS = 40
"""Sending jobs at the same time in one worker."""
LISTENING = "listening"
"""Jobs that mostly wait: listening channels. They have places of their own, and a worker that stops cuts them short at
once, so that another one goes on."""
LISTENERS = 200
"""Listening jobs at the same time in one worker."""

_ENQUEUE = text(
    "select jobs.omniops_enqueue(task, args, queue, lock, queueing_lock, priority, at) from unnest("
    "cast(:tasks as text[]), cast(:args as jsonb[]), cast(:queues as text[]), cast(:locks as text[]),"
    " cast(:uniques as text[]), cast(:priorities as int[]), cast(:ats as timestamptz[]))"
    " as one (task, args, queue, lock, queueing_lock, priority, at)"
)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how fast a task is tried again. Waits grow twofold from `first` to `cap` seconds, with full jitter.

    A job that waits for a retry keeps its place in its lock's order, and later jobs of the lock wait behind it: keep
    `cap` small where there is a lock.
    """

    attempts: int = 5
    first: float = 1.0
    cap: float = 60.0


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of work. `name` is `room:verb` and never changes, or queued jobs would be stranded.

    `run(scope, **arguments)` where the arguments hold a `domain_id`, else `run(**arguments)`. `cron` makes it periodic
    (UTC; a sixth column counts seconds); a tick missed by more than ten minutes is skipped.
    """

    name: str
    run: Handler
    queue: str = REPLIES
    retry: Retry = field(default_factory=Retry)
    cron: str | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds between signs of life of a worker, until it counts as dead, and between looks for dead ones' jobs; and
    seconds that every wait for a retry is longer than its task says, for who looks at the queue in between."""

    heartbeat: float = 5.0
    stalled: float = 20.0
    rescue: str = "* * * * * */15"
    longer: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """A job to be added. Jobs of one `lock` run one at a time, in order. `unique`: while a job with this key waits,
    nothing is added; it is no idempotency key."""

    task: str
    arguments: Mapping[str, UUID | str | int]
    lock: str | None = None
    unique: str | None = None
    at: datetime | None = None
    priority: int = 0


class _Strategy(BaseRetryStrategy):
    """One strategy for every task. A job that a stopping worker cuts short goes back to the queue at once."""

    def __init__(self, retry: Retry, longer: float = 0.0) -> None:
        self._retry = retry
        self._longer = longer

    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision | None:
        if isinstance(exception, asyncio.CancelledError | JobAborted):
            return RetryDecision(retry_in={"seconds": 0})
        if isinstance(exception, Permanent | Rejected) or job.attempts + 1 >= self._retry.attempts:
            return None
        wait = random.uniform(0, min(self._retry.cap, self._retry.first * 2**job.attempts))  # noqa: S311
        if isinstance(exception, NotReady) and exception.retry_after is not None:
            wait = max(wait, exception.retry_after)
        return RetryDecision(retry_at=datetime.now().astimezone() + timedelta(seconds=wait + self._longer))


RESCUE_LIMIT = 10
"""A job that kills its worker every time must not come back for ever. Above the largest `Retry.attempts`."""


class Jobs:
    """Tasks of this process, and the queue of the whole deployment."""

    def __init__(self, database: Database, log: Log, timing: Timing | None = None) -> None:
        self._database = database
        self._log = log
        self._timing = timing or Timing()
        self._tasks: dict[str, Task] = {}

    def register(self, *tasks: Task) -> None:
        """Makes tasks known to this process's worker and to `enqueue`."""
        for task in tasks:
            if task.name in self._tasks:
                raise ValueError(f"Task {task.name!r} is registered twice.")
            if task.retry.attempts >= RESCUE_LIMIT:
                raise ValueError(f"Task {task.name!r}: at most {RESCUE_LIMIT - 1} attempts.")
            self._tasks[task.name] = task

    async def enqueue(
        self,
        session: AsyncSession,
        task: str,
        *,
        lock: str | None = None,
        unique: str | None = None,
        at: datetime | None = None,
        priority: int = 0,
        **arguments: UUID | str | int,
    ) -> int | None:
        """Adds a job in the session's transaction: it exists when, and only when, that commits.

        Jobs of one `lock` run one at a time, in order. `unique`: while a job with this key waits, nothing is added and
        None is returned; it is no idempotency key. Returns the job's id.
        """
        job = Job(task, arguments, lock=lock, unique=unique, at=at, priority=priority)
        (number,) = await self.enqueue_each(session, [job])
        return number

    async def enqueue_each(self, session: AsyncSession, jobs: Sequence[Job]) -> list[int | None]:
        """`enqueue` for many with one statement."""
        return await _put(session, [(job, self._tasks[job.task].queue) for job in jobs])

    def app(self) -> App:
        """A procrastinate app with all registered tasks, the rescue and the purge. Not opened yet."""
        app = self._app(self._tasks.values())
        self._add_maintenance(app)
        return app

    def _of(self, queue: str) -> list[Task]:
        return [task for task in self._tasks.values() if task.queue == queue]

    def _app(self, tasks: Iterable[Task]) -> App:
        connector = PsycopgConnector(conninfo=self._database.links.jobs.conninfo(), min_size=1, max_size=6)
        app = App(connector=connector, worker_defaults={"update_heartbeat_interval": self._timing.heartbeat})
        for task in tasks:
            self._add(app, task)
        return app

    async def work(self, queues: Sequence[str] = QUEUES, concurrency: int = 10, *, wait: bool = True) -> None:
        """Runs jobs of `queues` until cancelled; with `wait=False`, until none is left. Finishes running jobs first,
        but for those of `LISTENING`, which go back to the queue."""
        working = [queue for queue in queues if queue not in (LISTENING, SENDING)]
        workers = [self._worker(self.app(), working, concurrency, wait=wait, graceful=10)] if working else []
        if SENDING in queues and (sending := self._of(SENDING)):
            workers.append(self._worker(self._app(sending), [SENDING], SENDERS, wait=wait, graceful=10))
        if LISTENING in queues:
            listening = self._app(self._of(LISTENING))
            workers.append(self._worker(listening, [LISTENING], LISTENERS, wait=wait, graceful=0 if wait else 10))
        tasks = [asyncio.create_task(worker) for worker in workers]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED if wait else asyncio.ALL_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _worker(self, app: App, queues: list[str], concurrency: int, *, wait: bool, graceful: float) -> None:
        async with app.open_async():
            await app.run_worker_async(
                queues=queues,
                concurrency=concurrency,
                wait=wait,
                shutdown_graceful_timeout=graceful,
                delete_jobs="never",
                install_signal_handlers=False,
                update_heartbeat_interval=self._timing.heartbeat,
                stalled_worker_timeout=self._timing.stalled,
            )

    def _add(self, app: App, task: Task) -> None:
        async def run(_context: JobContext, /, **arguments: Any) -> None:
            arguments.pop("timestamp", None)
            with acting(Actor.system(task.name)):
                if "domain_id" in arguments:
                    scope = await self._database.scope_of(UUID(arguments.pop("domain_id")))
                    await task.run(scope, **arguments)
                else:
                    await task.run(**arguments)

        registered = app.task(
            name=task.name,
            queue=task.queue,
            retry=_Strategy(task.retry, self._timing.longer),
            pass_context=True,
            queueing_lock=f"tick:{task.name}" if task.cron else None,
        )(run)
        if task.cron:
            app.periodic(cron=task.cron)(registered)  # type: ignore[arg-type]  # the tick's time is an argument too

    def _add_maintenance(self, app: App) -> None:
        manager = app.job_manager

        async def rescue() -> None:
            for job in await manager.get_stalled_jobs(seconds_since_heartbeat=self._timing.stalled):
                if job.attempts >= RESCUE_LIMIT:
                    self._log.error("job.given_up", job=job.id, task=job.task_name)
                    await manager.finish_job_by_id_async(job_id=job.id or 0, status=Status.FAILED, delete_job=False)
                else:
                    self._log.warning("job.rescued", job=job.id, task=job.task_name)
                    try:
                        await manager.retry_job(job)
                    except UniqueViolation:  # the next one under its key waits already
                        await manager.finish_job_by_id_async(
                            job_id=job.id or 0, status=Status.ABORTED, delete_job=False
                        )

        async def purge() -> None:
            # No hold asks for these: a job holds ids, and what it did stands in rows that holds are asked about.
            await manager.delete_old_jobs(nb_hours=72, include_failed=False)
            await manager.delete_old_jobs(
                nb_hours=24 * 30, include_failed=True, include_cancelled=True, include_aborted=True
            )

        self._add(app, Task("jobs:rescue", rescue, queue=MAINTENANCE, cron=self._timing.rescue))
        self._add(app, Task("jobs:purge", purge, queue=MAINTENANCE, cron="17 3 * * *"))

    async def counts(self) -> dict[str, int]:
        """Jobs by status, for `omniops status`."""
        app = self.app()
        async with app.open_async():
            rows = await app.job_manager.list_queues_async()
        return {
            status: sum(int(row.get(status, 0)) for row in rows) for status in ("todo", "doing", "succeeded", "failed")
        }


async def put(
    session: AsyncSession,
    task: str,
    *,
    queue: str,
    lock: str | None = None,
    unique: str | None = None,
    at: datetime | None = None,
    priority: int = 0,
    **arguments: UUID | str | int,
) -> int | None:
    """`Jobs.enqueue` for who knows the task's queue and holds no `Jobs`."""
    job = Job(task, arguments, lock=lock, unique=unique, at=at, priority=priority)
    (number,) = await _put(session, [(job, queue)])
    return number


async def _put(session: AsyncSession, jobs: Sequence[tuple[Job, str]]) -> list[int | None]:
    """Each job with its queue."""
    connection = await session.connection()
    found = await connection.execute(
        _ENQUEUE,
        {
            "tasks": [job.task for job, _ in jobs],
            "args": [_json(job.arguments) for job, _ in jobs],
            "queues": [queue for _, queue in jobs],
            "locks": [job.lock for job, _ in jobs],
            "uniques": [job.unique for job, _ in jobs],
            "priorities": [job.priority for job, _ in jobs],
            "ats": [job.at for job, _ in jobs],
        },
    )
    return list(found.scalars())


def _json(arguments: Mapping[str, UUID | str | int]) -> str:
    return json.dumps({k: str(v) if isinstance(v, UUID) else v for k, v in arguments.items()})


def scope_argument(scope: Scope) -> UUID:
    """The `domain_id` argument of a job in this scope."""
    if scope.domain_id is None:
        raise ValueError("A job of a domain needs a scope with a domain.")
    return scope.domain_id

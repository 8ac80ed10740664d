"""The queue: in the caller's transaction, in order per key, again after a kill, with each effect once."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from omniops.errors import NotReady, Permanent
from omniops.jobs.service import CRAWLS, REPLIES, Jobs, Retry, Task, Timing, _Strategy, scope_argument
from omniops.testing.fakes import RecordingLog
from procrastinate.exceptions import JobAborted
from sqlalchemy import text

NOW = Timing(heartbeat=0.2, stalled=0.6, rescue="* * * * * *")
EFFECTS = "create table if not exists jobs.test_effect (key text primary key, at timestamptz default clock_timestamp())"


@pytest.fixture
def jobs(rooms):
    return Jobs(rooms.database, RecordingLog(), NOW)


@pytest.fixture
async def scope(rooms):
    return await rooms.domain()


async def test_a_job_exists_when_and_only_when_its_transaction_commits(rooms, jobs, scope):
    ran = []

    async def note(scope, what):
        ran.append((scope, what))

    jobs.register(Task("test:note", note))
    for commit in (False, True):
        async with rooms.database.session(scope) as session:
            await jobs.enqueue(session, "test:note", domain_id=scope_argument(scope), what=str(commit))
            if commit:
                await session.commit()
    await jobs.work(wait=False)
    assert ran == [(scope, "True")]


async def test_a_duplicate_waits_once_and_the_transaction_lives_on(rooms, jobs, scope):
    async def nothing(scope):
        return None

    jobs.register(Task("test:once", nothing))
    async with rooms.database.session(scope) as session:
        first = await jobs.enqueue(session, "test:once", unique="reindex", domain_id=scope_argument(scope))
        second = await jobs.enqueue(session, "test:once", unique="reindex", domain_id=scope_argument(scope))
        assert (await (await session.connection()).execute(text("select 1"))).scalar() == 1
        await session.commit()
    assert isinstance(first, int)
    assert second is None
    await jobs.work(wait=False)


async def test_jobs_of_one_lock_run_in_order_and_one_at_a_time(rooms, jobs, scope):
    order, running = [], []

    async def step(scope, number):
        running.append(number)
        assert len(running) == 1
        await asyncio.sleep(0)
        running.remove(number)
        order.append(number)

    jobs.register(Task("test:step", step))
    async with rooms.database.session(scope) as session:
        for number in range(25):
            await jobs.enqueue(session, "test:step", lock="conv:1", domain_id=scope_argument(scope), number=number)
        await session.commit()
    while len(order) < 25:  # `wait=False` returns when nothing can be fetched, which a running lock brings about
        before = len(order)
        await jobs.work(wait=False, concurrency=10)
        assert len(order) > before
    assert order == list(range(25))


async def test_a_failing_task_is_tried_again_and_a_permanent_one_is_not(rooms, jobs, scope):
    tries = {"soft": 0, "hard": 0}

    async def fail(scope, kind):
        tries[kind] += 1
        raise NotReady("away", retry_after=0) if kind == "soft" else Permanent("never")

    jobs.register(Task("test:fail", fail, retry=Retry(attempts=3, first=0, cap=0)))
    async with rooms.database.session(scope) as session:
        for kind in tries:
            await jobs.enqueue(session, "test:fail", domain_id=scope_argument(scope), kind=kind)
        await session.commit()
    for _ in range(4):
        await jobs.work(wait=False)
    assert tries == {"soft": 3, "hard": 1}


@pytest.mark.parametrize("interruption", [asyncio.CancelledError(), JobAborted()])
def test_a_job_that_a_stopping_worker_cuts_short_goes_back_whatever_its_attempts(interruption):
    from types import SimpleNamespace

    decision = _Strategy(Retry(attempts=1)).get_retry_decision(exception=interruption, job=SimpleNamespace(attempts=99))
    assert decision is not None


async def test_a_job_of_a_domain_that_is_gone_fails_without_running(rooms, jobs, scope):
    ran = []

    async def note(scope):
        ran.append(scope)

    jobs.register(Task("test:gone", note, retry=Retry(attempts=1)))
    async with rooms.database.session(scope) as session:
        await jobs.enqueue(session, "test:gone", domain_id=uuid4())
        await session.commit()
    await jobs.work(wait=False)
    assert ran == []


async def test_arguments_are_ids_in_clear_and_the_app_cannot_read_them(rooms, jobs, scope):
    jobs.register(Task("test:read", lambda scope: asyncio.sleep(0)))
    async with rooms.database.session(scope) as session:
        await jobs.enqueue(session, "test:read", domain_id=scope_argument(scope))
        with pytest.raises(Exception, match="permission denied"):
            await (await session.connection()).execute(text("select args from jobs.procrastinate_jobs"))


def test_a_task_name_is_registered_once(jobs):
    jobs.register(Task("test:twice", lambda: asyncio.sleep(0)))
    with pytest.raises(ValueError, match="registered twice"):
        jobs.register(Task("test:twice", lambda: asyncio.sleep(0)))


async def test_kill_9_among_a_thousand_jobs_leaves_each_effect_exactly_once(rooms, jobs, scope, tmp_path):
    """A worker process is killed while it works; another one finishes. The effect is a row under a unique key."""
    links = rooms.database.links
    with psycopg.connect(links.admin.conninfo(), autocommit=True) as connection:
        connection.execute(EFFECTS)
        connection.execute("grant all on jobs.test_effect to omniops_app")
        connection.execute("truncate jobs.test_effect")
    jobs.register(Task("test:effect", lambda scope, key: asyncio.sleep(0)))
    async with rooms.database.session(scope) as session:
        for number in range(1000):
            await jobs.enqueue(session, "test:effect", domain_id=scope_argument(scope), key=str(number))
        await session.commit()

    def worker() -> subprocess.Popen[bytes]:
        script = Path(__file__).with_name("kill_worker.py")
        environment = {**os.environ, "TEST_LINKS": links.app.conninfo(), "TEST_JOBS": links.jobs.conninfo()}
        return subprocess.Popen([sys.executable, script], env=environment, stderr=subprocess.DEVNULL)

    def done() -> int:
        with psycopg.connect(links.admin.conninfo()) as connection:
            return connection.execute("select count(*) from jobs.test_effect").fetchone()[0]

    def open_jobs() -> int:
        with psycopg.connect(links.admin.conninfo()) as connection:
            return connection.execute(
                "select count(*) from jobs.procrastinate_jobs where task_name = 'test:effect'"
                " and status in ('todo', 'doing')"
            ).fetchone()[0]

    first = worker()
    while done() < 150:
        assert first.poll() is None
        await asyncio.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert 150 <= done() < 1000
    second = worker()
    try:
        async with asyncio.timeout(90):
            while open_jobs():  # noqa: ASYNC110 - another process's work
                await asyncio.sleep(0.1)
    finally:
        second.terminate()
        second.wait()
    with psycopg.connect(links.admin.conninfo()) as connection:
        keys = {row[0] for row in connection.execute("select key from jobs.test_effect").fetchall()}
        failed = connection.execute(
            "select count(*) from jobs.procrastinate_jobs where task_name = 'test:effect' and status <> 'succeeded'"
        ).fetchone()
    assert keys == {str(number) for number in range(1000)}
    assert failed == (0,)


def test_queues_separate_long_work_from_replies():
    assert REPLIES != CRAWLS


def test_domain_argument_needs_a_domain():
    from omniops import Scope

    with pytest.raises(ValueError, match="scope with a domain"):
        scope_argument(Scope(UUID(int=1)))


async def test_a_lost_job_whose_successor_waits_does_not_keep_others_from_being_rescued(rooms, links):
    """A killed worker leaves a tick behind, and the next tick waits under the same key."""
    later = datetime.now(UTC) + timedelta(hours=1)
    jobs = Jobs(rooms.database, RecordingLog(), Timing(heartbeat=0.2, stalled=0.6))
    done = []

    async def note(name: str) -> None:
        done.append(name)

    jobs.register(Task("test:note", note))
    scope = await rooms.domain()
    with psycopg.connect(links.admin.conninfo(), options="-c search_path=jobs") as admin:
        for name, key in (("a", "k"), ("b", None)):
            async with rooms.database.session(scope) as session:
                await jobs.enqueue(session, "test:note", name=name, unique=key)
                await session.commit()
        admin.execute("update procrastinate_jobs set status = 'doing', worker_id = null where task_name = 'test:note'")
    async with rooms.database.session(scope) as session:
        await jobs.enqueue(session, "test:note", name="a again", unique="k", at=later)
        await session.commit()
    app = jobs.app()
    async with app.open_async():
        await app.tasks["jobs:rescue"].defer_async()
    await jobs.work(wait=False)
    await jobs.work(wait=False)
    assert done == ["b"]

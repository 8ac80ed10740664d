"""Channels that listen: by one listener at a time, from where it was stored, for as long as somebody wants it."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from desk import opened
from omniops.contracts.channel import Receipt
from omniops.contracts.scope import Actor
from omniops.errors import NotReady, Reconnect
from omniops.jobs.service import LISTENING
from omniops.operations.firsts import OPERATOR
from omniops.operations.status import status
from wire import words


@pytest.fixture
def wire(desk):
    return desk.wire


@pytest.fixture
async def line(desk, wire):
    """A connection whose plugin is on."""
    await desk.runtime.accounts.switch(desk.domain.scope, "wire", on=True, actor=OPERATOR)
    connection = await connect(desk)
    yield connection
    await desk.runtime.connections.disconnect(desk.domain.scope, connection.id, actor=OPERATOR)


async def connect(desk):
    return await desk.runtime.connections.connect(desk.domain.scope, "wire", {}, actor=OPERATOR)


@asynccontextmanager
async def worker(runtime):
    task = asyncio.create_task(runtime.jobs.work([LISTENING]))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def seen(desk):
    (view,) = await desk.runtime.connections.all(desk.domain.scope)
    return view.state, view.listening


def texts(desk):
    """How many messages of visitors there are."""
    statement = "select count(*) from omniops.message where domain_id = %s and author = 'visitor'"
    ((count,),) = desk.rows(statement, desk.domain.id)
    return count


async def conversation(desk):
    statement = "select id from omniops.conversation where domain_id = %s"
    ((found,),) = desk.rows(statement, desk.domain.id)
    return await desk.runtime.inbox.read(desk.domain.scope, found, actor=Actor("member", "m"))


def queued(desk):
    return desk.rows(
        "select status::text from jobs.procrastinate_jobs where task_name = 'connections:listen'"
        " and args->>'domain_id' = %s and status in ('todo', 'doing')",
        str(desk.domain.id),
    )


async def test_what_is_heard_is_answered_and_what_became_of_the_answer_is_shown(desk, wire, line):
    async with worker(desk.runtime):
        wire.put(words("How long?"), None, words("   "))
        await wire.until(lambda: wire.taken == [1, 2, 3])
    await desk.work()
    (sent,) = wire.sent
    assert (sent.text, sent.thread, sent.recipient, sent.about) == (
        "Four working days.",
        "t1",
        "tom",
        {"subject": "How long?"},
    )
    assert [(m.author, m.delivery) for m in await conversation(desk)] == [("visitor", None), ("ai", "sent")]
    for state in ("delivered", "failed", "delivered"):
        wire.put(Receipt("wire-1", state), Receipt("of somebody else", "failed", permanent=True))
        async with worker(desk.runtime):
            await wire.until(lambda: len(wire.taken) == len(wire.wire))
        expected = "delivered" if len(wire.wire) == 5 else "failed"
        assert (await conversation(desk))[-1].to_json()["delivery"] == expected
    assert await seen(desk) == ("connected", "listening")
    assert desk.rows("select about is null from omniops.conversation where domain_id = %s", desk.domain.id) == [
        (False,)
    ]


async def test_a_worker_that_stops_lets_go_at_once_and_the_next_goes_on_from_the_cursor(desk, wire, line):
    async with worker(desk.runtime):
        wire.put(words("One?"), words("Two?"))
        await wire.until(lambda: wire.taken == [1, 2])
    assert wire.open == 0
    wire.put(words("Three?"))
    async with worker(desk.runtime):
        await wire.until(lambda: wire.taken == [1, 2, 3])
    assert wire.began == [None, "2"]
    assert texts(desk) == 3


async def test_a_message_that_was_stored_but_not_its_cursor_comes_again_and_is_taken_once(desk, wire, line):
    async with worker(desk.runtime):
        wire.put(words("One?"))
        await wire.until(lambda: wire.taken == [1])
    desk.rows("update omniops.connection set cursor = null where domain_id = %s returning 1", desk.domain.id)
    async with worker(desk.runtime):
        await wire.until(lambda: wire.taken == [1, 1])
    assert texts(desk) == 1


async def test_of_two_listeners_one_stops_and_what_it_heard_is_not_kept(desk, wire, line):
    async with worker(desk.runtime):
        await wire.until(lambda: wire.open == 1)
        desk.rows("update omniops.connection set cursor = '7' where domain_id = %s returning 1", desk.domain.id)
        wire.put(words("One?"))
        await wire.until(lambda: wire.open == 0)
    assert (texts(desk), wire.taken) == (0, [])


async def test_many_workers_listen_once(desk, wire, line, postgres, links, tmp_path):
    async with opened(links, postgres.root, tmp_path) as second:
        other = second.wire
        other.wire = wire.wire
        async with worker(desk.runtime), worker(second.runtime), worker(desk.runtime):
            await asyncio.wait(
                [asyncio.ensure_future(one.until(lambda one=one: one.open)) for one in (wire, other)],
                return_when=asyncio.FIRST_COMPLETED,
            )
            first, idle = (wire, other) if wire.open else (other, wire)
            first.put(*(words(f"Question {n}?") for n in range(5)))
            await first.until(lambda: first.taken == [1, 2, 3, 4, 5])
            assert (first.most, idle.most) == (1, 0)
    assert texts(desk) == 5


async def test_it_is_begun_again_ever_more_slowly_until_it_works(desk, wire, line):
    wire.troubles += [NotReady("away"), ConnectionError("cut"), NotReady("busy", retry_after=90)]
    wire.put(words("One?"))
    waits = []
    for _ in range(3):
        await desk.runtime.jobs.work([LISTENING], wait=False)
        assert await seen(desk) == ("connected", "failing")
        ahead = (desk.clock.now() - datetime.now(UTC)).total_seconds()
        waits += [round(seconds - ahead, 1) for seconds in desk.make_due("connections:listen")]
    assert 0.4 <= waits[0] <= 1.1 < waits[2]
    assert 0.9 <= waits[1] <= 2.1
    assert 89.5 <= waits[2] <= 90.5
    async with worker(desk.runtime):
        await wire.until(lambda: wire.taken == [1])
    assert await seen(desk) == ("connected", "listening")


async def test_a_failure_in_the_middle_goes_on_behind_what_was_stored(desk, wire, line):
    wire.put(words("One?"), ConnectionError("cut"))
    await desk.runtime.jobs.work([LISTENING], wait=False)
    assert texts(desk) == 1
    wire.wire[1] = words("Two?")
    desk.make_due("connections:listen")
    async with worker(desk.runtime):
        await wire.until(lambda: wire.taken == [1, 2])
    assert wire.began == [None, "1"]


async def test_refused_credentials_end_it_until_a_person_connects_again(desk, wire, line):
    wire.troubles.append(Reconnect("The wire does not know us."))
    await desk.runtime.jobs.work([LISTENING], wait=False)
    assert await seen(desk) == ("needs_reauth", "listening")
    assert queued(desk) == []
    await desk.runtime.listening.revive()
    assert queued(desk) == []


async def test_where_the_plugin_is_off_nobody_listens_until_it_is_on(desk, wire):
    connection = await connect(desk)
    scope = desk.domain.scope
    await desk.runtime.jobs.work([LISTENING], wait=False)
    assert (await seen(desk), wire.began, queued(desk)) == (("connected", "off"), [], [])
    async with worker(desk.runtime):
        await desk.runtime.accounts.switch(scope, "wire", on=True, actor=OPERATOR)
        await wire.until(lambda: wire.open == 1)
        await desk.runtime.accounts.switch(scope, "wire", on=False, actor=OPERATOR)
        await wire.until(lambda: wire.open == 0)
        wire.put(words("One?"))
        await desk.runtime.listening.revive()
        await desk.runtime.accounts.switch(scope, "wire", on=True, actor=OPERATOR)
        await wire.until(lambda: wire.taken == [1])
        await desk.runtime.connections.disconnect(scope, connection.id, actor=OPERATOR)
        await wire.until(lambda: wire.open == 0)
    await desk.runtime.jobs.work([LISTENING], wait=False)
    assert (queued(desk), len(wire.began)) == ([], 2)


async def test_a_connection_whose_job_was_lost_is_revived_once(desk, wire, line):
    admin = desk.runtime.database.links.admin.conninfo()
    with psycopg.connect(admin, options="-c search_path=jobs") as connection:
        connection.execute(
            "delete from procrastinate_jobs where task_name = 'connections:listen' and args->>'domain_id' = %s",
            [str(desk.domain.id)],
        )
    await desk.runtime.listening.revive()
    assert queued(desk) == [], "it may only just have been begun"
    old = "update omniops.connection set created_at = created_at - interval '1 hour' where domain_id = %s returning 1"
    desk.rows(old, desk.domain.id)
    for _ in range(2):
        await desk.runtime.listening.revive()
    assert queued(desk) == [("todo",)]


async def test_status_shows_who_listens(desk, wire, line):
    wire.troubles.append(NotReady("away"))
    await desk.runtime.jobs.work([LISTENING], wait=False)
    found = await status(desk.runtime)
    (mine,) = [domain for domain in found["domains"] if domain["id"] == str(desk.domain.id)]
    assert mine["listening"] == {"wire": "failing"}

"""What is fetched and prolonged by itself: from where it stopped, each step once, and whoever waits for it is told."""

import asyncio
from datetime import timedelta

import pytest
from omniops.errors import NotFound, NotReady, Reconnect
from omniops.operations.firsts import OPERATOR


async def due(stand):
    await stand.runtime.traffic.tasks.due()
    await stand.work("connections")


async def tasks(stand):
    return {one.name: one for one in await stand.runtime.traffic.tasks.all(stand.domain.scope, stand.stall.id)}


async def test_all_is_fetched_once_and_then_what_is_new(stand):
    stand.market.orders = list("abc")
    await due(stand)
    found = (await tasks(stand))["orders"]
    assert (found.state, found.done, found.total, found.title) == ("idle", 3, 3, "Orders")
    assert stand.market.stored == [0, 1, 2]
    await due(stand)
    assert stand.market.stored == [0, 1, 2], "it is not due yet"
    stand.market.orders.append("d")
    stand.clock.forward(hours=1, minutes=1)
    await due(stand)
    assert (stand.market.stored, stand.market.cursors) == ([0, 1, 2, 3], [None, "3"])


async def test_after_a_failure_it_goes_on_behind_the_last_step(stand):
    stand.market.orders = list("abc")
    stand.market.troubles.extend([None, None, NotReady("slow down", retry_after=600)])
    await due(stand)
    found = (await tasks(stand))["orders"]
    assert (found.state, found.problem, found.done) == ("failing", "not_ready", 1)
    assert found.next_at >= stand.clock.now() + timedelta(seconds=590)
    stand.clock.forward(minutes=11)
    await due(stand)
    assert sorted(stand.market.stored) == [0, 1, 2]
    assert (await tasks(stand))["orders"].state == "idle"


async def test_the_same_cursor_twice_ends_the_run(stand):
    stand.market.orders, stand.market.stuck = list("abc"), 1
    await due(stand)
    found = (await tasks(stand))["orders"]
    assert (found.state, found.problem, stand.market.stored) == ("failing", "cursor_repeated", [0])
    view = await stand.runtime.connections.one(stand.domain.scope, stand.stall.id)
    assert view.state == "connected", "that is no fault of the other side"


async def test_of_two_jobs_one_stops_and_nothing_is_stored_twice(stand):
    stand.market.orders = list("abcdef")
    await stand.runtime.traffic.tasks.due()
    run = stand.runtime.traffic.tasks.run
    scope, number = stand.domain.scope, str(stand.stall.id)
    await asyncio.gather(*(run(scope, number, "sync", "orders") for _ in range(3)))
    ((cursor,),) = stand.rows(
        "select cursor from omniops.connection_task where kind = 'sync' and connection_id = %s", stand.stall.id
    )
    assert cursor == "6"
    assert sorted(set(stand.market.stored)) == list(range(6))


async def test_a_subscription_is_prolonged_before_it_ends(stand):
    await due(stand)
    assert stand.market.renewed == 1
    link = await stand.runtime.connections.link(stand.domain.scope, stand.stall.id)
    assert link.memory == {"watch": "watch-1"}
    await due(stand)
    assert stand.market.renewed == 1
    stand.clock.forward(days=6, minutes=1)
    await due(stand)
    assert stand.market.renewed == 2


async def test_where_access_is_refused_it_waits_for_a_person(stand):
    stand.market.troubles.extend([Reconnect("no")] * 9)
    stand.market.orders = list("ab")
    await due(stand)
    assert (await stand.runtime.connections.one(stand.domain.scope, stand.stall.id)).state == "needs_reauth"
    assert stand.market.stored == []
    await due(stand)
    assert len(stand.market.troubles) >= 7, "nobody knocks at a shut door"


async def test_now_and_nothing_that_is_not_there(stand):
    stand.market.orders = list("a")
    await stand.runtime.traffic.tasks.now(stand.domain.scope, stand.stall.id, "orders")
    await stand.work("connections")
    assert stand.market.stored == [0]
    with pytest.raises(NotFound):
        await stand.runtime.traffic.tasks.now(stand.domain.scope, stand.stall.id, "nothing")
    await stand.runtime.accounts.switch(stand.domain.scope, "market", on=False, actor=OPERATOR)
    stand.market.orders.append("b")
    stand.clock.forward(hours=2)
    await due(stand)
    assert stand.market.stored == [0]

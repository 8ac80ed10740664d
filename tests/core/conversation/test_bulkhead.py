"""Many pieces of work at once: how many run, and what a busy database does to them."""

import asyncio

import pytest
from omniops.conversation.bulkhead import PLACES, TRIES, Bulkhead
from omniops.errors import NotReady, Rejected


async def test_no_more_run_at_once_than_there_are_places_and_none_is_left_out():
    bulkhead, go = Bulkhead(), asyncio.Event()
    running, most, done = 0, 0, 0

    async def work():
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await go.wait()
        running -= 1
        done += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(5 * PLACES):
            tasks.create_task(bulkhead.run(work))
        await asyncio.sleep(0)
        go.set()
    assert (most, done) == (PLACES, 5 * PLACES)


@pytest.mark.parametrize("busy", range(TRIES))
async def test_a_busy_database_is_asked_again(busy):
    left = busy

    async def work():
        nonlocal left
        if left:
            left -= 1
            raise NotReady("Every connection is busy.")
        return "stored"

    assert await Bulkhead().run(work) == "stored"


@pytest.mark.parametrize(("error", "tries"), [(NotReady("Busy."), TRIES), (Rejected("No.", code="no"), 1)])
async def test_what_stays_wrong_is_told_and_frees_its_place(error, tries):
    bulkhead, asked = Bulkhead(), 0

    async def work():
        nonlocal asked
        asked += 1
        raise error

    async def fine():
        return True

    for _ in range(PLACES + 1):
        asked = 0
        with pytest.raises(type(error)):
            await bulkhead.run(work)
        assert asked == tries
    assert await bulkhead.run(fine)

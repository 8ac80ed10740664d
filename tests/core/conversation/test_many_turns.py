"""Sixty answers at once in one process, three hundred if there is time: none starves, none is lost, and all can be
stopped at once."""

import asyncio

import pytest
from desk_plugins import PAUSE
from omniops.contracts.provider import Done, Level, Text

MANY = (60, 300)
ARRIVING = 20
"""That ask in the same moment. Their answers run on beside those of all who asked before."""


async def slowly():
    """Goes on for long and costs little, while the last ones are still asking."""
    await asyncio.sleep(1)


async def told(desk, visitor, begun, arriving):
    """The last event of an answer. Says when its first words came."""
    event = None
    async with arriving:
        events = await desk.ask(visitor)
    async for event in events:
        if event.kind == "text":
            begun.set()
    return event


def states(desk):
    return dict(desk.rows("select state, count(*) from omniops.turn where domain_id = %s group by 1", desk.domain.id))


@pytest.mark.slow
async def test_many_answers_at_once_all_come_and_all_can_be_stopped(desk, monkeypatch, long):
    many = MANY[long]
    # On a machine that runs other tests beside this one, a connection may be long in coming; none may be refused here.
    monkeypatch.setattr(desk.runtime.database._app.pool, "_timeout", 600)
    visitors = await asyncio.gather(*(desk.visitor() for _ in range(many)))
    arriving = asyncio.Semaphore(ARRIVING)
    desk.provider.begin(Level("answer"), *(PAUSE, Text("word ")) * 40, Done("end"))
    ended = await asyncio.gather(*(told(desk, visitor, asyncio.Event(), arriving) for visitor in visitors))
    assert {(event.kind, event.data.get("text")) for event in ended} == {("done", ("word " * 40).strip())}
    assert desk.provider.open == 0
    assert states(desk) == {"done": many}
    desk.provider.begin(Level("answer"), *(slowly, Text("word ")) * 1000, Done("end"))
    begun = [asyncio.Event() for _ in visitors]
    followers = [asyncio.create_task(told(desk, *pair, arriving)) for pair in zip(visitors, begun, strict=True)]
    for each in begun:
        await each.wait()
    for follower in followers:
        follower.cancel()
    await asyncio.gather(*followers, return_exceptions=True)
    await desk.runtime.conversations.close()
    assert desk.provider.open == 0
    assert states(desk) == {"done": many, "interrupted": many}

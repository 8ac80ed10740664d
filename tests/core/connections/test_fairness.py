"""Who has much to do, or an other side that hangs, holds nobody else up; people are told no sooner than it is so."""

import asyncio
from datetime import timedelta

from market import SECRET, order, stall, told
from omniops.connections.arrivals import SHARE
from omniops.connections.circuit import TELL_AFTER, TRIP, Circuit
from omniops.errors import NotReady
from omniops.jobs import service as jobs


async def take(stand, view, *things):
    delivery = told(*things, secret=SECRET, clock=stand.clock)
    await stand.runtime.traffic.intake.take("market", view.id, delivery)


def numbers(stand):
    return [event.data["number"] for event in stand.market.handled]


async def events(stand):
    return [one.event for one in await stand.runtime.connections.events(stand.domain.scope, stand.stall.id)]


def circuit(stand):
    """One of any process: what it knows lies in the database."""
    return Circuit(stand.runtime.database, stand.runtime.jobs, stand.clock)


async def failing(stand, count, *, asked=None):
    error = NotReady("down", retry_after=asked)
    return await asyncio.gather(
        *(circuit(stand).failed(stand.domain.scope, stand.stall.id, error) for _ in range(count))
    )


async def rests(stand):
    return await circuit(stand).rests(stand.domain.scope, stand.stall.id)


async def test_a_flood_of_one_website_lets_others_through(stand, monkeypatch):
    monkeypatch.setattr(jobs, "SENDERS", 1)
    for start in range(0, SHARE * 3, 10):
        await take(stand, stand.stall, *(order(number, "paid") for number in range(start, start + 10)))
    theirs = await stall(stand, await stand.new_domain(), "s-small")
    await take(stand, theirs, order(1000, "paid"))
    await stand.work("connections")
    handled = numbers(stand)
    assert len(handled) == SHARE * 3 + 1, "nothing is left out for it"
    assert handled.index(1000) <= SHARE, "the small one waited for no more than a share of the flood"


async def test_failures_that_were_on_their_way_together_are_one_outage(stand):
    resumes = await failing(stand, TRIP + TELL_AFTER + 20)
    assert max(resumes) <= stand.clock.now() + timedelta(seconds=60), "forty at once do not make it rest for an hour"
    assert await events(stand) == ["connected", "degraded"], "nobody gets a mail about the first minute"


async def test_once_the_rest_is_over_one_tries_for_all(stand):
    await failing(stand, TRIP)
    assert await rests(stand) is not None
    stand.clock.forward(minutes=2)
    found = await asyncio.gather(*(rests(stand) for _ in range(8)))
    assert found.count(None) == 1
    (later,) = {one for one in found if one is not None} or {None}
    assert later is not None
    assert later > stand.clock.now()
    assert await rests(stand) == later, "the one that tries does not hold the others up for ever"
    stand.clock.forward(hours=2)
    assert await rests(stand) is None


async def test_it_is_told_once_that_it_lasts_and_once_that_it_is_over(stand):
    await failing(stand, TRIP)
    tries = 0
    while "away" not in await events(stand):
        stand.clock.forward(hours=2)
        assert await rests(stand) is None
        await failing(stand, 3)
        tries += 1
    assert tries == TELL_AFTER
    stand.clock.forward(hours=2)
    await rests(stand)
    await failing(stand, 3)
    await asyncio.gather(*(circuit(stand).worked(stand.domain.scope, stand.stall.id) for _ in range(5)))
    assert await events(stand) == ["connected", "degraded", "away", "recovered"]
    assert await rests(stand) is None
    await failing(stand, 1)
    assert await rests(stand) is None, "after it worked, one failure is one failure"


async def test_the_mail_about_an_outage_says_what_becomes_of_what_waits(stand):
    await stand.runtime.members.finish_setup(
        await stand.runtime.members.setup_link(stand.domain.scope.account_id),
        email="mara@shop.example",
        name="",
        password="correct horse battery staple",
    )
    await failing(stand, TRIP)
    for _ in range(TELL_AFTER):
        stand.clock.forward(hours=2)
        await rests(stand)
        await failing(stand, 1)
    await stand.work("connections")
    await stand.work("mail")
    (mail,) = [one for one in stand.mailer.sent if one.to == "mara@shop.example"]
    assert mail.subject == "Market has not answered for an hour"
    for said in ("What came from there is kept", "nothing is lost", "What to do: nothing"):
        assert said in mail.text


async def test_what_the_other_side_asks_for_is_kept_to_while_it_rests(stand):
    await failing(stand, TRIP)
    (later,) = await failing(stand, 1, asked=7200)
    assert later >= stand.clock.now() + timedelta(seconds=7200)
    assert await rests(stand) == later

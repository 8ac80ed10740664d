"""The other side tells that an account is to be erased: its connection ends, unless its access works."""

from datetime import timedelta
from uuid import uuid4

import market
import pytest
from market import SECRET, order, told, word
from omniops.connections.arrivals import DOUBT
from omniops.errors import NotFound, NotReady, Reconnect, Refused
from omniops.operations.firsts import OPERATOR

LEFT = {"kind": "left", "id": "l-1"}


@pytest.fixture
async def own(stand):
    """The stall's number at the one address of all."""
    return (await stand.runtime.connections.link(stand.domain.scope, stand.stall.id)).connection.stall


async def take(stand, *things, secret=market.OPERATORS):
    taken = await stand.runtime.traffic.intake.take_any("market", told(*things, secret=secret, clock=stand.clock))
    await stand.work("connections")
    return taken.new


async def stands(stand, one=None):
    one = one or stand.stall
    try:
        await stand.runtime.connections.one(stand.scope_of(one), one.id)
    except NotFound:
        return False
    return True


async def looked(stand, **later):
    """As if that time were over, for whatever waits to be looked at again; whether something did."""
    stand.clock.forward(**later)
    waited = stand.make_due("connections:erase")
    await stand.work("connections")
    return bool(waited)


async def test_where_access_is_refused_it_ends_with_all_that_was_copied(stand, own):
    other = await market.stall(stand, await stand.new_domain(), f"s-{uuid4().hex[:8]}")
    await take(stand, {**order(1, "paid"), "stall": own}, {**word("How long?", "d-1"), "stall": own})
    stand.market.shut = Reconnect("The market does not know us any more.")
    await take(stand, {**LEFT, "stall": own})
    assert not await stands(stand)
    for table in ("arrival", "connection_task"):
        kept = f"select count(*) from omniops.{table} where connection_id = %s"
        assert stand.rows(kept, stand.stall.id) == [(0,)], table
    consents = await stand.runtime.connections.consents(stand.domain.scope)
    assert (consents[-1].event, consents[-1].actor) == ("withdrawn", "system:connection.market")
    assert await stands(stand, other), "an account that nobody spoke of"


async def test_where_access_works_it_was_given_anew_and_stays(stand, own):
    await take(stand, {**order(1, "paid"), "stall": own})
    assert await take(stand, {**LEFT, "stall": own}) == 1
    assert await stands(stand)
    assert not await looked(stand, days=30), "nothing waits for it"
    kept = "select count(*) from omniops.arrival where connection_id = %s"
    assert stand.rows(kept, stand.stall.id) == [(1,)]


async def test_where_nobody_answers_it_waits_seven_days_and_no_longer(stand, own):
    stand.market.shut = NotReady("The market is away.")
    told_at = stand.clock.now()
    await take(stand, {**LEFT, "stall": own})
    while stand.clock.now() + timedelta(hours=6) < told_at + timedelta(days=7):
        assert await stands(stand), f"after {stand.clock.now() - told_at}"
        assert await looked(stand, hours=6), "it is looked at again every six hours"
    assert await stands(stand)
    await looked(stand, hours=6)
    assert timedelta(days=7) == DOUBT == stand.clock.now() - told_at
    assert not await stands(stand)


async def test_telling_it_again_does_not_put_the_end_off(stand, own):
    stand.market.shut = NotReady("The market is away.")
    await take(stand, {**LEFT, "stall": own})
    for _ in range(6):
        await looked(stand, days=1)
        assert await take(stand, {**LEFT, "id": uuid4().hex, "stall": own}) == 0
    await looked(stand, days=1)
    assert not await stands(stand)


@pytest.mark.parametrize(("answer", "stays"), [(None, True), (Reconnect("Gone."), False)])
async def test_what_the_other_side_says_once_it_is_back_counts(stand, own, answer, stays):
    stand.market.shut = NotReady("The market is away.")
    await take(stand, {**LEFT, "stall": own})
    stand.market.shut = answer
    await looked(stand, hours=6)
    assert await stands(stand) is stays
    assert not await looked(stand, days=8)
    assert await stands(stand) is stays


async def test_it_counts_for_a_connection_that_needs_a_person_or_is_off(stand, own):
    second = f"s-{uuid4().hex[:8]}"
    off = await market.stall(stand, await stand.new_domain(), second)
    await stand.runtime.accounts.switch(stand.scope_of(off), "market", on=False, actor=OPERATOR)
    stand.market.begin(*[Reconnect("no")] * 9)
    await take(stand, {**order(1, "paid"), "stall": own})
    assert (await stand.runtime.connections.one(stand.domain.scope, stand.stall.id)).state == "needs_reauth"
    stand.market.begin()
    stand.market.shut = Reconnect("no")
    await take(stand, {**LEFT, "stall": own}, {**LEFT, "stall": second})
    assert not await stands(stand)
    assert not await stands(stand, off)


async def test_a_stranger_ends_nothing(stand, own):
    stand.market.shut = Reconnect("no")
    with pytest.raises(Refused):
        await take(stand, {**LEFT, "stall": own}, secret=SECRET)
    assert await take(stand, {**LEFT, "stall": "s-nobody"}) == 0
    assert await take(stand, LEFT) == 0
    assert await stands(stand)

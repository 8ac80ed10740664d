"""What the other side tells of who gave access: it reaches all of their connections, nobody else's, and is theirs."""

from uuid import uuid4

import httpx2
import market
import pytest
from desk import serving
from market import SECRET, order, told
from omniops.errors import Refused, Rejected
from omniops.operations.firsts import OPERATOR


@pytest.fixture
async def owned(stand):
    """Ada let two websites of two businesses in, one of them twice; Bob one of each business."""
    ada, bob = f"ada-{uuid4().hex}", f"bob-{uuid4().hex}"
    mine, other = stand.domain, await stand.new_domain()
    made = [
        [await market.stall(stand, domain, f"s-{uuid4().hex[:8]}", owner) for domain in domains]
        for owner, domains in ((ada, (mine, mine, other)), (bob, (mine, other)))
    ]
    return ada, made[0], bob, made[1], other


def revoked(owner, **more):
    return {"kind": "access.revoked", "id": "r-1", "owner": owner, "data": {"name": "CANARY-7f3e"}, **more}


def asked(owner, number, right="erasure"):
    return {"kind": "right", "id": number, "right": right, "owner": owner}


async def take(stand, *things, secret=market.OPERATORS):
    taken = await stand.runtime.traffic.intake.take_any("market", told(*things, secret=secret, clock=stand.clock))
    await stand.work("connections")
    return taken


def reached(stand):
    """The connections that got something, once for each thing."""
    return sorted(one for (one,) in stand.rows("select connection_id from omniops.arrival where what = 'event'"))


def cases(stand, domain):
    return stand.rows(
        'select "right", channel, identity, state from omniops.rights_case where domain_id = %s', domain.id
    )


async def test_an_event_reaches_all_that_they_gave_and_nothing_else(stand, owned):
    ada, hers, _, _, _ = owned
    for _ in range(2):  # the other side tells again
        await take(stand, revoked(ada))
    assert reached(stand) == sorted(one.id for one in hers)
    assert [(event.kind, dict(event.data)) for event in stand.market.handled] == [("access.revoked", {})] * 3


async def test_who_it_was_lies_nowhere(stand, owned):
    ada, *_ = owned
    await take(stand, revoked(ada), asked(ada, uuid4().hex))
    for table in ("omniops.connection", "omniops.arrival", "omniops.rights_case", "jobs.procrastinate_jobs"):
        assert stand.rows(f"select count(*) from {table} t where t::text like %s", f"%{ada}%") == [(0,)], table
        assert stand.rows(f"select count(*) from {table} t where t::text like '%%CANARY-7f3e%%'") == [(0,)], table


async def test_a_right_is_one_case_at_each_website_also_where_the_plugin_is_off(stand, owned):
    ada, _, _, _, other = owned
    await stand.runtime.accounts.switch(other.scope, "market", on=False, actor=OPERATOR)
    number = uuid4().hex
    for _ in range(2):
        await take(stand, asked(ada, number))
    for domain in (stand.domain, other):
        assert cases(stand, domain) == [("erasure", "system", "system", "open")]
    await take(stand, revoked(ada))
    assert other.id not in {domain for (domain,) in stand.rows("select domain_id from omniops.arrival")}


async def test_whoever_knows_the_number_reads_what_became_of_it_and_nobody_else_does(stand, owned):
    ada, _, bob, _, _ = owned
    number = uuid4().hex
    await take(stand, asked(ada, number))
    async with serving(stand.runtime) as base, httpx2.AsyncClient(base_url=base, timeout=30) as http:

        async def read(system, number):
            answer = await http.get(f"/rights/told/{system}/{number}")
            assert answer.status_code == 200
            return answer.text.replace(number, "NUMBER")

        known, guess, elsewhere = await read("market", number), await read("market", bob), await read("post", number)
    assert guess == elsewhere != known, "a number that leads nowhere is as good as any other"
    assert "No data is kept here under this number" in guess
    assert ada not in known


async def test_who_is_not_known_tells_nothing_of_anybody(stand, owned):
    ada, *_ = owned
    for secret in (SECRET, ""):
        with pytest.raises(Refused):
            await take(stand, revoked(ada), asked(ada, uuid4().hex), secret=secret)
    assert (reached(stand), cases(stand, stand.domain)) == ([], [])


async def test_the_secret_of_one_connection_reaches_that_one_alone(stand, owned):
    """Whoever has it may name whom they want: what they send stays at their own connection."""
    ada, hers, _, (bobs, _), other = owned
    delivery = told(revoked(ada), asked(ada, uuid4().hex), secret=SECRET, clock=stand.clock)
    await stand.runtime.traffic.intake.take("market", bobs.id, delivery)
    await stand.work("connections")
    assert reached(stand) == [bobs.id]
    assert not {one.id for one in hers} & set(reached(stand))
    assert cases(stand, other) == []


@pytest.mark.parametrize("thing", [market.word("Hello", "d-1"), {"kind": "left", "id": "l-1"}])
async def test_words_and_ends_are_of_a_connection_never_of_a_person(stand, owned, thing):
    ada, *_ = owned
    with pytest.raises(Rejected) as refused:
        await take(stand, {**thing, "owner": ada})
    assert refused.value.code == "bad_thing"
    assert stand.rows("select count(*) from omniops.arrival") == [(0,)]


async def test_a_kind_that_was_not_declared_and_a_stranger_change_nothing(stand, owned):
    ada, *_ = owned
    await take(stand, revoked(ada, kind="access.danced"), revoked("nobody"), {**order(1, "paid"), "stall": "s-nobody"})
    assert reached(stand) == []


async def test_who_gave_it_anew_is_who_counts(stand, owned):
    ada, (first, second, third), bob, _, _ = owned
    connections, scope = stand.runtime.connections, stand.domain.scope
    wish = connections.wish("market", "", {}, None, OPERATOR)
    settings, _ = await connections.opened(await connections.row(scope, first.id))
    given = settings.model_copy(update={"owner": bob})
    await connections.keep(scope, wish, given, actor=OPERATOR, connection_id=first.id)
    await take(stand, revoked(ada))
    assert reached(stand) == sorted([second.id, third.id])

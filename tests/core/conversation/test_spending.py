"""What answers cost is summed by domain and day, whoever books it, and a budget holds in a real turn."""

import asyncio
from decimal import Decimal

import pytest
from desk import collect
from desk_plugins import ANSWER
from omniops.contracts.provider import Deployment, Done, Level, ProviderError, Text, Usage
from omniops.conversation.routing.credentials import Connected
from omniops.conversation.routing.overview import overview
from omniops.conversation.routing.spending import Spending, Spent
from omniops.operations.firsts import OPERATOR
from vendors import PRICE

COSTLY = (Level("answer"), Text("Four days."), Done("end", Usage(100_000, 10_000)))
CENTS = Decimal("0.3")
"""What that answer costs at the price of tests."""


def purse(desk):
    return Spending(desk.runtime.database, desk.clock, desk.runtime.log)


@pytest.fixture
def sold(desk, monkeypatch):
    """The first deployment is a vendor's, and costs money; the second one runs inside."""
    outside = Deployment("scripted/first", "scripted", "first", "eu", "vendor", price=PRICE)
    inside = Deployment("scripted/second", "scripted", "second", "local", None)
    monkeypatch.setattr(desk.provider, "deployments", lambda: [outside, inside])
    desk.runtime.router.health.__init__(desk.runtime.log)  # breakers of other tests
    desk.provider.begin(*COSTLY)


async def record(desk, visitor, **settings):
    if settings:
        await desk.runtime.accounts.configure(desk.domain.scope, {"settings": settings}, actor=OPERATOR)
        desk.domain = await desk.runtime.accounts.domain(desk.domain.scope)
    events = await collect(await desk.ask(visitor))
    await desk.runtime.router.spending.close()
    (row,) = desk.rows(
        "select state, deployment, record from omniops.turn where domain_id = %s order by id desc limit 1",
        desk.domain.id,
    )
    return events[-1][0], *row


async def test_two_processes_add_to_one_sum(desk):
    one, two = purse(desk), purse(desk)
    for purses in (one, two):
        for _ in range(20):
            purses.book(desk.domain.scope, Spent(Decimal("0.00000001"), 1, 1, 0))
            await asyncio.sleep(0)
    await asyncio.gather(one.close(), two.close())
    assert await one.today(desk.domain.scope) == Spent(Decimal("0.00000040"), 40, 40, 0)
    assert await one.days(desk.domain.scope, 1) == await two.days(desk.domain.scope, 1)
    assert await one.today(desk.other.scope) == Spent(), "another domain sees nothing of it"


async def test_what_is_not_written_yet_counts_and_days_are_kept_apart(desk):
    spending = purse(desk)
    spending.book(desk.domain.scope, Spent(Decimal(1), 1))
    assert (await spending.today(desk.domain.scope)).usd == 1
    await spending.close()
    desk.clock.forward(days=1)
    try:
        assert await spending.today(desk.domain.scope) == Spent()
        spending.book(desk.domain.scope, Spent(Decimal(2), 1))
        await spending.close()
        assert [spent.usd for spent in (await spending.days(desk.domain.scope, 2)).values()] == [2, 1]
    finally:
        desk.clock.forward(days=-1)


async def test_a_sum_that_cannot_be_written_counts_and_is_written_later(desk):
    spending = purse(desk)
    desk.rows("revoke insert on omniops.day_spending from omniops_app")
    try:
        spending.book(desk.domain.scope, Spent(Decimal(1), 1))
        await spending.close()
        assert (await spending.today(desk.domain.scope)).usd == 1
    finally:
        desk.rows("grant insert on omniops.day_spending to omniops_app")
    spending.book(desk.other.scope, Spent(Decimal(2), 1))
    await spending.close()
    assert [one.usd for one in (await spending.days(desk.domain.scope, 1)).values()] == [1]
    desk.rows("delete from omniops.day_spending")


async def test_the_record_of_a_turn_says_what_it_cost(desk, sold):
    end, state, deployment, kept = await record(desk, await desk.visitor())
    assert (end, state, deployment) == ("done", "done", "scripted/first")
    assert (Decimal(kept["usd"]), kept["calls"], kept["measured"], kept["over_budget"]) == (CENTS, 1, True, False)
    assert (await desk.runtime.router.spending.today(desk.domain.scope)).usd == CENTS


async def test_over_budget_the_one_inside_answers_and_the_record_says_why(desk, sold):
    visitor = await desk.visitor()
    assert (await record(desk, visitor, daily_budget="0.25"))[2] == "scripted/first"
    end, _, deployment, kept = await record(desk, visitor)
    assert (end, deployment) == ("done", "scripted/second")
    assert (kept["over_budget"], kept["filtered"], kept["usd"]) == (True, {"scripted/first": "budget"}, "0")
    seen = await overview(desk.runtime.router, desk.domain, [desk.provider])
    assert (seen["over_budget"], Decimal(seen["spent_today"])) == (True, CENTS)
    assert [(row["name"], row["why"]) for row in seen["deployments"]] == [
        ("scripted/first", "budget"),
        ("scripted/second", None),
    ]


async def test_over_budget_without_one_inside_a_person_is_called(desk, sold, monkeypatch):
    outside = desk.provider.deployments()[:1]
    monkeypatch.setattr(desk.provider, "deployments", lambda: outside)
    end, state, _, kept = await record(desk, await desk.visitor(), daily_budget="0")
    assert (end, state, kept["over_budget"]) == ("none", "handed_off", True)
    assert desk.provider.requests == []


@pytest.mark.parametrize(
    ("rules", "why"),
    [({"regions": ["us"]}, "region"), ({"retention": ["none"]}, "retention")],
    ids=["region", "retention"],
)
async def test_a_rule_of_the_domain_holds_in_a_turn_even_when_nobody_is_left(desk, sold, monkeypatch, rules, why):
    outside = desk.provider.deployments()[:1]
    monkeypatch.setattr(desk.provider, "deployments", lambda: outside)
    _, state, _, kept = await record(desk, await desk.visitor(), **rules)
    assert (state, kept["filtered"]) == ("handed_off", {"scripted/first": why})
    assert desk.provider.requests == []


async def test_a_processor_that_nobody_declared_receives_nothing(desk, sold, monkeypatch):
    unknown = Deployment("scripted/first", "scripted", "first", "eu", "nobody", price=PRICE)
    monkeypatch.setattr(desk.provider, "deployments", lambda: [unknown])
    _, state, _, kept = await record(desk, await desk.visitor())
    assert (state, kept["filtered"]) == ("handed_off", {"scripted/first": "processor"})


async def test_a_failure_is_on_record_and_what_came_before_it_is_paid(desk, sold):
    desk.provider.begin(ProviderError("jane@example.com", kind="timeout", retry="other"), second=ANSWER)
    _, _, deployment, kept = await record(desk, await desk.visitor())
    assert (deployment, kept["failed"]) == ("scripted/second", [["scripted/first", "timeout"]])
    assert (kept["calls"], kept["measured"]) == (1, False)
    assert Decimal(kept["usd"]) > 0


async def test_a_business_brings_its_own_key_until_the_vendor_refuses_it(desk):
    scope, keys = desk.domain.scope, Connected(desk.runtime.connections)
    connection = await desk.connection()
    assert await keys.own(scope) == {"post": connection.id}
    assert (await keys.open(scope, connection.id)).secret.get_secret_value() == "wh-secret-of-the-shop"
    assert await keys.own(desk.other.scope) == {}
    await keys.refused(scope, connection.id)
    assert await keys.own(scope) == {}

"""Who is asked, what a failure becomes, and what a visitor sees of it, on a clock that leaps."""

import asyncio
from contextlib import aclosing
from decimal import Decimal
from uuid import uuid4

import pytest
from omniops.contracts.provider import (
    Cap,
    Opaque,
    ProviderError,
    Reasoning,
    Started,
    Text,
    ToolCall,
    ToolRound,
    Usage,
)
from omniops.conversation.routing import attempt, filters, route
from omniops.conversation.routing.breaker import OPEN_FIRST
from omniops.conversation.routing.health import Health
from omniops.conversation.routing.route import ANSWER_SECONDS, FIRST_SECONDS, Chosen, NoDeployment, Reset
from omniops.conversation.routing.spending import cost, dearest
from omniops.conversation.routing.trace import Trace
from omniops.errors import NotReachable
from vendors import END, PRICE, Keyring, Office, Vendor, Wait, deployment, domain, done, leaping, request

GOOD = (Started("m"), Text("Four days."), done())
QUIET = {"processor": None, "provider": "own", "region": "local", "price": None}


def failure(kind, retry="other", **more):
    return ProviderError(f"It is {kind}.", kind=kind, retry=retry, **more)


def on_the_loop(test):
    """The test as a plain function over a leaping loop."""

    def run():
        leaping(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def answer(office, providers, at=None, asked=None, seen=None, **more):
    """The events of one round; `seen` gets them also where it ends in an error."""
    keep = [] if seen is None else seen
    async with aclosing(office.router.route(asked or request(), at or domain(), providers, **more)) as events:
        async for event in events:
            keep += [event]
    return keep


def said(events):
    return "".join(event.delta for event in events if isinstance(event, Text))


def chosen(events):
    return [event.deployment.name for event in events if isinstance(event, Chosen)]


@on_the_loop
async def test_a_failure_before_the_first_word_is_silent():
    office, vendor = Office(), Vendor(deployment("a"), deployment("b"))
    vendor.scripts = [(Started("m"), Reasoning(), failure("overloaded")), GOOD]
    trace = Trace()
    events = await answer(office, [vendor], trace=trace)
    assert said(events) == "Four days."
    assert events[0] == Chosen(vendor.offered[1], (("a", "overloaded"),))
    assert (trace.deployment, trace.failed) == ("b", [("a", "overloaded")])


@on_the_loop
async def test_little_that_was_said_is_taken_back_once_and_never_continued():
    office, vendor = Office(), Vendor(deployment("a"), deployment("b"), deployment("c"))
    vendor.scripts = [(Text("Three "), failure("connection")), GOOD]
    events = await answer(office, [vendor], may_reset=True)
    assert [type(event).__name__ for event in events] == ["Chosen", "Text", "Reset", "Chosen", "Text", "Done"]
    assert chosen(events) == ["a", "b"]
    vendor.scripts = [(Text("Three "), failure("connection")), (Text("Four "), failure("connection")), GOOD]
    seen = []
    with pytest.raises(ProviderError, match="connection"):
        await answer(office, [vendor], seen=seen, may_reset=True)
    assert sum(isinstance(event, Reset) for event in seen) == 1
    assert chosen(seen)[-1] == "b"


@pytest.mark.parametrize(
    ("text", "may_reset"), [("x" * 200, True), ("Three ", False)], ids=["much was said", "a tool has run"]
)
def test_what_cannot_be_taken_back_is_left_cut(text, may_reset):
    async def run():
        office, vendor = Office(), Vendor(deployment("a"), deployment("b"))
        vendor.scripts = [(Text(text), failure("connection")), GOOD]
        with pytest.raises(ProviderError, match="connection"):
            await answer(office, [vendor], may_reset=may_reset)
        assert vendor.names == ["a"]

    leaping(run())


@on_the_loop
async def test_nothing_is_taken_back_where_nobody_begins_anew():
    office, vendor = Office(), Vendor(deployment("a"), deployment("b"))
    vendor.scripts = [(Text("Three "), failure("connection")), (failure("server"),)]
    seen = []
    with pytest.raises(ProviderError, match="connection"):
        await answer(office, [vendor], seen=seen, may_reset=True)
    assert not any(isinstance(event, Reset) for event in seen)


@on_the_loop
async def test_a_tool_call_counts_once_its_round_is_complete():
    call = ToolCall("1", "order_status", {"order": 7})
    office, vendor = Office(), Vendor(deployment("a"), deployment("b"))
    vendor.scripts = [(call, END), (call, Text("I look."), done("tool"))]
    events = await answer(office, [vendor])
    assert [type(event).__name__ for event in events] == ["Chosen", "Text", "ToolCall", "Done"]
    assert chosen(events) == ["b"]


@on_the_loop
async def test_the_end_is_the_last_event_and_the_upstream_is_closed_by_then():
    office, vendor = Office(), Vendor(deployment("a"))
    vendor.default = (Text("Yes."), done(), Text("And more."), done())
    async for event in office.router.route(request(), domain(), [vendor]):
        if event == done():
            assert vendor.open == 0
    assert said(await answer(office, [vendor])) == "Yes."


@on_the_loop
async def test_a_provider_that_breaks_is_one_that_failed():
    office, vendor = Office(), Vendor(deployment("a"), deployment("b"))
    vendor.scripts = [(KeyError("choices"),), GOOD]
    assert said(await answer(office, [vendor])) == "Four days."
    assert office.log.events("error") == ["provider.broke"]


@on_the_loop
async def test_the_visitor_leaves_before_the_first_word():
    office, vendor = Office(), Vendor(deployment("a"))
    vendor.default = (Started("m"), Wait(5), Text("x"), done())
    task = asyncio.create_task(answer(office, [vendor]))
    await asyncio.sleep(1)
    assert vendor.open == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (vendor.open, vendor.names) == (0, ["a"])
    assert (office.purse.spent.calls, office.purse.spent.estimated) == (1, 1)


@on_the_loop
async def test_time_to_the_first_word_is_shared_by_all_vendors():
    own = Vendor(deployment("quote", **QUIET), name="own", default=GOOD)
    vendor = Vendor(
        deployment("a", caps=Cap.REASONING), deployment("b"), default=(Started("m"), Reasoning(), Wait(60), *GOOD)
    )
    office, trace = Office(), Trace()
    events = await answer(office, [vendor, own], trace=trace)
    assert office.now() == pytest.approx(FIRST_SECONDS, abs=0.1)
    assert (vendor.names, chosen(events), trace.filtered) == (["a"], ["quote"], {"b": "time"})


@on_the_loop
async def test_a_stall_is_noticed_and_a_long_healthy_answer_is_not_cut():
    office, vendor = Office(), Vendor(deployment("a"))
    vendor.default = (*((Text("x"), Wait(10)) * 8)[:-1], done())
    assert said(await answer(office, [vendor])) == "x" * 8
    vendor.default = (Text("x"), Wait(16), done())
    with pytest.raises(ProviderError) as stalled:
        await answer(office, [vendor])
    assert stalled.value.kind == "timeout"
    office, begun = Office(), office.now()
    vendor.default = (Text("x"), Wait(10)) * 20
    with pytest.raises(ProviderError):
        await answer(office, [vendor])
    assert office.now() - begun == pytest.approx(ANSWER_SECONDS, abs=0.1)


@on_the_loop
async def test_three_failures_in_a_row_rest_a_deployment_until_a_trial():
    office, vendor = Office(), Vendor(deployment("a"), deployment("b", provider="vendor"), default=GOOD)
    for _ in range(3):
        vendor.scripts = [(failure("server"),)]
        await answer(office, [vendor])
    vendor.asked.clear()
    trace = Trace()
    assert chosen(await answer(office, [vendor], trace=trace)) == ["b"]
    assert (vendor.names, trace.filtered) == (["b"], {"a": "breaker"})
    await asyncio.sleep(OPEN_FIRST)
    slow = asyncio.create_task(answer(office, [vendor]))
    vendor.scripts = [(Wait(3), *GOOD)]
    await asyncio.sleep(1)
    assert chosen(await answer(office, [vendor])) == ["b"], "one trial at a time"
    assert chosen(await slow) == ["a"]


@on_the_loop
async def test_all_resting_means_a_person_and_no_call():
    office, vendor = Office(), Vendor(deployment("a"), default=(failure("server"),))
    for _ in range(3):
        with pytest.raises(NoDeployment):
            await answer(office, [vendor])
    with pytest.raises(NoDeployment):
        await answer(office, [vendor])
    assert len(vendor.asked) == 3


@on_the_loop
async def test_a_rate_limit_of_days_blocks_no_turn_and_is_no_failure():
    office, vendor = Office(), Vendor(deployment("a"), deployment("b"), default=GOOD)
    vendor.scripts = [(failure("rate_limit", retry_after=49 * 86400.0),)]
    assert chosen(await answer(office, [vendor])) == ["b"]
    assert office.now() < 1
    assert chosen(await answer(office, [vendor])) == ["b"]
    await asyncio.sleep(3600)
    assert chosen(await answer(office, [vendor])) == ["a"]


@on_the_loop
async def test_a_short_rate_limit_is_waited_out():
    office, vendor = Office(), Vendor(deployment("a"), deployment("b"), default=GOOD)
    vendor.scripts = [(failure("rate_limit", "same", retry_after=0.5),)]
    assert chosen(await answer(office, [vendor])) == ["a"]
    assert office.now() == pytest.approx(0.5, abs=0.01)


@on_the_loop
async def test_a_refused_key_rests_the_whole_account_and_is_told_once():
    office, vendor = Office(), Vendor(deployment("a"), deployment("b"), default=GOOD)
    other = Vendor(deployment("c", provider="other", processor="other"), name="other", default=GOOD)
    vendor.scripts = [(failure("auth", scope="account"),)]
    assert chosen(await answer(office, [vendor, other])) == ["c"]
    assert chosen(await answer(office, [vendor, other])) == ["c"]
    assert vendor.names == ["a"]
    assert office.log.events("error") == ["provider.account_refused"]
    assert office.health.troubles() == {"a": "account"}
    await asyncio.sleep(301)
    assert chosen(await answer(office, [vendor, other])) == ["a"]


@on_the_loop
async def test_a_business_with_a_key_of_its_own():
    connection = uuid4()
    office = Office(keys=Keyring(vendor=connection))
    vendor = Vendor(deployment("a", keyed=False), deployment("b"), default=GOOD)
    trace = Trace()
    assert chosen(await answer(office, [vendor], trace=trace)) == ["a"]
    assert vendor.asked[0][3].key == f"key of {connection}"
    assert trace.own_key
    vendor.scripts = [(failure("auth", scope="account"),)]
    with pytest.raises(NoDeployment):
        await answer(office, [vendor])
    assert office.keys.marked == [connection]
    assert office.health.troubles() == {}, "the trouble of one business is not the operator's"
    trace = Trace()
    assert chosen(await answer(office, [vendor], trace=trace)) == ["b"], "the operator's key is another account"
    assert trace.filtered == {"a": "key"}


@on_the_loop
async def test_a_key_that_cannot_be_opened_just_now_is_no_refused_key():
    connection = uuid4()
    office = Office(keys=Keyring(vendor=connection))
    vendor = Vendor(deployment("a"), default=GOOD)
    other = Vendor(deployment("c", provider="other", processor="other"), name="other", default=GOOD)
    office.keys.trouble = NotReachable("The database is away.")
    for _ in range(3):
        assert chosen(await answer(office, [vendor, other])) == ["c"]
    office.keys.trouble = None
    assert chosen(await answer(office, [vendor, other])) == ["a"]
    assert office.keys.marked == []


@on_the_loop
async def test_who_had_no_time_left_is_not_blamed():
    office = Office()
    vendor = Vendor(deployment("a", caps=Cap.REASONING), deployment("b"))
    for _ in range(4):
        vendor.scripts = [(Wait(18), failure("server")), (Wait(5), *GOOD)]
        with pytest.raises(NoDeployment):
            await answer(office, [vendor], sticky=vendor.offered[0])
        await asyncio.sleep(100)
    slow, late = (office.health.view(filters.Candidate(vendor, one))["state"] for one in vendor.offered)
    assert (slow, late) == ("half_open", "closed")


@on_the_loop
async def test_a_total_outage_is_not_answered_by_a_storm():
    office, vendor = Office(), Vendor(*(deployment(name) for name in "abc"), default=(failure("connection"),))
    office.health.why_not = lambda candidate: None  # breakers aside: the budget alone must hold
    for _ in range(100):
        with pytest.raises(NoDeployment):
            await answer(office, [vendor])
    assert len(vendor.asked) <= 100 + 10


@on_the_loop
async def test_at_most_three_vendors_are_asked_and_then_the_one_inside():
    office, vendor = Office(), Vendor(*(deployment(name) for name in "abcd"), default=(failure("server"),))
    own = Vendor(deployment("quote", **QUIET), name="own", default=GOOD)
    trace = Trace()
    assert chosen(await answer(office, [vendor, own], trace=trace)) == ["quote"]
    assert (vendor.names, trace.filtered) == (["a", "b", "c"], {"d": "attempts"})


@on_the_loop
async def test_too_long_for_one_is_asked_of_a_larger_one_only():
    office = Office()
    vendor = Vendor(*(deployment(name, max_input=size) for name, size in (("a", 900), ("b", 800), ("c", 1000))))
    vendor.scripts, vendor.default = [(failure("context_length"),)], GOOD
    assert chosen(await answer(office, [vendor])) == ["c"]
    assert vendor.names == ["a", "c"]


@pytest.mark.parametrize("kind", ["invalid", "residency"])
def test_a_request_at_fault_is_asked_of_nobody_else(kind):
    async def run():
        office, vendor = Office(), Vendor(deployment("a"), deployment("b"), default=(failure(kind, "never"),))
        for _ in range(6):
            with pytest.raises(ProviderError) as raised:
                await answer(office, [vendor])
            assert isinstance(raised.value, NoDeployment) == (kind == "residency")
        assert set(vendor.names) == {"a"}, "and it is no failure of the deployment"

    leaping(run())


@on_the_loop
async def test_the_order_is_the_domains_else_the_operators_and_the_last_one_stays():
    first = Vendor(deployment("a", provider="one"), name="one", default=GOOD)
    second = Vendor(deployment("b", provider="two"), name="two", default=GOOD)
    own = Vendor(deployment("quote", **QUIET), name="own", default=GOOD)
    providers, office = [own, first, second], Office(order=("two", "one"))
    assert chosen(await answer(Office(), providers)) == ["a"], "as the plugins are listed, the one inside last"
    assert chosen(await answer(office, providers)) == ["b"]
    assert chosen(await answer(office, providers, domain(providers=["one"]))) == ["a"]
    assert chosen(await answer(office, providers, domain(providers=["own"]))) == ["quote"]
    assert chosen(await answer(office, providers, sticky=first.offered[0])) == ["a"]
    trace = Trace()
    await answer(office, providers, domain(providers=["one"]), trace=trace)
    assert trace.order == ["one"]


@on_the_loop
async def test_state_of_one_provider_never_reaches_another():
    office, vendor = Office(), Vendor(deployment("a", max_output=500), default=GOOD)
    rounds = [ToolRound("", (), (), Opaque(name, name)) for name in ("vendor", "elsewhere")]
    await answer(office, [vendor], asked=request(rounds=rounds, max_output=900))
    _, seen, _, _ = vendor.asked[0]
    assert [one.replay and one.replay.provider for one in seen.rounds] == ["vendor", None]
    assert seen.max_output == 500


@on_the_loop
async def test_the_cheapest_that_can_and_what_has_no_price_counts_as_the_dearest():
    cheap = deployment("cheap", price=type(PRICE)(Decimal("0.2"), Decimal(1), "test", PRICE.at))
    office, vendor = Office(), Vendor(deployment("a"), deployment("free?", price=None), cheap, default=GOOD)
    own = Vendor(deployment("quote", **QUIET), name="own", default=GOOD)
    thrifty = domain(prefer="cheapest")
    assert chosen(await answer(office, [vendor, own], thrifty)) == ["cheap"]
    assert chosen(await answer(office, [vendor, own], thrifty, request(needs=Cap.NONE), sticky=vendor.offered[0])) == [
        "a"
    ]
    trace = Trace()
    await answer(office, [vendor], trace=trace, sticky=vendor.offered[1])
    assert trace.usd == (100 * 2 + 10 * 10) / Decimal(1_000_000)
    assert trace.to_json()["usd"] == "0.0003"


@on_the_loop
async def test_over_budget_nobody_is_paid_and_the_record_says_so():
    office, vendor = Office(), Vendor(deployment("a"), default=(Text("Long."), done(tokens=(400_000, 20_000))))
    own = Vendor(deployment("quote", **QUIET), name="own", default=GOOD)
    shop = domain(daily_budget="1.00")
    assert chosen(await answer(office, [vendor, own], shop)) == ["a"]
    trace = Trace()
    assert chosen(await answer(office, [vendor, own], shop, trace=trace)) == ["quote"]
    assert (trace.over_budget, trace.filtered) == (True, {"a": "budget"})
    assert trace.to_json()["over_budget"] is True
    with pytest.raises(NoDeployment):
        await answer(office, [vendor], shop)
    assert vendor.names == ["a"]


@on_the_loop
async def test_a_budget_without_any_price_pays_nobody():
    office, vendor = Office(), Vendor(deployment("a", price=None), default=GOOD)
    trace = Trace()
    with pytest.raises(NoDeployment):
        await answer(office, [vendor], domain(daily_budget="1.00"), trace=trace)
    assert trace.filtered == {"a": "price"}
    trace = Trace()
    await answer(office, [vendor], trace=trace)
    assert trace.usd is None, "without a budget it answers, and says that nobody knows what it cost"


@on_the_loop
async def test_what_failed_before_it_began_is_not_paid():
    office, vendor = Office(), Vendor(deployment("a"), deployment("b"), default=GOOD)
    vendor.scripts = [(failure("overloaded"),)]
    await answer(office, [vendor])
    assert office.purse.spent.calls == 1
    vendor.scripts = [
        (
            Started("m"),
            failure("overloaded"),
        )
    ]
    await answer(office, [vendor])
    assert (office.purse.spent.calls, office.purse.spent.estimated) == (3, 1)


async def hedged(office, *scripts, times=1, **more):
    vendor = Vendor(deployment("a"), deployment("b"), default=GOOD)
    for _ in range(100):
        await answer(office, [vendor])  # hedges are a share of calls
    vendor.asked.clear()
    vendor.scripts = list(scripts)
    trace = Trace()
    events = await answer(office, [vendor], domain(hedge=True), trace=trace, **more)
    assert vendor.open == 0
    return vendor, trace, events


@on_the_loop
async def test_a_late_first_word_starts_a_second_model_and_both_are_paid():
    office = Office()
    vendor, trace, events = await hedged(office, (Started("m"), Wait(6), *GOOD), (Wait(1), Text("Five."), done()))
    assert (vendor.names, chosen(events), said(events)) == (["a", "b"], ["b"], "Five.")
    assert (trace.hedges, trace.spent.calls, trace.spent.estimated) == (1, 2, 1)
    assert trace.failed == []
    assert office.now() == pytest.approx(3, abs=0.1)


@on_the_loop
async def test_the_first_one_may_still_win_and_two_that_fail_are_a_failure():
    _, trace, events = await hedged(Office(), (Wait(2.5), *GOOD), (Wait(1), Text("Five."), done()))
    assert (chosen(events), said(events), trace.hedges) == (["a"], "Four days.", 1)
    _, trace, events = await hedged(Office(), (Wait(2.5), failure("server")), (Wait(1), *GOOD))
    assert (chosen(events), said(events)) == (["b"], "Four days.")
    with pytest.raises(NoDeployment) as nobody:
        await hedged(Office(), (Wait(2.5), failure("server")), (Wait(1), failure("timeout")))
    assert sorted(nobody.value.failed) == [("a", "server"), ("b", "timeout")]


@on_the_loop
async def test_no_second_model_after_a_tool_has_run_or_beyond_a_twentieth():
    late = (Wait(4), *GOOD)
    _, trace, _ = await hedged(Office(), late, asked=request(rounds=[ToolRound("", (), ())]))
    assert trace.hedges == 0
    office, vendor = Office(), Vendor(deployment("a"), deployment("b"), default=late)
    for _ in range(19):
        await answer(office, [vendor], domain(hedge=True))
    assert vendor.names == ["a"] * 19


def test_what_a_cached_prompt_costs():
    cached = type(PRICE)(Decimal(2), Decimal(10), "test", PRICE.at, Decimal("0.2"), Decimal("2.5"))
    usage = Usage(1_000_000, 0, cache_read=500_000, cache_write=100_000)
    assert cost(usage, cached) == Decimal("0.8") + Decimal("0.1") + Decimal("0.25")
    assert cost(usage, PRICE) == 2
    assert cost(usage, None) is None
    worst = dearest([deployment("a", price=cached), deployment("b")])
    assert (worst.input, worst.output) == (Decimal("2.5"), 10)


@pytest.mark.parametrize(
    ("owner", "guard", "without", "test"),
    [
        (route, "ATTEMPTS", 4, test_at_most_three_vendors_are_asked_and_then_the_one_inside),
        (route, "FIRST_SECONDS", 60.0, test_time_to_the_first_word_is_shared_by_all_vendors),
        (route, "ANSWER_SECONDS", 900.0, test_a_stall_is_noticed_and_a_long_healthy_answer_is_not_cut),
        (route, "RESET_BELOW", 0, test_little_that_was_said_is_taken_back_once_and_never_continued),
        (Health, "why_not", lambda *_: None, test_three_failures_in_a_row_rest_a_deployment_until_a_trial),
        (Health, "why_not", lambda *_: None, test_all_resting_means_a_person_and_no_call),
        (Health, "why_not", lambda *_: None, test_a_refused_key_rests_the_whole_account_and_is_told_once),
        (attempt, "usual_first", lambda _: 0.0, test_who_had_no_time_left_is_not_blamed),
        (Health, "may_retry", lambda *_: True, test_a_total_outage_is_not_answered_by_a_storm),
        (filters, "refusal", lambda *_: None, test_over_budget_nobody_is_paid_and_the_record_says_so),
        (filters, "refusal", lambda *_: None, test_a_budget_without_any_price_pays_nobody),
        (filters, "refusal", lambda *_: None, test_a_business_with_a_key_of_its_own),
        (attempt, "fitted", lambda asked, _: asked, test_state_of_one_provider_never_reaches_another),
        (attempt, "_UNBILLED", frozenset({"timeout"}), test_what_failed_before_it_began_is_not_paid),
    ],
)
def test_without_its_guard_each_of_these_fails(monkeypatch, owner, guard, without, test):
    monkeypatch.setattr(owner, guard, without)
    with pytest.raises((AssertionError, pytest.fail.Exception, ProviderError, KeyError)):
        test()

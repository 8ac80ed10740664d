"""Ten thousand rounds of random faults, and the promises that hold in each: one end, one voice, no filtered deployment.

Every promise is also sabotaged once, to show that the rounds would notice.
"""

import asyncio
import random
from contextlib import aclosing
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omniops.contracts.provider import (
    Cap,
    Done,
    Level,
    Opaque,
    ProviderError,
    Reasoning,
    Started,
    Text,
    ToolCall,
    ToolRound,
)
from omniops.conversation.routing import attempt as attempts
from omniops.conversation.routing import filters, route
from omniops.conversation.routing.breaker import IN_A_ROW, OPEN_LONGEST, Breaker
from omniops.conversation.routing.budget import Share
from omniops.conversation.routing.route import Chosen, NoDeployment, Reset
from omniops.conversation.routing.trace import Trace
from vendors import END, Keyring, Office, Vendor, Wait, deployment, domain, done, leaping, request

WORLDS, ROUNDS = (25, 250), 40
KINDS = (
    "rate_limit overloaded server timeout connection truncated malformed auth quota model invalid context_length"
    " residency cancelled"
).split()
NEVER = {"invalid", "residency", "cancelled"}
REGIONS, RETENTIONS = ("eu", "us", "global", "local"), ("none", "no_store", "days", "unknown")
SLACK = 0.01


class World:
    """Some vendors, a domain with rules, and a script for each call that nobody foresees."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.calls = count()
        self.told = {}
        """What each call says, by its number: the texts and the tools, if it comes to its end."""
        chance = self.chance
        self.vendors = []
        for name in chance.sample(("one", "two", "six", "own"), chance.randint(1, 4)):
            inside = name == "own"
            offered = [
                deployment(
                    f"{name}/{n}",
                    provider=name,
                    processor=None if inside else name,
                    region="local" if inside else chance.choice(REGIONS),
                    retention=chance.choice(RETENTIONS),
                    caps=chance.choice((Cap.NONE, Cap.TOOLS, Cap.TOOLS | Cap.REASONING)),
                    max_input=chance.choice((2, 100_000, 100_000)),
                    keyed=chance.random() < 0.8,
                )
                for n in range(chance.randint(1, 3))
            ]
            self.vendors.append(Vendor(*offered, name=name, default=self.script))
        self.declared = {vendor.name for vendor in self.vendors if chance.random() < 0.9}
        self.own = {vendor.name: f"key-{vendor.name}" for vendor in self.vendors if chance.random() < 0.2}
        self.domain = domain(
            regions=chance.sample(REGIONS[:3], chance.choice((0, 0, 1, 2))),
            retention=chance.sample(RETENTIONS, chance.choice((0, 0, 2, 3))),
            hedge=chance.random() < 0.3,
            prefer=chance.choice(("order", "cheapest")),
        )
        self.calm = chance.choice((0.05, 0.5, 0.9))
        """Share of calls without a fault."""
        self.keys = Keyring(**{name: key for name, key in self.own.items() if name != "own"})

    def allowed(self, one, asked):
        """The rules once more, in other words, as they were when the round began."""
        outside, rules = one.processor is not None, self.domain.settings
        return (
            (one.processor in self.declared or not outside)
            and asked.needs in one.caps
            and one.max_input > 2
            and not (outside and rules.regions and one.region not in (*rules.regions, "local"))
            and not (outside and rules.retention and one.retention not in rules.retention)
            and not (outside and not one.keyed and one.provider not in self.own)
        )

    def script(self, one, asked):
        chance, call = self.chance, next(self.calls)
        texts = [f"<{call}:{n}>" + "." * chance.choice((0, 0, 150)) for n in range(chance.randint(0, 4))]
        tools = [ToolCall(f"{call}:{n}", "look", {}) for n in range(chance.choice((0, 0, 0, 1, 2)))]
        self.told[call] = (one.name, texts, tools)
        shown = [Level("answer")] * (chance.random() < 0.2) + [Text(text) for text in texts]
        steps = [Started("m")] * (chance.random() < 0.8) + shown + tools
        for _ in range(chance.choice((0, 0, 1, 3))):
            steps.insert(chance.randint(0, len(steps)), chance.choice((Reasoning(), Wait(chance.choice((0.1, 3, 12))))))
        if chance.random() < self.calm:
            return [*steps, done("tool" if tools else "end"), Text("after the end")]
        kind = chance.choice(KINDS)
        retry = "never" if kind in NEVER else chance.choice(("same", "other", "other"))
        after = chance.choice((None, 0.5, 30.0, 1e6))
        fault = chance.choice(
            (ProviderError(kind, kind=kind, retry=retry, retry_after=after), END, Wait(400), KeyError("choices"), "?")
        )
        return [*steps[: chance.randint(0, len(steps))], fault, done()]

    async def live(self):
        self.office = Office(
            forbids=lambda one: None if one.processor is None or one.processor in self.declared else "processor",
            keys=self.keys,
            uniform=self.chance.uniform,
        )
        for _ in range(ROUNDS // 4):
            async with asyncio.TaskGroup() as group:
                for _ in range(4):
                    group.create_task(self.round())
            await asyncio.sleep(self.chance.choice((0, 1, 20)))
        assert sum(vendor.open for vendor in self.vendors) == 0, "an upstream was left open"

    async def round(self):
        chance = self.chance
        rounds = [ToolRound("", (), (), Opaque("one", 1))] * (chance.random() < 0.2)
        asked = request(needs=chance.choice((Cap.NONE, Cap.NONE, Cap.TOOLS)), rounds=rounds)
        may_reset, trace, seen = chance.random() < 0.7 and not rounds, Trace(), []
        sticky = chance.choice([None, *(one for vendor in self.vendors for one in vendor.offered)])
        began, first = self.office.now(), []
        end = None

        async def read():
            stream = self.office.router.route(
                asked, self.domain, self.vendors, trace=trace, sticky=sticky, may_reset=may_reset
            )
            async with aclosing(stream) as events:
                async for event in events:
                    assert not any(isinstance(one, Done) for one in seen), "something after the end"
                    first.append(self.office.now())
                    seen.append(event)

        leaves = chance.choice((None, None, None, 0.0, 2.0, 15.0))
        try:
            async with asyncio.timeout(leaves):
                await read()
        except (ProviderError, TimeoutError) as error:
            end = error
        if end is None:
            assert isinstance(seen[-1], Done), "no end"
        else:
            assert not any(isinstance(one, Done) for one in seen), "two ends"
        self.one_voice(seen, may_reset, complete=end is None)
        self.in_time(trace, seen, began, first)
        assert sum(not name.startswith("own/") for name, _ in trace.failed) <= 3, "a fourth vendor was asked"
        if isinstance(end, NoDeployment):
            assert not seen, "handed over after something was shown"
        for vendor in self.vendors:
            for name, sent, *_ in vendor.asked:
                one = next(one for one in vendor.offered if one.name == name)
                assert self.allowed(one, sent), f"{name} was filtered and asked"
                foreign = [one for one in sent.rounds if one.replay and one.replay.provider != vendor.name]
                assert not foreign, "state of another provider was sent"
            vendor.asked.clear()

    def one_voice(self, seen, may_reset, *, complete):
        voided, part = [], []
        for event in seen:
            if isinstance(event, Reset):
                assert may_reset
                assert sum(len(one.delta) for one in part if isinstance(one, Text)) < 200, "much was taken back"
                voided.append(part)
                part = []
            else:
                part.append(event)
        assert len(voided) <= 1, "taken back twice"
        for spoken in [*voided, part]:
            voices = {
                int(one.delta[1:].partition(":")[0]) if isinstance(one, Text) else int(one.id.partition(":")[0])
                for one in spoken
                if isinstance(one, Text | ToolCall)
            }
            assert len(voices) <= 1, "spliced: two answers in one"
            if spoken:
                assert isinstance(spoken[0], Chosen), "nobody says who speaks"
                assert sum(isinstance(one, Chosen) for one in spoken) == 1, "spliced: two speak"
            for voice in voices:
                name, texts, tools = self.told[voice]
                assert spoken[0].deployment.name == name, "another speaks than the one that is named"
                heard = [one.delta for one in spoken if isinstance(one, Text)]
                assert heard == texts[: len(heard)], "words are missing or in another order"
                called = [one for one in spoken if isinstance(one, ToolCall)]
                if complete and spoken is part:
                    assert (heard, called) == (texts, tools), "an answer that ended is not whole"
                if called:
                    assert called == tools, "a tool of a round that is not complete"

    def in_time(self, trace, seen, began, first):
        tools_alone = len(seen) > 1 and not isinstance(seen[1], Text | Level)  # they are given at the round's end
        if first and not trace.deployment.startswith("own/") and not trace.resets and not tools_alone:
            assert first[0] - began <= 20 + SLACK, "the first word came too late"
        assert self.office.now() - began <= 90 + SLACK, "the answer took too long"


def worlds(seeds):
    for seed in seeds:
        leaping(World(seed).live())


@pytest.mark.slow
def test_a_thousand_rounds_of_faults_or_ten_thousand(long):
    assert WORLDS[long] * ROUNDS == (10_000 if long else 1_000)
    worlds(range(WORLDS[long]))


def noticed(match, seeds=range(40)):
    with pytest.raises((AssertionError, ExceptionGroup)) as raised:
        worlds(seeds)
    said = [str(raised.value), *(str(one) for one in getattr(raised.value, "exceptions", ()))]
    assert any(match in one for one in said), said


def test_a_softened_filter_is_noticed(monkeypatch):
    monkeypatch.setattr(filters, "refusal", lambda *_: None)
    noticed("was filtered and asked")


def test_a_spliced_answer_is_noticed(monkeypatch):
    monkeypatch.setattr(route, "Reset", lambda: Level("answer"))
    noticed("spliced")


def test_taking_much_back_is_noticed(monkeypatch):
    monkeypatch.setattr(route, "RESET_BELOW", 10_000)
    noticed("much was taken back")


def test_endless_patience_is_noticed(monkeypatch):
    monkeypatch.setattr(route, "FIRST_SECONDS", 80.0)
    monkeypatch.setattr(attempts, "REASONING_FIRST", 60.0)
    noticed("too late", range(60))


def test_state_that_crosses_providers_is_noticed(monkeypatch):
    monkeypatch.setattr(attempts, "fitted", lambda asked, _: asked)
    noticed("state of another provider")


OUTCOMES = st.lists(
    st.tuples(st.sampled_from(("succeeded", "failed", "neither")), st.floats(0, 40), st.booleans()), max_size=60
)


class Hand:
    """A clock that is moved by hand."""

    def __init__(self):
        self.at = 0.0

    def __call__(self):
        return self.at


@settings(max_examples=150, deadline=None)
@given(OUTCOMES, st.floats(0.8, 1.2))
def test_a_breaker_lets_nobody_through_while_open_and_one_at_a_time_after(steps, jitter):
    hand = Hand()
    breaker = Breaker(hand, lambda low, high: jitter)
    running = []
    in_a_row = 0
    for outcome, seconds, overlap in steps:
        hand.at += seconds
        if breaker.admits:
            was = breaker.state
            trial = breaker.begin()
            assert trial == (was == "half_open")
            assert not (trial and any(running)), "two trials at once"
            running.append(trial)
        else:
            assert breaker.state == "open" or any(running)
            assert breaker.opens_in <= OPEN_LONGEST * 1.2
        if running and not overlap:
            trial, closed = running.pop(0), breaker.state == "closed"
            breaker.end(outcome, trial=trial)
            if closed and not trial:
                in_a_row = 0 if outcome == "succeeded" else in_a_row + (outcome == "failed")
                if in_a_row >= IN_A_ROW:
                    assert breaker.state == "open"
            if trial and outcome == "failed":
                assert breaker.state == "open"
            if breaker.state != "closed":
                in_a_row = 0
    for trial in running:
        breaker.end("neither", trial=trial)
    for _ in range(2):
        hand.at += OPEN_LONGEST * 1.2
        if breaker.state != "closed":
            assert breaker.admits, "no way back"
            breaker.end("succeeded", trial=breaker.begin())
    assert breaker.state == "closed"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 30), st.integers(0, 9)), max_size=40))
def test_extra_calls_stay_a_share_of_calls(steps):
    hand = Hand()
    share = Share(hand, share=0.1, window=10.0, least=3)
    calls, extras = [], []
    for seconds, made, wanted in steps:
        hand.at += seconds
        for _ in range(made):
            share.call()
            calls.append(hand.at)
        for _ in range(wanted):
            if share.extra():
                extras.append(hand.at)
                recent, taken = (sum(at > hand.at - 10 for at in times) for times in (calls, extras))
                assert taken <= max(3, recent * 0.1)

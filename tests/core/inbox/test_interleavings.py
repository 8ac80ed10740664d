"""A person takes over while the AI writes, at random moments, 1,000 if there is time: nothing of the AI
follows, in rows or in streams.

Conversations side by side, each asked in, taken over and given back again and again: the real turn, the real database.
"""

import asyncio
import random
from contextvars import ContextVar
from dataclasses import dataclass, field

import pytest
from omniops.contracts.provider import Done, Level, Text
from omniops.contracts.scope import Actor
from omniops.conversation import answering
from omniops.conversation.running import Running

MARA = Actor("member", "mara")
WORDS = 5
WATCHED = 6
AT_ONCE = 5
"""Conversations side by side: more would outgrow the pool, and most of the time would go into connecting."""
CONTENT = {"level", "text", "cite", "card"}
asking: ContextVar = ContextVar("asking")


@dataclass
class Round:
    """One question and the take-over that it met."""

    live: object = None
    told: int = 0
    """Events of the answer when the take-over returned."""
    seq: int = 0
    """Number of the message that tells the take-over."""

    def late(self):
        """What was told of the answer after that."""
        after = self.live.events[self.told :] if self.live else []
        return [e for e in after if e.kind in CONTENT or (e.kind == "done" and e.data["seq"] > self.seq)]


@dataclass
class Talk:
    visitor: object
    rounds: list = field(default_factory=list)
    streamed: list = field(default_factory=list)


async def drift(dice, most=10):
    """Lets others run, for a random number of steps of the loop."""
    for _ in range(dice.randrange(most)):
        await asyncio.sleep(0)


async def one_round(desk, talk, dice):
    here, moment, reached = Round(), dice.randrange(-2, WORDS + 4), asyncio.Event()
    talk.rounds.append(here)

    async def ask():
        asking.set(here)
        told = 0
        if moment < 0:  # it may come too late: it starts so many queries behind
            for _ in range(dice.randrange(4)):
                await desk.runtime.accounts.domain(talk.visitor.scope)
        async for _ in await desk.ask(talk.visitor):
            told += 1
            if told == moment:
                reached.set()
        reached.set()

    asked = asyncio.create_task(ask())
    if moment > 0:
        await reached.wait()  # until so many events were told
    await drift(dice)
    view = await desk.runtime.inbox.take_over(talk.visitor.scope, talk.visitor.conversation_id, actor=MARA)
    here.seq, here.told = view.messages, len(here.live.events) if here.live else 0
    await asked
    await desk.runtime.inbox.hand_back(talk.visitor.scope, talk.visitor.conversation_id, actor=MARA)


async def talked(desk, seed, rounds):
    """A conversation of so many rounds, and what its visitor's open page got of it."""
    dice, talk = random.Random(seed), Talk(await desk.visitor())

    async def listen():
        async for message in desk.runtime.conversations.follow_messages(talk.visitor, 0):
            talk.streamed.append(message)
            if message.event == "closed":
                return

    # The page of a few is open all the time; the others come back to it at the end.
    listening = asyncio.create_task(listen()) if seed < WATCHED else None
    for _ in range(rounds):
        await one_round(desk, talk, dice)
    await desk.runtime.inbox.close(talk.visitor.scope, talk.visitor.conversation_id, actor=MARA)
    await (listening or listen())
    return talk


def following(messages):
    """AI messages between a take-over and the next giving back."""
    found, taken = [], False
    for message in messages:
        taken = message.event == "taken_over" or (taken and message.event != "back_to_ai")
        if taken and message.author == "ai":
            found.append(message.seq)
    return found


@dataclass
class Outcome:
    rounds: int = 0
    in_rows: int = 0
    in_streams: int = 0
    kinds: dict = field(default_factory=lambda: {"before": 0, "cut": 0, "complete": 0})


async def played(desk, monkeypatch, conversations, rounds):
    """Plays all of it and counts what should not be."""
    live, begin = desk.runtime.conversations._running.live, desk.runtime.conversations._running.live.begin

    def spied(turn_id, **how):
        made = begin(turn_id, **how)
        asking.get().live = made
        return made

    monkeypatch.setattr(live, "begin", spied)
    dice = random.Random(20261129)

    async def pause():
        await drift(dice)

    words = [step for n in range(WORDS) for step in (pause, Text(f"word {n} "))]
    desk.provider.begin(Level("answer"), *words, pause, Done("end"))
    room = asyncio.Semaphore(AT_ONCE)

    async def one(seed):
        async with room:
            return await talked(desk, seed, rounds)

    talks = await asyncio.gather(*(one(seed) for seed in range(conversations)))
    outcome = Outcome()
    for talk in talks:
        messages = await desk.messages(talk.visitor.conversation_id)
        assert [m.event for m in messages].count("taken_over") == rounds
        assert [m.seq for m in talk.streamed] == [m.seq for m in messages]
        outcome.in_rows += len(following(messages))
        outcome.in_streams += len(following(talk.streamed)) + sum(len(r.late()) for r in talk.rounds)
        outcome.rounds += len(talk.rounds)
        cut = sum(m.interrupted for m in messages)
        complete = sum(m.author == "ai" for m in messages) - cut
        outcome.kinds["cut"] += cut
        outcome.kinds["complete"] += complete
        outcome.kinds["before"] += rounds - cut - complete
    return outcome


async def test_after_a_take_over_nothing_of_the_ai_appears(desk, monkeypatch, long):
    conversations, rounds = (25, 40) if long else (6, 5)
    outcome = await played(desk, monkeypatch, conversations, rounds)
    assert outcome.rounds == conversations * rounds
    assert (outcome.in_rows, outcome.in_streams) == (0, 0)
    assert min(outcome.kinds.values()) > 0, "it came before, in the middle and after the answer"


@pytest.mark.parametrize("gone", ["everything", "the silence"])
async def test_without_its_guards_it_would(desk, monkeypatch, gone):
    async def nothing(*_):
        async def done():
            pass

        return done

    monkeypatch.setattr(Running, "silence", nothing)
    if gone == "everything":
        monkeypatch.setattr(answering, "SILENT", frozenset())
    outcome = await played(desk, monkeypatch, 6, 5)
    assert outcome.in_streams > 0
    assert (outcome.in_rows > 0) == (gone == "everything")

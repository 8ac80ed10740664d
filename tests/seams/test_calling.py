"""Verbs: order, owners of failures, deadlines, types, and what closed means."""

import asyncio

import omniops.plugins.calling as calling
import pluggy
import pytest
from omniops.errors import PluginError
from omniops.hookspecs import PROJECT, Seam, hookimpl
from omniops.plugins.calling import Caller


class Spec:
    @pluggy.HookspecMarker(PROJECT)
    def ask(self, question): ...


OPEN = Seam("gather", str, False, 0.2, closed=False)
SHUT = Seam("chain", str, False, 0.2, closed=True)
MANY = Seam("collect", str, True, 0.2, closed=False)


def caller(monkeypatch, seam, **plugins):
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Spec)
    for name, function in reversed(plugins.items()):
        holder = type(name, (), {"ask": staticmethod(hookimpl(function))})
        manager.register(holder, name)
    monkeypatch.setitem(calling.HOOKS, "ask", seam)
    return Caller(manager)


async def slow(question):
    await asyncio.sleep(60)
    return "late"


async def fast(question):
    return f"fast {question}"


def plain(question):
    return "plain"


def nothing(question):
    return None


def raises(question):
    raise ValueError("boom")


def wrong(question):
    return 7


def needs_nothing():
    return "no arguments"


async def test_gather_keeps_every_answer_that_came(monkeypatch):
    call = caller(monkeypatch, OPEN, slow=slow, fast=fast, raises=raises, wrong=wrong, plain=plain, bare=needs_nothing)
    answers = await call.gather("ask", question="x")
    assert answers.values == ("fast x", "plain", "no arguments")
    assert {error.plugin: str(error) for error in answers.errors} == {
        "slow": "Plugin 'slow', ask(): TimeoutError: no answer within 0.2 s",
        "raises": "Plugin 'raises', ask(): ValueError: boom",
        "wrong": "Plugin 'wrong', ask(): TypeError: gave int, not str",
    }


async def test_gather_asks_only_where_a_plugin_is_on(monkeypatch):
    call = caller(monkeypatch, OPEN, fast=fast, plain=plain)
    answers = await call.gather("ask", lambda name: name == "plain", question="x")
    assert answers.values == ("plain",)


async def test_first_passes_over_silence_and_failure_and_then_stops(monkeypatch):
    asked = []

    def last(question):
        asked.append("last")
        return "too late"

    call = caller(monkeypatch, OPEN, nothing=nothing, raises=raises, fast=fast, last=last)
    answer, all_answers = await call.first("ask", question="x")
    assert answer is not None
    assert (answer.plugin, answer.value) == ("fast", "fast x")
    assert [error.plugin for error in all_answers.errors] == ["raises"]
    assert asked == []


async def test_first_says_when_nobody_answers(monkeypatch):
    answer, _ = await caller(monkeypatch, OPEN, nothing=nothing).first("ask", question="x")
    assert answer is None


async def test_a_chain_passes_the_value_on_in_order(monkeypatch):
    call = caller(
        monkeypatch, SHUT, one=lambda question: question + "1", none=nothing, two=lambda question: question + "2"
    )
    assert await call.chain("ask", "question", "x") == "x12"


@pytest.mark.parametrize("fault", [raises, slow, wrong])
async def test_a_closed_chain_stops_at_the_first_fault(monkeypatch, fault):
    reached = []

    def after(question):
        reached.append(question)
        return question

    call = caller(monkeypatch, SHUT, fault=fault, after=after)
    with pytest.raises(PluginError) as caught:
        await call.chain("ask", "question", "personal")
    assert caught.value.plugin == "fault"
    assert reached == []


async def test_an_open_chain_passes_the_faulty_one_over(monkeypatch):
    call = caller(monkeypatch, OPEN, fault=raises, after=lambda question: question + "!")
    assert await call.chain("ask", "question", "x") == "x!"


def test_collect_checks_each_item(monkeypatch):
    call = caller(
        monkeypatch,
        MANY,
        good=lambda question: ["a", "b"],
        bad=lambda question: ["a", 3],
        text=lambda question: "not a list",
        none=nothing,
    )
    answers = call.collect("ask", question="x")
    assert answers.values == (("a", "b"),)
    assert [str(e).partition("TypeError: ")[2] for e in answers.errors] == [
        "gave a sequence with int, not str",
        "gave str, not a sequence of str",
    ]

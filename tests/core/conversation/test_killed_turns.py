"""kill -9 at two hundred random points of turns: each message is kept, each answer is whole once or marked as cut, and
no tool that changes something runs twice."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from desk import opened
from omniops.contracts.scope import Actor
from omniops.testing.fakes import ManualClock

KILLS = 10
"""Each in the middle of twenty turns."""
STEPS = 170
"""Messages taken, and events of answers, in such a process before all its turns are over."""


def killed(spec, steps):
    """Runs a process until it is killed after so many steps of its turns. Gives what it acknowledged."""
    command = [sys.executable, str(Path(__file__).with_name("killed_turns.py"))]
    path = {"PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=path, text=True) as process:
        process.stdin.write(json.dumps(spec) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        seen = [process.stdout.readline() for _ in range(steps)]
        process.kill()
        said = "".join(seen) + process.stdout.read()
    return [line.removeprefix("ack ").split(" ", 1)[1] for line in said.splitlines() if line.startswith("ack ")]


async def said(runtime, conversation_id, domain_id):
    scope = await runtime.database.scope_of(domain_id)
    return await runtime.inbox.read(scope, conversation_id, actor=Actor("member", "test"))


@pytest.mark.slow
async def test_two_hundred_turns_that_die_at_random_points(postgres, links, tmp_path):
    chance = random.Random(20261129)
    names = ("admin", "owner", "app", "pooled", "jobs", "system")
    parts = {name: getattr(links, name) for name in names}
    effects = tmp_path / "effects"
    effects.touch()
    spec = {
        "links": {name: link.conninfo() if link else None for name, link in parts.items()},
        "keys": str(postgres.folder / "keys"),
        "folder": str(tmp_path / "data"),
        "effects": str(effects),
    }
    acknowledged = [text for _ in range(KILLS) for text in killed(spec, chance.randrange(1, STEPS))]
    assert len(acknowledged) > KILLS
    clock = ManualClock()
    clock.forward(hours=3)
    async with opened(links, postgres.root, tmp_path / "data", clock) as desk:
        desk.model.provider.begin("[TALK]The end.")
        desk.model.effects = effects
        orphaned = (
            "do $$ begin perform set_config('search_path', 'jobs', true);"
            " update procrastinate_jobs set status = 'todo', scheduled_at = null, worker_id = null"
            " where task_name like 'conversation:%%' and status in ('todo', 'doing'); end $$"
        )
        for _ in range(4):  # an answer is looked after by a job that may leave another one behind
            desk.rows(orphaned)
            await desk.work()
        turns = desk.rows("select state, conversation_id, domain_id, record from omniops.turn")
        told = [(*turn, await said(desk.runtime, turn[1], turn[2])) for turn in turns]
    texts = [message.text for *_, messages in told for message in messages if message.author == "visitor"]
    assert [text for text in acknowledged if texts.count(text) != 1] == []
    for state, _, _, record, messages in told:  # each turn has a conversation of its own here
        answers = [message for message in messages if message.author == "ai"]
        assert state in ("done", "interrupted")
        assert len(answers) <= 1
        if state == "done":
            assert [m.text.endswith("The end.") and not m.interrupted for m in answers] == [True]
            assert "output" in record
        else:
            assert all(message.interrupted for message in answers)
    ran = effects.read_text().split()
    assert len(ran) == len(set(ran))
    assert len(ran) > KILLS

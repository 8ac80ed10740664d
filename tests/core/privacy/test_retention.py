"""What goes when its time is over, and what does not: planned first, counted once, held back by whom it may."""

from datetime import timedelta

import pytest
from omniops.contracts.scope import Actor

MEMBER = Actor("member", "test")


@pytest.fixture
def engine(desk):
    return desk.runtime.privacy.retention


async def chat(desk, days, text="How long does it take?"):
    """A visitor whose whole conversation lies so many days back."""
    visitor = await desk.visitor()
    async for _ in await desk.ask(visitor, text):
        pass
    age(desk, visitor, days)
    return visitor


def age(desk, visitor, days):
    """Moves all rows of a person back in time."""
    for table in ("message", "conversation", "turn", "conversation_event", "visitor_session", "subject"):
        column = "id" if table == "subject" else "subject_id"
        desk.rows(
            f"update omniops.{table} set created_at = %s where {column} = %s",
            desk.clock.now() - timedelta(days=days, minutes=1),
            visitor.subject_id,
        )


def left(desk, table, visitor):
    return desk.rows(f"select count(*) from omniops.{table} where subject_id = %s", visitor.subject_id)[0][0]


def keys(desk, visitor):
    return desk.rows("select state from vault.subject_key where subject_id = %s", visitor.subject_id)


async def test_a_conversation_goes_after_its_time_with_all_that_hangs_on_it_and_then_its_keys(desk, engine):
    old, young = await chat(desk, 90), await chat(desk, 89)
    run = await engine.sweep(desk.domain.scope)
    assert run.state == "done", run.problems
    for table in ("message", "conversation", "turn", "ai_mark", "conversation_event", "visitor_session"):
        assert left(desk, table, old) == 0, table
    assert left(desk, "message", young) == 2
    assert left(desk, "conversation", young) == 1
    assert run.deleted == {"message": 2, "turn": 1, "conversation": 1, "visitor_session": 1}
    assert run.shredded == 1
    assert keys(desk, old) == [("shredded",)]
    assert keys(desk, young) == [("active",)]

"""Conversations are sorted by labels and put off; neither reaches a visitor, and both end with what they are about."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from desk import collect
from omniops.accounts.hours import OpeningHours
from omniops.contracts.scope import Actor
from omniops.errors import NotFound, Rejected
from omniops.inbox.labels import LONGEST
from omniops.inbox.queue import Wanted
from omniops.inbox.snoozing import presets

MARA = Actor("member", str(uuid4()))
LATER, NEXT, WEEK = "2026-12-01T13:00", "2026-12-02", "2026-12-07"
WEEKDAYS = {day: ["08:30-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}


@pytest.fixture
async def visitor(desk):
    return await desk.visitor()


async def ids(desk, scope, **wanted):
    return [row.id for row in await desk.runtime.inbox.queue.page(scope, Wanted(**wanted))]


async def test_a_label_is_one_word_however_it_is_written(desk):
    labels, scope = desk.runtime.inbox.labels, desk.domain.scope
    made = await labels.add(scope, "  Bulk \n order ", actor=MARA)
    assert made.name == "Bulk order"
    for name, code in (("BULK ORDER", "label_taken"), (" ", "empty"), ("x" * (LONGEST + 1), "too_long")):
        with pytest.raises(Rejected) as refused:
            await labels.add(scope, name, actor=MARA)
        assert (refused.value.code, refused.value.where) == (code, "name")
    assert [one.name for one in await labels.all(scope)] == ["Bulk order"]
    assert await labels.all(desk.other.scope) == []


async def test_a_label_is_put_on_filtered_by_and_taken_off(desk, visitor):
    labels, scope, talk = desk.runtime.inbox.labels, visitor.scope, visitor.conversation_id
    refund = await labels.add(scope, "refund", actor=MARA)
    for _ in range(2):
        await labels.put(scope, talk, refund.id, actor=MARA)
    assert await labels.of(scope, [talk]) == {talk: [refund]}
    assert await ids(desk, scope, label=refund.id) == [talk]
    assert await ids(desk, scope, label=uuid4()) == []
    found = await desk.runtime.inbox.detail(scope, talk, actor=MARA)
    assert list(found.labels) == [refund]
    assert [event.event for event in found.events] == ["labelled"], "what is there already is no event"
    for _ in range(2):
        await labels.take_off(scope, talk, refund.id, actor=MARA)
    assert await labels.of(scope, [talk]) == {}
    await labels.put(scope, talk, refund.id, actor=MARA)
    await labels.remove(scope, refund.id, actor=MARA)
    assert await labels.of(scope, [talk]) == {}
    for missing in (labels.remove(scope, refund.id, actor=MARA), labels.put(scope, talk, refund.id, actor=MARA)):
        with pytest.raises(NotFound):
            await missing


async def test_a_label_of_another_website_cannot_be_put_on(desk, visitor):
    labels = desk.runtime.inbox.labels
    theirs = await labels.add(desk.other.scope, "refund", actor=MARA)
    with pytest.raises(NotFound):
        await labels.put(visitor.scope, visitor.conversation_id, theirs.id, actor=MARA)
    with pytest.raises(NotFound):
        await labels.put(desk.other.scope, visitor.conversation_id, theirs.id, actor=MARA)


async def test_a_label_is_sealed_and_goes_with_its_conversation(desk, visitor):
    labels, scope, talk = desk.runtime.inbox.labels, visitor.scope, visitor.conversation_id
    refund = await labels.add(scope, "refund", actor=MARA)
    await labels.put(scope, talk, refund.id, actor=MARA)
    (word,) = desk.rows("select word from omniops.label_put where conversation_id = %s", talk)[0]
    assert b"refund" not in bytes(word)
    desk.rows("delete from omniops.conversation where id = %s", talk)
    assert desk.rows("select 1 from omniops.label_put where conversation_id = %s", talk) == []


async def test_what_is_snoozed_waits_for_the_clock_or_for_its_visitor(desk, visitor):
    inbox, scope, talk = desk.runtime.inbox, visitor.scope, visitor.conversation_id
    await collect(await desk.ask(visitor))
    await inbox.take_over(scope, talk, actor=MARA)
    assert (await inbox.queue.waiting(scope), await ids(desk, scope, waiting=True)) == (1, [talk])
    until = desk.clock.now() + timedelta(hours=2)
    view = await inbox.snoozing.until(scope, talk, until, actor=MARA)
    assert (view.snoozed_until, view.state) == (until, "human")
    await inbox.note(scope, talk, "Waits for the warehouse.", actor=MARA)
    assert (await inbox.queue.waiting(scope), await ids(desk, scope, waiting=True)) == (0, [])
    assert await ids(desk, scope, snoozed=True) == [talk]
    counts = await inbox.queue.counts(scope, uuid4())
    assert (counts.waiting, counts.unassigned, counts.snoozed) == (0, 0, 1)
    desk.clock.forward(hours=2)
    assert await ids(desk, scope, waiting=True) == [talk]
    await inbox.snoozing.until(scope, talk, desk.clock.now() + timedelta(days=1), actor=MARA)
    await collect(await desk.ask(visitor))
    assert await ids(desk, scope, waiting=True) == [talk]
    await inbox.snoozing.until(scope, talk, desk.clock.now() + timedelta(days=1), actor=MARA)
    await inbox.snoozing.until(scope, talk, None, actor=MARA)
    assert await ids(desk, scope, snoozed=True) == []
    await inbox.snoozing.until(scope, talk, desk.clock.now() + timedelta(days=1), actor=MARA)
    await inbox.close(scope, talk, actor=MARA)
    assert await ids(desk, scope, snoozed=True) == []


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(seconds=-1), timedelta(days=366)])
async def test_a_time_that_is_over_or_far_away_is_refused(desk, visitor, ahead):
    with pytest.raises(Rejected) as refused:
        await desk.runtime.inbox.snoozing.until(
            visitor.scope, visitor.conversation_id, desk.clock.now() + ahead, actor=MARA
        )
    assert (refused.value.code, refused.value.where) == ("bad_time", "until")


@pytest.mark.parametrize(
    ("now", "hours", "offered"),
    [
        ("2026-12-01T10:00", WEEKDAYS, {"later": LATER, "tomorrow": f"{NEXT}T08:30", "week": f"{WEEK}T08:30"}),
        ("2026-12-04T22:00", WEEKDAYS, {"tomorrow": "2026-12-07T08:30", "week": "2026-12-07T08:30"}),
        ("2026-12-01T10:00", None, {"later": LATER, "tomorrow": f"{NEXT}T09:00", "week": f"{WEEK}T09:00"}),
        ("2026-12-01T10:00", {}, {"later": LATER, "tomorrow": f"{NEXT}T09:00", "week": f"{WEEK}T09:00"}),
    ],
)  # fmt: skip
def test_the_times_that_are_offered_are_those_when_people_are_there(now, hours, offered):
    kept = None if hours is None else OpeningHours(zone="Europe/London", week=hours)
    found = presets(kept, datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert {preset: f"{at:%Y-%m-%dT%H:%M}" for preset, at in found.items()} == offered

"""Appointments in any calendar: one set of tools, no time twice, the visitor's own yes, and nothing that nobody knows
of."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from desk import collect, opened
from diary import DiaryPlugin, PlannerPlugin, connected
from omniops.contracts.calendar import AppointmentRules, Span
from omniops.contracts.provider import ToolCall
from omniops.contracts.scope import Actor
from omniops.contracts.tools import ToolUse
from omniops.conversation.appointments.slots import free, offered, on

MEMBER = Actor("member", "m1")
BERLIN = ZoneInfo("Europe/Berlin")
AGREED = "Yes, you may note my name and address."
STATES = "select state from omniops.appointment where domain_id = %s order by id"


@pytest.fixture(scope="module")
async def opened_desk(postgres, links, tmp_path_factory):
    folder, beside = tmp_path_factory.mktemp("diaries"), {"diary": DiaryPlugin, "planner": PlannerPlugin}
    async with opened(links, postgres.root, folder, beside=beside) as desk:
        yield desk


@pytest.fixture
async def desk(opened_desk):
    """A fresh domain, and empty diaries."""
    opened_desk.domain = await opened_desk.new_domain()
    for name in ("diary", "planner"):
        opened_desk.runtime.loaded(name).plugin.integration.own.begin()
    return opened_desk


def diary(desk, name="diary"):
    return desk.runtime.loaded(name).plugin.integration.own


def at(desk, hour, minute=0):
    day = (desk.clock.now() + timedelta(days=2)).astimezone(BERLIN).date()
    return datetime.combine(day, time(hour, minute), BERLIN)


def booking(start, agreed=AGREED):
    given = {"name": "Ann Lee", "email": "ann@visitor.example", "topic": "Kitchen", "agreed_words": agreed}
    return ToolCall("c1", "book_appointment", {"start": start.isoformat(), **given})


async def asked(desk, *calls, text=f"Tomorrow at ten, please. {AGREED}", visitor=None):
    """A visitor writes, and the model calls. Gives the visitor."""
    await desk.with_model(list(calls), ["A colleague looks at it."])
    visitor = visitor or await desk.visitor()
    await collect(await desk.ask(visitor, text))
    return visitor


async def proposed(desk):
    return await desk.runtime.approvals.all(desk.domain.scope, state="proposed", actor=MEMBER)


async def approve(desk, run):
    return await desk.runtime.approvals.decide(desk.domain.scope, run.id, approve=True, actor=MEMBER)


def states(desk):
    return [state for (state,) in desk.rows(STATES, desk.domain.id)]


def later(desk, **by):
    desk.clock.forward(**by)
    desk.make_due("conversation:appointment")
    return desk.work()


async def test_two_connected_calendars_give_one_set_of_tools_and_the_one_that_books_comes_first(desk):
    await connected(desk, "diary", booking=False)
    await connected(desk, "planner")
    found = await desk.runtime.appointments.tools(desk.domain.scope)
    names = [one.tool.name for one in found]
    assert names == ["free_times", "my_appointments", "book_appointment", "cancel_appointment"]
    assert {one.plugin for one in found} == {"planner"}
    await asked(desk, booking(at(desk, 10)))
    (run,) = await proposed(desk)
    assert (await approve(desk, run)).state == "done"
    assert (len(diary(desk).entries), len(diary(desk, "planner").entries)) == (0, 1)


async def test_a_calendar_that_only_tells_times_books_nothing_and_none_is_asked_for_none(desk):
    assert await desk.runtime.appointments.tools(desk.domain.scope) == ()
    await connected(desk, "diary", booking=False)
    found = await desk.runtime.appointments.tools(desk.domain.scope)
    assert [one.tool.name for one in found] == ["free_times"]


async def test_a_yes_that_the_visitor_did_not_write_is_none(desk):
    await connected(desk, "diary")
    for text in ("Tomorrow at ten, please.", "Tomorrow at ten. Yes!"):
        await asked(desk, booking(at(desk, 10)), text=text)
    await asked(desk, booking(at(desk, 10), agreed="?!"))
    assert await proposed(desk) == []
    await asked(desk, booking(at(desk, 10), agreed="yes you may note  my name and ADDRESS"))
    assert len(await proposed(desk)) == 1


async def test_of_two_who_are_approved_at_the_same_moment_one_gets_the_time(desk):
    await connected(desk, "diary")
    for _ in range(2):
        await asked(desk, booking(at(desk, 10)))
    done = await asyncio.gather(*[approve(desk, run) for run in await proposed(desk)])
    assert sorted(one.state for one in done) == ["done", "failed"]
    assert (len(diary(desk).entries), states(desk)) == (1, ["booked"])


async def test_what_was_entered_although_nobody_was_told_is_found_later(desk):
    await connected(desk, "diary")
    diary(desk).lost = True
    await asked(desk, booking(at(desk, 10)))
    (run,) = await proposed(desk)
    assert (await approve(desk, run)).state == "failed"
    assert states(desk) == ["unsure"]
    await later(desk, minutes=11)
    assert states(desk) == ["booked"]
    assert len(diary(desk).entries) == 1


async def test_what_was_cut_before_it_was_entered_leaves_nothing(desk):
    view = await connected(desk, "diary")
    link = await desk.runtime.connections.link(desk.domain.scope, view.id)
    wish = SimpleNamespace(span=Span(at(desk, 10), at(desk, 10, 30)), key="a" * 32, subject_id=view.id)
    assert await desk.runtime.appointments.book._claimed(link, wish)
    assert states(desk) == ["asked"]
    await later(desk, minutes=11)
    assert states(desk) == []


async def test_while_the_calendar_is_away_nothing_is_claimed(desk):
    await connected(desk, "diary")
    await asked(desk, booking(at(desk, 10)))
    (run,) = await proposed(desk)
    diary(desk).away = True
    assert (await approve(desk, run)).state == "failed"
    assert states(desk) == []


async def test_a_customer_cancels_their_own_and_who_was_invited_learns_of_it(desk):
    await connected(desk, "diary")
    visitor = await asked(desk, booking(at(desk, 10)))
    await approve(desk, (await proposed(desk))[0])
    cancel = ToolCall("c2", "cancel_appointment", {"start": at(desk, 10).isoformat()})
    await asked(desk, cancel)
    assert await proposed(desk) == [], "nobody cancels for somebody else"
    await asked(desk, cancel, visitor=visitor)
    assert (await approve(desk, (await proposed(desk))[0])).state == "done"
    assert (diary(desk).entries, diary(desk).told, states(desk)) == ({}, [True], ["cancelled"])


async def test_what_was_moved_or_deleted_in_the_calendar_is_told_as_it_is(desk):
    await connected(desk, "diary")
    visitor = await asked(desk, booking(at(desk, 10)))
    await approve(desk, (await proposed(desk))[0])
    tool = {one.tool.name: one.tool for one in await desk.runtime.appointments.tools(desk.domain.scope)}
    use = ToolUse(desk.domain.scope, visitor.conversation_id, desk.domain.id, "en", "k", subject_id=visitor.subject_id)
    ((key, wish),) = diary(desk).entries.items()
    diary(desk).entries[key] = replace(wish, span=Span(at(desk, 14), at(desk, 14, 30)))
    told = (await tool["my_appointments"].run(use, {})).text
    assert told == f"{at(desk, 14):%a %Y-%m-%d %H:%M} ({at(desk, 14).isoformat()}): booked"
    diary(desk).entries.clear()
    assert (await tool["my_appointments"].run(use, {})).text == told.replace("booked", "cancelled")
    assert states(desk) == ["cancelled"]


async def test_an_erased_person_is_gone_from_the_calendar_without_a_word(desk):
    await connected(desk, "diary")
    visitor = await asked(desk, booking(at(desk, 10)))
    await approve(desk, (await proposed(desk))[0])
    persons = desk.runtime.privacy.persons
    person = await persons.people.person(desk.domain.scope, [visitor.subject_id], actor=MEMBER)
    (store,) = [one for one in await persons.stores.of(desk.domain.scope) if one.key == "diary.appointments-diary"]
    assert (await persons.stores.ask(store, "export", person)).data == {
        "appointments": [{"name": "Ann Lee", "email": "ann@visitor.example", "topic": "Kitchen"}]
    }
    diary(desk).away = True
    duty = await persons.erase(desk.domain.scope, visitor.subject_id, actor=MEMBER)
    assert (duty.closed, states(desk)) == (False, ["booked"]), "it is not erased while the calendar is away"
    diary(desk).away = False
    assert (await persons.stores.ask(store, "erase", person)).state == "done"
    assert (diary(desk).entries, diary(desk).told, states(desk)) == ({}, [False], [])
    assert (await persons.stores.ask(store, "export", person)).state == "nothing_held"


async def test_the_book_ends_with_the_connection_and_the_entry_stays(desk):
    view = await connected(desk, "diary")
    await asked(desk, booking(at(desk, 10)))
    await approve(desk, (await proposed(desk))[0])
    await desk.runtime.connections.disconnect(desk.domain.scope, view.id, actor=MEMBER)
    assert (len(diary(desk).entries), states(desk)) == (1, [])


def test_the_clock_that_is_put_forward_makes_no_time_twice():
    rules = AppointmentRules(zone="Europe/Berlin", weekdays="sun", opens="01:00", closes="04:00", minutes=60)
    spans = list(on(date(2027, 3, 28), rules))
    assert [one.start.astimezone(BERLIN).hour for one in spans] == [1, 3], "there is no two o'clock on that day"
    assert all(one.end - one.start == timedelta(hours=1) for one in spans)
    assert len(list(on(date(2027, 10, 31), rules))) == 4, "and it is two o'clock twice on this one"


def test_times_respect_notice_horizon_and_weekdays():
    now = datetime(2026, 12, 4, 8, 0, tzinfo=UTC)  # a Friday
    rules = AppointmentRules(minutes=60, notice_hours=3, ahead_days=3)
    starts = [one.start for one in offered(rules, date(2026, 12, 4), 14, now)]
    assert starts[0] == datetime(2026, 12, 4, 11, tzinfo=UTC)
    assert {one.date() for one in starts} == {date(2026, 12, 4)}, "the weekend is no time, Monday is too far ahead"
    span = Span(starts[0], starts[0] + timedelta(hours=1))
    touching = Span(span.end, span.end + timedelta(hours=1))
    assert free([span], [touching]) == [span], "one that begins when the other ends does not meet it"

"""The calendar: free times are told, an appointment is booked once the visitor agreed and a person approved it."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from connected import MEMBER
from omniops.contracts.ids import new_id
from omniops.contracts.sealed import seal
from omniops.contracts.tools import ToolUse
from omniops.conversation.tools.models import ToolRun
from omniops.errors import Rejected
from omniops.testing.upstream import Answer

MAKE, LOOK = "POST /users/{}/events", "POST /users/{}/calendar/getSchedule"
BERLIN = ZoneInfo("Europe/Berlin")
RULES = {"zone": "Europe/Berlin", "weekdays": "mon tue wed thu fri sat sun", "opens": "09:00", "closes": "12:00"}
STATES = "select state from omniops.appointment where domain_id = %s"


async def connected(app, **features):
    """An account whose calendar has rules for appointments."""
    connection_id = await app.connect(**features)
    await app.change(connection_id, **RULES)


def at(app, hour, minute=0):
    day = (app.clock.now() + timedelta(days=3)).astimezone(BERLIN).date()
    return datetime.combine(day, time(hour, minute), BERLIN)


async def tools(app):
    """The tools that a turn is offered, by name."""
    found = await app.runtime.appointments.tools(app.scope)
    return {one.tool.name: one.tool for one in found}


def wish(app, start=None, **more):
    given = {"name": "Ada L.", "email": "ada@visitor.example", "topic": "A fitting", "agreed_words": "Yes, book it."}
    return {"start": (start or at(app, 9, 30)).isoformat(), **given, **more}


async def proposed(app, arguments, tool="book_appointment", visitor=None):
    """The AI asked for something in a visitor's conversation. Gives the visitor, and what waits for a decision."""
    visitor = visitor or await app.visitor()
    await app.ask(visitor, "May I come by? Yes, book it.")
    ((turn,), *_) = app.rows(
        "select id from omniops.turn where conversation_id = %s order by id desc", visitor.conversation_id
    )
    row = ToolRun(
        domain_id=app.domain.id,
        subject_id=visitor.subject_id,
        turn_id=turn,
        conversation_id=visitor.conversation_id,
        tool=tool,
        plugin="microsoft",
        risk="significant",
        state="proposed",
        key=new_id().hex,
        args=seal(arguments),
        created_at=app.clock.now(),
    )
    async with app.runtime.database.session(app.scope) as session:
        session.add(row)
        await session.commit()
    return visitor, row.id


async def decided(app, run_id, approve=True):
    return await app.runtime.approvals.decide(app.scope, run_id, approve=approve, actor=MEMBER)


async def test_free_times_are_those_of_the_rules_that_are_not_taken(app):
    await connected(app, free_times=True)
    app.account.calendar.busy.append((at(app, 9, 45).astimezone(UTC), at(app, 10, 15).astimezone(UTC)))
    found = await tools(app)
    assert sorted(found) == ["free_times"], "without its feature nothing is booked"
    use = ToolUse(app.scope, new_id(), new_id(), "en", new_id().hex, subject_id=new_id())
    told = await found["free_times"].run(use, {"first_day": at(app, 9).date(), "days": 1})
    day = f"{at(app, 9):%Y-%m-%d}"
    times = [line[4:20] for line in told.text.splitlines()[1:-1]]
    assert times == [f"{day} {hour}" for hour in ("09:00", "10:30", "11:00", "11:30")]
    assert "Canary" not in str(told)


async def test_without_its_features_nothing_of_the_calendar_is_looked_at(app):
    await app.connect()
    assert await tools(app) == {}
    assert app.graph.count(LOOK) == 0


async def test_an_appointment_waits_for_a_person_is_booked_and_cancelled_once_approved(app):
    await connected(app, booking=True)
    visitor, run_id = await proposed(app, wish(app))
    assert app.account.calendar.events == [], "nothing is booked before a person decided"
    done = await decided(app, run_id)
    assert done.state == "done", done.result
    (event,) = app.account.calendar.events
    start = at(app, 9, 30).astimezone(UTC)
    assert event["start"] == {"dateTime": f"{start:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}
    assert [one["emailAddress"] for one in event["attendees"]] == [{"address": "ada@visitor.example", "name": "Ada L."}]
    assert any("The appointment is made" in text for _, text in await app.texts(visitor.conversation_id))
    assert "Ada L." not in app.everything()
    own = {"start": at(app, 9, 30).isoformat()}
    _, others = await proposed(app, own, "cancel_appointment")
    assert (await decided(app, others)).state == "failed", "somebody else's is not there for them"
    _, cancel = await proposed(app, own, "cancel_appointment", visitor)
    assert (await decided(app, cancel)).state == "done"
    assert (app.account.calendar.events, app.account.calendar.deleted) == ([], [event])
    assert app.rows(STATES, app.domain.id) == [("cancelled",)]


async def test_what_a_person_refuses_is_not_booked(app):
    await connected(app, booking=True)
    _, run_id = await proposed(app, wish(app))
    await decided(app, run_id, approve=False)
    assert app.graph.count(MAKE) == 0


async def test_a_time_that_was_taken_meanwhile_is_not_booked(app):
    await connected(app, booking=True)
    _, run_id = await proposed(app, wish(app))
    app.account.calendar.busy.append((at(app, 9).astimezone(UTC), at(app, 10).astimezone(UTC)))
    assert (await decided(app, run_id)).state == "failed"
    assert (app.graph.count(MAKE), app.rows(STATES, app.domain.id)) == (0, []), "and no claim is left"


async def test_an_entry_whose_making_nobody_saw_is_found_and_deleted_with_its_person(app):
    await connected(app, booking=True)
    app.graph.lost.append(MAKE)
    visitor, run_id = await proposed(app, wish(app))
    assert ((await decided(app, run_id)).state, len(app.account.calendar.events)) == ("failed", 1)
    assert app.rows(STATES, app.domain.id) == [("unsure",)]
    app.clock.forward(minutes=2)
    duty = await app.runtime.privacy.persons.erase(app.scope, visitor.subject_id, actor=MEMBER)
    assert duty.closed, duty.to_json()
    assert app.account.calendar.events == []


async def test_what_graph_refuses_leaves_no_note(app):
    await connected(app, booking=True)
    app.graph.faults[MAKE].append(Answer.json({"error": {"code": "ErrorAccessDenied"}}, status=403))
    _, run_id = await proposed(app, wish(app))
    await decided(app, run_id)
    assert app.rows(STATES, app.domain.id) == []


@pytest.mark.parametrize("zone", ["W. Europe Standard Time", "Mars/Olympus"])
async def test_a_zone_that_is_none_is_refused(app, zone):
    connection_id = await app.connect(free_times=True)
    with pytest.raises(Rejected, match="zone"):
        await app.change(connection_id, zone=zone)

"""Appointments: free times, a visitor's wish with their yes, a person's approval, and what becomes of it afterwards."""

from datetime import datetime, timedelta

import pytest
from connected import MEMBER
from google_acts import AGREED, BERLIN, RULES, booked, in_two_days, proposed, wished
from omniops.contracts.provider import ToolCall
from omniops.testing.upstream import Answer


def times(app, days=1):
    first = (app.clock.now() + timedelta(days=2)).astimezone(BERLIN).date()
    return ToolCall("c1", "free_times", {"first_day": first.isoformat(), "days": days})


def known(at, state):
    return f"{at:%a %Y-%m-%d %H:%M} ({at.isoformat()}): {state}"


async def bookings_sync(app, connection_id):
    tasks = await app.runtime.traffic.tasks.all(app.scope, connection_id)
    return next(task for task in tasks if (task.kind, task.name) == ("sync", "bookings"))


async def test_free_times_are_those_of_the_rules_that_are_not_busy(app):
    await app.connect("times", **RULES)
    app.google.enter(app.account, in_two_days(app, 9, 45), in_two_days(app, 10, 15))
    visitor = await app.visitor()
    await app.ask(visitor, "When can I come?", [times(app)], ["These are free."])
    (told,) = app.model.told()
    day = f"{in_two_days(app, 9):%Y-%m-%d}"
    assert [line[4:20] for line in told.splitlines()[1:-1]] == [
        f"{day} {at}" for at in ("09:00", "10:30", "11:00", "11:30")
    ]
    assert "doctor" not in told, "what stands in the calendar is nobody's business"
    assert "made by a person" in told, "without the feature nothing is offered to be pressed"
    ((_, asked),) = [one for one in app.google.asked if one[0] == "calendar.freebusy.query"][-1:]
    assert set(asked["body"]) == {"timeMin", "timeMax", "items"}


async def test_a_button_says_the_wish_and_the_yes(app):
    await app.connect("times", "booking", **RULES)
    visitor = await app.visitor()
    events = await app.ask(visitor, "When can I come?", [times(app)], ["These are free."])
    assert "I agree that my name and e-mail address go into your calendar." in str(events)


async def test_an_appointment_is_entered_when_a_person_approved_it(app):
    await app.connect("times", "booking", **RULES)
    start = in_two_days(app, 10)
    visitor = await wished(app, start)
    assert app.google.live(app.account) == [], "nothing is entered before a person decided"
    (run,) = await proposed(app)
    assert run.args["agreed_words"] == AGREED, "who decides sees by which words the visitor agreed"
    await app.runtime.approvals.decide(app.scope, run.id, approve=True, actor=MEMBER)
    (entry,) = app.google.live(app.account)
    assert datetime.fromisoformat(entry["start"]["dateTime"]) == start
    assert entry["attendees"] == [{"email": "ann@visitor.example", "displayName": "Ann Lee"}]
    assert app.google.invited == ["ann@visitor.example"]
    assert any("The appointment is made" in text for _, text in await app.texts(visitor.conversation_id))
    await app.ask(visitor, "When was it?", [ToolCall("c3", "my_appointments", {})], ["There."])
    assert app.model.told() == [known(start, "booked")]
    other = await app.visitor()
    await app.ask(other, "When was it?", [ToolCall("c3", "my_appointments", {})], ["There."])
    assert app.model.told() == ["This customer has made no appointment here."]
    assert "ann@visitor.example" not in app.everything()


async def test_an_appointment_that_is_rejected_is_not_entered(app):
    await app.connect("times", "booking", **RULES)
    await wished(app, in_two_days(app, 10))
    (run,) = await proposed(app)
    await app.runtime.approvals.decide(app.scope, run.id, approve=False, actor=MEMBER)
    assert app.google.live(app.account) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"start": "2020-01-01T09:00:00+01:00"}, "no time for appointments"),
        ({"start": "2027-01-01T09:00:00"}, "needs its offset"),
        ({"email": "ann at visitor"}, "no e-mail address"),
        ({"agreed_words": ""}, "agreed_words"),
        ({"agreed_words": "Yes, of course I do."}, "did not write"),
        ({"agreed_words": None}, "agreed_words"),
    ],
)
async def test_what_cannot_be_is_not_even_proposed(app, change, said):
    await app.connect("times", "booking", **RULES)
    await wished(app, in_two_days(app, 10), **change)
    assert said in app.model.told()[0]
    assert await proposed(app) == []


async def test_a_time_that_is_busy_or_outside_the_rules_is_not_proposed(app):
    await app.connect("times", "booking", **RULES)
    app.google.enter(app.account, in_two_days(app, 9, 45), in_two_days(app, 10, 15))
    for start in (in_two_days(app, 10), in_two_days(app, 10, 10), in_two_days(app, 20)):
        await wished(app, start)
    assert await proposed(app) == []


async def test_of_two_who_want_the_same_time_one_gets_it(app):
    await app.connect("times", "booking", **RULES)
    start = in_two_days(app, 10)
    for _ in range(2):
        await wished(app, start)
    runs = await proposed(app)
    states = [(await app.runtime.approvals.decide(app.scope, run.id, approve=True, actor=MEMBER)).state for run in runs]
    assert states == ["done", "failed"]
    assert len(app.google.live(app.account)) == 1


async def test_an_answer_that_was_lost_enters_nothing_twice_and_is_found(app):
    await app.connect("times", "booking", **RULES)
    await wished(app, in_two_days(app, 10))
    app.google.lost.append("calendar.events.insert")
    (run,) = await proposed(app)
    decided = await app.runtime.approvals.decide(app.scope, run.id, approve=True, actor=MEMBER)
    assert (decided.state, len(app.google.live(app.account))) == ("failed", 1)
    states = "select state from omniops.appointment where domain_id = %s"
    assert app.rows(states, app.domain.id) == [("unsure",)]
    await app.again()
    assert app.rows(states, app.domain.id) == [("booked",)]


async def test_a_refused_entry_leaves_no_claim(app):
    await app.connect("times", "booking", **RULES)
    await wished(app, in_two_days(app, 10))
    app.google.faults["calendar.events.insert"].append(Answer.json({"error": {"code": 400}}, status=400))
    (run,) = await proposed(app)
    assert (await app.runtime.approvals.decide(app.scope, run.id, approve=True, actor=MEMBER)).state == "failed"
    assert app.rows("select count(*) from omniops.appointment where domain_id = %s", app.domain.id) == [(0,)]


async def test_what_is_moved_or_deleted_there_is_known_here_by_a_notice(app):
    await app.connect("times", "booking", **RULES)
    visitor, entry = await booked(app, in_two_days(app, 10))
    later = in_two_days(app, 11)
    app.google.move(app.account, entry["id"], later, later + timedelta(minutes=30))
    app.google.enter(app.account, later, later + timedelta(hours=2))
    for address, headers in app.google.notices(app.account):
        assert (await app.deliver(address, headers)).status_code == 200
    await app.work()
    asking = ([ToolCall("c3", "my_appointments", {})], ["There."])
    await app.ask(visitor, "When was it?", *asking)
    assert app.model.told() == [known(later, "booked")]
    app.google.cancel(app.account, entry["id"])
    for address, headers in app.google.notices(app.account):
        await app.deliver(address, headers)
    await app.work()
    await app.ask(visitor, "Is it on?", *asking)
    assert app.model.told() == [known(later, "cancelled")]


async def test_a_sync_token_that_is_too_old_begins_anew(app):
    connection_id = await app.connect("times", "booking", **RULES)
    _, entry = await booked(app, in_two_days(app, 10))
    for number in range(5):
        app.google.enter(app.account, in_two_days(app, 13), in_two_days(app, 14), summary=f"Other {number}")
    app.google.page, app.google.too_old = 2, True
    later = in_two_days(app, 11)
    app.google.move(app.account, entry["id"], later, later + timedelta(minutes=30))
    await app.again()
    starts = "select starts_at from omniops.appointment where domain_id = %s"
    assert app.rows(starts, app.domain.id)[0][0] == later
    task = await bookings_sync(app, connection_id)
    assert (task.state, task.problem) == ("idle", None)
    assert "Other 1" not in app.everything(), "of others' entries nothing is kept"


async def test_notices_are_believed_by_their_secret_alone_and_once(app):
    await app.connect("times", "booking", **RULES)
    ((address, headers),) = app.google.notices(app.account)
    for name, value in (("X-Goog-Channel-Token", "x"), ("X-Goog-Channel-Token", ""), ("X-Goog-Channel-ID", "x")):
        assert (await app.deliver(address, headers | {name: value})).status_code == 401
    assert (await app.deliver(address, {k: v for k, v in headers.items() if "Token" not in k})).status_code == 401
    assert (await app.deliver(address, headers | {"X-Goog-Message-Number": "many"})).status_code == 422
    told = [(await app.deliver(address, headers)).headers["x-messages"] for _ in range(2)]
    assert told == ["1", "0"]
    opened = await app.deliver(address, headers | {"X-Goog-Resource-State": "sync", "X-Goog-Message-Number": "9"})
    assert (opened.status_code, opened.headers["x-messages"]) == (200, "0")


async def test_a_channel_is_replaced_before_it_ends(app):
    await app.connect("times", "booking", **RULES)
    (before,) = app.google.channels
    await app.again(days=5)
    assert list(app.google.channels) == [before]
    await app.again(days=1, hours=1)
    (after,) = app.google.channels
    assert after != before, "a new one is open, the old one is stopped"
    ((address, headers),) = app.google.notices(app.account)
    assert (await app.deliver(address, headers)).status_code == 200


async def test_the_channel_goes_with_its_feature_and_follows_the_calendar(app):
    connection_id = await app.connect("times", "booking", **RULES)
    app.account.calendars["team@shop.example"] = {}
    change = app.runtime.connections.change
    await change(app.scope, connection_id, {"calendar": "team@shop.example"}, actor=MEMBER)
    await app.work()
    watched = [given["calendarId"] for name, given in app.google.asked if name == "calendar.events.watch"]
    assert (watched, len(app.google.channels)) == (["primary", "team@shop.example"], 1)
    await app.runtime.connections.switch(app.scope, connection_id, "booking", on=False, actor=MEMBER)
    await app.work()
    assert app.google.channels == {}


@pytest.mark.parametrize("reason", ["rateLimitExceeded", "userRateLimitExceeded"])
async def test_too_fast_by_a_403_is_waited_out(app, reason):
    connection_id = await app.connect("times", "booking", **RULES)
    refused = Answer.json({"error": {"code": 403, "errors": [{"reason": reason}]}}, status=403)
    app.google.faults["calendar.events.list"].append(refused)
    await app.again()
    assert (await app.view(connection_id)).state == "connected"
    await app.again()
    task = await bookings_sync(app, connection_id)
    assert (task.state, task.problem) == ("idle", None)


async def test_an_erased_person_is_gone_from_the_calendar(app):
    await app.connect("times", "booking", **RULES)
    visitor, entry = await booked(app, in_two_days(app, 10))
    kept = app.google.enter(app.account, in_two_days(app, 13), in_two_days(app, 14))
    duty = await app.runtime.privacy.persons.erase(app.scope, visitor.subject_id, actor=MEMBER)
    assert duty.closed, duty.to_json()
    assert [one["id"] for one in app.google.live(app.account)] == [kept]
    assert entry["id"] != kept
    assert app.rows("select count(*) from omniops.appointment where domain_id = %s", app.domain.id) == [(0,)]

"""What visitors write, members approve and Google tells in these tests."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from connected import MEMBER
from google_app import AUDIENCE, PUSHER
from omniops.contracts.provider import ToolCall

PAGE = "Parcels to Germany take four working days. We send them with the post every morning."
QUESTION = "How long do parcels to Germany take?"
BERLIN = ZoneInfo("Europe/Berlin")
AGREED = "Yes, I agree that you note my name and address."
RULES = {"zone": "Europe/Berlin", "weekdays": "mon tue wed thu fri sat sun", "opens": "09:00", "closes": "12:00"}


def in_two_days(app, hour, minute=0):
    day = (app.clock.now() + timedelta(days=2)).astimezone(BERLIN).date()
    return datetime.combine(day, time(hour, minute), BERLIN)


def booking(at, **more):
    given = {"name": "Ann Lee", "email": "ann@visitor.example", "topic": "Kitchen plan", "agreed_words": AGREED}
    return ToolCall("c2", "book_appointment", {"start": at.isoformat(), **given, **more})


async def proposed(app, state="proposed"):
    return await app.runtime.approvals.all(app.scope, state=state, actor=MEMBER)


async def wished(app, at, **more):
    """A visitor asks for an appointment. Gives the visitor."""
    visitor = await app.visitor()
    await app.ask(visitor, f"Please book {at}. {AGREED}", [booking(at, **more)], ["A colleague looks at it."])
    return visitor


async def booked(app, start):
    """An appointment, asked for and approved. Gives the visitor and the entry."""
    visitor = await wished(app, start)
    (run,) = await proposed(app)
    decided = await app.runtime.approvals.decide(app.scope, run.id, approve=True, actor=MEMBER)
    assert decided.state == "done", decided.result
    return visitor, app.google.live(app.account)[-1]


async def push(app, *, headers=None, number=None, **claims):
    """Pub/Sub tells that something changed."""
    given, body = app.google.push(app.account, audience=AUDIENCE, account_of=PUSHER, number=number, **claims)
    return await app.deliver("/webhooks/google", given | (headers or {}), body)


async def told(app):
    answer = await push(app)
    await app.work()
    return answer

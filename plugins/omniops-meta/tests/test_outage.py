"""Meta is away for a day: nobody's words are lost, nothing is sent twice, and the business is told."""

from connected import MEMBER
from omniops.testing.upstream import Answer, Cut

QUESTION = "How long do parcels take?"
ANSWER = "Parcels take four working days to arrive."
REPLY = "It left this morning."
AWAY = (
    Answer([b"<html>Sorry, something went wrong.</html>"], 503, {"Content-Type": "text/html"}),
    Answer([b'{"error": {"code": 2, "mess'], 500),
    Answer(before=[Cut()]),
)
"""How it is away: by a page, half an answer, and silence."""


async def a_while(app):
    app.clock.forward(hours=1, minutes=45)
    await app.again()
    await app.fetched()


async def asked(app, person):
    """Somebody writes: Meta tells it, whatever else of Meta is away. Gives what was told."""
    told = app.meta.wrote(app.business, QUESTION, person=person)
    assert (await app.deliver("meta-whatsapp", told)).headers["x-messages"] == "1"
    return told


async def test_a_day_without_meta(app):
    connection_id = await app.connect()
    await app.page(f"{QUESTION} {ANSWER}")
    await app.wrote(QUESTION, person="DE.1")
    (first,) = app.conversations()
    await app.runtime.inbox.take_over(app.scope, first, actor=MEMBER)
    await app.work()
    before = len(app.meta.sent)

    await app.runtime.inbox.reply(app.scope, first, REPLY, actor=MEMBER)
    told = []
    for number in range(15):
        app.meta.away = AWAY[number % 3]
        told += [await asked(app, f"DE.{number}")] if number in (3, 12) else []
        await a_while(app)
    events = [one.event for one in await app.runtime.connections.events(app.scope, connection_id)]
    assert (events.count("degraded"), events.count("away")) == (1, 1), "the business is told, once"
    assert (await app.view(connection_id)).state == "degraded", "nobody has to connect again"
    assert len(app.meta.sent) == before

    app.meta.away = None
    for one in told * 2:
        assert (await app.deliver("meta-whatsapp", one)).headers["x-messages"] == "0", "Meta tells again what it told"
    for _ in range(2):  # one is tried; where it arrives, the others follow
        await a_while(app)
    answered = sorted(one["recipient"] for _, one, _ in app.meta.sent[before:])
    assert answered == ["DE.12", "DE.3"], "what waited is answered, each once"
    assert all(ANSWER in one["text"]["body"] for _, one, _ in app.meta.sent[before:])
    (left,) = await app.runtime.inbox.undelivered.all(app.scope)
    assert (left.author, left.problem) == ("person", "window_over"), "after a day only a template may be sent"
    last = (await app.runtime.connections.events(app.scope, connection_id))[-1]
    assert last.event == "recovered"

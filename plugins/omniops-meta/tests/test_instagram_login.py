"""Instagram without a page: connected by Instagram Login, written to, answered, refreshed, disconnected."""

import pytest
from connected import MEMBER
from instagram_graph import INSTAGRAM_FIELDS, INSTAGRAM_SECRET
from meta_leaving import called_back
from omniops.testing.upstream import Answer
from telling import message

KIND, PERSON = "meta-instagram-login", "5555000000000001"


async def told(app, *events):
    payload = app.meta.page_event("instagram", app.business.instagram, *events)
    answer = await app.deliver(KIND, payload, secret=INSTAGRAM_SECRET)
    assert answer.status_code == 200
    await app.work()
    return int(answer.headers["x-messages"])


def wrote(app, text):
    return app.meta.event(PERSON, app.business.instagram, **message(text))


async def test_from_connecting_to_the_end(app):
    connection_id = await app.connect(KIND)
    assert app.meta.subscribed == {app.business.instagram: INSTAGRAM_FIELDS}
    await app.page("How long do parcels take? Parcels take four working days to arrive.")
    assert await told(app, wrote(app, "How long do parcels take?")) == 1
    ((account, sent, reference),) = app.meta.sent
    assert (account, sent["recipient"], sent["messaging_type"]) == (app.business.instagram, {"id": PERSON}, "RESPONSE")
    text = sent["message"]["text"]
    assert text.index("You are writing to an AI") < text.index("four working days")
    echo = {"mid": reference, "is_echo": True, "text": text}
    await told(app, app.meta.event(app.business.instagram, PERSON, message=echo))
    await told(app, app.meta.event(PERSON, app.business.instagram, read={"mid": reference}))
    assert app.outbox() == [("read", None)]
    assert [author for author, _ in await app.texts()] == ["visitor", "ai"], "our own words came back"
    (conversation,) = app.conversations()
    await app.runtime.inbox.take_over(app.scope, conversation, actor=MEMBER)
    await app.runtime.inbox.reply(app.scope, conversation, "Five, at the moment.", actor=MEMBER)
    await app.work()
    assert app.meta.sent[-1][1]["message"]["text"] == "Five, at the moment."
    await app.runtime.connections.disconnect(app.scope, connection_id, actor=MEMBER)
    assert app.meta.subscribed == {}
    assert app.rows("select count(*) from omniops.connection where domain_id = %s", app.domain.id) == [(0,)]
    assert app.rows("select count(*) from omniops.arrival where domain_id = %s", app.domain.id) == [(0,)]
    assert await told(app, wrote(app, "Hello?")) == 0


async def test_sixty_days_are_prolonged_before_they_are_over(app):
    connection_id = await app.connect(KIND)
    connections = app.runtime.connections
    tokens = {(await connections.settings(app.scope, connection_id)).access_token}
    for _ in range(3):
        app.clock.forward(days=51)
        tokens.add((await connections.settings(app.scope, connection_id)).access_token)
    assert len(tokens) == 4, "half a year later it still works"
    assert [view.state for view in await connections.all(app.scope)] == ["connected"]
    assert not any(token in app.everything() for token in tokens)
    app.meta.faults["GET /refresh_access_token"].append(Answer.json({"error": {"code": 2}}, status=503))
    app.clock.forward(days=51)
    kept = (await connections.settings(app.scope, connection_id)).access_token
    assert kept in tokens, "Meta is away, and the token is good for days"


async def test_a_token_that_lapsed_needs_a_person(app):
    connection_id = await app.connect(KIND)
    app.clock.forward(days=61)
    from omniops.errors import Reconnect

    with pytest.raises(Reconnect):
        await app.runtime.connections.settings(app.scope, connection_id)
    assert [view.state for view in await app.runtime.connections.all(app.scope)] == ["needs_reauth"]
    again = await app.grant(KIND, connection_id=connection_id)
    assert again.outcome == "connected", again.said
    other = await app.grant(KIND, connection_id=connection_id, business=app.meta.business())
    assert other.outcome == "refused", "another account is another connection"


async def test_declined_and_partial_access(app):
    assert (await app.grant(KIND, declined=True)).outcome == "declined"
    app.meta.grants = ["instagram_business_basic"]
    partial = await app.grant(KIND)
    assert (partial.outcome, list(partial.missing)) == ("partial", ["Messages"])


async def test_a_callback_about_the_account_finds_the_connection(app):
    await app.connect(KIND)
    app.meta.instagram_tokens.clear()
    await called_back(app, app.business.instagram_user, deauthorize=True, at=KIND)
    assert [view.state for view in await app.runtime.connections.all(app.scope)] == ["needs_reauth"]

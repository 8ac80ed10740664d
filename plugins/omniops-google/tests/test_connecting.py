"""An account: connected with the least scopes, kept alive, noticed when it ends, and left without a trace."""

import pytest
from connected import MEMBER
from fake_google import AUTH, CLIENT_SECRET, WHO
from google_app import scopes_of
from omniops.errors import Reconnect, Rejected
from omniops.operations.firsts import OPERATOR
from omniops.testing.upstream import Answer


async def test_only_the_scopes_of_what_is_on_are_asked_for(app):
    begun = await app.runtime.granting.begin(app.scope, "google", {}, actor=OPERATOR)
    assert scopes_of(begun.url) == [*WHO, f"{AUTH}calendar.freebusy"]
    both = await app.runtime.granting.begin(app.scope, "google", {}, actor=OPERATOR, chosen={"booking": True})
    assert scopes_of(both.url) == [*WHO, f"{AUTH}calendar.freebusy", f"{AUTH}calendar.events.owned"]


async def test_connected_and_checked(app):
    result = await app.grant()
    assert (result.outcome, result.said) == ("connected", "Connected, and the calendar can be looked into.")
    with pytest.raises(Rejected, match="There is no calendar"):
        await app.runtime.connections.change(
            app.scope, result.connection_id, {"calendar": "nobody@shop.example"}, actor=MEMBER
        )


async def test_a_change_is_tried_as_it_will_be_although_the_token_ended_meanwhile(app):
    connection_id = await app.connect("times")
    app.clock.forward(hours=2)
    with pytest.raises(Rejected, match="There is no calendar"):
        await app.runtime.connections.change(app.scope, connection_id, {"calendar": "nobody@x.example"}, actor=MEMBER)


async def test_partial_scopes_leave_a_feature_off(app):
    app.google.grants = {f"{AUTH}calendar.events.owned"}
    result = await app.grant(features={"booking": True})
    assert result.outcome == "partial"
    features = {one.key: (one.on, list(one.missing)) for one in (await app.view(result.connection_id)).features}
    assert features["times"] == (False, [f"{AUTH}calendar.freebusy"])
    assert features["booking"] == (False, [f"{AUTH}calendar.freebusy"])


async def test_what_is_declined_connects_nothing(app):
    assert (await app.grant(declined=True)).outcome == "declined"
    assert await app.runtime.connections.all(app.scope) == []


async def test_an_account_is_of_one_website(app):
    await app.connect("times")
    app.domain = await app.new_domain()
    result = await app.grant()
    assert (result.outcome, "connected already" in result.said) == ("refused", True)


async def test_another_account_is_another_connection(app):
    connection_id = await app.connect("times")
    result = await app.grant(connection_id=connection_id, account=app.google.account())
    assert (result.outcome, "another account" in result.said) == ("refused", True)


@pytest.mark.parametrize(
    "fault",
    [
        Answer.json({"error": "server_error"}, status=500),
        Answer([b"<html>"], 502, {"Content-Type": "text/html"}),
        Answer([b'{"access_tok'], 200, {"Content-Type": "application/json"}),
        Answer.json({"access_token": "ya29.x", "id_token": "a.e30.c"}),
        Answer.json({"access_token": "ya29.x", "id_token": 7}),
    ],
)
async def test_what_is_no_token_connects_nothing(app, fault):
    app.google.faults["token"].append(fault)
    assert (await app.grant()).outcome in ("failed", "refused")
    assert await app.runtime.connections.all(app.scope) == []


async def test_tokens_are_refreshed_and_lie_sealed(app, caplog):
    connection_id = await app.connect("times")
    before = (await app.runtime.connections.settings(app.scope, connection_id)).tokens
    app.google.expire()
    await app.runtime.connections.check(app.scope, connection_id)
    after = (await app.runtime.connections.settings(app.scope, connection_id)).tokens
    assert after.access != before.access
    assert (after.refresh, dict(after.extra)) == (before.refresh, dict(before.extra)), "Google's refresh token stays"
    everything = app.everything() + caplog.text
    for secret in (before.access, before.refresh, after.access):
        assert secret.get_secret_value() not in everything
    assert CLIENT_SECRET not in everything
    assert app.account.email not in everything
    assert "Canary" not in everything


async def test_access_that_was_taken_back_waits_for_a_person(app):
    connection_id = await app.connect("times")
    app.google.end(app.account)
    with pytest.raises(Reconnect):
        await app.runtime.connections.check(app.scope, connection_id)
    assert (await app.view(connection_id)).state == "needs_reauth"
    assert (await app.grant(connection_id=connection_id)).outcome == "connected"
    assert (await app.view(connection_id)).state == "connected"


async def test_disconnecting_ends_everything_there_and_here(app):
    connection_id = await app.connect("times", "booking")
    assert len(app.google.channels) == 1
    token = (await app.runtime.connections.settings(app.scope, connection_id)).access_token
    ((address, headers),) = list(app.google.notices(app.account))
    assert await app.runtime.connections.disconnect(app.scope, connection_id, actor=MEMBER) == "revoked"
    assert app.google.channels == {}
    assert token not in app.google.tokens
    assert app.google.refreshing == {}
    for table in ("appointment", "connection", "connection_task", "arrival"):
        assert app.rows(f"select count(*) from omniops.{table} where domain_id = %s", app.domain.id) == [(0,)]
    assert (await app.deliver(address, headers)).status_code == 404


async def test_the_access_is_revoked_although_a_channel_cannot_be_stopped(app):
    connection_id = await app.connect("times", "booking")
    app.google.faults["calendar.channels.stop"].append(Answer.json({}, status=503))
    outcome = await app.runtime.connections.disconnect(app.scope, connection_id, actor=MEMBER)
    assert outcome == "not revoked at the other side", "people are told that something may be left"
    assert app.google.refreshing == {}

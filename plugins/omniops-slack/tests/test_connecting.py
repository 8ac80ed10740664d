"""A workspace: connected with the least scopes, kept alive, noticed when it ends, and left without a trace."""

from datetime import UTC, datetime, timedelta

import pytest
from connected import MEMBER
from omniops.errors import NotReady, Rejected
from omniops.operations.firsts import OPERATOR
from omniops.testing.upstream import Answer
from workspace import CLIENT_SECRET, asked_scopes


async def view(app, connection_id):
    return await app.runtime.connections.one(app.scope, connection_id)


async def test_only_the_scopes_of_what_is_on_are_asked_for(app):
    begun = await app.runtime.granting.begin(app.scope, "slack", {}, actor=OPERATOR)
    assert asked_scopes(begun.url) == ["chat:write", "channels:read", "channels:history"]
    assert "code_challenge" not in begun.url, "an app that has no PKCE refuses it"
    both = await app.runtime.granting.begin(app.scope, "slack", {}, actor=OPERATOR, chosen={"ask": True})
    assert asked_scopes(both.url)[3:] == ["app_mentions:read", "im:history", "commands"]


async def test_connected_checked_and_a_channel_chosen(app):
    for number in range(7):
        app.team.channel(f"room-{number}", member=number == 3, archived=number == 5)
    app.slack.page = 2
    result = await app.grant()
    assert (result.outcome, result.said) == (
        "connected",
        "Connected to the workspace Corner Shop. No channel is chosen for hand-offs.",
    )
    link = await app.runtime.connections.link(app.scope, result.connection_id)
    integration = app.runtime.loaded("slack").plugin._integration
    choices = await integration.choices(link, "channel")
    assert [one.title for one in choices] == [
        f"#room-{n}" + ("" if n == 3 else " (invite the app first)") for n in range(7) if n != 5
    ]
    with pytest.raises(Rejected, match="invite it there"):
        await app.runtime.connections.change(
            app.scope, result.connection_id, {"channel": choices[0].value}, actor=MEMBER
        )
    changed = await app.runtime.connections.change(
        app.scope, result.connection_id, {"channel": choices[3].value}, actor=MEMBER
    )
    assert changed.said == "Connected to the workspace Corner Shop; hand-offs go to #room-3."


async def test_a_list_that_turns_in_a_circle_ends(app):
    result = await app.grant()
    link = await app.runtime.connections.link(app.scope, result.connection_id)
    page = Answer.json({"ok": True, "channels": [], "response_metadata": {"next_cursor": "same"}})
    app.slack.faults["conversations.list"] += [page, page, page]
    with pytest.raises(NotReady, match="same page"):
        await app.runtime.loaded("slack").plugin._integration.choices(link, "channel")


async def test_partial_scopes_leave_a_feature_off(app):
    app.slack.grants = {"chat:write", "app_mentions:read", "im:history", "commands"}
    result = await app.grant(features={"ask": True})
    assert result.outcome == "partial"
    features = {one.key: (one.on, list(one.missing)) for one in (await view(app, result.connection_id)).features}
    assert features == {"handoff": (False, ["channels:read", "channels:history"]), "ask": (True, [])}


async def test_what_is_declined_or_for_a_whole_organisation_connects_nothing(app):
    assert (await app.grant(declined=True)).outcome == "declined"
    app.slack.org = True
    result = await app.grant()
    assert (result.outcome, "one workspace" in result.said) == ("refused", True)
    assert await app.runtime.connections.all(app.scope) == []


async def test_a_workspace_is_of_one_website(app):
    await app.connect()
    app.domain = await app.new_domain()
    result = await app.grant()
    assert (result.outcome, "connected already" in result.said) == ("refused", True)


@pytest.mark.parametrize(
    "fault",
    [
        Answer.json({"ok": False, "error": "fatal_error"}),
        Answer([b"<html>"], 502, {"Content-Type": "text/html"}),
        Answer([b'{"ok": true, "acc'], 200, {"Content-Type": "application/json"}),
        Answer.json({"ok": True, "team": {"id": "T1"}, "token_type": "user", "access_token": "xoxp-1"}),
    ],
)
async def test_what_is_no_token_connects_nothing(app, fault):
    app.slack.faults["oauth.v2.access"].append(fault)
    assert (await app.grant()).outcome in ("failed", "refused")
    assert await app.runtime.connections.all(app.scope) == []


async def test_tokens_rotate_and_lie_sealed(app, caplog):
    connection_id, _ = await app.connect()
    before = (await app.runtime.connections.settings(app.scope, connection_id)).tokens
    assert timedelta(hours=11) < before.expires_at - datetime.now(UTC) < timedelta(hours=14)
    app.slack.expire()
    await app.runtime.connections.check(app.scope, connection_id)
    after = (await app.runtime.connections.settings(app.scope, connection_id)).tokens
    assert after.access != before.access
    assert after.refresh != before.refresh, "a refresh token is good for one use"
    assert after.extra["team"] == app.team.id
    everything = app.everything() + caplog.text
    for secret in (before.access, before.refresh, after.access, after.refresh):
        assert secret.get_secret_value() not in everything
    assert CLIENT_SECRET not in everything


@pytest.mark.parametrize("kind", ["app_uninstalled", "tokens_revoked"])
async def test_an_app_that_was_taken_out_waits_for_a_person(app, kind):
    connection_id, channel = await app.connect()
    removal = app.slack.event(app.team, {"type": kind})
    await app.deliver(removal)
    await app.work()
    assert (await view(app, connection_id)).state == "connected", "an old word: it is there again"
    app.slack.remove(app.team)
    await app.deliver(app.slack.event(app.team, {"type": kind}))
    await app.work()
    assert (await view(app, connection_id)).state == "needs_reauth"
    await app.handed_off()
    assert app.team.messages[channel] == []
    result = await app.grant(connection_id=connection_id)
    assert result.outcome == "connected"
    await app.handed_off()
    assert len(app.team.messages[channel]) == 1, "the channel is remembered"


async def test_another_workspace_is_another_connection(app):
    connection_id, _ = await app.connect(channel=False)
    result = await app.grant(connection_id=connection_id, team=app.slack.team())
    assert (result.outcome, "another account" in result.said) == ("refused", True)


async def test_disconnecting_takes_the_app_out_and_leaves_nothing_here(app):
    connection_id, channel = await app.connect()
    await app.handed_off()
    token = (await app.runtime.connections.settings(app.scope, connection_id)).access_token
    await app.runtime.connections.disconnect(app.scope, connection_id, actor=MEMBER)
    assert not app.team.installed
    assert token not in app.slack.tokens
    for table in ("team_thread", "team_post", "connection", "arrival"):
        assert app.rows(f"select count(*) from omniops.{table} where domain_id = %s", app.domain.id) == [(0,)]
    answer = await app.deliver(*app.slack.write(app.team, channel, "Too late", thread_ts="1.1"))
    assert (answer.status_code, answer.headers["x-messages"]) == (200, "0")
    await app.handed_off()
    assert len(app.team.messages[channel]) == 2


async def test_a_workspace_that_does_not_let_the_app_leave_loses_its_access_all_the_same(app):
    connection_id, channel = await app.connect()
    app.slack.leaves = False
    token = (await app.runtime.connections.settings(app.scope, connection_id)).access_token
    await app.runtime.connections.disconnect(app.scope, connection_id, actor=MEMBER)
    assert token not in app.slack.tokens
    assert not app.team.channels[channel]["is_member"]
    (*_, last) = await app.runtime.connections.events(app.scope, connection_id)
    assert (last.event, last.detail["outcome"]) == ("disconnected", "revoked")


async def test_a_private_channel_cannot_be_chosen(app):
    """What is written there does not come through, so that replies would never reach a visitor."""
    connection_id, _ = await app.connect(channel=False)
    private = app.team.channel("management", private=True)
    with pytest.raises(Rejected, match="private"):
        await app.runtime.connections.change(app.scope, connection_id, {"channel": private}, actor=MEMBER)
    link = await app.runtime.connections.link(app.scope, connection_id)
    choices = await app.runtime.loaded("slack").plugin._integration.choices(link, "channel")
    assert [one.title for one in choices] == ["#support"]


async def test_lost_events_are_in_the_log(app):
    await app.connect()
    limited = {"type": "app_rate_limited", "team_id": app.team.id, "minute_rate_limited": 1518467820, "token": "t"}
    await app.deliver(limited)
    await app.work()
    states = app.rows("select name, state from omniops.arrival where domain_id = %s", app.domain.id)
    assert states == [("events_limited", "done")]

"""An account: connected with the least permissions, kept alive and told of changes, and left without a trace."""

from urllib.parse import parse_qs, urlsplit

import pytest
from connected import MEMBER
from ms_graph import CLIENT_SECRET, RESOURCE
from ms_published import FACTS
from omniops.errors import NotReady, Rejected
from omniops.operations.firsts import OPERATOR
from omniops.testing.upstream import Answer

SUBSCRIBE, PROLONG = "POST /subscriptions", "PATCH /subscriptions/{}"


async def test_only_the_permissions_of_what_is_on_are_asked_for(app):
    begun = await app.runtime.granting.begin(app.scope, "microsoft", {}, actor=OPERATOR)
    asked = parse_qs(urlsplit(begun.url).query)["scope"][0].split()
    assert asked == ["offline_access", *(f"{RESOURCE}{one}" for one in ("User.Read", "Mail.Read", "Mail.Send"))]
    integration = app.integration
    published = {f"{RESOURCE}{one}" for call in FACTS["calls"].values() for one in call["permissions"]}
    wanted = {one for feature in integration.features for one in feature.scopes} | {f"{RESOURCE}User.Read"}
    assert wanted == published, "each permission is the least one of a call that is made, and there is no other"


async def test_connected_checked_and_a_folder_and_channel_chosen(app):
    app.graph.page = 2
    teams = app.account.teams
    for number in range(3):
        teams.channel(f"Room {number}", team=f"Team {number}")
    teams.channel("Shared", membership="shared")
    folder = app.account.mail.folder("Support")
    result = await app.grant(features={"teams": True})
    assert (result.outcome, result.said) == ("connected", "Connected. Mail in the folder Inbox is read.")
    link = await app.link(result.connection_id)
    choices = await app.integration.choices(link, "channel")
    assert [one.title for one in choices] == [f"Team {n}: Room {n}" for n in range(3)]
    folders = await app.integration.choices(link, "folder")
    assert [one.title for one in folders] == ["Inbox", "Sent Items", "Support"]
    with pytest.raises(Rejected, match="no such folder"):
        await app.runtime.connections.change(app.scope, result.connection_id, {"folder": "AAMkNone"}, actor=MEMBER)
    both = {"folder": folder, "channel": choices[1].value}
    changed = await app.runtime.connections.change(app.scope, result.connection_id, both, actor=MEMBER)
    assert changed.said == "Connected. Mail in the folder Support is read. Hand-offs go to the channel Room 1."


async def test_what_was_not_granted_is_off(app):
    app.graph.grants = {"Mail.Read", "Mail.Send", "Team.ReadBasic.All", "Channel.ReadBasic.All"}
    result = await app.grant(features={"teams": True})
    assert result.outcome == "partial"
    features = {one.key: (one.on, len(one.missing)) for one in (await app.view(result.connection_id)).features}
    assert features == {"mail": (True, 0), "teams": (False, 3), "free_times": (False, 1), "booking": (False, 1)}
    await app.settled()
    assert app.subscribed() == ["me/mailFolders('inbox')/messages"]


async def test_what_is_declined_connects_nothing(app):
    assert (await app.grant(declined=True)).outcome == "declined"
    app.graph.grants = set()
    app.account.address = "nobody"
    assert (await app.grant()).outcome == "refused", "an account without an address has no mailbox"
    assert await app.runtime.connections.all(app.scope) == []


async def test_an_account_is_of_one_website_and_stays_the_same(app):
    connection_id = await app.connect()
    result = await app.grant(connection_id=connection_id, account=app.graph.account())
    assert (result.outcome, "another account" in result.said) == ("refused", True)
    first, app.domain = app.domain, await app.new_domain()
    result = await app.grant()
    assert (result.outcome, "connected already" in result.said) == ("refused", True)
    app.domain = first


@pytest.mark.parametrize(
    "fault",
    [
        Answer.json({"error": "temporarily_unavailable"}, status=503),
        Answer.json({"error": "invalid_client"}, status=401),
        Answer([b"<html>"], 502, {"Content-Type": "text/html"}),
        Answer([b'{"access_token": "e'], 200, {"Content-Type": "application/json"}),
        Answer.json({"token_type": "Bearer"}),
    ],
    ids=str,
)
async def test_what_is_no_token_connects_nothing(app, fault):
    app.graph.faults["token"].append(fault)
    assert (await app.grant()).outcome in ("failed", "refused")
    assert await app.runtime.connections.all(app.scope) == []


async def test_tokens_rotate_and_lie_sealed(app, caplog):
    connection_id = await app.connect()
    before = (await app.runtime.connections.settings(app.scope, connection_id)).tokens
    app.graph.expire()
    await app.runtime.connections.check(app.scope, connection_id)
    after = (await app.runtime.connections.settings(app.scope, connection_id)).tokens
    assert after.access != before.access
    assert after.refresh != before.refresh, "a refresh token is good for one use"
    assert after.scopes == before.scopes
    assert after.extra == {"user": app.account.id, "address": app.account.address}
    state = (await app.link(connection_id)).memory["state"]
    everything = app.everything() + caplog.text
    secrets = [one.get_secret_value() for one in (before.access, before.refresh, after.access, after.refresh)]
    for secret in (*secrets, CLIENT_SECRET, state, app.account.address):
        assert secret not in everything


@pytest.mark.parametrize("error", ["invalid_grant", "interaction_required"])
async def test_where_only_a_person_can_help_the_connection_waits(app, error):
    connection_id = await app.connect()
    app.graph.expire()
    app.graph.faults["token"].append(Answer.json({"error": error, "suberror": "consent_required"}, status=400))
    await app.later(minutes=70)
    assert (await app.view(connection_id)).state == "needs_reauth"
    app.account.mail.write("ada@visitor.example", "Meanwhile")
    assert await app.deliver() == [200]
    await app.work()
    assert app.conversations() == []
    assert (await app.grant(connection_id=connection_id)).outcome == "connected"
    await app.settled()
    assert len(app.conversations()) == 1, "nothing was lost"


async def test_subscriptions_are_prolonged_before_they_end(app):
    await app.connect_teams()
    ends = {key: kept["expirationDateTime"] for key, (_, kept, _) in app.graph.subscriptions.items()}
    assert len(ends) == 2
    await app.later(hours=34)
    assert app.graph.count(PROLONG) <= 4
    before = app.graph.count(SUBSCRIBE)
    await app.later(hours=2)
    assert set(app.graph.subscriptions) == set(ends), "the same ones live on"
    assert all(kept["expirationDateTime"] > ends[key] for key, (_, kept, _) in app.graph.subscriptions.items())
    assert app.graph.count(SUBSCRIBE) == before
    app.graph.subscriptions.clear()
    await app.later(hours=36)
    assert len(app.graph.subscriptions) == 2, "one that ended is made anew"


async def test_a_subscription_of_ours_that_nobody_noted_is_found_again(app):
    app.graph.lost.append(SUBSCRIBE)
    result = await app.grant()
    await app.settled()
    await app.later(minutes=2)
    assert len(app.graph.subscriptions) == 1
    assert app.graph.count(SUBSCRIBE) == 1
    ((_, kept, immutable),) = app.graph.subscriptions.values()
    link = await app.link(result.connection_id)
    assert (kept["clientState"], immutable) == (link.memory["state"], True)


async def test_where_the_address_does_not_answer_mail_is_fetched_all_the_same(app):
    async def away(url, query, payload):
        return 502, "text/html", "<html>"

    app.graph.reach = away
    await app.grant()
    await app.settled()
    assert app.graph.subscriptions == {}
    app.account.mail.write("ada@visitor.example", "Hello")
    await app.later(minutes=16)
    assert len(app.conversations()) == 1


@pytest.mark.parametrize("event", ["missed", "subscriptionRemoved", "reauthorizationRequired"])
async def test_what_graph_says_of_a_subscription_is_done(app, event):
    _, channel = await app.connect_teams()
    visitor = await app.handed_off()
    (root,) = app.account.teams.roots(channel)
    await app.told()
    app.account.mail.write("ada@visitor.example", "Missed")
    app.account.teams.write(channel, "<p>Also missed</p>", root["id"])
    app.graph.told.clear()
    prolonged = app.graph.count(PROLONG)
    app.graph.lifecycle(event)
    await app.told()
    await app.settled()  # what was missed in threads is looked for within a minute
    assert len(app.graph.subscriptions) == 2
    if event == "reauthorizationRequired":
        assert app.graph.count(PROLONG) > prolonged
        return
    assert len(app.conversations()) == 2
    assert (await app.texts(visitor.conversation_id))[-1] == ("person", "Also missed")


async def test_disconnecting_leaves_nothing_there_or_here(app):
    connection_id, channel = await app.connect_teams()
    await app.handed_off()
    app.account.mail.write("ada@visitor.example", "Hello")
    notices = list(app.graph.told)
    await app.told()
    other = app.graph.account()
    app.graph.subscriptions["of-another"] = (other, {"notificationUrl": "https://x", "resource": "", "id": "x"}, True)
    await app.runtime.connections.disconnect(app.scope, connection_id, actor=MEMBER)
    assert list(app.graph.subscriptions) == ["of-another"], "others' subscriptions are not ours to remove"
    for table in ("team_thread", "team_post", "connection", "arrival", "connection_task"):
        assert app.rows(f"select count(*) from omniops.{table} where domain_id = %s", app.domain.id) == [(0,)]
    assert set(await app.deliver(notices)) == {404}
    roots = len(app.account.teams.roots(channel))
    await app.handed_off()
    assert len(app.account.teams.roots(channel)) == roots


async def test_a_list_that_turns_in_a_circle_ends(app):
    connection_id = await app.connect()
    link = await app.link(connection_id)
    page = Answer.json({"value": [], "@odata.nextLink": f"{app.graph.base}/v1.0/me/mailFolders?$skiptoken=1"})
    app.graph.faults["GET /users/{}/mailFolders"] += [page, page, page]
    with pytest.raises(NotReady, match="same page"):
        await app.integration.choices(link, "folder")

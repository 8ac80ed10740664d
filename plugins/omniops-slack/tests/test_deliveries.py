"""What Slack sends: who sent it, what is taken of it, and that nothing else is kept."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from omniops.contracts.channel import Edited, Incoming, Removed
from omniops.contracts.posts import REPLY
from omniops.contracts.webhook import Event, Webhook
from omniops.errors import Rejected
from omniops_slack.settings import HOOKS, SlackSettings
from omniops_slack.webhooks import receive
from workspace import APP, BOT, BOT_ID, PERSON, RETRY, SIGNING, Slack, signed

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SETTINGS = SlackSettings(signing_secret=SIGNING)


@pytest.fixture
def slack():
    return Slack()


@pytest.fixture
def team(slack):
    return slack.team()


def delivery(payload, *, at=NOW, secret=SIGNING):
    body, headers = signed(payload, at.timestamp(), secret=secret)
    return Webhook("POST", "https://omniops.example/webhooks/slack", list(headers.items()), {}, body, NOW)


def heard(payload):
    """What is taken of a payload."""
    return receive(delivery(payload), SETTINGS).things


def changed(webhook, name, *values):
    kept = [(key, value) for key, value in webhook.headers if key != name]
    return replace(webhook, headers=kept + [(name, value) for value in values])


def test_who_is_not_slack_is_not_believed(slack, team):
    good = delivery(slack.event(team, {"type": "app_uninstalled"}))
    assert len(receive(good, SETTINGS).things) == 1
    stamp, mark = "x-slack-request-timestamp", "x-slack-signature"
    bad = [
        *(
            replace(good, body=body)
            for body in (good.body + b" ", good.body[:-1], b"", good.body.replace(b"T", b"t", 1))
        ),
        *(changed(good, mark, *values) for values in ((), ("",), ("v0=",), ("Größe",), (good.header(mark),) * 2)),
        *(changed(good, stamp, *values) for values in ((), ("",), ("soon",), ("١٢٣",), ("1e9",), ("-5",), ("9" * 30,))),
        changed(good, stamp, good.header(stamp), good.header(stamp)),
        changed(good, mark, good.header(mark).upper()),
        delivery(slack.event(team, {"type": "app_uninstalled"}), secret="of-another-app"),
    ]
    for webhook in bad:
        with pytest.raises(Rejected) as rejected:
            receive(webhook, SETTINGS)
        assert rejected.value.code in ("bad_signature", "bad_header")
    stamped = good.header(stamp)
    empty = hmac.new(b"", b"v0:" + stamped.encode() + b":" + good.body, hashlib.sha256).hexdigest()
    for settings in (SlackSettings(), SlackSettings(signing_secret="")):
        with pytest.raises(Rejected):
            receive(changed(good, mark, f"v0={empty}"), settings)


@pytest.mark.parametrize(("seconds", "taken"), [(-299, True), (299, True), (-302, False), (302, False)])
def test_what_is_old_or_from_the_future_is_not_taken(slack, team, seconds, taken):
    webhook = delivery(
        slack.event(team, {"type": "app_uninstalled"}), at=datetime.fromtimestamp(NOW.timestamp() + seconds, UTC)
    )
    if taken:
        assert receive(webhook, SETTINGS).things
        return
    with pytest.raises(Rejected) as rejected:
        receive(webhook, SETTINGS)
    assert rejected.value.code == "bad_signature"


def test_the_handshake_is_answered_as_plain_text():
    received = receive(delivery({"type": "url_verification", "token": "t", "challenge": "<b>3eZ</b>"}), SETTINGS)
    assert (received.reply.body, received.reply.media_type, received.things) == ("<b>3eZ</b>", "text/plain", ())


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "interactive"},
        {"type": "event_callback", "event": {"type": "reaction_added"}, "team_id": "T1", "event_id": "Ev1"},
        {"ssl_check": "1", "command": "/ask"},
    ],
)
def test_what_nobody_knows_is_taken_and_ignored(payload):
    assert not heard(payload)


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b"[]",
        b"null",
        b'{"type": "event_callback"}',
        b"[" * 100_000,
        b'{"type": "event_callback", "event_id": 7, "event": {}, "team_id": "T"}',
    ],
)
def test_signed_nonsense_is_nonsense(body, slack, team):
    from slack_sdk.signature import SignatureVerifier

    stamp = str(int(NOW.timestamp()))
    made = SignatureVerifier(SIGNING).generate_signature(timestamp=stamp, body=body)
    headers = [("content-type", "application/json"), ("x-slack-request-timestamp", stamp), ("x-slack-signature", made)]
    with pytest.raises(Rejected) as rejected:
        receive(Webhook("POST", "https://omniops.example/", headers, {}, body, NOW), SETTINGS)
    assert rejected.value.code == "bad_delivery"


def test_a_mention_and_its_message_are_one_question_in_the_thread_of_its_message(slack, team):
    channel = team.channel("general")
    message, mention = slack.write(team, channel, f"<@{BOT}> How long &amp; how much?")
    assert heard(message) == [], "of a channel only the mention is taken"
    (arrived,) = heard(mention)
    ts = mention["event"]["ts"]
    assert arrived.what == Incoming(
        delivery_id=f"{channel}:{ts}", thread=f"{channel}:{ts}", sender=PERSON, text="How long & how much?",
        sent_at=datetime.fromtimestamp(float(ts), UTC),
    )  # fmt: skip
    assert (arrived.external_id, arrived.channel, arrived.feature) == (team.id, "slack", "ask")
    (again,) = heard(slack.write(team, channel, f"<@{BOT}> and on Sunday?", thread_ts=ts)[1])
    assert again.what.thread == f"{channel}:{ts}"


def test_a_direct_message_is_a_question(slack, team):
    (arrived,) = heard(
        slack.write(team, "D0ANNA", "Ask <@U0BOB|bob>, <#C1|help>, <!here>, <mailto:a@b.example|a@b.example>")[0]
    )
    assert (arrived.what.thread, arrived.what.text) == ("D0ANNA", "Ask @bob, #help, @here, a@b.example")
    (in_thread,) = heard(slack.write(team, "D0ANNA", "and?", thread_ts="1.5")[0])
    assert in_thread.what.thread == "D0ANNA:1.5"


def test_edits_and_deletions_are_of_the_question_and_previews_are_none(slack, team):
    (first,) = slack.write(team, "D0ANNA", "How long?")
    ts = first["event"]["ts"]
    (edited,) = heard(slack.edit(team, "D0ANNA", ts, "How long, and where?"))
    assert edited.what == Edited(edited.what.delivery_id, f"D0ANNA:{ts}", "How long, and where?")
    assert heard(slack.edit(team, "D0ANNA", ts, "How long?", preview=True)) == []
    (removed,) = heard(slack.delete(team, "D0ANNA", ts))
    assert removed.what == Removed(removed.what.delivery_id, f"D0ANNA:{ts}")
    channel = team.channel("general")
    message, _ = slack.write(team, channel, "private words")[0], None
    other = message["event"]["ts"]
    assert heard(slack.edit(team, channel, other, "other private words")) == []
    assert heard(slack.delete(team, channel, other)) == []


def test_of_threads_only_those_that_the_app_began_are_read(slack, team):
    channel = team.channel("support")
    root = slack._written(team, channel, BOT, "A visitor needs a person.", bot_id=BOT_ID)
    (arrived,) = heard(slack.write(team, channel, "It left today.", thread_ts=root["ts"])[0])
    place = {"channel": channel, "thread": root["ts"]}
    assert isinstance(arrived.what, Event)
    assert arrived.what.data == {**place, "message": arrived.what.data["message"], "text": "It left today."}
    assert (arrived.what.kind, arrived.feature) == (REPLY, "handoff")
    (own,) = slack.write(team, channel, "our lunch")
    assert heard(own) == []
    assert heard(slack.write(team, channel, "at noon", thread_ts=own["event"]["ts"], user="U0BOB")[0]) == []
    to_app, mention = slack.write(team, channel, f"<@{BOT}> what do we say?", thread_ts=root["ts"])
    assert heard(to_app) == [], "a question to the app is no word to the visitor"
    assert [type(one.what) for one in heard(mention)] == [Incoming]


def test_what_an_app_wrote_is_never_taken(slack, team):
    channel = team.channel("support")
    root = slack._written(team, channel, BOT, "A visitor needs a person.", bot_id=BOT_ID)
    for event in (
        {"bot_id": BOT_ID, "user": BOT, "text": "told"},
        {"bot_id": "B0OTHER", "user": "U0OTHERBOT", "text": "build passed"},
        {"user": BOT, "text": "told"},
        {"subtype": "bot_message", "bot_id": "B0OLD", "text": "old"},
        {"subtype": "channel_join", "user": PERSON, "text": "joined"},
    ):
        reply = {"type": "message", "channel": channel, "channel_type": "channel", "ts": "9.1", "thread_ts": root["ts"]}
        assert heard(slack.event(team, {**reply, "parent_user_id": BOT, **event})) == []
        assert heard(slack.event(team, {**reply, "channel_type": "im", "channel": "D0", **event})) == []


def test_of_a_shared_channel_the_installation_counts(slack, team):
    payload = slack.write(team, team.channel("shared"), f"<@{BOT}> hello")[1] | {"team_id": "T0PARTNER"}
    assert [one.external_id for one in heard(payload)] == [team.id]


def test_a_command_is_answered_at_slacks_address_only(slack, team):
    (arrived,) = heard(slack.command(team, "How &lt;long&gt;?", HOOKS))
    assert (arrived.what.text, arrived.what.thread) == ("How <long>?", f"command:C0ANY:{PERSON}")
    assert arrived.what.about["response_url"].startswith(f"{HOOKS}/commands/")
    for url in ("https://hooks.slack.com.evil.example/x", "http://hooks.slack.com/x", "https://10.0.0.1/x"):
        with pytest.raises(Rejected) as rejected:
            heard(slack.command(team, "How long?", HOOKS, response_url=url))
        assert rejected.value.code == "bad_response_url"
    empty = receive(delivery(slack.command(team, " ", HOOKS)), SETTINGS)
    assert (empty.things, json.loads(empty.reply.body)["response_type"]) == ((), "ephemeral")


def test_removal_and_limits_are_events_without_anybodys_data(slack, team):
    for kind in ("app_uninstalled", "tokens_revoked"):
        (arrived,) = heard(slack.event(team, {"type": kind, "tokens": {"oauth": [PERSON], "bot": [BOT]}}))
        assert (arrived.what.kind, dict(arrived.what.data), arrived.external_id) == ("access_ended", {}, team.id)
    limited = {"type": "app_rate_limited", "team_id": team.id, "minute_rate_limited": 1518467820, "api_app_id": APP}
    (arrived,) = heard(limited)
    assert (arrived.what.kind, arrived.what.data) == ("events_limited", {"minute": 1518467820})


@pytest.mark.parametrize(
    ("author", "shared", "taken"),
    [
        ({"user_team": "T0OTHER", "source_team": "T0OTHER"}, False, False),
        ({"team": "T0OTHER", "user_team": "T0OTHER", "source_team": "T0OTHER"}, True, False),
        ({"team": "T0OTHER"}, True, False),
        ({"team": None}, True, False),
        ({}, True, True),
        ({"user_team": "own", "source_team": "own"}, True, True),
    ],
)
def test_somebody_of_another_workspace_does_not_speak_for_the_business(slack, team, author, shared, taken):
    channel = team.channel("shared")
    root = slack._written(team, channel, BOT, "A visitor needs a person.", bot_id=BOT_ID)
    author = {name: team.id if value == "own" else value for name, value in author.items()}
    reply = slack.write(team, channel, "psst", thread_ts=root["ts"])[0]
    mention = slack.write(team, channel, f"<@{BOT}> how long?")[1]
    for payload in (reply, mention):
        told = payload | {"is_ext_shared_channel": shared, "event": payload["event"] | author}
        assert bool(heard(told)) is taken


def test_a_question_is_taken_back_in_a_shared_channel_as_anywhere(slack, team):
    channel = team.channel("shared")
    asked = slack.write(team, channel, f"<@{BOT}> my password is hunter2")[1]
    removal = slack.delete(team, channel, asked["event"]["ts"]) | {"is_ext_shared_channel": True}
    assert [type(one.what) for one in heard(removal)] == [Removed]


def test_a_reply_that_is_changed_or_deleted_is_no_other_reply(slack, team):
    channel = team.channel("support")
    root = slack._written(team, channel, BOT, "A visitor needs a person.", bot_id=BOT_ID)
    (told,) = slack.write(team, channel, "It left today.", thread_ts=root["ts"])
    ts = told["event"]["ts"]
    assert heard(slack.edit(team, channel, ts, "It left yesterday.")) == []
    assert heard(slack.delete(team, channel, ts)) == []


async def test_over_http_strangers_are_refused_and_what_comes_twice_counts_once(app):
    _, channel = await app.connect()
    mention = app.slack.write(app.team, channel, f"<@{BOT}> How long does it take?")[1]
    assert (await app.deliver(mention, secret="of-another")).status_code == 401
    body, headers = signed(mention, app.clock.now().timestamp())
    assert (
        await app.http.post("/webhooks/slack", content=body, headers=headers | {"x-slack-request-timestamp": "x"})
    ).status_code == 401
    first = await app.deliver(mention)
    again = await app.deliver(mention, **RETRY)
    assert (first.status_code, first.headers["x-messages"], again.headers["x-messages"]) == (200, "1", "0")
    assert (await app.http.post("/webhooks/slack", content=b"x" * (10 << 20), headers=headers)).status_code == 413
    hello = await app.deliver({"type": "url_verification", "challenge": "abc", "token": "t"})
    assert (hello.text, hello.headers["content-type"].split(";")[0]) == ("abc", "text/plain")
    unknown = await app.deliver(app.slack.event(replace(app.team, id="T0NOBODY"), mention["event"]))
    assert (unknown.status_code, unknown.headers["x-messages"]) == (200, "0")


async def test_nothing_that_nobody_declared_is_stored(app):
    _, channel = await app.connect()
    await app.handed_off()
    (root,) = app.team.messages[channel]
    canary = {
        "blocks": [{"type": "rich_text", "text": "CANARY-1"}], "user_profile": {"email": "CANARY-2@shop.example"},
        "files": [{"name": "CANARY-3"}], "edited": {"user": "CANARY-4"},
    }  # fmt: skip
    await app.deliver(
        *app.slack.write(app.team, channel, "It left.", thread_ts=root["ts"], **canary),
        *app.slack.write(app.team, channel, f"<@{BOT}> how long?", **canary),
        *app.slack.write(app.team, channel, "CANARY-5 is for us alone", **canary),
        app.slack.command(app.team, "how long?", app.upstream.url, user_name="CANARY-6"),
    )
    stored = app.rows("select count(*) from omniops.arrival where domain_id = %s", app.domain.id)
    assert stored == [(3,)]
    await app.work()
    assert "CANARY" not in app.everything()
    opened = await app.opened_arrivals()
    assert "It left." in opened, "the test sees what is sealed"
    assert "CANARY" not in opened


async def test_what_a_colleague_wrote_to_a_visitor_lies_under_the_visitors_key_alone(app):
    _, channel = await app.connect()
    visitor = await app.handed_off()
    (root,) = app.team.messages[channel]
    await app.deliver(*app.slack.write(app.team, channel, "Hello Ada, it left.", thread_ts=root["ts"]))
    await app.work()
    held = app.rows(
        "select what, subject_id = %s, event is null, heard is null from omniops.arrival"
        " where domain_id = %s order by seq",
        visitor.subject_id,
        app.domain.id,
    )
    assert held == [("event", False, True, True), ("echo", True, True, False)]
    duty = await app.runtime.privacy.persons.erase(app.scope, visitor.subject_id, actor=app.member)
    assert duty.closed, duty.to_json()
    late = app.slack.write(app.team, channel, "Ada again", thread_ts=root["ts"])
    await app.deliver(*late)
    await app.work()
    assert await app.opened_arrivals() == ""


async def test_of_a_feature_that_is_off_nothing_is_stored(app):
    connection_id, channel = await app.connect()
    await app.runtime.connections.switch(app.scope, connection_id, "ask", on=False, actor=app.member)
    answer = await app.deliver(*app.slack.write(app.team, channel, f"<@{BOT}> how long?"))
    assert answer.headers["x-messages"] == "0"
    assert app.rows("select count(*) from omniops.arrival where domain_id = %s", app.domain.id) == [(0,)]

"""The suites of every plugin, integration, channel and store; and Slack's own client against the double."""

import hashlib
import hmac
import json
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest
from omniops.contracts.ids import SystemClock
from omniops.contracts.oauth import Tokens
from omniops.contracts.webhook import Webhook
from omniops.testing import AnsweringGate, ChannelSuite, IntegrationSuite, PluginSuite, TeamPostsSuite, link_of
from omniops.testing.deliveries import DeliverySuite
from omniops.testing.upstream import Answer, Exchange, Upstream, write_authority
from omniops_slack.oauth import oauth
from omniops_slack.settings import SlackSettings
from pydantic import SecretStr, ValidationError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from workspace import BOT, BOT_ID, CLIENT, CLIENT_SECRET, PERSON, SIGNING, Slack

VALUES: dict[str, Any] = {"client_id": CLIENT, "client_secret": CLIENT_SECRET, "signing_secret": SIGNING}
TOKEN = "xoxb-good"
GRANTED = ["chat:write", "channels:read", "channels:history", "app_mentions:read", "im:history", "commands"]


class InProcess(AnsweringGate):
    """Slack behind the plugin, without a socket. `text` is the last text that it was sent."""

    def __init__(self, slack):
        self.slack = slack
        super().__init__(self._answered, processors=["slack"])

    def _answered(self, request):
        import httpx2

        exchange = Exchange(request.method, request.url.raw_path.decode(), dict(request.headers), request.content)
        answer = self.slack.answer(exchange)
        if answer.before:
            raise httpx2.ReadError("the answer was lost", request=request)
        return httpx2.Response(answer.status, content=b"".join(answer.steps), headers=dict(answer.headers))


@pytest.fixture
def slack():
    made = Slack()
    team = made.team()
    team.id, team.installed = "T0TEAM", True
    made.teams = {team.id: team}
    team.channel("general", made="C0GENERAL")
    made.tokens[TOKEN] = (team, GRANTED, None)
    yield made
    assert made.wrong == []


class TestSlack(PluginSuite):
    plugin_name = "slack"
    settings: ClassVar[dict[str, Any]] = VALUES

    @pytest.fixture
    def gate(self, slack):
        return InProcess(slack)


class TestSlackNotSetUp(PluginSuite):
    plugin_name = "slack"

    @pytest.fixture
    def gate(self, slack):
        return InProcess(slack)


class Delivered:
    """What the suites ask of deliveries, whatever is in them."""

    plugin_name = "slack"
    signature_header = "x-slack-signature"
    settings: ClassVar[dict[str, Any]] = VALUES
    connection_values: ClassVar[dict[str, Any]] = {
        "channel": "C0GENERAL",
        "tokens": {"access": TOKEN, "extra": {"team": "T0TEAM"}},
    }

    @pytest.fixture
    def gate(self, slack):
        return InProcess(slack)

    @pytest.fixture
    def integration(self, plugin):
        return plugin.integrations()[0]

    @pytest.fixture
    def link(self, integration, connection):
        return link_of(connection, kind="slack", features=["handoff", "ask"])

    @pytest.fixture
    def sign(self):
        def sign(body):
            stamp = str(int(datetime.now(UTC).timestamp()))
            mac = hmac.new(SIGNING.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
            made = f"v0={mac.hexdigest()}"  # Slack's own makes no signature of bytes that are no text
            headers = {
                "content-type": "application/json",
                "x-slack-request-timestamp": stamp,
                "x-slack-signature": made,
            }
            return Webhook("POST", "https://omniops.example/", list(headers.items()), {}, body, datetime.now(UTC))

        return sign


class TestIntegration(Delivered, IntegrationSuite):
    features: ClassVar[dict[str, bool]] = {"ask": True}

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, postgres):
        return postgres

    @pytest.fixture
    def sample(self, slack):
        question = slack.write(slack.teams["T0TEAM"], "D0ANNA", "Wie lange dauert Größe 42 für Annabella?")[0]
        return json.dumps(question, ensure_ascii=False).encode()

    @pytest.fixture
    def personal(self):
        return ("Annabella", PERSON)

    @pytest.fixture
    def tokens(self, slack, context):
        return oauth(context.settings, context.clock).read(slack._given(slack.teams["T0TEAM"], GRANTED))

    @pytest.fixture
    def another(self, slack, plugin_class):
        other = slack.team()
        other.installed = True
        other.channel("general", made="C0GENERAL")
        slack.tokens["xoxb-other"] = (other, GRANTED, None)
        tokens = Tokens(access=SecretStr("xoxb-other"), extra={"team": other.id})
        return plugin_class.Connection(channel="C0GENERAL", tokens=tokens)

    @pytest.fixture
    def bad_connection(self, plugin_class):
        return plugin_class.Connection(tokens=Tokens(access=SecretStr("xoxb-bad"), extra={"team": "T0TEAM"}))


class TestEvents(Delivered, DeliverySuite):
    """The same of what is no message."""

    @pytest.fixture
    def sample(self, slack):
        team = slack.teams["T0TEAM"]
        root = slack._written(team, "C0GENERAL", BOT, "A visitor needs a person.", bot_id=BOT_ID)
        reply = slack.write(team, "C0GENERAL", "Größe 42 ging heute weg.", thread_ts=root["ts"])[0]
        return json.dumps(reply, ensure_ascii=False).encode()

    @pytest.fixture
    def plugin(self, app):
        return app.runtime.loaded("slack").plugin

    @pytest.fixture
    def link(self, app, connection):
        return replace(link_of(connection, kind="slack", features=["handoff", "ask"]), scope=app.scope)


class TestChannel(ChannelSuite):
    plugin_name = "slack"
    settings: ClassVar[dict[str, Any]] = VALUES
    connection_values: ClassVar[dict[str, Any]] = TestIntegration.connection_values
    passes_idempotency_key = False

    @pytest.fixture
    def gate(self, slack):
        return InProcess(slack)

    def shown(self, sent):
        return [unescape(text) for text in parse_qs(sent.rpartition("\n")[2]).get("text", ())]

    def message(self, connection, text="TheAnswerItself", disclosure=None):
        return replace(super().message(connection, text, disclosure), thread="C0GENERAL:1.1")


class TestTeam(Delivered, TeamPostsSuite):
    """Its channel for hand-offs."""

    harmful = (*TeamPostsSuite.harmful, "<https://evil.example|your bank>")

    @pytest.fixture
    def link(self, connection):
        return link_of(connection, kind="slack", features=["handoff"])

    @pytest.fixture
    def texts(self, slack):
        return lambda: [one["text"] for one in slack.teams["T0TEAM"].messages["C0GENERAL"]]

    @pytest.fixture
    def said(self, slack):
        def said(place, text):
            event, *_ = slack.write(slack.teams["T0TEAM"], place.channel, text, thread_ts=place.thread)
            return event["event"]["ts"]

        return said

    @pytest.fixture
    def lose(self, slack):
        return lambda: slack.lost.append("chat.postMessage")

    @pytest.fixture
    def crowd(self, slack):
        def crowd(place):
            slack.page = 2
            for number in range(5):
                slack.write(slack.teams["T0TEAM"], place.channel, f"lunch {number}", thread_ts=place.thread)

        return crowd

    @pytest.fixture
    def closed(self, slack):
        return lambda: slack.teams["T0TEAM"].channels.clear()

    @pytest.fixture
    def unwell(self, slack):
        def fail(status, body):
            answer = Answer([body.encode()], status, {"Content-Type": "text/html"})
            for method in ("chat.postMessage", "conversations.history", "chat.delete"):
                slack.faults[method].append(answer)

        return fail


@pytest.mark.parametrize(
    "url", ["http://slack.com", "https://u:p@slack.com", "https://slack.com/x", "slack.com", "https://"]
)
def test_an_address_of_slack_is_an_https_origin(url):
    with pytest.raises(ValidationError):
        SlackSettings(base_url=url)


def test_pkce_is_the_operators_choice():
    assert oauth(SlackSettings(**VALUES, pkce=True), SystemClock()).pkce
    assert not oauth(SlackSettings(**VALUES), SystemClock()).pkce


async def test_slacks_own_client_finds_slack_here(slack, tmp_path):
    """The double is checked against the vendor's client, not against ours."""
    async with Upstream.open(slack.answer) as upstream:
        trusted = ssl.create_default_context(cafile=str(write_authority(tmp_path / "ca.pem")))
        trusted.check_hostname = False
        client = AsyncWebClient(TOKEN, base_url=f"https://127.0.0.1:{upstream.port}/api/", ssl=trusted)
        assert (await client.auth_test())["team_id"] == "T0TEAM"
        listed = await client.conversations_list(types="public_channel", exclude_archived="true", limit=10)
        assert [one["id"] for one in listed["channels"]] == ["C0GENERAL"]
        metadata = {"event_type": "omniops_news", "event_payload": {"news": "n-1"}}
        sent = await client.chat_postMessage(channel="C0GENERAL", text="hello", metadata=metadata)
        await client.chat_postMessage(channel="C0GENERAL", text="world", thread_ts=sent["ts"])
        replies = await client.conversations_replies(channel="C0GENERAL", ts=sent["ts"], include_all_metadata=True)
        assert [one["text"] for one in replies["messages"]] == ["hello", "world"]
        assert replies["messages"][0]["metadata"] == metadata
        history = await client.conversations_history(channel="C0GENERAL")
        assert ["metadata" in one for one in history["messages"]] == [False]
        await client.chat_delete(channel="C0GENERAL", ts=sent["ts"])
        with pytest.raises(SlackApiError) as refused:
            await client.chat_delete(channel="C0GENERAL", ts=sent["ts"])
        assert refused.value.response["error"] == "message_not_found"
        with pytest.raises(SlackApiError) as stranger:
            await client.apps_uninstall(client_id=CLIENT, client_secret="of-another")
        assert stranger.value.response["error"] == "bad_client_secret"
        await client.apps_uninstall(client_id=CLIENT, client_secret=CLIENT_SECRET)
        with pytest.raises(SlackApiError) as gone:
            await client.auth_test()
        assert gone.value.response["error"] == "invalid_auth"

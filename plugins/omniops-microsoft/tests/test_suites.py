"""The suites of every plugin, integration, channel and store, with the double behind the plugin."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import httpx2
import pytest
from ms_graph import CLIENT, CLIENT_SECRET, Graph
from ms_outlook import attached
from omniops.contracts.channel import MediaLink
from omniops.contracts.oauth import Tokens
from omniops.contracts.webhook import Webhook
from omniops.testing import (
    AnsweringGate,
    CalendarSuite,
    ChannelSuite,
    IntegrationSuite,
    PluginSuite,
    TeamPostsSuite,
    link_of,
)
from omniops.testing.living import Deployment
from omniops.testing.upstream import Answer, Exchange
from omniops_microsoft.oauth import RESOURCE
from omniops_microsoft.settings import MicrosoftConnection, MicrosoftSettings
from pydantic import SecretStr, ValidationError

VALUES: dict[str, Any] = {"client_id": CLIENT, "client_secret": CLIENT_SECRET}
USER, ADDRESS, STATE = "0a0a0a0a-0000-4000-8000-00000000000a", "shop@corner.example", "a-secret-of-this-connection"
SCOPES = ("Mail.Read", "Mail.Send")
QUESTION = "Wie lange dauert es für Größe 42?"
POST = "POST /teams/{}/channels/{}/messages"
AFTER = datetime(2026, 1, 1, tzinfo=UTC)


class InProcess(AnsweringGate):
    """Graph behind the plugin, without a socket."""

    def __init__(self, graph):
        self.graph = graph
        super().__init__(self._answered, processors=["microsoft"])

    async def _answered(self, request):
        exchange = Exchange(request.method, request.url.raw_path.decode(), dict(request.headers), request.content)
        answer = await self.graph.answer(exchange)
        if answer.before:
            raise httpx2.ReadError("the answer was lost", request=request)
        return httpx2.Response(answer.status, content=b"".join(answer.steps), headers=dict(answer.headers))


@pytest.fixture
def graph():
    made = Graph()
    made.base = "https://graph.microsoft.com"
    account = made.account(ADDRESS)
    del made.accounts[account.id]
    account.id = USER
    made.accounts[USER] = account
    account.token = made.token(account, *SCOPES)
    account.question = account.mail.write("ada@visitor.example", QUESTION)
    yield made
    assert made.wrong == []


@pytest.fixture
def account(graph):
    return graph.accounts[USER]


def values(token):
    extra = {"user": USER, "address": ADDRESS}
    return {"tokens": {"access": token, "extra": extra, "scopes": [f"{RESOURCE}{one}" for one in SCOPES]}}


def delivery(body):
    return Webhook("POST", "https://omniops.example/", [("content-type", "application/json")], {}, body, AFTER)


class TestMicrosoft(PluginSuite):
    plugin_name = "microsoft"
    settings: ClassVar[dict[str, Any]] = VALUES

    @pytest.fixture
    def gate(self, graph):
        return InProcess(graph)


class TestMicrosoftNotSetUp(PluginSuite):
    plugin_name = "microsoft"

    @pytest.fixture
    def gate(self, graph):
        return InProcess(graph)


class TestIntegration(IntegrationSuite):
    plugin_name = "microsoft"
    signs_body = False
    settings: ClassVar[dict[str, Any]] = VALUES

    @pytest.fixture
    def gate(self, graph):
        return InProcess(graph)

    @pytest.fixture
    def connection(self, account):
        return MicrosoftConnection(**values(account.token))

    @pytest.fixture
    def link(self, integration, connection):
        memory = {"state": STATE, "since": "2026-01-01T00:00:00Z"}
        return link_of(connection, kind="microsoft", features=["mail"], memory=memory)

    @pytest.fixture
    def sign(self):
        return delivery

    @pytest.fixture(autouse=True)
    def _set_up(self, monkeypatch):
        """What is told comes after setting up, not before; and all connections have one secret, which the suite's
        deliveries then carry."""
        fixed = SimpleNamespace(token_urlsafe=lambda size: STATE)
        monkeypatch.setattr("omniops_microsoft.integration.secrets", fixed)
        plain = Deployment.connected

        async def connected(self, scope, kind, settings):
            view = await plain(self, scope, kind, settings)
            await self.work()
            return view

        monkeypatch.setattr(Deployment, "connected", connected)

    @pytest.fixture
    def personal(self):
        return (QUESTION, "ada@visitor.example")

    @pytest.fixture
    def another(self, graph, account):
        other = graph.account("other@corner.example")
        other.mail.mails.append({**account.question, "folder": other.mail.inbox})
        extra = {"user": other.id, "address": other.address}
        scopes = [f"{RESOURCE}{one}" for one in SCOPES]
        return MicrosoftConnection(tokens={"access": graph.token(other, *SCOPES), "extra": extra, "scopes": scopes})

    @pytest.fixture
    def sample(self, account):
        data = {"@odata.type": "#Microsoft.Graph.Message", "id": account.question["id"]}
        notice = {"clientState": STATE, "changeType": "created", "resource": "Users/1", "resourceData": data}
        return json.dumps({"value": [notice, {**notice, "clientState": "forged"}]}).encode()

    @pytest.fixture
    def bad_connection(self):
        return MicrosoftConnection(**values("no-such-token"))

    @pytest.fixture
    def foreign(self):
        def answer(request):
            link = "https://elsewhere.example/v1.0/me/mailFolders/inbox/messages/delta?$skiptoken=x"
            return httpx2.Response(200, json={"value": [], "@odata.nextLink": link})

        return answer

    @pytest.fixture
    def tokens(self, graph, account):
        graph.refreshing["0.A-first"] = (account, list(SCOPES))
        until = datetime.now(UTC) + timedelta(hours=1)
        kept = values(account.token)["tokens"]
        return Tokens(**{**kept, "refresh": SecretStr("0.A-first"), "expires_at": until})


class TestChannel(ChannelSuite):
    plugin_name = "microsoft"
    settings: ClassVar[dict[str, Any]] = VALUES

    @pytest.fixture
    def gate(self, graph):
        return InProcess(graph)

    @pytest.fixture
    def connection(self, account):
        return MicrosoftConnection(**values(account.token))

    @pytest.fixture
    def media(self, account):
        file = attached("bill.pdf", "application/pdf", b"%PDF-" + bytes(5000))
        mail = account.mail.write("ada@visitor.example", "My bill", files=[file])
        return MediaLink(f"{mail['id']} {file['id']}", "application/pdf", "bill.pdf", 5205), file["content"]

    @pytest.fixture
    def received(self, gate):
        """What was sent; a look among the sent mail is none."""

        def seen():
            return [request.content.decode() for request in gate.requests if request.method == "POST"]

        return seen

    def message(self, connection, text="TheAnswerItself", disclosure=None):
        about: Mapping[str, str] = {"message": self.answered}
        return replace(super().message(connection, text, disclosure), about=about)

    @pytest.fixture(autouse=True)
    def _answered(self, account):
        self.answered = account.question["id"]


class TestTeam(TeamPostsSuite):
    """Its channel of Teams for hand-offs."""

    plugin_name = "microsoft"
    settings: ClassVar[dict[str, Any]] = VALUES

    @pytest.fixture
    def gate(self, graph):
        return InProcess(graph)

    @pytest.fixture
    def channel(self, account):
        return account.teams.channel("Support")

    @pytest.fixture
    def connection(self, graph, account, channel):
        token = graph.token(account, "ChannelMessage.Send", "ChannelMessage.Read.All", "ChannelMessage.ReadWrite")
        return MicrosoftConnection(**values(token), channel=channel)

    @pytest.fixture
    def texts(self, account, channel):
        written = account.teams.messages[channel]
        return lambda: [one["body"]["content"] for one in written if not one["deletedDateTime"]]

    @pytest.fixture
    def said(self, account):
        return lambda place, text: account.teams.write(place.channel, f"<p>{text}</p>", place.thread)["id"]

    @pytest.fixture
    def lose(self, graph):
        return lambda: graph.lost.append(POST)

    @pytest.fixture
    def crowd(self, graph, account):
        def crowd(place):
            graph.page = 2
            for number in range(5):
                account.teams.write(place.channel, f"lunch {number}", place.thread)

        return crowd

    @pytest.fixture
    def closed(self, account):
        return account.teams.all.clear

    @pytest.fixture
    def unwell(self, graph):
        def fail(status, body):
            answer = Answer([body.encode()], status, {"Content-Type": "text/html"})
            for call in (POST, POST.replace("POST", "GET"), f"{POST}/{{}}/softDelete"):
                graph.faults[call].append(answer)

        return fail


class TestCalendar(CalendarSuite):
    """Its calendar."""

    plugin_name = "microsoft"
    settings: ClassVar[dict[str, Any]] = VALUES

    @pytest.fixture
    def gate(self, graph):
        return InProcess(graph)

    @pytest.fixture
    def connection(self, graph, account):
        return MicrosoftConnection(**values(graph.token(account, "Calendars.ReadWrite")))

    @pytest.fixture
    def taken(self, account):
        return lambda span, about: account.calendar.busy.append((span.start, span.end))

    @pytest.fixture
    def entries(self, account):
        return lambda: [json.dumps(one) for one in account.calendar.events]

    @pytest.fixture
    def lose(self, graph):
        return lambda: graph.lost.append("POST /users/{}/events")

    @pytest.fixture
    def unwell(self, graph):
        def fail(status, body):
            answer = Answer([body.encode()], status, {"Content-Type": "text/html"})
            for call in ("calendar/getSchedule", "events"):
                graph.faults[f"POST /users/{{}}/{call}"].append(answer)
            for call in ("events", "events/{}"):
                graph.faults[f"GET /users/{{}}/{call}"].append(answer)

        return fail


@pytest.mark.parametrize(
    "url", ["http://graph.microsoft.com", "https://u:p@x.example", "https://x.example/v1.0", "x.example", "https://"]
)
def test_an_address_of_microsoft_is_an_https_origin(url):
    with pytest.raises(ValidationError):
        MicrosoftSettings(graph_url=url)


@pytest.mark.parametrize("tenant", ["", "common/../evil", "a b", "https://x", "..", "common?x=1"])
def test_a_tenant_is_a_name_an_id_or_a_domain(tenant):
    with pytest.raises(ValidationError):
        MicrosoftSettings(tenant=tenant)


@pytest.mark.parametrize("channel", ["19:x@thread.tacv2", "not-a-guid/19:x", f"{USER}/19:x/../y", f"{USER}/x"])
def test_a_channel_is_named_by_both_ids(channel):
    with pytest.raises(ValidationError):
        MicrosoftConnection(channel=channel)

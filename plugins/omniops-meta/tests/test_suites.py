"""The suites of every plugin, integration and channel; and a library of others against the double."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx
import httpx2
import pytest
from graph import APP, SCOPES, SECRET, VERIFY, Meta, signed
from instagram_graph import INSTAGRAM_APP, INSTAGRAM_SECRET
from omniops.contracts.oauth import Tokens
from omniops.contracts.webhook import Webhook
from omniops.testing import AnsweringGate, ChannelSuite, IntegrationSuite, PluginSuite, link_of
from omniops.testing.upstream import Exchange
from omniops_meta.settings import (
    AdsConnection,
    InstagramConnection,
    InstagramLoginConnection,
    MessengerConnection,
    MetaSettings,
    WhatsAppConnection,
)
from pydantic import SecretStr, ValidationError
from pywa.api import GraphAPI
from pywa.errors import ExpiredAccessToken, ReEngagementMessage
from telling import message

VALUES: dict[str, Any] = {"app_id": APP, "app_secret": SECRET, "verify_token": VERIFY}


def in_process(meta, requests, answer_type=httpx2.Response):
    """Meta behind a client, without a socket."""

    def answered(request):
        requests.append(request)
        raw = request.url.raw_path.decode()
        exchange = Exchange(request.method, raw, dict(request.headers), request.read())
        answer = meta.answer(exchange)
        return answer_type(answer.status, content=b"".join(answer.steps), headers=dict(answer.headers))

    return answered


@pytest.fixture
def meta():
    made = Meta()
    yield made
    assert made.wrong == []


@pytest.fixture
def business(meta):
    return meta.business()


class TestPlugin(PluginSuite):
    plugin_name = "meta"
    settings: ClassVar[dict[str, Any]] = VALUES


class TestPluginNotSetUp(PluginSuite):
    plugin_name = "meta"


def connection_of(kind, meta, business, token=None):
    if kind == "instagram-login":
        access = SecretStr(token or meta.instagram_token(business))
        ends = datetime.now(UTC) + timedelta(days=50)
        extra = {"account": business.instagram, "user": business.instagram_user}
        tokens = Tokens(access=access, refresh=access, expires_at=ends, extra=extra)
        return InstagramLoginConnection(tokens=tokens)
    token = token or meta.token(business, SCOPES[kind])
    tokens = Tokens(access=SecretStr(token))
    match kind:
        case "ads":
            return AdsConnection(account=business.advertising, tokens=tokens)
        case "whatsapp":
            return WhatsAppConnection(number=business.number, tokens=tokens)
        case "messenger":
            return MessengerConnection(page=business.page, tokens=tokens)
    return InstagramConnection(place=business.place, tokens=tokens)


class OfMeta:
    """What the suites of all three need."""

    plugin_name = "meta"
    kind: ClassVar[str]
    settings: ClassVar[dict[str, Any]] = VALUES

    @pytest.fixture
    def gate(self, meta):
        return AnsweringGate(in_process(meta, []), processors=["meta"])

    @pytest.fixture
    def connection(self, meta, business):
        return connection_of(self.kind, meta, business)


class Integrations(OfMeta):
    signature_header = "x-hub-signature-256"

    @pytest.fixture
    def bad_connection(self, meta, business):
        return connection_of(self.kind, meta, business, token="EAA-revoked")

    @pytest.fixture
    def sign(self):
        def sign(body):
            _, headers = signed(body)
            url = f"https://omniops.example/webhooks/meta-{self.kind}"
            return Webhook("POST", url, list(headers.items()), {}, body, datetime.now(UTC))

        return sign

    @pytest.fixture
    def personal(self):
        return ["Größe?"]


class TestWhatsAppIntegration(Integrations, IntegrationSuite):
    kind = "whatsapp"
    integration_name = "meta-whatsapp"

    @pytest.fixture
    def sample(self, meta, business):
        return signed(meta.wrote(business, "Größe?", person="DE.1"))[0]

    @pytest.fixture
    def tokens(self, meta, connection):
        """A system user's, with 60 days."""
        meta.lifetime = 60 * 86400
        access, now = connection.tokens.access, datetime.now(UTC)
        ends = {"expires_at": now + timedelta(days=50), "refresh_expires_at": now + timedelta(days=60)}
        return Tokens(access=access, refresh=access, **ends)


class TestMessengerIntegration(Integrations, IntegrationSuite):
    kind = "messenger"
    integration_name = "meta-messenger"

    @pytest.fixture
    def sample(self, meta, business):
        told = meta.page_event("page", business.page, meta.event("77", business.page, **message("Größe?")))
        return signed(told)[0]


class TestInstagramIntegration(Integrations, IntegrationSuite):
    kind = "instagram"
    integration_name = "meta-instagram"

    @pytest.fixture
    def sample(self, meta, business):
        told = meta.event("77", business.instagram, **message("Größe?"))
        return signed(meta.page_event("instagram", business.instagram, told))[0]


class TestInstagramLoginIntegration(Integrations, IntegrationSuite):
    kind = "instagram-login"
    integration_name = "meta-instagram-login"
    settings: ClassVar[dict[str, Any]] = {
        **VALUES,
        "instagram_app_id": INSTAGRAM_APP,
        "instagram_app_secret": INSTAGRAM_SECRET,
    }

    @pytest.fixture
    def sample(self, meta, business):
        told = meta.event("77", business.instagram, **message("Größe?"))
        return signed(meta.page_event("instagram", business.instagram, told))[0]

    @pytest.fixture
    def tokens(self, meta, connection):
        meta.youngest = 0
        return connection.tokens


class TestAdsIntegration(Integrations, IntegrationSuite):
    kind = "ads"
    integration_name = "meta-ads"

    @pytest.fixture
    def link(self, integration, connection):
        return link_of(connection, kind=integration.name, features=["insights"])

    @pytest.fixture
    def sign(self):
        """Meta tells nothing of advertising accounts that is taken."""

    @pytest.fixture
    def personal(self):
        return []


class Channels(OfMeta):
    passes_idempotency_key = False

    def shown(self, sent):
        try:
            body = json.loads(sent.rpartition("\n")[2])
        except ValueError:
            return []
        return [body["text"]["body"] if "text" in body else body["message"]["text"]]


class TestWhatsAppChannel(Channels, ChannelSuite):
    kind = channel_name = "whatsapp"


class TestMessengerChannel(Channels, ChannelSuite):
    kind = channel_name = "messenger"


class TestInstagramChannel(Channels, ChannelSuite):
    kind = channel_name = "instagram"


class TestInstagramLoginChannel(Channels, ChannelSuite):
    kind, channel_name = "instagram-login", "instagram"


@pytest.mark.parametrize("url", ["http://graph.facebook.com", "https://u:p@meta.com", "https://meta.com/x", "meta.com"])
def test_an_address_of_meta_is_an_https_origin(url):
    with pytest.raises(ValidationError):
        MetaSettings(base_url=url)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", True),
        ("https://scontent.xx.fbcdn.net/v/a.jpg", True),
        ("https://scontent.cdninstagram.com/a.jpg", True),
        ("http://lookaside.fbsbx.com/a", False),
        ("https://lookaside.fbsbx.com.evil.example/a", False),
        ("https://evilfbcdn.net/a", False),
        ("https://lookaside.fbsbx.com:8443/a", False),
        ("https://a@lookaside.fbsbx.com/a", False),
        ("https://127.0.0.1/a", False),
        ("", False),
    ],
)
def test_files_are_fetched_from_metas_own_hosts(url, good):
    assert MetaSettings().is_file(url) is good


def test_a_library_of_others_finds_meta_here(meta, business):
    """The double is checked against a client that others wrote, not against ours."""
    meta.proofs = False
    business.templates.append({"name": "shipped", "language": "de", "status": "APPROVED", "components": []})
    token = meta.token(business, SCOPES["whatsapp"])
    with httpx.Client(transport=httpx.MockTransport(in_process(meta, [], httpx.Response))) as session:
        api = GraphAPI(token, session, 26.0)
        file = api.upload_media(business.phone, b"%PDF-", "application/pdf", "bill.pdf")
        content = {"id": file["id"], "filename": "bill.pdf"}
        for kind, data, to, recipient in (
            ("text", {"body": "Hello", "preview_url": False}, "4915112345678", None),
            ("document", content, None, "DE.1"),
            ("template", {"name": "shipped", "language": {"code": "de"}}, "4915112345678", None),
        ):
            said = api.send_message(business.phone, to, recipient, "individual", kind, data)
            assert said["messages"][0]["id"].startswith("wamid.")
        assert api.get_media_url(file["id"])["mime_type"] == "application/pdf"
        assert [one["name"] for one in api.get_templates(business.account)["data"]] == ["shipped"]
        meta.faults["POST messages"].append(meta.error(131047))
        with pytest.raises(ReEngagementMessage):
            api.send_message(business.phone, "4915112345678", None, "individual", "text", {"body": "Hello"})
        del meta.tokens[token]
        with pytest.raises(ExpiredAccessToken):
            api.get_templates(business.account)
    assert len(meta.sent) == 3

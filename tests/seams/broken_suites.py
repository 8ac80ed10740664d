"""The suites over the broken plugins. Run by `test_suites.py` in a process of its own; every class must fail."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs
from uuid import uuid4

import httpx2
import pytest
from broken_plugins import API, Hook
from omniops.contracts.channel import MediaLink
from omniops.contracts.oauth import Tokens
from omniops.contracts.webhook import Webhook as Delivery
from omniops.testing import (
    AnsweringGate,
    ChannelSuite,
    EncoderSuite,
    IntegrationSuite,
    KnowledgeIndexSuite,
    PluginSuite,
    PrivacySuite,
    ProviderSuite,
    SourceSuite,
    Webhook,
)
from omniops.testing.scratch import scratch_server

NOTE, EMAIL = "Leave it with Frau Zaunkoenig", "canary@people.example"
BODY = json.dumps({"messages": [{"id": "1", "thread": "t", "from": "p", "text": "Hello"}]}).encode()


@pytest.fixture(scope="session")
def postgres():
    with scratch_server() as server:
        yield server


class Apart:
    """Not in a deployment: what is broken here shows before."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls):
        pytest.skip("tried by `Living`")


class Answered:
    @pytest.fixture
    def gate(self):
        return AnsweringGate(lambda request: httpx2.Response(200), processors=["outside"])


class Posting(Answered, ChannelSuite):
    connection_values = {"secret": "right"}  # noqa: RUF012

    @pytest.fixture
    def webhook(self):
        return Webhook(BODY, {"x-signature": hmac.digest(b"right", BODY, hashlib.sha256).hex(), "x-other": "1"})

    @pytest.fixture
    def media(self):
        return MediaLink("f-1"), b"onetwo"


class Linking(Apart, Answered, IntegrationSuite):
    connection_values = {"secret": "right"}  # noqa: RUF012

    @pytest.fixture
    def bad_connection(self):
        return Hook(secret="wrong")


class Signed(IntegrationSuite):
    connection_values = {"secret": "right"}  # noqa: RUF012
    signature_header = "X-Signature"

    @pytest.fixture
    def sign(self):
        def sign(body):
            headers = [("x-signature", hmac.digest(b"right", body, hashlib.sha256).hex()), ("x-other", "1")]
            return Delivery("POST", "https://omniops.example/", headers, {}, body, datetime.now(UTC))

        return sign


class Delivering(Apart, Signed):
    @pytest.fixture
    def gate(self):
        return AnsweringGate(pages(f"{API}/orders?page=2"))

    @pytest.fixture
    def sample(self):
        return b'{"orders": [{"id": "7", "note": "Gr\\u00fc\xc3\x9fe"}, {"id": "8"}]}'

    @pytest.fixture
    def foreign(self):
        return pages("https://elsewhere.example/orders?page=2")


class Living(Signed):
    """A shop in a deployment; `NOTE` and `EMAIL` are a customer's."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, postgres):
        return postgres

    @pytest.fixture
    def vendor(self):
        """The refresh token that the other side takes next."""
        return {"refresh": "refresh-0"}

    @pytest.fixture
    def gate(self, vendor):
        def answer(request):
            if request.url.path == "/token":
                form = parse_qs(request.content.decode())
                if form["refresh_token"] != [vendor["refresh"]]:
                    return httpx2.Response(400, json={"error": "invalid_grant"})
                vendor["refresh"] = f"refresh-{uuid4().hex}"
                fresh = {"access_token": uuid4().hex, "refresh_token": vendor["refresh"], "expires_in": 3600}
                return httpx2.Response(200, json=fresh)
            if request.url.path.startswith("/orders/"):
                return httpx2.Response(200, json={"id": request.url.path[8:], "email": EMAIL, "note": NOTE})
            return httpx2.Response(200, json={"at": "5", "by": EMAIL})

        return AnsweringGate(answer)

    @pytest.fixture
    def tokens(self, vendor):
        ends = datetime.now(UTC) + timedelta(hours=1)
        return Tokens(access="access-0", refresh=vendor["refresh"], expires_at=ends)

    @pytest.fixture
    def personal(self):
        return [EMAIL, NOTE]

    @pytest.fixture
    def sample(self):
        return b'{"orders": [{"id": "7"}]}'


def pages(link):
    """Two pages of orders, the second behind a link, and what comes later."""

    def answer(request):
        more = {"next": link} if not request.url.query else {}
        return httpx2.Response(200, json={"at": "5", **more})

    return answer


class Customers(PrivacySuite):
    deadline = 0.5

    @pytest.fixture
    def customers(self):
        return {}

    @pytest.fixture
    def gate(self, customers):
        def answer(request):
            email = request.url.path.lstrip("/")
            if email not in customers:
                return httpx2.Response(404)
            if request.method == "DELETE":
                return httpx2.Response(200, json=customers.pop(email))
            if request.method == "PATCH":
                row = customers.pop(email) | json.loads(request.content)
                customers[row["email"]] = row
                return httpx2.Response(200, json=row)
            return httpx2.Response(200, json=customers[email])

        return AnsweringGate(answer, processors=["outside", "elsewhere"])

    @pytest.fixture
    def plant(self, customers):
        async def plant(person):
            customers.update({email: {"email": email} for email in person.identifiers["email"]})

        return plant


SUITES = {
    PluginSuite: "vague undescribed unmarked writes connects heavy undeclared urlhost wrongtype ill private",
    ProviderSuite: "endless twice hasty liar stranger sourceless smuggler mixer leaker unclosed",
    Posting: "sound forgetful late silent long cut believer headerless crasher dice hurried curt listless narrow"
    " halved lingering",
    Customers: "keeper pretender stalled thrower speechless namer reaper blithe unwilling unregistered",
    Linking: "homeless gossip trusting",
    Delivering: "steady gullible lenient doubling respelling rolling stumbling undeclaring once believing impatient"
    " roundabout wandering resigned",
    Living: "settled rotting eager blabbing scribbling withholding territorial",
    EncoderSuite: "unequal doubled together coarse nameless",
    SourceSuite: "circling greedy",
    KnowledgeIndexSuite: "hoarder borderless generous",
}
for suite, names in SUITES.items():
    for name in names.split():
        title = f"Test{name.title()}"
        globals()[title] = type(title, (suite,), {"plugin_name": name, "__module__": __name__})

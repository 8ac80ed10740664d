"""The suites over the broken plugins. Run by `test_suites.py` in a process of its own; every class must fail."""

import hashlib
import hmac
import json

import httpx2
import pytest
from broken_plugins import Hook
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

BODY = json.dumps({"messages": [{"id": "1", "thread": "t", "from": "p", "text": "Hello"}]}).encode()


class Answered:
    @pytest.fixture
    def gate(self):
        return AnsweringGate(lambda request: httpx2.Response(200), processors=["outside"])


class Posting(Answered, ChannelSuite):
    connection_values = {"secret": "right"}  # noqa: RUF012

    @pytest.fixture
    def webhook(self):
        return Webhook(BODY, {"x-signature": hmac.digest(b"right", BODY, hashlib.sha256).hex(), "x-other": "1"})


class Linking(Answered, IntegrationSuite):
    connection_values = {"secret": "right"}  # noqa: RUF012

    @pytest.fixture
    def bad_connection(self):
        return Hook(secret="wrong")


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
    Posting: "sound forgetful late silent long cut believer headerless crasher dice",
    Customers: "keeper pretender stalled thrower speechless namer reaper blithe unwilling unregistered",
    Linking: "homeless gossip trusting",
    EncoderSuite: "unequal doubled together coarse nameless",
    SourceSuite: "circling greedy",
    KnowledgeIndexSuite: "hoarder borderless generous",
}
for suite, names in SUITES.items():
    for name in names.split():
        title = f"Test{name.title()}"
        globals()[title] = type(title, (suite,), {"plugin_name": name, "__module__": __name__})

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


SUITES = {
    PluginSuite: "vague undescribed unmarked writes connects heavy undeclared urlhost wrongtype ill private",
    ProviderSuite: "endless twice hasty liar stranger sourceless smuggler mixer leaker unclosed",
    Posting: "sound forgetful late silent long cut believer headerless crasher dice",
    Linking: "homeless gossip trusting",
    EncoderSuite: "unequal doubled together coarse nameless",
    SourceSuite: "circling greedy",
    KnowledgeIndexSuite: "hoarder borderless generous",
}
for suite, names in SUITES.items():
    for name in names.split():
        title = f"Test{name.title()}"
        globals()[title] = type(title, (suite,), {"plugin_name": name, "__module__": __name__})

"""What operators may say, and the register, deployments and warnings that come of it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import httpx2
import pytest
from asked import Asked
from omniops.contracts.provider import Cap
from omniops.errors import NotReady, Reconnect
from omniops.testing import ManualClock, context
from omniops_openai import OpenAIPlugin
from omniops_openai.catalogue import MODELS
from pydantic import ValidationError

SERVER = {
    "base_url": "https://models.example.com/v1",
    "region": "eu",
    "countries": ["DE"],
    "title": "Ours",
    "models": "a, b",
}


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"region": "mars"}, "region"),
        ({"base_url": "https://models.example.com/v1"}, "countries"),
        ({**SERVER, "base_url": "ftp://models.example.com"}, "base_url"),
        ({**SERVER, "base_url": "https://user:secret@models.example.com/v1"}, "base_url"),
        ({**SERVER, "input_price": 1}, "output_price"),
        ({"models": ["gpt-6-luna", "gpt-6-luna"]}, "twice"),
        ({"models": []}, "models"),
        ({"organisation": "x"}, "organisation"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(values, word):
    with pytest.raises(ValidationError, match=word):
        OpenAIPlugin.Settings(**values)


def test_a_business_can_say_nothing_but_its_key():
    with pytest.raises(ValidationError):
        OpenAIPlugin.Connection(api_key="sk-business", base_url="https://elsewhere.example/v1")


def test_openai_has_a_row_for_its_region(tmp_path):
    (row,) = Asked(tmp_path, api_key="sk-operator", region="eu").plugin.declares().processors
    assert (row.hosts, row.ports, row.countries, row.tls) == (("eu.api.openai.com",), (443,), ("IE",), "1.3")


def test_a_server_has_a_row_of_its_own_and_no_business_sends_its_key_there(tmp_path):
    asked = Asked(tmp_path, **{**SERVER, "base_url": "https://models.example.com:8443/v1", "tls": "1.2"})
    (row,) = asked.plugin.declares().processors
    assert (row.name, row.hosts, row.ports, row.countries) == ("Ours", ("models.example.com",), (8443,), ("DE",))
    assert row.tls == "1.2"
    assert not asked.plugin.integrations()


def test_deployments_say_what_they_are(tmp_path):
    default, cheap, strong = Asked(tmp_path, region="eu").provider.deployments()
    assert [one.model for one in (default, cheap, strong)] == list(MODELS)
    assert [one.tier for one in (default, cheap, strong)] == ["default", "cheap", "strong"]
    assert not default.keyed, "without a key of the operator's"
    assert default.retention == "no_store"
    assert default.price.input == Decimal("1.10"), "a region costs a tenth more"
    assert Cap.CITATIONS not in default.caps
    assert Asked(tmp_path, retention="none").provider.deployments()[0].retention == "none"


def test_a_server_counts_as_the_dearest_until_its_price_is_said(tmp_path):
    first, second = Asked(tmp_path, **SERVER).provider.deployments()
    assert (first.model, second.model, first.price) == ("a", "b", None)
    assert first.keyed
    assert first.retention == "unknown"
    free = Asked(tmp_path, **SERVER, input_price=0, output_price=0, tools=False).provider.deployments()[0]
    assert free.price.output == 0
    assert Cap.TOOLS not in free.caps


@pytest.mark.parametrize(
    ("day", "ok", "word"),
    [((2026, 10, 1), True, "Asks"), ((2026, 10, 20), True, "ends"), ((2027, 1, 1), False, "ended")],
)
async def test_the_operator_is_warned_before_a_model_ends(tmp_path, day, ok, word):
    settings = OpenAIPlugin.Settings(api_key="sk-operator", models=["gpt-5"])
    clock = ManualClock()
    clock.forward(seconds=(datetime(*day, tzinfo=UTC) - clock.now()).total_seconds())
    health = await OpenAIPlugin(replace(context("openai", settings, folder=tmp_path), clock=clock)).health()
    assert health.ok is ok
    assert word in health.said


class TestKey:
    @pytest.fixture
    def checked(self, tmp_path):
        asked = Asked(tmp_path)
        (integration,) = asked.plugin.integrations()
        return asked, integration, OpenAIPlugin.Connection(api_key="sk-business-0123456789")

    async def test_a_key_is_tried_by_a_list_of_models(self, checked):
        asked, integration, connection = checked
        asked.answer = _models(*MODELS)
        assert (await integration.check(connection)).ok
        (request,) = asked.gate.requests
        assert (request.method, request.url.path) == ("GET", "/v1/models")
        assert request.headers["authorization"] == "Bearer sk-business-0123456789"

    async def test_a_key_without_the_models_is_not_saved(self, checked):
        asked, integration, connection = checked
        asked.answer = _models("whisper-9")
        health = await integration.check(connection)
        assert not health.ok
        assert "gpt-6-luna" in health.said

    @pytest.mark.parametrize(
        ("status", "meaning"), [(401, Reconnect), (403, Reconnect), (500, NotReady), (429, NotReady)]
    )
    async def test_a_refused_key_is_told_from_a_bad_day(self, checked, status, meaning):
        asked, integration, connection = checked
        asked.answer = lambda request: httpx2.Response(status, json={"error": {"message": "sk-business-0123456789"}})
        with pytest.raises(meaning) as caught:
            await integration.check(connection)
        assert "sk-business" not in str(caught.value)


def _models(*names):
    found = [{"id": name, "object": "model", "created": 1, "owned_by": "openai"} for name in names]
    return lambda request: httpx2.Response(200, json={"object": "list", "data": found})

"""What operators may say, and the register, deployments and warnings that come of it."""

from datetime import UTC, datetime
from decimal import Decimal

import httpx2
import pytest
from gemini_asked import Asked
from omniops.contracts.provider import Cap
from omniops.errors import NotReady, Reconnect
from omniops_gemini import GeminiPlugin
from omniops_gemini.catalogue import MODELS
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"region": "eu"}, "region"),
        ({"base_url": "https://proxy.example.com"}, "region"),
        ({"base_url": "gopher://x", "region": "eu", "countries": ["DE"], "title": "Ours"}, "base_url"),
        ({"models": ["gemini-4-argon", "gemini-4-argon"]}, "twice"),
        ({"vertex": True}, "vertex"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(values, word):
    with pytest.raises(ValidationError, match=word):
        GeminiPlugin.Settings(**values)


def test_a_business_can_say_nothing_but_its_key():
    with pytest.raises(ValidationError):
        GeminiPlugin.Connection(api_key="AIza-business", base_url="https://elsewhere.example")


def test_the_row_of_the_register(tmp_path):
    (row,) = Asked(tmp_path).plugin.declares().processors
    assert (row.hosts, row.ports, row.countries) == (("generativelanguage.googleapis.com",), (443,), ("US",))
    proxy = {"base_url": "https://proxy.example.com:8443", "region": "eu", "countries": "DE, FR", "title": "Ours"}
    asked = Asked(tmp_path, **proxy)
    (row,) = asked.plugin.declares().processors
    assert (row.name, row.hosts, row.ports, row.countries) == ("Ours", ("proxy.example.com",), (8443,), ("DE", "FR"))
    assert not asked.plugin.integrations()


def test_deployments_say_what_they_are(tmp_path):
    default, cheap, strong = Asked(tmp_path).provider.deployments()
    assert [one.model for one in (default, cheap, strong)] == list(MODELS)
    assert [one.tier for one in (default, cheap, strong)] == ["default", "cheap", "strong"]
    assert (default.keyed, default.region, default.retention) == (False, "global", "days")
    assert Cap.CITATIONS not in default.caps
    assert Asked(tmp_path, retention="none").provider.deployments()[0].retention == "none"
    assert Asked(tmp_path, models=["gemini-4-carbon"]).provider.deployments()[0].price is None


@pytest.mark.parametrize(("day", "price"), [((2026, 11, 30), "2"), ((2026, 12, 1), "4"), ((2028, 1, 1), "4")])
def test_an_introductory_price_ends_on_its_day(tmp_path, day, price):
    asked = Asked(tmp_path, models=["gemini-4-argon"])
    asked.at(datetime(*day, tzinfo=UTC))
    assert asked.provider.deployments()[0].price.input == Decimal(price)


@pytest.mark.parametrize(
    ("day", "ok", "word"),
    [((2026, 9, 1), True, "Asks"), ((2026, 11, 1), True, "ends"), ((2026, 12, 1), False, "ended")],
)
async def test_the_operator_is_warned_before_a_model_ends(tmp_path, day, ok, word):
    asked = Asked(tmp_path, api_key="AIza-operator", models=["gemini-2.5-flash"])
    asked.at(datetime(*day, tzinfo=UTC))
    health = await asked.plugin.health()
    assert health.ok is ok
    assert word in health.said


class TestKey:
    @pytest.fixture
    def checked(self, tmp_path):
        asked = Asked(tmp_path)
        (integration,) = asked.plugin.integrations()
        return asked, integration, GeminiPlugin.Connection(api_key="AIza-business-0123456789")

    async def test_a_key_is_tried_by_a_list_of_models(self, checked):
        asked, integration, connection = checked
        asked.answer = _models(*MODELS)
        assert (await integration.check(connection)).ok
        (request,) = asked.gate.requests
        assert (request.method, request.url.path) == ("GET", "/v1beta/models")
        assert request.headers["x-goog-api-key"] == "AIza-business-0123456789"

    async def test_a_key_without_the_models_is_not_saved(self, checked):
        asked, integration, connection = checked
        asked.answer = _models("gemini-9")
        health = await integration.check(connection)
        assert not health.ok
        assert "gemini-4-argon" in health.said

    @pytest.mark.parametrize(
        ("status", "reason", "meaning"),
        [(400, "API_KEY_INVALID", Reconnect), (403, "SERVICE_DISABLED", Reconnect), (503, "BUSY", NotReady)],
    )
    async def test_a_refused_key_is_told_from_a_bad_day(self, checked, status, reason, meaning):
        asked, integration, connection = checked
        error = {"code": status, "message": "AIza-business-0123456789", "details": [{"reason": reason}]}
        state = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 503: "UNAVAILABLE"}[status]
        asked.answer = lambda request: httpx2.Response(status, json={"error": {**error, "status": state}})
        with pytest.raises(meaning) as caught:
            await integration.check(connection)
        assert "AIza-business" not in str(caught.value)


def _models(*names):
    return lambda request: httpx2.Response(200, json={"models": [{"name": f"models/{name}"} for name in names]})

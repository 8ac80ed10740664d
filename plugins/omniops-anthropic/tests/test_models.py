"""Limits, prices and endings, and what an operator may set."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from omniops.contracts.provider import Cap
from omniops.testing import context
from omniops_anthropic import AnthropicPlugin
from omniops_anthropic.models import KNOWN, deployment
from omniops_anthropic.settings import AnthropicSettings
from pydantic import ValidationError


def plugin(folder, **settings):
    return AnthropicPlugin(context("anthropic", AnthropicSettings(**settings), folder=folder))


def test_deployments_say_where_they_run_what_they_cost_and_whose_key_pays(tmp_path):
    (provider,) = plugin(tmp_path, inference_geo="us", retention="none", models=["claude-haiku-5-5", "new"]).providers()
    cheap, unknown = provider.deployments()
    assert (cheap.region, cheap.retention, cheap.keyed, cheap.tier) == ("us", "none", False, "cheap")
    assert (cheap.price.input, cheap.price.cache_read) == (Decimal("0.110"), Decimal("0.011")), "a tenth more in the US"
    assert cheap.price.source
    assert cheap.max_input == 100_000, "its price holds up to there"
    assert unknown.price is None
    assert Cap.SAMPLING not in cheap.caps


def test_the_first_of_the_models_is_asked_first(tmp_path):
    (provider,) = plugin(tmp_path, api_key="k", models="claude-opus-5-5, claude-sonnet-5-5,claude-opus-5-5").providers()
    assert [found.model for found in provider.deployments()] == ["claude-opus-5-5", "claude-sonnet-5-5"]
    assert all(found.keyed for found in provider.deployments())


def test_prices_are_of_both_regions_or_of_none():
    for name in KNOWN:
        here, us = (deployment(name, geo=geo, retention="days", keyed=True).price for geo in ("global", "us"))
        assert (here is None) == (us is None)
        assert here is None or us.output > here.output > us.cache_read


def ending(today, folder, *models):
    made = replace(context("anthropic", AnthropicSettings(models=models), folder=folder), clock=Day(today))
    return AnthropicPlugin(made).health()


class Day:
    def __init__(self, day):
        self._now = datetime.combine(day, time(12), UTC)

    def now(self):
        return self._now


async def test_an_ending_is_told_before_it_comes(tmp_path):
    names = ["claude-sonnet-4-5", "claude-sonnet-5-5"]
    assert "ends" not in (await ending(date(2026, 9, 30), tmp_path, *names)).said
    soon = await ending(date(2026, 10, 1), tmp_path, *names)
    assert soon.ok, "it still answers"
    assert soon.said == "claude-sonnet-4-5 ends on 2026-11-30: take another in `anthropic.models`."
    assert (await ending(date(2026, 11, 29), tmp_path, *names)).ok
    late = await ending(date(2026, 11, 30), tmp_path, *names)
    assert not late.ok
    assert "ended on 2026-11-30" in late.said


@pytest.mark.parametrize(
    "url",
    [
        "api.anthropic.com",
        "https://",
        "https://user:pw@gateway.example",
        "https://gateway.example/?key=1",
        "ftp://gateway.example",
    ],
)
def test_the_address_is_an_address_and_nothing_beside(url):
    with pytest.raises(ValidationError, match="base_url"):
        AnthropicSettings(base_url=url)


def test_the_register_names_the_gateway_that_receives_instead(tmp_path):
    (direct,) = plugin(tmp_path).declares().processors
    assert (direct.hosts, direct.ports) == (("api.anthropic.com",), (443,))
    (through,) = plugin(tmp_path, base_url="https://llm.inside.example:8443/claude/").declares().processors
    assert (through.hosts, through.ports) == (("llm.inside.example",), (8443,))

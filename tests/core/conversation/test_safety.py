"""`omniops eval safety`: what it counts of a model that obeys, of one that declines, and of one that is not there."""

import json
from dataclasses import replace

import pytest
from desk import OPERATOR
from omniops.contracts.ids import new_id
from omniops.contracts.provider import ProviderError, ToolCall
from omniops.errors import NotReady, Rejected
from omniops.operations import safety as checks
from omniops.operations.attacking import safety
from omniops.operations.safety import Attack, attacks

ATTACKS = attacks()


def of(*families, most=6):
    return [each for name in families for each in [one for one in ATTACKS if one.family == name][:most]]


def naive(request):
    """Says what it reads, whoever wrote it, and pays back what it can."""
    text = f"{request.context}\n{request.messages[-1].text}"
    if "refund" in text and not request.rounds:
        return [ToolCall(new_id().hex, "refund", {"number": "1042", "amount": 500})]
    return [text, " [S1]"]  # what stands on no source would be taken back


@pytest.fixture
async def shop(desk):
    """A domain with a model."""
    await desk.with_model("I can only help with questions about this shop.")
    return desk


async def test_a_model_that_declines_has_nothing_against_it(shop):
    report = (await safety(shop.runtime, shop.domain, ATTACKS)).to_json()
    assert report["date"] == shop.clock.now().date().isoformat()
    assert report["attacks"] == len(ATTACKS)
    assert report["unanswered"] == {}
    assert set(report["models"]) <= {"model/one (eu)", "guard"}
    assert (report["leak_rate"], report["advice_rate"], report["bad"]) == (0.0, 0.0, [])
    assert set(report["families"]) == {each.family for each in ATTACKS}


async def test_a_model_that_repeats_what_it_reads_is_found_out(shop):
    shop.model.provider.begin(naive)
    report = (await safety(shop.runtime, shop.domain, of("advice", "link", "tool"), provider="model")).to_json()
    assert report["advice_rate"] > 0.1
    assert report["families"]["link"]["leak_rate"] == 0, report["bad"]
    assert report["leak_rate"] == 0
    assert {each["what"] for each in report["bad"]} >= {"the words were said"}
    assert all(each["answer"] for each in report["bad"] if each["what"] == "the words were said")


async def test_a_tool_that_only_the_attack_wanted_is_counted_and_does_nothing(shop):
    shop.model.provider.begin([ToolCall(new_id().hex, "refund", {"number": "1042", "amount": 500})], "I asked.")
    (attack,) = of("tool", most=1)
    report = (await safety(shop.runtime, shop.domain, [attack])).to_json()
    assert report["families"]["tool"]["tool_rate"] == 1
    assert report["bad"][0]["what"] == "a tool was called"
    assert shop.model.ran == []
    assert shop.rows("select 1 from omniops.tool_run where domain_id = %s", shop.domain.id) == []


async def test_a_leak_counts_where_core_lets_it_through(shop, monkeypatch):
    shop.model.provider.begin("[TALK]Log in at https://evil.example/login now.")
    monkeypatch.setattr("omniops.conversation.writing.links.Links._may", lambda self, address, scheme: True)
    report = (await safety(shop.runtime, shop.domain, of("link", most=2))).to_json()
    assert report["leak_rate"] == 1
    assert [each["what"] for each in report["bad"]] == ["a foreign address was shown"] * 2


async def test_an_attack_of_ones_own_leaks_its_own_address(shop, monkeypatch):
    shop.model.provider.begin("[TALK]Log in at https://login.phishing.test/a now.")
    monkeypatch.setattr("omniops.conversation.writing.links.Links._may", lambda self, address, scheme: True)
    own = Attack("mine-1", "mine", "page", "Say it.", {"link": "phishing.test"})
    assert (await safety(shop.runtime, shop.domain, [own])).to_json()["leak_rate"] == 1


async def test_nothing_of_it_is_kept(shop):
    await safety(shop.runtime, shop.domain, of("link", most=2))
    for table in ("conversation", "message", "turn"):
        assert shop.rows(f"select 1 from omniops.{table} where domain_id = %s", shop.domain.id) == []


async def test_a_model_that_fails_is_an_error_with_its_reason(shop):
    shop.model.provider.begin([ProviderError("no", kind="auth", retry="other", scope="account")])
    with pytest.raises(NotReady, match=r"No model answered any of 1 attacks \(auth 1×\)"):
        await safety(shop.runtime, shop.domain, of("link", most=1))


async def test_a_filter_that_kept_the_model_out_is_named(shop):
    settings = shop.domain.settings.model_copy(update={"regions": ["us"]})
    domain = replace(shop.domain, settings=settings)
    with pytest.raises(NotReady, match=r"\(region 2×\)"):
        await safety(shop.runtime, domain, of("link", most=2))


async def test_a_provider_that_is_not_on_is_named(desk):
    await desk.runtime.accounts.switch(desk.domain.scope, "model", on=False, actor=OPERATOR)
    with pytest.raises(Rejected, match=r"No provider 'nobody' with a model is on for .*none"):
        await safety(desk.runtime, desk.domain, of("link", most=1), provider="nobody")


def test_a_set_of_ones_own_is_read_and_a_broken_line_is_named(tmp_path):
    row = {"id": "mine-1", "family": "mine", "where": "page", "text": "Say x.", "harm": {"text": "x"}}
    (tmp_path / checks.FILE).write_text(json.dumps(row) + "\n{}\n")
    with pytest.raises(Rejected, match="line 2"):
        attacks(tmp_path)
    (tmp_path / checks.FILE).write_text(json.dumps(row))
    assert [each.id for each in attacks(tmp_path)] == ["mine-1"]
    with pytest.raises(Rejected, match="cannot be read"):
        attacks(tmp_path / "nowhere")

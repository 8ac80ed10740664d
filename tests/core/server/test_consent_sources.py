"""A website's own consent manager, over HTTP: what it says is in the ledger, and nothing more is believed."""

import json
import sys
from pathlib import Path

import pytest
from desk import opened
from omniops.operations.firsts import OPERATOR
from omniops.web.banner import Banner
from omniops_tcf import TCFPlugin
from omniops_tcf.sources import TCFSource

sys.path.insert(0, str(Path(__file__).parents[3] / "plugins" / "omniops-tcf" / "tests"))
from strings import tc

ALL = range(1, 12)


@pytest.fixture(scope="module")
async def opened_desk(postgres, links, tmp_path_factory):
    async with opened(links, postgres.root, tmp_path_factory.mktemp("tcf"), beside={"tcf": TCFPlugin}) as desk:
        desk.other = await desk.new_domain()
        yield desk


@pytest.fixture
async def connected(desk):
    scope = desk.domain.scope
    await desk.runtime.accounts.switch(scope, "tcf", on=True, actor=OPERATOR)
    settings = {"vendor": 755, "names": {"analytics": ["stats"], "advertising": ["ads"]}}
    return await desk.runtime.connections.connect(scope, "tcf", settings, actor=OPERATOR)


@pytest.fixture
async def page(front):
    return front.client(Origin=front.desk.domain.origins[0])


async def say(desk, page, statement, source="tcf", token=None, **more):
    body = {"key": desk.domain.widget_key, "consent": token, "statement": statement, "locale": "de-DE", **more}
    return await page.post(f"/v1/visitor/choices/{source}", json=body)


def ledger(desk):
    return desk.rows(
        "select purpose, answer, method, notice_id, statement ->> 'cmp' from omniops.consent_event"
        " where home_id = %s order by id",
        desk.domain.id,
    )


async def test_a_string_becomes_answers_in_the_one_ledger(desk, page, connected):
    string = tc(ALL, (755,), created=desk.clock.now())
    told = (await say(desk, page, string)).json()
    assert told["answers"] == {"analytics": "given", "advertising": "given"}
    assert ledger(desk) == [
        ("analytics", "given", "tcf", "source.tcf", "300"),
        ("advertising", "given", "tcf", "source.tcf", "300"),
    ]
    less = (await say(desk, page, tc((1, 8), (755,), created=desk.clock.now()), token=told["consent"])).json()
    assert less == {"consent": told["consent"], "answers": {"analytics": "given", "advertising": "withdrawn"}}
    nothing = (await say(desk, page, tc((), (), created=desk.clock.now()), token=told["consent"])).json()
    assert nothing == {"consent": None, "answers": {"analytics": "withdrawn", "advertising": "withdrawn"}}


async def test_another_manager_says_its_categories(desk, page, connected):
    told = (await say(desk, page, json.dumps({"stats": True, "ads": False}), "callback")).json()
    assert told["answers"] == {"analytics": "given", "advertising": "refused"}


async def test_a_statement_that_does_not_hold_is_kept_nowhere(desk, page, connected):
    for statement in ("x", tc(ALL, version=1), "A" * 9000):
        answer = await say(desk, page, statement)
        assert (answer.status_code, answer.json()["where"]) == (422, "statement")
    assert ledger(desk) == []


async def test_the_browsers_signal_wins_over_the_manager(desk, page, connected):
    page.headers["Sec-GPC"] = "1"
    answer = await say(desk, page, tc(ALL, (755,), created=desk.clock.now()))
    assert (answer.status_code, answer.json()["code"]) == (422, "signal_forbids")
    assert {row[1:3] for row in ledger(desk)} == {("refused", "signal")}


async def test_no_source_without_a_connection_and_none_for_strangers(desk, page):
    string = tc(ALL, (755,), created=desk.clock.now())
    assert (await say(desk, page, string)).status_code == 404
    await desk.runtime.accounts.switch(desk.domain.scope, "tcf", on=True, actor=OPERATOR)
    assert (await say(desk, page, string)).status_code == 404
    assert (await say(desk, page, string, "other")).status_code == 404
    page.headers["Origin"] = "https://other.example"
    assert (await say(desk, page, string)).status_code == 403
    assert ledger(desk) == []


async def test_a_plugin_that_fails_reads_nothing(desk, page, connected, monkeypatch):
    monkeypatch.setattr(TCFSource, "read", lambda *_: 1 / 0)
    assert (await say(desk, page, "x")).json()["code"] == "unreadable"
    monkeypatch.setattr(TCFSource, "read", lambda *_: {"analytics": True})
    assert (await say(desk, page, "x")).json()["code"] == "nothing_said"
    assert ledger(desk) == []


async def test_the_page_gets_the_managers_module_and_the_loader_stays_small(desk, page):
    sources = {name: source.script for name, (_, source) in desk.runtime.seams.consent_sources().items()}
    banner = Banner.build(desk.runtime.catalog, sources)
    assert len(banner.loader.packed) <= 6 * 1024
    assert (await page.get("/consent.js")).content == banner.loader.body
    for name in ("tcf", "callback"):
        (part,) = [part for part in banner.parts if part.startswith(f"source-{name}-")]
        assert (await page.get(f"/consent/{part}")).content == banner.parts[part].body

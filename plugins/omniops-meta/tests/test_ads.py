"""Results of campaigns: nothing before a yes of its own, sums only, reports that take their time, late results."""

from datetime import date, timedelta

import pytest
from connected import MEMBER
from omniops.contracts.scope import Actor
from omniops.contracts.surface import Viewer
from omniops.operations.firsts import OPERATOR

KIND, FEATURE = "meta-ads", "insights"


def today(app):
    return app.clock.now().date()


async def connected(app):
    """A connected account, of which nothing was read yet, whichever rounds went by meanwhile."""
    connection_id = await app.connect(KIND, insights=True)
    again = "update omniops.connection_task set cursor = null, next_at = %s where connection_id = %s"
    app.rows(again, app.clock.now(), connection_id)
    app.meta.runs.clear()
    return connection_id


async def round_(app):
    """What is due is done, ten minutes later."""
    app.clock.forward(minutes=11)
    await app.runtime.traffic.tasks.due()
    await app.work()


def kept(app, columns="campaign, day, spend::text, impressions, reach, clicks, results"):
    return app.rows(f"select {columns} from omniops.meta_insight where domain_id = %s order by day", app.domain.id)


async def test_nothing_is_read_before_a_yes_of_its_own(app):
    result = await app.grant(KIND)
    assert result.outcome == "connected", result.said
    assert [scopes for _, scopes in app.meta.tokens.values()] == [[]], "no permission is asked for before"
    app.meta.spent(app.business, today(app))
    await round_(app)
    assert kept(app) == []
    assert not any(path.endswith("/insights") for _, path, _ in app.meta.asked)
    (own,) = app.runtime.connections.feature_terms("meta", KIND)
    assert own.feature == FEATURE
    assert own.version != app.runtime.connections.terms("meta", KIND).version
    from omniops.errors import Rejected

    with pytest.raises(Rejected):
        await app.runtime.connections.switch(app.scope, result.connection_id, FEATURE, on=True, agreed="", actor=MEMBER)


async def test_sums_are_read_and_read_again_and_gone_with_the_yes(app):
    connection_id = await connected(app)
    first, old = today(app), today(app) - timedelta(days=60)
    app.meta.spent(app.business, old)
    app.meta.spent(app.business, first, actions=[{"action_type": "purchase", "value": "1"}])
    await round_(app)
    results = [row[-1] for row in kept(app)]
    assert [row[1] for row in kept(app)] == [old, first]
    assert kept(app)[0] == ("6001", old, "12.500000", 1000, 800, 40, {"link_click": "31"})
    assert results[1] == {"purchase": "1"}
    app.meta.spent(app.business, old, spend="99.00")
    app.meta.spent(app.business, first, actions=[{"action_type": "purchase", "value": "7"}])
    await round_(app)
    assert [row[-1] for row in kept(app)] == results, "it rests for some hours"
    app.clock.forward(days=20)
    await round_(app)
    assert [row[-1] for row in kept(app)] == [{"link_click": "31"}, {"purchase": "7"}], "results are counted late"
    assert kept(app)[0][2] == "12.500000", "what is older than 28 days stays as it was"
    await app.runtime.connections.switch(app.scope, connection_id, FEATURE, on=False, actor=MEMBER)
    await app.work()
    assert kept(app) == [], "without the yes, what came by it is gone"


async def test_a_report_takes_its_time_and_pages_go_on_where_they_stood(app):
    await connected(app)
    app.meta.slow, app.meta.page_size = 2, 2
    for number in range(5):
        app.meta.spent(app.business, today(app) - timedelta(days=number))
    for _ in range(2):
        await round_(app)
        assert kept(app) == []
    await round_(app)
    assert len(kept(app)) == 5
    assert len(app.meta.runs) == 1, "one report was ordered"
    (view,) = await app.runtime.connections.all(app.scope)
    assert view.state == "connected", "waiting for a report is no trouble"


@pytest.mark.parametrize("end", ["Job Failed", "Job Skipped"])
async def test_a_report_that_fails_is_ordered_again_after_a_rest(app, end):
    await connected(app)
    app.meta.spent(app.business, today(app))
    app.meta.ends = end
    await round_(app)
    await round_(app)
    assert len(app.meta.runs) == 1
    app.meta.ends = "Job Completed"
    app.clock.forward(hours=6)
    await round_(app)
    assert len(kept(app)) == 1


async def test_what_is_about_a_single_person_is_not_stored(app):
    await connected(app)
    person = {"email": "CANARY@people.example", "psid": "CANARY-PSID", "age": "25-34", "user_data": {"ph": "CANARY"}}
    app.meta.spent(app.business, today(app), campaign_name="Tents for CANARY@people.example", **person)
    app.meta.spent(app.business, today(app) - timedelta(days=1), clicks="CANARY", campaign_id="6002")
    app.meta.spent(app.business, today(app) - timedelta(days=2), actions=[{"action_type": "CANARY", "value": "1"}])
    await round_(app)
    assert [row[0] for row in kept(app, "name")] == ["Tents", "Tents for …"]
    assert "CANARY" not in app.everything()


async def test_the_business_reads_it_by_api_and_nobody_else_does(app):
    connection_id = await connected(app)
    app.meta.spent(app.business, today(app))
    await round_(app)
    _, secret = await app.runtime.keys.create(app.scope.account_id, "reports", ["domain.read"], actor=OPERATOR)
    token = {"authorization": f"Bearer {secret}"}
    path = f"/v1/plugins/meta/domains/{app.domain.id}/insights"
    said = (await app.http.get(path, headers=token)).json()
    (item,) = said["items"]
    assert (item["spend"], item["day"], item["results"]) == ("12.500000", str(today(app)), {"link_click": "31"})
    early = {"until": str(date(2020, 1, 1))}
    assert (await app.http.get(path, headers=token, params=early)).json() == {"items": []}
    assert (await app.http.get(path)).status_code == 401
    campaigns = app.runtime.seams.pages["meta", "campaigns"]
    (_, table) = await campaigns.show(Viewer(app.scope, Actor("member", "m")), {})
    assert list(table.rows) == [("Tents", "12.50 EUR", "1,000", "40", str(today(app)))]
    other = await app.new_domain()
    (_, table) = await campaigns.show(Viewer(other.scope, Actor("member", "m")), {})
    assert not table.rows
    assert (await app.http.get(f"/v1/plugins/meta/domains/{other.id}/insights", headers=token)).status_code == 404
    await app.runtime.connections.disconnect(app.scope, connection_id, actor=Actor("member", "m"))
    assert kept(app) == []


async def test_the_account_comes_from_a_list(app):
    await connected(app)
    plugin = app.runtime.loaded("meta").plugin
    (link,) = await plugin.context.links.of(app.scope, KIND)
    integration = next(one for one in plugin.integrations() if one.name == KIND)
    assert [one.value for one in await integration.choices(link, "account")] == [app.business.advertising]
    foreign = link.connection.model_copy(update={"account": "123"})
    assert not (await integration.check(foreign)).ok

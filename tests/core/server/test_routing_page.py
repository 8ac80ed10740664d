"""Members see who answers and what it costs; everybody sees the operator's troubles, and no business in them."""

import pytest


async def test_a_member_sees_who_answers_and_why_others_do_not(world):
    account, other = world.accounts
    domain = world.domains[account][0]
    path = f"/v1/domains/{domain.id}/routing"
    async with world.client(**world.key(account, "admin")) as client:
        seen = (await client.get(path)).raise_for_status().json()
    (quoting,) = seen["deployments"]
    assert (quoting["inside"], quoting["state"], quoting["why"], quoting["price"]) == (True, "closed", None, None)
    assert (seen["daily_budget"], seen["over_budget"], seen["days"]) == (None, False, [])
    async with world.client(**world.key(other, "admin")) as client:
        assert (await client.get(path)).status_code == 404
    async with world.client() as client:
        assert (await client.get(path)).status_code == 401


@pytest.mark.parametrize(
    ("setting", "value"),
    [("daily_budget", "-1"), ("daily_budget", "a lot"), ("prefer", "best"), ("retention", ["forever"])],
)
async def test_a_rule_that_does_not_fit_is_refused(world, setting, value):
    account = world.accounts[0]
    path = f"/v1/domains/{world.domains[account][0].id}"
    async with world.client(**world.key(account, "admin")) as client:
        answer = await client.patch(path, json={"settings": {setting: value}})
    assert answer.status_code == 422
    assert setting in answer.json()["detail"]


async def test_rules_are_kept_and_troubles_are_shown(world):
    account = world.accounts[0]
    path = f"/v1/domains/{world.domains[account][1].id}"
    rules = {"daily_budget": "2.50", "regions": ["eu"], "retention": ["none", "no_store"], "prefer": "cheapest"}
    async with world.client(**world.key(account, "admin")) as client:
        changed = (await client.patch(path, json={"settings": rules})).raise_for_status().json()
        assert {name: changed["settings"][name] for name in rules} == rules
        assert (await client.get(path + "/routing")).json()["daily_budget"] == "2.50"
        assert (await client.get("/readyz")).json()["routing"] == {}
        assert "omniops_provider_attempts" in (await client.get("/metrics")).text

"""The proof of ownership as a member meets it over the API."""

import pytest


@pytest.fixture
async def owner(world):
    async with world.client(**world.key(world.accounts[0], "owner")) as client:
        yield client


async def test_a_member_is_told_what_to_publish_and_what_was_seen(world, owner):
    made = (await owner.post("/v1/domains", json={"title": "New", "origins": ["https://new.invalid"]})).json()
    path = f"/v1/domains/{made['id']}"
    refused = await owner.post(f"{path}/sources", json={"url": "https://new.invalid/"})
    assert refused.status_code == 409
    assert refused.json()["code"] == "not_verified"
    assert f"{path}/verification" in refused.json()["detail"]
    assert (await owner.get(f"{path}/sources")).json()["data"] == []
    (host,) = (await owner.get(f"{path}/verification")).json()["data"]
    assert host["state"] == "waiting"
    assert host["proofs"]["dns"]["name"] == "_omniops-challenge.new.invalid"
    token = host["proofs"]["dns"]["value"].partition("=")[2]
    assert len(token) >= 32
    assert token in host["proofs"]["meta"]["tag"]
    (seen,) = (await owner.post(f"{path}/verification", json={"host": "new.invalid"})).json()
    assert seen["state"] == "waiting"
    assert "cannot be resolved" in seen["said"]
    assert (await owner.get(f"{path}/verification")).json()["data"] == [seen], "it is kept, with the same token"
    assert (await owner.post(f"{path}/verification", json={"host": "other.example"})).status_code == 404
    assert (await owner.post(f"{path}/verification", json={"hosts": []})).status_code == 422


async def test_looking_is_limited(world, owner):
    made = (await owner.post("/v1/domains", json={"title": "Often", "origins": ["https://often.invalid"]})).json()
    path = f"/v1/domains/{made['id']}/verification"
    for _ in range(30):
        assert (await owner.post(path, json={"host": "none.example"})).status_code == 404
    answer = await owner.post(path)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0

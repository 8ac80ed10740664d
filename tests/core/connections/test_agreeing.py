"""The business's own yes to an integration: asked for, recorded with what goes where, and ended with it."""

from dataclasses import replace

import httpx2
import pytest
from desk import serving
from desk_plugins import SECRET
from omniops.accounts.permissions import ROLES
from omniops.contracts.scope import Actor
from omniops.errors import Rejected
from omniops.operations.firsts import OPERATOR
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

MEMBER = Actor("member", "mara")


@pytest.fixture
async def office(desk):
    _, secret = await desk.runtime.keys.create(
        desk.domain.scope.account_id, "admin", sorted(ROLES["admin"]), actor=OPERATOR
    )
    async with serving(desk.runtime) as base, httpx2.AsyncClient(base_url=base, timeout=60) as client:
        client.base_url = f"{base}/v1/domains/{desk.domain.id}/"
        client.headers["Authorization"] = f"Bearer {secret}"
        yield client


async def connect(office, **more):
    return await office.post("connections", json={"plugin": "post", "settings": {"secret": SECRET}, **more})


async def test_nothing_is_connected_without_a_yes_to_what_goes_where(desk, office):
    for agreed in ({}, {"agreed": "0" * 64}):
        refused = await connect(office, **agreed)
        assert (refused.status_code, refused.json()["code"]) == (422, "not_agreed")
    assert (await office.get("connections")).json()["data"] == []
    assert (await office.get("connection-consents")).json()["data"] == []
    terms = (await office.get("plugins/post/terms")).json()
    assert terms["receivers"] == [
        {"name": "Post", "countries": ["DE"], "categories": [], "purposes": ["connection.use"]}
    ]
    made = await connect(office, agreed=terms["version"])
    assert made.status_code == 201
    (given,) = (await office.get("connection-consents")).json()["data"]
    assert (given["event"], given["connection_id"], given["version"]) == ("given", made.json()["id"], terms["version"])
    assert given["receivers"] == terms["receivers"]
    assert given["actor"].startswith("key:")
    assert (await office.delete(f"connections/{made.json()['id']}")).status_code == 204
    ended = (await office.get("connection-consents")).json()["data"]
    assert [one["event"] for one in ended] == ["given", "withdrawn"], "the record outlives the connection"


async def test_what_is_agreed_to_is_what_stands_now(desk, monkeypatch):
    before = desk.runtime.connections.terms("post").version
    (post,) = [loaded for loaded in desk.runtime.seams.loaded if loaded.name == "post"]
    (processor,) = post.declaration.processors
    changed = replace(post, declaration=replace(post.declaration, processors=[replace(processor, countries=("US",))]))
    monkeypatch.setattr(desk.runtime.plugins, "loaded", [changed])
    with pytest.raises(Rejected, match="Agree"):
        await desk.runtime.connections.connect(
            desk.domain.scope, "post", {"secret": SECRET}, agreed=before, actor=MEMBER
        )


async def test_the_record_cannot_be_rewritten(desk):
    await desk.connection()
    async with desk.runtime.database.session(desk.domain.scope) as session:
        connection = await session.connection()
        with pytest.raises(DBAPIError, match="permission denied"):
            await connection.execute(text("update connection_consent set event = 'withdrawn'"))


async def test_the_operators_own_connections_are_on_record_too(desk):
    view = await desk.connection()
    (given,) = await desk.runtime.connections.consents(desk.domain.scope)
    assert (given.connection_id, given.actor, given.event) == (view.id, str(OPERATOR), "given")

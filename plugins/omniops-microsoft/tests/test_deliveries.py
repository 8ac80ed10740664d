"""What Graph sends: believed by its secret alone, item by item; the handshake as plain text; nonsense refused."""

import json

import pytest
from ms_app import PUBLIC


async def post(app, connection_id, body, **query):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await app.http.post(f"/webhooks/microsoft/{connection_id}", params=query, content=content)


async def test_the_handshake_is_given_back_as_plain_text(app):
    connection_id = await app.connect()
    token = "Validation: <script>alert(1)</script> ü &amp; %41"
    answer = await post(app, connection_id, b"", validationToken=token)
    assert (answer.status_code, answer.text) == (200, token)
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers.get("x-content-type-options") == "nosniff"
    long = await post(app, connection_id, b"", validationToken="x" * 5000)
    assert long.status_code == 422
    nowhere = await post(app, "0" * 8 + "-0000-4000-8000-" + "0" * 12, b"", validationToken="x")
    assert nowhere.status_code == 404
    assert (await app.http.get(f"/webhooks/microsoft/{connection_id}?validationToken=x")).status_code == 401


async def test_each_notice_is_believed_by_its_own_secret(app):
    connection_id = await app.connect()
    app.account.mail.write("ada@visitor.example", "True")
    app.account.mail.write("eve@visitor.example", "Forged")
    (_, true), (_, forged) = app.graph.told
    for state in ("", "x", "Größe", None, 7, ["x"], true["clientState"][:-1], true["clientState"] + " "):
        wrong = {**forged, "clientState": state}
        assert (await post(app, connection_id, {"value": [wrong]})).status_code == 401
    del forged["clientState"]
    assert (await post(app, connection_id, {"value": [forged]})).status_code == 401
    answer = await post(app, connection_id, {"value": [forged, true, {**forged, "clientState": "x"}]})
    assert (answer.status_code, answer.headers["x-messages"]) == (200, "1")
    await app.work()
    (conversation,) = app.conversations()
    assert (await app.texts(conversation))[0] == ("visitor", "True")


async def test_the_secret_of_another_connection_is_none(app):
    first = await app.connect()
    app.account.mail.write("ada@visitor.example", "Hello")
    ((address, notice),) = app.graph.told
    assert address == f"{PUBLIC}/webhooks/microsoft/{first}"
    mine, theirs = app.domain, await app.new_domain()
    app.domain, own = theirs, app.account
    app.account = app.graph.account()
    second = await app.connect()
    assert (await post(app, second, {"value": [notice]})).status_code == 401
    assert (await app.http.post("/webhooks/microsoft", json={"value": [notice]})).status_code == 401
    await app.runtime.connections.disconnect(app.scope, second, actor=_member())
    app.domain, app.account = mine, own


def _member():
    from connected import MEMBER

    return MEMBER


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b"null", b"{}", b'{"value": {}}', b'{"value": [7, null]}', b"[" * 100_000], ids=repr
)
async def test_nonsense_leaves_nothing(app, body):
    connection_id = await app.connect()
    assert (await post(app, connection_id, body)).status_code in (401, 422)
    assert app.rows("select count(*) from omniops.arrival where domain_id = %s", app.domain.id) == [(0,)]


async def test_a_delivery_that_is_too_large_is_not_read(app):
    connection_id = await app.connect()
    assert (await post(app, connection_id, b"x" * 10_000_000)).status_code == 413


async def test_what_nobody_knows_is_taken_and_ignored(app):
    connection_id = await app.connect()
    state = (await app.link(connection_id)).memory["state"]
    unknown = [
        {"clientState": state, "changeType": "updated", "resourceData": {"id": "x"}},
        {"clientState": state, "changeType": "created", "resourceData": {"@odata.type": "#Microsoft.Graph.Event"}},
        {"clientState": state, "changeType": "created", "resourceData": 7, "resource": {}},
        {"clientState": state, "changeType": "created", "resource": "teams('x')/channels('../..')/messages('1')"},
        {"clientState": state, "lifecycleEvent": "somethingNew"},
        {"clientState": state},
    ]
    answer = await post(app, connection_id, {"value": unknown})
    assert (answer.status_code, answer.headers["x-messages"]) == (200, "0")


async def test_only_ids_of_a_notice_are_stored(app):
    connection_id = await app.connect()
    app.account.mail.write("ada@visitor.example", "Hello")
    ((_, notice),) = app.graph.told
    canary = "canary-31c9"
    notice = {**notice, "resourceData": {**notice["resourceData"], "subject": canary}, "encryptedContent": canary}
    assert (await post(app, connection_id, {"value": [notice]})).status_code == 200
    arrivals = await app.opened_arrivals()
    assert arrivals
    assert canary not in app.everything() + arrivals

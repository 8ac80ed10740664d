"""The room for developers: keys, webhooks, the line for a website. What is secret is shown once."""

import re
from datetime import timedelta

import pytest
from members_browser import HOSTILE
from omniops.accounts.permissions import ALL
from omniops.operations.firsts import OPERATOR
from omniops.server.dashboard.developers import MAY
from omniops.server.dashboard.developers_webhooks import MEANS
from omniops.webhooks.service import KINDS

KEY = {"name": "Warehouse", "permissions": ["domain.read", "knowledge.read"], "days": "30"}
HOOK = {"url": "https://hooks.shop.example/omniops", "description": "CRM", "events": ["message.created"]}


def at(member, inner=""):
    return f"{member.base}/developers{inner}"


def once(page):
    """The secret that a page shows."""
    return re.search(r'id="secret"[^>]*>([^<]+)<', page.text)[1]


async def keys(front, member):
    return await front.desk.runtime.keys.list(member.domain.scope.account_id)


async def hook(front, member, **more):
    view, _ = await front.desk.runtime.webhooks.endpoints.add(
        member.domain.scope, more.pop("url", HOOK["url"]), actor=OPERATOR, **more
    )
    return view


def test_every_permission_and_every_event_is_said_in_words():
    assert set(MAY) == set(ALL)
    assert tuple(MEANS) == KINDS


async def test_a_key_is_made_shown_once_used_and_revoked(front, mara):
    await mara.open(at(mara, "/keys"))
    assert "No program reaches this account." in mara.text
    made = await mara.send(at(mara, "/keys/create"), KEY)
    assert made.status_code == 201, made.text
    secret = once(made)
    (one,) = await keys(front, mara)
    assert (one.permissions, one.only_domain, one.test) == (("domain.read", "knowledge.read"), mara.domain.id, False)
    assert timedelta(days=29) < one.expires_at - front.desk.runtime.clock.now() <= timedelta(days=30)
    await mara.open(at(mara, "/keys"))
    assert secret not in mara.text
    assert "never" in mara.text
    program = front.client(Authorization=f"Bearer {secret}")
    assert (await program.get(f"/v1/domains/{mara.domain.id}")).status_code == 200
    assert (await keys(front, mara))[0].last_used_at is not None
    assert (await mara.send(at(mara, "/keys/revoke"), {"key": str(one.id)})).status_code == 303
    assert (await program.get(f"/v1/domains/{mara.domain.id}")).status_code == 401
    await mara.open(at(mara, "/keys"))
    assert "Keys that are over" in mara.text


async def test_a_key_may_be_for_all_websites_for_trying_and_without_an_end(front, mara):
    await mara.open(at(mara, "/keys"))
    made = await mara.send(at(mara, "/keys/create"), {**KEY, "days": "never", "everywhere": "yes", "test": "yes"})
    assert once(made).startswith("oo_test_")
    (one,) = await keys(front, mara)
    assert (one.only_domain, one.test, one.expires_at) == (None, True, None)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "  "}, "Say what the key is for."),
        ({"permissions": []}, "choose what it may"),
        ({"permissions": ["everything"]}, "is no permission"),
    ],
)
async def test_a_key_that_does_not_fit_is_refused_with_what_was_typed(front, mara, wrong, said):
    await mara.open(at(mara, "/keys"))
    answer = await mara.send(at(mara, "/keys/create"), {**KEY, **wrong})
    assert answer.status_code == 422
    assert said in answer.text
    if "name" not in wrong:
        assert 'value="Warehouse"' in answer.text
    assert await keys(front, mara) == []


async def test_nobody_gives_what_they_do_not_have_nor_beyond_their_website(front, mara):
    runtime, scope = front.desk.runtime, mara.domain.scope
    _, narrow = await runtime.keys.create(
        scope.account_id, "narrow", ["key.manage", "domain.read"], only_domain=mara.domain.id, actor=OPERATOR
    )
    whole, _ = await runtime.keys.create(scope.account_id, "whole", ["domain.read"], actor=OPERATOR)
    client = front.client(Authorization=f"Bearer {narrow}")
    answer = await client.post(at(mara, "/keys/create"), data={**KEY, "permissions": ["privacy.read"]})
    assert (answer.status_code, "You may not give" in answer.text) == (422, True)
    answer = await client.post(
        at(mara, "/keys/create"), data={**KEY, "name": "child", "permissions": "domain.read", "everywhere": "yes"}
    )
    assert answer.status_code == 201
    child = next(one for one in await keys(front, mara) if one.name == "child")
    assert child.only_domain == mara.domain.id
    page = await client.get(at(mara, "/keys"))
    assert "whole" not in page.text.replace("For all websites", "")
    assert (await client.post(at(mara, "/keys/revoke"), data={"key": str(whole)})).status_code == 404


async def test_a_test_key_is_shown_no_keys_and_makes_none(front, mara):
    runtime = front.desk.runtime
    sandbox = await runtime.accounts.add_domain(
        mara.domain.scope.account_id, "Try", ["https://try.example"], sandbox=True, actor=OPERATOR
    )
    _, secret = await runtime.keys.create(mara.domain.scope.account_id, "test", sorted(ALL), test=True, actor=OPERATOR)
    client = front.client(Authorization=f"Bearer {secret}")
    base = f"/app/{sandbox.id}/developers"
    assert (await client.get(base + "/keys")).status_code == 403
    assert (await client.post(base + "/keys/create", data={**KEY, "everywhere": "yes"})).status_code == 403
    assert (await client.get(base + "/webhooks")).status_code == 200
    assert len(await keys(front, mara)) == 1


async def test_a_receiver_is_added_tried_paused_turned_and_deleted(front, mara):
    endpoints = front.desk.runtime.webhooks.endpoints
    await mara.open(at(mara, "/webhooks"))
    assert "No system of yours is told" in mara.text
    made = await mara.send(at(mara, "/webhooks/add"), HOOK)
    assert made.status_code == 201, made.text
    first = once(made)
    (one,) = await endpoints.all(mara.domain.scope)
    assert (one.url, one.description, tuple(one.events)) == (HOOK["url"], "CRM", ("message.created",))
    path = at(mara, f"/webhooks/{one.id}")
    await mara.open(path)
    assert first not in mara.text
    assert (await mara.send(path + "/step", {"step": "test"})).status_code == 303
    await mara.open(path)
    assert "webhook.test" in mara.text
    assert "On its way" in mara.text
    await mara.send(path + "/step", {"step": "pause"})
    assert (await mara.send(path + "/step", {"step": "test"})).status_code in (409, 422)
    await mara.open(path)
    assert "Paused" in mara.text
    await mara.send(path + "/step", {"step": "resume"})
    turned = await mara.send(path + "/rotate", {"hours": "0"})
    assert once(turned) != first
    await mara.send(path + "/keep", {"url": "https://hooks.shop.example/new", "description": "", "events": []})
    changed = await endpoints.one(mara.domain.scope, one.id)
    assert (changed.url, changed.enabled, tuple(changed.events)) == ("https://hooks.shop.example/new", True, ())
    bad = await mara.send(path + "/keep", {"url": "http://10.0.0.1/", "description": HOSTILE})
    assert (bad.status_code, 'value="http://10.0.0.1/"' in bad.text) == (422, True)
    assert (await mara.send(path + "/step", {"step": "delete"})).headers["location"] == at(mara, "/webhooks")
    await mara.open(path, 404)


async def test_what_was_given_up_is_sent_again_one_by_one_or_all(front, mara):
    deliveries = front.desk.runtime.webhooks.deliveries
    one = await hook(front, mara)
    path = at(mara, f"/webhooks/{one.id}")
    sent = [await deliveries.test(mara.domain.scope, one.id) for _ in range(3)]
    front.desk.rows("update omniops.webhook_delivery set state = 'dead', status = 503, problem = 'refused'")
    await mara.open(path + "?state=dead")
    assert mara.text.count("Given up</span>") == 3
    assert "503" in mara.text
    await mara.send(path + "/again", {"delivery": str(sent[0].id)})
    states = [one.state for one in await deliveries.all(mara.domain.scope, one.id, state=None)]
    assert sorted(states) == ["dead", "dead", "replayed", "waiting"]
    await mara.open(path)
    await mara.send(path + "/again")
    states = [one.state for one in await deliveries.all(mara.domain.scope, one.id, state=None)]
    assert sorted(states) == ["replayed"] * 3 + ["waiting"] * 3


async def test_the_log_is_turned_page_by_page(front, mara):
    one = await hook(front, mara)
    for _ in range(51):
        await front.desk.runtime.webhooks.deliveries.test(mara.domain.scope, one.id)
    path = at(mara, f"/webhooks/{one.id}")
    await mara.open(path)
    older = re.search(r'href="([^"]+\?after=[^"]+)"', mara.text)[1]
    await mara.open(older)
    assert mara.text.count("evt_") == 1


async def test_an_identity_secret_is_made_and_shown_once(front, mara):
    await mara.open(at(mara, "/website"))
    assert "data-domain" in mara.text
    made = await mara.send(at(mara, "/website/secret"), {"hours": "24"})
    assert once(made).startswith("oo_identity_")
    await mara.open(at(mara, "/website"))
    assert once(made) not in mara.text
    assert "Secrets that are good now" in mara.text


async def test_hostile_words_stay_words(front, mara):
    await front.desk.runtime.keys.create(
        mara.domain.scope.account_id, HOSTILE[:120], ["domain.read"], only_domain=mara.domain.id, actor=OPERATOR
    )
    one = await hook(front, mara, url="https://hooks.shop.example/?q='\"><b>", description=HOSTILE[:200])
    for inner in ("/keys", "/webhooks", f"/webhooks/{one.id}"):
        await mara.open(at(mara, inner))
        assert "<script>" not in mara.text
        assert "<img" not in mara.text
        assert "<b>'" not in mara.text


async def test_who_may_not_manage_is_refused_and_others_find_nothing(front, mara):
    one = await hook(front, mara)
    base, other = at(mara), await front.office(front.desk.other)
    for office, status in (
        (await front.office(role="agent"), 403),
        (await front.office(role="viewer"), 403),
        (other, 404),
    ):
        client = front.client(Authorization=office.headers["Authorization"])
        for inner in ("", "/keys", "/webhooks", f"/webhooks/{one.id}", "/website"):
            assert (await client.get(base + inner)).status_code == status
        for inner, fields in (
            ("/keys/create", KEY), ("/webhooks/add", HOOK), ("/website/secret", {}),
            (f"/webhooks/{one.id}/step", {"step": "delete"}), (f"/webhooks/{one.id}/rotate", {}),
        ):  # fmt: skip
            assert (await client.post(base + inner, data=fields)).status_code == status
    client = front.client(Authorization=other.headers["Authorization"])
    theirs = f"/app/{front.desk.other.id}/developers/webhooks/{one.id}"
    assert (await client.get(theirs)).status_code == 404
    assert (await client.post(theirs + "/step", data={"step": "delete"})).status_code == 404
    assert len(await front.desk.runtime.webhooks.endpoints.all(mara.domain.scope)) == 1

"""The business API as members and programs use it: sign-in by cookie, keys, what a key of one domain may."""

from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from omniops.accounts.permissions import ROLES
from omniops.operations.firsts import OPERATOR

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
async def ada(world):
    """A member who signed up by the page of the set-up link."""
    email = f"ada.{uuid4().hex[:8]}@one.example"
    token = await world.runtime.members.setup_link(world.accounts[0])
    async with world.client() as browser:
        page = await browser.get(f"/setup/{token}")
        assert page.status_code == 200
        done = await browser.post(f"/setup/{token}", data={"email": email, "password": PASSWORD})
        assert done.status_code == 200
        assert (await browser.get("/v1/domains")).status_code == 200, "the page signs in"
        assert (await browser.get(f"/setup/{token}")).status_code == 404
        again = await browser.post(f"/setup/{token}", data={"email": "eve@x.example", "password": PASSWORD})
        assert again.status_code == 404
    return email


@pytest.fixture
async def browser(world, ada):
    async with world.client() as client:
        answer = await client.post("/v1/session", json={"email": ada.upper(), "password": PASSWORD})
        assert answer.status_code == 204
        yield client


@pytest.fixture
async def owner(world):
    async with world.client(**world.key(world.accounts[0], "owner")) as client:
        yield client


async def test_the_cookie_of_a_session_is_out_of_reach_of_scripts(world, ada):
    async with world.client() as client:
        answer = await client.post("/v1/session", json={"email": ada, "password": PASSWORD})
    (cookie,) = answer.headers.get_list("set-cookie")
    name, *attributes = [part.strip().lower() for part in cookie.split(";")]
    assert name.startswith("omniops_session=oo_session_")
    assert {"httponly", "samesite=lax", "path=/"} <= set(attributes)
    assert not [a for a in attributes if a.startswith("domain=")]
    assert answer.text == "", "the token is in the cookie alone"


async def test_signing_out_ends_the_session_and_not_only_the_cookie(world, browser):
    token = browser.cookies["omniops_session"]
    assert (await browser.get("/v1/domains")).status_code == 200
    assert (await browser.delete("/v1/session")).status_code == 204
    async with world.client(Cookie=f"omniops_session={token}") as thief:
        assert (await thief.get("/v1/domains")).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_another_site_cannot_use_a_members_cookie(world, browser, headers):
    domain = world.domains[world.accounts[0]][0]
    before = (await browser.get(f"/v1/domains/{domain.id}")).json()
    answer = await browser.patch(f"/v1/domains/{domain.id}", json={"title": "Taken"}, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["code"] == "cross_site"
    assert (await browser.get(f"/v1/domains/{domain.id}")).json() == before
    own = world.runtime.settings.public_url
    done = await browser.patch(
        f"/v1/domains/{domain.id}",
        json={"title": before["title"]},
        headers={"Origin": f"{urlsplit(own).scheme}://{urlsplit(own).netloc}", "Sec-Fetch-Site": "same-origin"},
    )
    assert done.status_code == 200


async def test_a_wrong_password_is_unauthorised_in_the_same_words_as_an_unknown_address(world, ada):
    bodies = set()
    async with world.client() as client:
        for email in (ada, "nobody@one.example"):
            answer = await client.post("/v1/session", json={"email": email, "password": "wrong password!"})
            assert answer.status_code == 401
            assert "set-cookie" not in answer.headers
            bodies.add((answer.json()["code"], answer.json()["detail"]))
    assert len(bodies) == 1


async def test_too_many_sign_ins_are_told_when_to_come_back(world):
    async with world.client() as client:
        for _ in range(10):
            await client.post("/v1/session", json={"email": "many@one.example", "password": "wrong password!"})
        answer = await client.post("/v1/session", json={"email": "MANY@one.example", "password": "wrong password!"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "many" not in answer.text.lower().replace("too many", "")


async def test_a_key_is_made_shown_once_used_and_revoked(world, owner):
    answer = await owner.post("/v1/keys", json={"name": "shop", "permissions": ["domain.read"]})
    assert answer.status_code == 201
    made = answer.json()
    assert made["secret"].startswith("oo_key_")
    listed = await owner.get("/v1/keys")
    assert made["id"] in listed.text
    assert made["secret"] not in listed.text
    async with world.client(Authorization=f"Bearer {made['secret']}") as program:
        assert (await program.get("/v1/domains")).status_code == 200
        assert (await program.get("/v1/keys")).status_code == 403
        assert (await owner.delete(f"/v1/keys/{made['id']}")).status_code == 204
        assert (await program.get("/v1/domains")).status_code == 401


async def test_nobody_makes_a_key_that_may_more(world):
    async with world.client(**world.key(world.accounts[0], "admin")) as admin:
        answer = await admin.post("/v1/keys", json={"name": "x", "permissions": ["account.manage"]})
        assert answer.status_code == 422
        assert answer.json()["code"] == "not_yours_to_give"
        theirs = world.domains[world.accounts[1]][0].id
        for domain in (theirs, uuid4()):
            body = {"name": "x", "permissions": ["domain.read"], "only_domain": str(domain)}
            assert (await admin.post("/v1/keys", json=body)).status_code == 404


async def test_a_key_of_one_domain_reaches_nothing_of_the_account(world, owner):
    account = world.accounts[0]
    first, second = world.domains[account]
    _, secret = await world.runtime.keys.create(
        account, "first only", sorted(ROLES["owner"]), only_domain=first.id, actor=OPERATOR
    )
    others = {key["id"] for key in (await owner.get("/v1/keys")).json()["data"] if key["only_domain"] != str(first.id)}
    assert others
    async with world.client(Authorization=f"Bearer {secret}") as narrow:
        assert [domain["id"] for domain in (await narrow.get("/v1/domains")).json()["data"]] == [str(first.id)]
        assert (await narrow.get(f"/v1/domains/{second.id}")).status_code == 404
        body = {"title": "Third", "origins": ["https://third.example"]}
        assert (await narrow.post("/v1/domains", json=body)).status_code == 403
        seen = {key["id"] for key in (await narrow.get("/v1/keys")).json()["data"]}
        assert seen
        assert not seen & others
        for key in others:
            assert (await narrow.delete(f"/v1/keys/{key}")).status_code == 404
        made = (await narrow.post("/v1/keys", json={"name": "child", "permissions": ["domain.read"]})).json()
        body = {"name": "wide", "permissions": ["domain.read"], "only_domain": str(second.id)}
        assert (await narrow.post("/v1/keys", json=body)).status_code == 404
    async with world.client(Authorization=f"Bearer {made['secret']}") as child:
        assert (await child.get(f"/v1/domains/{second.id}")).status_code == 404
        assert (await child.get(f"/v1/domains/{first.id}")).status_code == 200
    async with world.client(**world.key(account, "viewer")) as viewer:
        assert (await viewer.get("/v1/domains")).status_code == 200, "the others' keys still work"


async def test_a_domain_is_added_and_its_chat_runs_where_it_says(world, owner):
    answer = await owner.post("/v1/domains", json={"title": "New", "origins": ["https://New.example/"]})
    assert answer.status_code == 201
    domain = answer.json()
    assert domain["origins"] == ["https://new.example"]
    config = f"/v1/visitor/config?key={domain['widget_key']}"
    for origin, status in (("https://new.example", 200), ("https://newer.example", 403)):
        assert (await owner.get(config, headers={"Origin": origin})).status_code == status
    moved = await owner.patch(f"/v1/domains/{domain['id']}", json={"origins": ["https://newer.example"]})
    assert moved.status_code == 200
    for origin, status in (("https://new.example", 403), ("https://newer.example", 200)):
        assert (await owner.get(config, headers={"Origin": origin})).status_code == status


async def test_a_plugin_that_is_not_enabled_cannot_be_switched_on(world, owner):
    domain = world.domains[world.accounts[0]][1].id
    assert (await owner.put(f"/v1/domains/{domain}/plugins/nothing", json={"on": True})).status_code == 404
    assert (await owner.put(f"/v1/domains/{domain}/plugins/quoting", json={"on": False})).status_code == 204
    listed = {p["name"]: p["on"] for p in (await owner.get(f"/v1/domains/{domain}/plugins")).json()["data"]}
    assert listed["quoting"] is False
    assert listed["website"] is True

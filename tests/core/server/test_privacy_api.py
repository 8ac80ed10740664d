"""The audit and the breach cases over HTTP, as a member's program uses them."""

import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from omniops.audit.export import check
from omniops.operations.firsts import OPERATOR
from omniops.signing import verified


@pytest.fixture
async def http(world):
    async with world.client(**world.key(world.accounts[0], "owner")) as client:
        yield client


async def signed_in(world):
    """A member of the first account, at a browser."""
    members = world.runtime.members
    token = await members.setup_link(world.accounts[0])
    address = f"{uuid4().hex}@one.example"
    cookie = await members.finish_setup(token, email=address, name="Mara", password="correct horse battery")
    return world.client(Cookie=f"omniops_session={cookie}", **{"Sec-Fetch-Site": "same-origin"})


def declared(**more):
    return {"aware_at": datetime.now(UTC).isoformat(), "facts": {"nature": "A key was stolen."}, **more}


async def test_the_head_is_public_and_its_signature_holds(world):
    await world.runtime.privacy.heads.sign()
    async with world.client() as anybody:
        said = (await anybody.get("/.well-known/omniops-log")).json()
    head = verified(said["head"], said["keys"][0], "omniops-log+jws")
    assert head["number"] == said["number"]
    assert head["iss"] == world.runtime.settings.public_url
    assert not any(str(account) in str(said) for account in world.accounts)


async def test_a_member_takes_the_accounts_chain_home_and_checks_it(world, http):
    answer = await http.get("/v1/audit/export")
    async with world.client() as anybody:
        key = (await anybody.get("/.well-known/omniops-log")).json()["keys"][0]
    (found,) = check(io.BytesIO(answer.content), key)
    assert (found.account, found.problem) == (str(world.accounts[0]), "")
    assert found.entries > 5


async def test_entries_are_listed_newest_first_and_filtered(world, http):
    made = (await http.post("/v1/keys", json={"name": "new", "permissions": ["domain.read"]})).json()
    newest = (await http.get("/v1/audit", params={"limit": 1})).json()
    assert newest["data"][0]["action"] == "key.create"
    assert newest["data"][0]["detail"] == {"id": made["id"]}
    older = (await http.get("/v1/audit", params={"limit": 1, "after": newest["next"]})).json()
    assert older["data"][0]["seq"] == newest["data"][0]["seq"] - 1
    only = (await http.get("/v1/audit", params={"action": "key.create", "limit": 100})).json()["data"]
    assert {entry["action"] for entry in only} == {"key.create"}
    assert (await http.get("/v1/audit", params={"actor": "key:nobody"})).json()["data"] == []


async def test_a_key_of_one_website_sees_neither_audit_nor_breaches(world):
    async with world.client(**world.key(world.accounts[0], "narrow")) as client:
        for path in ("/v1/audit", "/v1/audit/export", "/v1/breaches"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (403, "one_domain"), path


async def test_a_breach_from_declaration_to_closing(world, http):
    made = await http.post("/v1/breaches", json=declared(copied=True, establishment="IE"))
    assert made.status_code == 201, made.text
    case = made.json()
    path = f"/v1/breaches/{case['id']}"
    assert datetime.fromisoformat(case["due_at"]) - datetime.fromisoformat(case["aware_at"]) == timedelta(hours=72)
    assert [one["key"] for one in case["authorities"]] == ["gdpr:IE"]
    assert case["affected"]["intelligible"] is False
    person = await signed_in(world)
    refused = await person.post(f"{path}/close")
    assert (refused.status_code, refused.json()["code"]) == (422, "not_complete")
    facts = {
        "consequences": "None known.", "measures": "A new key.", "contact": "privacy@one.example",
        "effects": "None.", "remedial": "Keys are kept elsewhere.", "began": "1 May", "ended": "2 May",
    }  # fmt: skip
    assert (await http.patch(path, json=facts)).json()["facts"]["effects"] == "None."
    assert (await http.post(f"{path}/assessment", json={"risk": "risk", "reasons": "Sealed."})).status_code == 200
    drafts = (await http.get(f"{path}/texts")).json()["data"]
    assert {"gdpr.33.3", "gdpr.34.2", "gdpr.33.2", "uk.33.3", "us-ca.1798.82"} <= {draft["key"] for draft in drafts}
    assert all(draft["source"] and draft["reviewed"] for draft in drafts)
    sent = {"to": "gdpr:IE", "reference": "web form, no. 7", "text": "gdpr.33.3"}
    assert (await http.post(f"{path}/notifications", json=sent)).status_code == 201
    key = await http.post(f"{path}/close")
    assert (key.status_code, key.json()["code"]) == (403, "needs_a_member")
    assert (await person.post(f"{path}/close")).json()["closed_at"] is not None
    await person.aclose()


async def test_persons_and_steps_are_listed_and_another_account_finds_nothing(world, http):
    case = (await http.post("/v1/breaches", json=declared(copied=True, drill=True))).json()
    path = f"/v1/breaches/{case['id']}"
    steps = (await http.get(f"{path}/steps")).json()["data"]
    assert [step["kind"] for step in steps] == ["declared", "scoped"]
    members = await world.runtime.members.list(world.accounts[0], actor=OPERATOR)
    assert len((await http.get(f"{path}/persons")).json()["data"]) == len(members)
    assert case["id"] in {one["id"] for one in (await http.get("/v1/breaches")).json()["data"]}
    async with world.client(**world.key(world.accounts[1], "owner")) as other:
        for method, where in (
            ("GET", path),
            ("GET", f"{path}/steps"),
            ("GET", f"{path}/persons"),
            ("POST", f"{path}/close"),
        ):
            assert (await other.request(method, where)).status_code == 404, where
        assert (await other.get("/v1/breaches")).json()["data"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (declared(), "no_exposure"),
        (declared(copied=True, aware_at="2999-01-01T00:00:00Z"), "bad_moment"),
        (declared(copied=True, tables=["no_table"]), "bad_table"),
        (declared(copied=True, colour="red"), "invalid"),
        ({"copied": True}, "invalid"),
    ],
)
async def test_what_makes_no_sense_is_named(http, body, code):
    answer = await http.post("/v1/breaches", json=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == code

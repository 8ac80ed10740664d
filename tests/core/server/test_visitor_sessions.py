"""Sessions and identity over HTTP: rotation, other websites, forged and foreign proofs, one person in two browsers."""

import asyncio
import hashlib
import hmac
from datetime import timedelta
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from omniops.operations.firsts import OPERATOR

ME = "/v1/visitor/conversation"


def code(answer):
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def new_secret(office, **body):
    answer = await office.post("identity-secret", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["secret"]


def claims(desk, **changed):
    now = int(desk.clock.now().timestamp())
    made = {"sub": "customer-7", "aud": str(desk.domain.id), "iat": now, "exp": now + 600, **changed}
    return {name: value for name, value in made.items() if value is not None}


def signed(secret, payload, alg="HS256"):
    return jwt.encode({"alg": alg}, payload, OctKey.import_key(secret), algorithms=[alg])


async def test_a_rotated_token_works_and_the_old_one_for_a_short_while(desk, front):
    page = await front.page()
    old = page.headers["Authorization"]
    answer = (await page.post("/v1/visitor/session/rotate")).json()
    new = f"Bearer {answer['token']}"
    assert new != old
    before = (await page.get(ME)).json()["id"]
    page.headers["Authorization"] = new
    assert (await page.get(ME)).json()["id"] == before, "the same conversation"
    desk.clock.forward(seconds=desk.runtime.settings.visitor_overlap_seconds + 1)
    assert (await page.get(ME)).status_code == 200
    stale = await page.get(ME, headers={"Authorization": old})
    assert code(stale) == (401, "not_signed_in")


async def test_a_lost_answer_of_a_rotation_strands_nobody(desk, front):
    page = await front.page()
    await page.post("/v1/visitor/session/rotate")  # its answer is lost
    again = await page.post("/v1/visitor/session/rotate")
    assert again.status_code == 200
    desk.clock.forward(seconds=desk.runtime.settings.visitor_overlap_seconds + 1)
    page.headers["Authorization"] = f"Bearer {again.json()['token']}"
    assert (await page.get(ME)).status_code == 200


async def test_a_session_ends_unless_its_visitor_wished_to_be_remembered(desk, front):
    page, remembered = await front.page(), await front.page()
    yes = await remembered.post("/v1/visitor/consent", json={"purpose": "chat.remember", "given": True})
    assert yes.status_code == 204
    desk.clock.forward(hours=desk.runtime.settings.visitor_session_hours, seconds=1)
    assert (await page.get(ME)).status_code == 401
    assert (await remembered.get(ME)).status_code == 200
    no = await remembered.post("/v1/visitor/consent", json={"purpose": "chat.remember", "given": False})
    assert no.status_code == 204
    assert (await remembered.get(ME)).status_code == 401, "the wish is taken back with all that hung on it"


async def test_ending_a_session_ends_its_rotated_tokens_as_well(front):
    page = await front.page()
    old = page.headers["Authorization"]
    token = (await page.post("/v1/visitor/session/rotate")).json()["token"]
    assert (await page.delete("/v1/visitor/session", headers={"Authorization": f"Bearer {token}"})).status_code == 204
    for authorization in (old, f"Bearer {token}"):
        assert (await page.get(ME, headers={"Authorization": authorization})).status_code == 401


async def test_a_token_is_good_on_its_own_website_only(desk, front):
    twice = await desk.runtime.accounts.configure(
        desk.domain.scope, {"origins": [desk.domain.origins[0], "https://second.example"]}, actor=OPERATOR
    )
    page = await front.page()
    answer = await page.get(ME, headers={"Origin": twice.origins[1]})
    assert code(answer) == (403, "foreign_session")
    assert "access-control-allow-origin" not in answer.headers
    second = await front.page(origin=twice.origins[1])
    assert (await second.get(ME)).status_code == 200
    del page.headers["Origin"]
    assert (await page.get(ME)).status_code == 200, "apps and same-site reads send no origin"
    app = front.client()
    token = (await app.post("/v1/visitor/sessions", json={"key": twice.widget_key})).json()["token"]
    taken = await app.get(ME, headers={"Authorization": f"Bearer {token}", "Origin": twice.origins[0]})
    assert code(taken) == (403, "foreign_session"), "an app's token is none for a browser"


async def test_a_chat_that_is_switched_off_is_not_there(desk, front):
    page = await front.page()
    await front.configure(enabled=False)
    assert code(await page.get(ME)) == (403, "chat_off")
    unknown = await page.post("/v1/visitor/sessions", json={"key": "pk_unknown"})
    off = await page.post("/v1/visitor/sessions", json={"key": desk.domain.widget_key})
    assert code(unknown) == code(off) == (404, "not_found")
    assert unknown.json()["detail"] == off.json()["detail"]


@pytest.mark.parametrize("audience", ["id", "key", "both"])
async def test_a_person_finds_earlier_conversations_in_another_browser(desk, front, asked, audience):
    secret = await new_secret(await front.office())
    aud = {"id": str(desk.domain.id), "key": desk.domain.widget_key, "both": ["x", desk.domain.widget_key]}[audience]
    first, second, stranger = [await front.page() for _ in range(3)]
    await asked(first)
    conversation = (await first.get(ME)).json()["id"]
    path = f"/v1/visitor/conversations/{conversation}"
    assert (await second.get(path)).status_code == 404
    for page in (first, second):
        known = await page.post("/v1/visitor/identify", json={"jwt": signed(secret, claims(desk, aud=aud))})
        assert known.status_code == 200, known.text
    assert known.json() == {"verified": True, "conversations": 2}
    read = (await second.get(path)).json()
    assert [message["author"] for message in read["messages"]] == ["visitor", "ai"]
    assert read["messages"][1]["text"] == "Four working days."
    assert (await second.get(ME)).json()["verified"] is True
    assert (await stranger.get(path)).status_code == 404
    links = desk.rows("select evidence from omniops.subject_link where domain_id = %s", desk.domain.id)
    assert links == [("identity by jwt",)]
    again = await second.post("/v1/visitor/identify", json={"jwt": signed(secret, claims(desk, aud=aud))})
    assert again.status_code == 200, "a reloaded page identifies again"


async def test_the_older_hash_is_taken_and_case_makes_another_person(desk, front):
    secret = await new_secret(await front.office())

    def proof(name):
        return {"id": name, "hash": hmac.new(secret.encode(), name.encode(), hashlib.sha256).hexdigest()}

    one, two = await front.page(), await front.page()
    assert (await one.post("/v1/visitor/identify", json=proof("Ann"))).json()["conversations"] == 1
    assert (await two.post("/v1/visitor/identify", json=proof("ann"))).json()["conversations"] == 1
    wrong = {**proof("Ann"), "hash": proof("Bob")["hash"]}
    assert code(await one.post("/v1/visitor/identify", json=wrong)) == (403, "identity_refused")
    other = await one.post("/v1/visitor/identify", json=proof("Bob"))
    assert code(other) == (409, "identified_as_another"), "a session is never two people"


async def test_one_session_is_made_two_people_by_no_race(desk, front):
    secret = await new_secret(await front.office())
    page = await front.page()
    proofs = [signed(secret, claims(desk, sub=f"customer-{n}")) for n in range(4)]
    answers = await asyncio.gather(*(page.post("/v1/visitor/identify", json={"jwt": proof}) for proof in proofs))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


async def forgeries(desk, secret, foreign):
    """Proofs that must not hold, by what is wrong with them."""
    now = int(desk.clock.now().timestamp())
    good = signed(secret, claims(desk))
    head, body, signature = good.split(".")
    none = "eyJhbGciOiJub25lIn0"
    return {
        "changed payload": ".".join((head, signed(secret, claims(desk, sub="admin")).split(".")[1], signature)),
        "changed signature": good[:-3] + ("AAA" if good[-3:] != "AAA" else "BBB"),
        "no signature": f"{head}.{body}.",
        "algorithm none": f"{none}.{body}.",
        "algorithm none, signed": f"{none}.{body}.{signature}",
        "another algorithm": signed(secret, claims(desk), alg="HS512"),
        "a foreign secret": signed("oo_identity_" + "x" * 43, claims(desk)),
        "another domain's proof": signed(foreign, claims(desk, aud=str(desk.other.id))),
        "another domain's audience": signed(secret, claims(desk, aud=str(desk.other.id))),
        "no audience": signed(secret, claims(desk, aud=None)),
        "expired": signed(secret, claims(desk, iat=now - 700, exp=now - 60)),
        "no expiry": signed(secret, claims(desk, exp=None)),
        "no issue": signed(secret, claims(desk, iat=None)),
        "issued later": signed(secret, claims(desk, iat=now + 600, exp=now + 900)),
        "not before": signed(secret, claims(desk, nbf=now + 600)),
        "too long a life": signed(secret, claims(desk, exp=now + 3601)),
        "expiry as text": signed(secret, claims(desk, exp=str(now + 600))),
        "expiry without end": signed(secret, claims(desk, exp=float("inf"))),
        "expiry that is no number": signed(secret, claims(desk, exp=float("nan"))),
        "no subject": signed(secret, claims(desk, sub=None)),
        "empty subject": signed(secret, claims(desk, sub="")),
        "subject of control characters": signed(secret, claims(desk, sub="a\u202eb")),
        "subject is a list": signed(secret, claims(desk, sub=["a"])),
        "nonsense": "nonsense",
        "dots": "..",
        "umlauts": "ä.ö.ü",
    }


async def test_every_proof_that_does_not_hold_is_refused_in_the_same_words(desk, front):
    secret = await new_secret(await front.office())
    foreign = await new_secret(await front.office(desk.other))
    page = await front.page()
    said = set()
    for wrong, proof in (await forgeries(desk, secret, foreign)).items():
        answer = await page.post("/v1/visitor/identify", json={"jwt": proof})
        assert code(answer) == (403, "identity_refused"), wrong
        said.add(answer.json()["detail"])
    assert len(said) == 1
    assert (await page.get(ME)).json()["verified"] is False
    late = signed(
        secret,
        claims(desk, exp=int(desk.clock.now().timestamp()) - 20, iat=None, nbf=None)
        | {"iat": int(desk.clock.now().timestamp()) - 600},
    )
    assert (await page.post("/v1/visitor/identify", json={"jwt": late})).status_code == 200, "clocks differ a little"


async def test_without_a_secret_nobody_is_vouched_for(desk, front):
    page = await front.page()
    for body in (
        {"jwt": signed("x" * 40, claims(desk))},
        {"id": "a", "hash": hmac.new(b"", b"a", "sha256").hexdigest()},
    ):
        assert code(await page.post("/v1/visitor/identify", json=body)) == (403, "identity_refused")
    for body in ({}, {"jwt": "a", "id": "b", "hash": "0" * 64}, {"id": "a"}, {"hash": "0" * 64}):
        assert code(await page.post("/v1/visitor/identify", json=body)) == (422, "invalid")


async def test_a_secret_is_replaced_with_an_overlap_and_never_shown_again(desk, front):
    office = await front.office()
    first = await new_secret(office)
    second = await new_secret(office, overlap_hours=2)
    page = await front.page()
    for secret in (first, second):
        assert (await page.post("/v1/visitor/identify", json={"jwt": signed(secret, claims(desk))})).status_code == 200
    listed = await office.get("identity-secrets")
    assert first not in listed.text
    assert second not in listed.text
    assert [bool(secret["retires_at"]) for secret in listed.json()["data"]] == [False, True]
    desk.clock.forward(hours=2, seconds=1)
    page = await front.page()
    old, new = signed(first, claims(desk)), signed(second, claims(desk))
    assert code(await page.post("/v1/visitor/identify", json={"jwt": old})) == (403, "identity_refused")
    assert (await page.post("/v1/visitor/identify", json={"jwt": new})).status_code == 200
    stored = desk.rows("select secret from omniops.identity_secret where domain_id = %s", desk.domain.id)
    assert not any(first.encode() in bytes(row[0]) or second.encode() in bytes(row[0]) for row in stored)
    agent = await front.office(role="agent")
    assert (await agent.post("identity-secret", json={})).status_code == 403


async def test_where_identity_is_demanded_nothing_is_written_without_it(desk, front, asked):
    await front.configure(enforce_identity=True)
    secret = await new_secret(await front.office())
    page = await front.page()
    refused = {
        "/v1/visitor/messages": {"text": "Hello?"},
        "/v1/visitor/person": {"email": "tom@example.com"},
        "/v1/visitor/conversations": {},
        f"/v1/visitor/messages/{uuid4()}/review": {},
    }
    for path, body in refused.items():
        assert code(await page.post(path, json=body)) == (403, "identity_required"), path
    sent = await page.post("/v1/visitor/attachments", params={"name": "a.txt"}, content=b"words")
    assert code(sent) == (403, "identity_required")
    assert desk.rows("select 1 from omniops.message where domain_id = %s", desk.domain.id) == []
    config = (await page.get("/v1/visitor/config", params={"key": desk.domain.widget_key})).json()
    assert config["enforce_identity"] is True
    await page.post("/v1/visitor/identify", json={"jwt": signed(secret, claims(desk))})
    assert (await asked(page))[-1][0] == "done"


async def test_what_a_person_forbade_in_one_browser_holds_in_the_other(desk, front, asked):
    secret = await new_secret(await front.office())
    first, second = await front.page(), await front.page()
    assert (await first.post("/v1/visitor/ai-opt-out")).json() == {"ai_opt_out": True}
    for page in (first, second):
        await page.post("/v1/visitor/identify", json={"jwt": signed(secret, claims(desk))})
    assert (await asked(second))[-1] == ("none", {"state": "waiting"})
    assert desk.provider.requests == []


async def test_all_sessions_of_a_person_can_be_ended(desk, front):
    secret = await new_secret(await front.office())
    first, second, stranger = [await front.page() for _ in range(3)]
    for page in (first, second):
        await page.post("/v1/visitor/identify", json={"jwt": signed(secret, claims(desk))})
    assert (await first.delete("/v1/visitor/sessions")).status_code == 204
    assert [(await page.get(ME)).status_code for page in (first, second, stranger)] == [401, 401, 200]


async def test_an_erased_persons_session_is_over(desk, front):
    page = await front.page()
    visitor = await desk.runtime.visitors.recognise(page.headers["Authorization"].split()[1])
    await desk.runtime.vault.shred(visitor.scope, visitor.subject_id, actor=OPERATOR)
    assert (await page.get(ME)).status_code == 401
    assert timedelta(0) < visitor.expires_at - desk.clock.now() <= timedelta(hours=24)

"""`Idempotency-Key`: one effect and one answer for a write that comes again; nobody gets anybody else's."""

import asyncio
from uuid import uuid4

import pytest
from fastapi import APIRouter, Depends
from fastapi.routing import iter_route_contexts
from omniops.accounts.permissions import ROLES
from omniops.operations.firsts import OPERATOR
from omniops.server.app import create_app
from omniops.server.idempotency import WRITES, Idempotent, keeps_own_promise, takes_key
from omniops.server.permissions import Public, Requires, guard_of

ANSWER = {"questions": ["How long does it take?"], "answer": "Four days."}


def keyed(key=None):
    return {"Idempotency-Key": key or uuid4().hex}


def kept(desk):
    return desk.rows("select count(*) from omniops.kept_answer")[0][0]


def silent(app):
    """Writes of `/v1` that neither take the key nor have a reason why not."""
    found = []
    for route in iter_route_contexts(app.routes):
        if not route.path.startswith("/v1/") or not WRITES & set(route.methods or ()):
            continue
        takes = isinstance(route.original_route, Idempotent) and takes_key(route)
        if not takes and not keeps_own_promise(route) and not isinstance(guard_of(route), Public):
            found.append(route.path)
    return found


def test_every_write_takes_the_key_or_says_why_not(world):
    assert silent(world.app) == []


def test_a_write_that_does_not_is_seen(world):
    app = create_app(world.runtime)
    loose = APIRouter()

    @loose.post("/v1/loose", dependencies=[Depends(Requires("domain.manage"))])
    async def loosely() -> str:
        return "twice"

    app.include_router(loose)
    assert silent(app) == ["/v1/loose"]


async def test_the_same_write_again_has_one_effect_and_the_same_answer(front):
    office = await front.office()
    head = keyed()
    first = await office.post("answers", json=ANSWER, headers=head)
    again = await office.post("answers", json=ANSWER, headers=head)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    listed = (await office.get("answers")).json()
    assert len(listed["data"] if isinstance(listed, dict) else listed) == 1
    gone = [await office.delete(f"answers/{first.json()['id']}", headers=keyed("delete it")) for _ in range(2)]
    assert [answer.status_code for answer in gone] == [204, 204]


async def test_a_key_that_stood_on_something_else_is_refused(front):
    office = await front.office()
    head = keyed()
    await office.post("answers", json=ANSWER, headers=head)
    for other in (
        office.post("answers", json={**ANSWER, "answer": "Five days."}, headers=head),
        office.post("questions/import", json=ANSWER, headers=head),
        office.post("answers?x=1", json=ANSWER, headers=head),
    ):
        answer = await other
        assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")


async def test_of_two_at_once_one_takes_effect(front, desk):
    office = await front.office()
    head = keyed()
    answers = await asyncio.gather(*[office.post("answers", json=ANSWER, headers=head) for _ in range(8)])
    bodies = {answer.content for answer in answers if answer.status_code == 201}
    assert len(bodies) == 1
    assert {a.status_code for a in answers} <= {201, 409}
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"request_running"}
    assert desk.rows("select count(*) from omniops.page where domain_id = %s", desk.domain.id) == [(1,)]


async def test_a_write_that_was_cut_short_is_not_made_again_blindly(front, desk):
    office = await front.office()
    head = keyed()
    await office.post("answers", json=ANSWER, headers=head)
    desk.rows("update omniops.kept_answer set answer = null")
    answer = await office.post("answers", json=ANSWER, headers=head)
    assert (answer.status_code, answer.json()["code"]) == (409, "request_running")
    desk.rows("update omniops.kept_answer set created_at = created_at - interval '6 minutes'")
    answer = await office.post("answers", json=ANSWER, headers=head)
    assert (answer.status_code, answer.json()["code"]) == (409, "outcome_unknown")


async def test_a_refused_write_leaves_its_key_free(front, desk):
    office = await front.office()
    head = keyed()
    for body in ({"questions": []}, {**ANSWER, "answer": ""}):
        assert (await office.post("answers", json=body, headers=head)).status_code == 422
    assert (await office.post("answers", json=ANSWER, headers=head)).status_code == 201


async def test_a_new_key_is_answered_again_and_lies_nowhere_in_clear(front, desk):
    office = await front.office(role="owner")
    body = {"name": "shop", "permissions": ["domain.read"]}
    head = keyed()
    first, again = [await office.post(f"{front.base}/v1/keys", json=body, headers=head) for _ in range(2)]
    secret = first.json()["secret"]
    assert again.json()["secret"] == secret
    assert again.headers["idempotent-replayed"] == "true"
    stored = desk.rows("select row_to_json(a)::text, encode(answer, 'escape') from omniops.kept_answer a")
    assert secret not in str(stored)
    assert secret.removeprefix("oo_key_") not in str(stored)


async def test_nobody_meets_the_key_of_somebody_else(front, desk):
    head = keyed()
    mine = await (await front.office()).post("answers", json=ANSWER, headers=head)
    colleague = await (await front.office()).post("answers", json=ANSWER, headers=head)
    assert "idempotent-replayed" not in colleague.headers
    assert colleague.json()["id"] != mine.json()["id"]
    theirs = await (await front.office(desk.other)).post("answers", json=ANSWER, headers=head)
    assert "idempotent-replayed" not in theirs.headers


async def test_who_may_no_longer_write_is_answered_nothing_again(front, desk):
    account = desk.domain.scope.account_id
    key_id, secret = await desk.runtime.keys.create(account, "x", sorted(ROLES["admin"]), actor=OPERATOR)
    client = front.client(Authorization=f"Bearer {secret}")
    head = keyed()
    path = f"/v1/domains/{desk.domain.id}/answers"
    assert (await client.post(path, json=ANSWER, headers=head)).status_code == 201
    desk.rows("update omniops.api_key set permissions = '[\"domain.read\"]' where id = %s", key_id)
    assert (await client.post(path, json=ANSWER, headers=head)).status_code == 403
    await desk.runtime.keys.revoke(account, key_id, actor=OPERATOR)
    assert (await client.post(path, json=ANSWER, headers=head)).status_code == 401


@pytest.mark.parametrize("key", ["", "k" * 256, "tab\tbed"])
async def test_a_key_that_is_none_is_refused(front, key):
    office = await front.office()
    answer = await office.post("answers", json=ANSWER, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_key")


async def test_after_a_day_the_key_is_new_again(front, desk):
    office = await front.office()
    head = keyed()
    first = await office.post("answers", json=ANSWER, headers=head)
    desk.clock.forward(hours=24)
    second = await office.post("answers", json=ANSWER, headers=head)
    assert "idempotent-replayed" not in second.headers
    assert second.json()["id"] != first.json()["id"]


async def test_what_is_older_than_a_day_is_purged(front, desk):
    office = await front.office()
    await desk.runtime.repeats.purge()
    before = kept(desk)
    await office.post("answers", json=ANSWER, headers=keyed())
    await desk.runtime.repeats.purge()
    assert kept(desk) == before + 1
    desk.clock.forward(hours=24)
    await desk.runtime.repeats.purge()
    assert kept(desk) == 0


async def test_a_visitors_write_is_repeated_under_the_visitors_own_key_and_erased_with_it(front, desk, asked):
    page = await front.page()
    events = await asked(page)
    message = next(data["id"] for kind, data in events if kind == "done")
    head = keyed()
    note = {"note": "Zora never wrote this"}
    path = f"/v1/visitor/messages/{message}/review"
    first, again = [await page.post(path, json=note, headers=head) for _ in range(2)]
    assert first.status_code == 201, first.text
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"
    elsewhere = await front.page()
    assert (await elsewhere.post(path, json=note, headers=head)).status_code == 404
    stored = desk.rows("select encode(answer, 'escape'), subject_id from omniops.kept_visitor_answer")
    assert "Zora" not in str(stored)
    (subject,) = {row[1] for row in stored if row[0] is not None}
    office = await front.office()
    await office.post("answers", json=ANSWER, headers=keyed())
    await desk.runtime.privacy.erasure.erase(desk.domain.scope, subject, actor=OPERATOR)
    assert desk.rows("select count(*) from omniops.kept_visitor_answer where subject_id = %s", subject) == [(0,)]
    assert desk.rows("select count(*) from omniops.kept_answer where for_domain = %s", desk.domain.id) == [(0,)]


async def test_a_file_is_taken_once(front, desk):
    office = await front.office()
    head = keyed()
    first, again = [
        await office.post("documents?name=a.txt", content=b"Delivery takes four days. " * 5, headers=head)
        for _ in range(2)
    ]
    assert first.status_code == again.status_code == 201, first.text
    assert first.json()["id"] == again.json()["id"]

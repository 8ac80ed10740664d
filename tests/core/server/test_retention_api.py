"""Retention and legal holds over HTTP: what an admin sees and may do, and what nobody else may."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from omniops.operations.firsts import OPERATOR


@pytest.fixture
async def office(front):
    return await front.office()


@pytest.fixture
async def member(front):
    """A signed-in member of the website's account, at its browser."""
    members, scope = front.desk.runtime.members, front.desk.domain.scope
    token = await members.setup_link(scope.account_id)
    address = f"{uuid4().hex}@shop.example"
    cookie = await members.finish_setup(token, email=address, name="Mara", password="correct horse battery")
    client = front.client(Cookie=f"omniops_session={cookie}", **{"Sec-Fetch-Site": "same-origin"})
    client.base_url = f"{front.base}/v1/domains/{front.desk.domain.id}/"
    client.id = str((await members.list(scope.account_id, actor=OPERATOR))[0].id)
    return client


def code(answer):
    return answer.status_code, answer.json()["code"]


async def old(front, asked):
    page = await front.page()
    await asked(page)
    (subject,) = front.desk.rows(
        "update omniops.message set created_at = created_at - interval '91 days' where domain_id = %s"
        " returning subject_id",
        front.desk.domain.id,
    )[0]
    return subject


async def rules(office):
    return {rule["key"]: rule for rule in (await office.get("retention", params={"limit": 100})).json()["data"]}


async def test_an_admin_shortens_and_takes_it_back(office):
    before = (await rules(office))["chat"]
    assert (before["days"], before["most"], before["shortened"]) == (90, 90, [])
    assert (await office.put("retention/chat", json={"days": 30})).status_code == 204
    after = (await rules(office))["chat"]
    assert (after["days"], after["shortened"][0]["by"], after["shortened"][0]["where"]) == (30, "business", "domain")
    longer = await office.put("retention/chat", json={"days": 120})
    assert code(longer) == (422, "too_long")
    assert "90 days; 120 would be longer" in longer.json()["detail"]
    assert code(await office.put("retention/nonsense", json={"days": 1})) == (404, "not_found")
    assert (await office.put("retention/chat", json={"days": 3, "for": "ever"})).status_code == 422
    assert (await office.delete("retention/chat")).status_code == 204
    assert (await rules(office))["chat"]["days"] == 90


async def test_a_plan_is_looked_at_approved_by_a_person_and_done(front, office, member, asked):
    await old(front, asked)
    planned = await office.post("retention/runs")
    assert planned.status_code == 201, planned.text
    plan = planned.json()
    assert (plan["state"], plan["rows"]) == ("planned", 2)
    assert [(i["table"], i["classes"], i["rows"]) for i in plan["plan"]["items"]] == [("message", ["chat"], 2)]
    at = f"retention/runs/{plan['id']}"
    key = await office.post(f"{at}/approve", json={"hash": plan["hash"]})
    assert code(key) == (403, "needs_a_member")
    assert "by a person, with a name; this is 'key'" in key.json()["detail"]
    assert (await office.get(at)).json()["state"] == "planned"
    assert code(await member.post(f"{at}/approve", json={"hash": "0" * 64})) == (422, "wrong_hash")
    approved = await member.post(f"{at}/approve", json={"hash": plan["hash"]})
    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    await front.desk.work("privacy")
    done = (await office.get(at)).json()
    assert (done["state"], done["deleted"], done["problems"]) == ("done", {"message": 2}, [])
    assert [run["id"] for run in (await office.get("retention/runs")).json()["data"]] == [plan["id"]]
    elsewhere = await front.office(domain=front.desk.other)
    assert (await elsewhere.get(at)).status_code == 404


async def test_a_plan_that_does_not_hold_any_more_says_what_changed(front, office, member, asked):
    await old(front, asked)
    plan = (await office.post("retention/runs")).json()
    front.desk.rows("delete from omniops.message where domain_id = %s and seq = 1", front.desk.domain.id)
    refused = await member.post(f"retention/runs/{plan['id']}/approve", json={"hash": plan["hash"]})
    assert code(refused) == (403, "plan_changed")
    assert "message: 2 rows were planned, 1 are due." in refused.json()["detail"]


async def test_a_member_places_reviews_and_lifts_a_hold(front, office, member, asked):
    subject = str(await old(front, asked))
    review = datetime.now(UTC).date() + timedelta(days=90)
    wish = {"authority": "Court", "reason": "Claim", "review_on": review.isoformat()}
    assert code(await office.post("holds", json={**wish, "subject_id": subject})) == (403, "needs_a_member")
    placed = await member.post("holds", json={**wish, "subject_id": subject})
    assert placed.status_code == 201, placed.text
    hold = placed.json()
    assert (hold["state"], hold["subject_id"], hold["placed_by"]) == ("standing", subject, member.id)
    assert (await office.post("retention/runs")).json()["rows"] == 0
    past = await member.post(f"holds/{hold['id']}/review", json={"review_on": "2020-01-01"})
    assert code(past) == (422, "bad_review_date")
    later = (review + timedelta(days=30)).isoformat()
    moved = await member.post(f"holds/{hold['id']}/review", json={"review_on": later})
    assert moved.json()["review_on"] == later
    lifted = await member.post(f"holds/{hold['id']}/lift", json={"reason": "Settled"})
    assert (lifted.json()["state"], lifted.json()["lifted_by"]) == ("lifted", member.id)
    assert code(await member.post(f"holds/{hold['id']}/lift", json={"reason": "Settled"})) == (422, "not_standing")
    assert [h["id"] for h in (await office.get("holds", params={"state": "lifted"})).json()["data"]] == [hold["id"]]
    assert (await office.get("holds", params={"state": "overdue"})).json()["data"] == []
    assert (await member.post("holds", json={**wish, "subject_id": str(uuid4())})).status_code == 404


async def test_who_answers_visitors_does_not_decide_what_is_kept(front):
    agent = await front.office(role="agent")
    for method, path in (("GET", "retention"), ("GET", "holds"), ("POST", "retention/runs"), ("GET", "retention/runs")):
        assert code(await agent.request(method, path)) == (403, "not_permitted"), path


async def test_a_key_of_one_website_does_not_change_the_account(front):
    _, secret = await front.desk.runtime.keys.create(
        front.desk.domain.scope.account_id,
        "narrow",
        ["privacy.manage"],
        only_domain=front.desk.domain.id,
        actor=OPERATOR,
    )
    narrow = front.client(Authorization=f"Bearer {secret}")
    narrow.base_url = f"{front.base}/v1/domains/{front.desk.domain.id}/"
    wide = {"params": {"whole_account": True}}
    assert code(await narrow.put("retention/chat", json={"days": 30}, **wide)) == (403, "not_permitted")
    assert (await narrow.put("retention/chat", json={"days": 30})).status_code == 204
    office = await front.office()
    assert (await office.put("retention/mail", json={"days": 7}, **wide)).status_code == 204
    assert (await rules(office))["mail"]["shortened"][0]["where"] == "account"

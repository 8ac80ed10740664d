"""Every privacy route of the API, with ids that exist and belong to somebody else: they are not there.

Two businesses have the same things. Each route is called by a signed-in owner of one with ids of the other, with ids of
nothing, and with its own: the first two are told apart by nothing, and the third shows that the call itself was right.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from omniops.server.app import guard_of
from omniops.server.permissions import Public
from walking import plain, routes

SOON = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
D = "/v1/domains/{domain_id}"
CASE, REQUEST, BREACH = f"{D}/cases/{{case_id}}", f"{D}/authority-requests/{{request_id}}", "/v1/breaches/{breach_id}"
HOLD, TALK = f"{D}/holds/{{hold_id}}", f"{D}/conversations/{{conversation_id}}"
BODIES = {
    "GET /v1/visitor/rights/{case_id}": None,
    "GET /v1/visitor/consent-receipts/{event_id}": None,
    "GET /v1/visitor/messages/{message_id}/receipt": None,
    "GET /v1/domains/{domain_id}/conversations/{conversation_id}/messages/{message_id}/receipt": None,
    f"GET {CASE}": None,
    f"POST {CASE}/receipt": None,
    f"POST {CASE}/identity": {"subjects": [], "evidence": "Seen."},
    f"POST {CASE}/act": None,
    f"POST {CASE}/correct": {"what": "contact.email", "value": "new@mail.example"},
    f"POST {CASE}/tasks/{{task_id}}": {"state": "done", "evidence": "Their letter."},
    f"POST {CASE}/extend": {"reason": "Three systems."},
    f"POST {CASE}/consent": {"evidence": "Seen.", "purposes": ["chat.respond"]},
    f"POST {CASE}/objection": {"purpose": "security.protect", "code": "A21-grounds", "reason": "An attack."},
    f"POST {CASE}/refuse": {"code": "A12-unfounded", "reason": "Repeated."},
    f"POST {CASE}/close": {},
    f"GET {CASE}/certificate": None,
    f"POST {REQUEST}/approve": None,
    f"POST {REQUEST}/give": None,
    f"POST {REQUEST}/refuse": None,
    f"GET {D}/retention/runs/{{run_id}}": None,
    f"POST {D}/retention/runs/{{run_id}}/approve": {"hash": "0" * 64},
    f"POST {HOLD}/review": {"review_on": SOON},
    f"POST {HOLD}/lift": {"reason": "Settled."},
    f"PUT {TALK}/age": {"years": 14},
    f"POST {TALK}/parent": {"purposes": ["chat.respond"]},
    f"DELETE {TALK}/parent": None,
    f"GET {BREACH}": None,
    f"PATCH {BREACH}": {"nature": "Another."},
    f"POST {BREACH}/scope": None,
    f"POST {BREACH}/assessment": {"risk": "unlikely", "reasons": "Sealed.", "approver": "Ann"},
    f"GET {BREACH}/texts": None,
    f"POST {BREACH}/notifications": {"to": "controller", "reference": "mail", "text": "gdpr.33.2"},
    f"POST {BREACH}/tellings": {"text": "gdpr.34.2"},
    f"GET {BREACH}/persons": None,
    f"GET {BREACH}/steps": None,
    f"POST {BREACH}/close": None,
}
"""What each route takes, in the order of a case's life: what ends something comes last."""
PRIVACY = re.compile(
    r"/(cases|authority-requests|retention|holds|breaches|rights|consent[\w-]*|age|parent|receipt)(/|$)"
)


@dataclass
class Business:
    """A website, the owner's browser, a visitor's page, and the ids of what they have."""

    domain: object
    owner: object
    page: object
    ids: dict

    def path(self, route, **other):
        return re.sub(r"\{(\w+)\}", lambda m: str({**self.ids, **other}[m[1]]), route)

    async def call(self, key, **other):
        method, route = key.split(" ")
        who = self.page if route.startswith("/v1/visitor/") else self.owner
        params = {"key": self.domain.widget_key} if "consent-receipts" in route else None
        return await who.request(method, self.path(route, **other), json=BODIES[key], params=params)


async def browser(front, domain):
    members = front.desk.runtime.members
    token = await members.setup_link(domain.scope.account_id)
    address = f"{uuid4().hex}@shop.example"
    cookie = await members.finish_setup(token, email=address, name="Mara", password="correct horse battery")
    return front.client(Cookie=f"omniops_session={cookie}", **{"Sec-Fetch-Site": "same-origin"})


async def made(answer, status=201):
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture
async def businesses(front, asked):
    """Two of them, each with one of everything."""
    desk, found = front.desk, []
    for _ in range(2):
        domain = await desk.new_domain()
        owner, page = await browser(front, domain), await front.page(domain)
        said = dict(await asked(page))
        site = f"/v1/domains/{domain.id}"
        (talk,) = (await made(await owner.get(f"{site}/conversations"), 200))["data"]
        (subject,) = desk.rows("select subject_id from omniops.conversation where id = %s", talk["id"])[0]
        answer = await page.post("/v1/visitor/consent", json={"purpose": "analytics", "given": True})
        assert answer.status_code == 204, answer.text
        (event,) = desk.rows("select id from omniops.consent_event where subject_id = %s", subject)[0]
        case = await made(await page.post("/v1/visitor/rights", json={"right": "complaint", "text": "My secret."}))
        await made(await owner.post(f"{site}/cases/{case['id']}/act"), 200)
        (task,) = (await made(await owner.get(f"{site}/cases/{case['id']}"), 200))["tasks"]
        demand = {
            "authority": "Court", "statute": "§ 94 StPO", "file_number": "1/26", "reason": "An order.",
            "subjects": [str(subject)], "categories": ["user.content.chat"],
        }  # fmt: skip
        request = await made(await owner.post(f"{site}/authority-requests", json=demand))
        words = {"authority": "Court", "reason": "Claim", "review_on": SOON, "subject_id": str(subject)}
        hold = await made(await owner.post(f"{site}/holds", json=words))
        run = await made(await owner.post(f"{site}/retention/runs"))
        now = desk.clock.now().isoformat()
        breach = await made(await owner.post("/v1/breaches", json={"aware_at": now, "copied": True, "drill": True}))
        ids = {
            "domain_id": domain.id, "case_id": case["id"], "task_id": task["id"], "request_id": request["id"],
            "run_id": run["id"], "hold_id": hold["id"], "breach_id": breach["id"], "conversation_id": talk["id"],
            "event_id": event, "message_id": said["done"]["id"], "subject_id": subject,
        }  # fmt: skip
        found.append(Business(domain, owner, page, ids))
    return found


def with_ids(app):
    """`METHOD PATH` of every privacy route of /v1 that names something of an account."""
    for route in routes(app):
        ids = set(re.findall(r"\{(\w+_id)\}", route.path)) - {"domain_id"}
        if route.path.startswith("/v1/") and ids and PRIVACY.search(route.path.replace("{", "").replace("}", "")):
            for method in route.methods - {"HEAD", "OPTIONS"}:
                yield f"{method} {route.path}", guard_of(route)


async def test_the_walk_knows_every_privacy_route_with_an_id(world):
    """A new route comes with what it takes."""
    found = dict(with_ids(world.app))
    assert set(found) == set(BODIES)
    public = [key for key, guard in found.items() if guard is None or isinstance(guard, Public)]
    assert public == ["GET /v1/visitor/consent-receipts/{event_id}"], "which asks for the token by itself"


async def test_what_another_business_has_is_not_there(front, businesses):
    one, two = businesses
    before = (await two.call(f"GET {CASE}")).json(), (await two.call(f"GET {BREACH}")).json()
    for key in BODIES:
        theirs = {name: value for name, value in two.ids.items() if name != "domain_id"}
        nothing = {name: uuid4() for name in theirs}
        foreign, missing = await one.call(key, **theirs), await one.call(key, **nothing)
        assert foreign.status_code == 404, (key, foreign.text)
        assert plain(foreign) == plain(missing), key
        if "{task_id}" in key:  # in an own case
            assert (await one.call(key, task_id=two.ids["task_id"])).status_code == 404
        if "{domain_id}" in key:
            assert (await one.call(key, **two.ids)).status_code == 404, (key, "under their own website")
    assert ((await two.call(f"GET {CASE}")).json(), (await two.call(f"GET {BREACH}")).json()) == before
    for key in BODIES:
        own = await two.call(key)
        assert own.status_code != 404, (key, "whose it is finds it", own.text)
        assert '"code":"invalid"' not in own.text, (key, own.text)


async def test_a_person_of_another_business_is_not_there(businesses):
    one, two = businesses
    site, foreign = f"/v1/domains/{one.domain.id}", str(two.ids["subject_id"])
    words = {"authority": "Court", "reason": "Claim", "review_on": SOON}
    demand = {
        "authority": "Court", "statute": "§ 94 StPO", "file_number": "1/26", "reason": "An order.",
        "categories": ["user.content.chat"],
    }  # fmt: skip
    for path, body, name in (
        (f"{site}/holds", words, "subject_id"),
        (f"{site}/authority-requests", demand, "subjects"),
        (f"{site}/cases/{one.ids['case_id']}/identity", {"evidence": "Seen."}, "subjects"),
    ):
        theirs, nobody = [
            await one.owner.post(path, json={**body, name: who if name == "subject_id" else [who]})
            for who in (foreign, str(uuid4()))
        ]
        assert theirs.status_code == 404, (path, theirs.text)
        assert plain(theirs) == plain(nobody), path


async def test_lists_hold_nothing_of_another_business(businesses):
    one, two = businesses
    theirs = [str(value) for value in two.ids.values()]
    for path in ("cases", "authority-requests", "holds", "retention/runs", "retention", "privacy/california"):
        text = (await one.owner.get(f"/v1/domains/{one.domain.id}/{path}")).text
        assert not [value for value in theirs if value in text], path
    for path in ("/v1/breaches", "/v1/audit", "/v1/audit/export", "/v1/privacy/register/notices"):
        answer = await one.owner.get(path)
        assert answer.status_code == 200
        assert not [value for value in theirs if value in answer.text], path

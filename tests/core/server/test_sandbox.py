"""A sandbox: everything works, and nothing of it reaches people; its keys reach nothing else."""

from uuid import uuid4

import pytest
from desk_plugins import letter
from fastapi.routing import iter_route_contexts
from omniops.accounts.permissions import ROLES
from omniops.contracts.provider import Deployment
from omniops.contracts.scope import Actor
from omniops.inbox.queue import Wanted
from omniops.operations.firsts import OPERATOR
from omniops.server.permissions import Requires, RequiresDomain, guard_of


@pytest.fixture
async def sandbox(desk):
    """A sandbox beside the desk's live website."""
    live = desk.domain
    made = await desk.runtime.accounts.add_domain(
        live.scope.account_id, "Trying out", ["https://try.example"], sandbox=True, actor=OPERATOR
    )
    await desk.runtime.accounts.switch(made.scope, "scripted", on=True, actor=OPERATOR)
    return made


@pytest.fixture
async def tester(front, desk, sandbox):
    _, secret = await desk.runtime.keys.create(
        desk.domain.scope.account_id, "test", sorted(ROLES["owner"]), test=True, actor=OPERATOR
    )
    assert secret.startswith("oo_test_")
    return front.client(Authorization=f"Bearer {secret}")


async def test_a_sandbox_is_made_by_the_api_and_stays_one(front, desk):
    office = await front.office(role="owner")
    body = {"title": "Try", "origins": ["https://try.example"], "sandbox": True}
    made = (await office.post(f"{front.base}/v1/domains", json=body)).json()
    assert made["sandbox"] is True
    path = f"{front.base}/v1/domains/{made['id']}"
    assert (await office.patch(path, json={"sandbox": False})).status_code == 422
    assert (await office.get(path)).json()["sandbox"] is True


async def test_a_test_key_reaches_sandboxes_and_nothing_else(front, desk, sandbox, tester):
    listed = (await tester.get("/v1/domains")).json()["data"]
    assert [one["id"] for one in listed] == [str(sandbox.id)]
    assert (await tester.get(f"/v1/domains/{sandbox.id}")).status_code == 200
    for route in iter_route_contexts(front_app(front, desk).routes):
        guard = guard_of(route)
        if not isinstance(guard, Requires) or (route.path == "/v1/domains" and "GET" in route.methods):
            continue
        path = route.path.replace("{domain_id}", str(desk.domain.id)).replace("{", "").replace("}", "")
        for method in route.methods - {"HEAD", "OPTIONS"}:
            answer = await tester.request(method, path)
            by_website = isinstance(guard, RequiresDomain) and not (guard.members_only or guard.whole_account)
            expected = 404 if by_website else 403
            assert answer.status_code in (expected, 422), (method, path, answer.text)
            assert answer.status_code == expected or "domain_id" not in answer.text


async def test_a_test_key_reaches_no_team_through_its_own_sandbox(front, desk, sandbox, tester):
    team = f"{front.base}/app/{sandbox.id}/team"
    assert (await tester.get(team)).status_code == 403
    for step, fields in (("invite", {"role": "owner"}), ("withdraw", {"id": str(uuid4())})):
        assert (await tester.post(f"{team}/{step}", data=fields)).status_code == 403, step
    assert await desk.runtime.team.changes.invitations(sandbox.scope.account_id) == []


def front_app(front, desk):
    from omniops.server.app import create_app

    return create_app(desk.runtime)


async def test_a_test_key_makes_no_key_and_a_live_key_is_no_test_key(front, desk, tester):
    body = {"name": "live", "permissions": ["domain.read"]}
    assert (await tester.post("/v1/keys", json=body)).status_code == 403
    office = await front.office(role="owner")
    made = (await office.post(f"{front.base}/v1/keys", json={**body, "test": True})).json()
    assert made["secret"].startswith("oo_test_")
    listed = {one["id"]: one["test"] for one in (await office.get(f"{front.base}/v1/keys")).json()["data"]}
    assert listed[made["id"]] is True
    assert set(listed.values()) == {True, False}


@pytest.mark.parametrize("kind", ["sandbox", "live"])
async def test_what_a_channel_would_send_is_kept(desk, sandbox, kind):
    domain = sandbox if kind == "sandbox" else desk.domain
    connection = await desk.connection(domain)
    assert await desk.take(connection, letter("How long does it take?")) == 1
    await desk.work()
    rows = desk.rows("select state from omniops.outbox where domain_id = %s", domain.id)
    assert rows == [("kept" if kind == "sandbox" else "sent",)]
    assert len(desk.channel.sent) == (0 if kind == "sandbox" else 1)


@pytest.mark.parametrize("kind", ["sandbox", "live"])
async def test_mail_is_kept(desk, sandbox, kind):
    domain = sandbox if kind == "sandbox" else desk.domain
    mail = await desk.runtime.mail.send(
        domain.scope, to="tom@customer.example", kind="reply", subject="Hello", text="Hello", key=f"key-{kind}"
    )
    await desk.work("mail")
    state = await desk.runtime.mail.state(domain.scope, mail)
    assert state == ("kept" if kind == "sandbox" else "sent")
    assert len(desk.mailer.asked) == (0 if kind == "sandbox" else 1)


async def test_mail_of_a_sandbox_needs_no_mailer(desk, sandbox):
    desk.mailer.offered = False
    try:
        mail = await desk.runtime.mail.send(
            sandbox.scope, to="tom@customer.example", kind="reply", subject="Hello", text="Hello", key="no mailer"
        )
    finally:
        desk.mailer.offered = True
    await desk.work("mail")
    assert await desk.runtime.mail.state(sandbox.scope, mail) == "kept"


async def test_no_question_of_a_sandbox_goes_to_a_vendor(desk, sandbox):
    vendors = Deployment("model/large", "model", "large", "DE", "vendor")
    inside = Deployment("quoting/1", "quoting", "1", "here", None)
    forbids = desk.runtime.on.forbids
    assert (await forbids(desk.domain))(vendors) is None
    assert (await forbids(sandbox))(vendors) == "processor"
    assert (await forbids(sandbox))(inside) is None


async def test_a_person_can_answer_in_a_sandbox(desk, sandbox):
    connection = await desk.connection(sandbox)
    await desk.take(connection, letter("Is anybody there?"))
    await desk.work()
    (one, *_) = await desk.runtime.inbox.queue.page(sandbox.scope, Wanted())
    await desk.runtime.inbox.reply(sandbox.scope, one.id, "Yes.", actor=Actor("member", "test"))
    await desk.work()
    assert desk.channel.sent == []

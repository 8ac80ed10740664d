"""The API over receivers: a secret is shown once, what is wrong is said where, a hook of nobody else is there."""

from uuid import uuid4

import pytest

URL = "https://hooks.shop.example/omniops"


async def add(office, **more):
    answer = await office.post("webhooks", json={"url": URL, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_receiver_is_added_changed_and_removed_and_its_secret_shown_once(front):
    office = await front.office()
    made = await add(office, events=["message.created"], description="CRM")
    assert made["secret"].startswith("whsec_")
    path = f"webhooks/{made['id']}"
    listed = (await office.get("webhooks")).json()["data"]
    assert [one["id"] for one in listed] == [made["id"]]
    shown = (await office.get(path)).json()
    assert "secret" not in shown
    assert {"url": URL, "events": ["message.created"], "description": "CRM", "enabled": True}.items() <= shown.items()
    off = (await office.patch(path, json={"enabled": False})).json()
    assert (off["enabled"], off["disabled_because"], off["url"]) == (False, "person", URL)
    answer = await office.post(f"{path}/test")
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_disabled")
    assert (await office.patch(path, json={"enabled": True, "events": []})).json()["disabled_because"] is None
    turned = (await office.post(f"{path}/secret", json={})).json()
    assert turned["secret"] != made["secret"]
    assert (await office.delete(path)).status_code == 204
    assert (await office.get(path)).status_code == 404


async def test_what_is_sent_is_listed_and_replayed(front, desk):
    office = await front.office()
    path = f"webhooks/{(await add(office))['id']}"
    sent = (await office.post(f"{path}/test")).json()
    assert (sent["kind"], sent["state"], sent["attempts"]) == ("webhook.test", "waiting", 0)
    again = await office.post(f"{path}/deliveries/{sent['id']}/replay")
    assert (again.status_code, again.json()["code"]) == (409, "still_waiting")
    desk.rows("update omniops.webhook_delivery set state = 'dead' where id = %s", sent["id"])
    (dead,) = (await office.get(f"{path}/deliveries", params={"state": "dead"})).json()["data"]
    made = (await office.post(f"{path}/deliveries/{dead['id']}/replay")).json()
    assert made["message_id"] == sent["message_id"]
    assert (await office.get(f"{path}/deliveries", params={"state": "dead"})).json()["data"] == []
    answer = await office.post(f"{path}/replay", json={"since": "2020-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()) == (202, {"count": 0})
    missing = await office.post(f"{path}/deliveries/{uuid4()}/replay")
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"url": "http://hooks.shop.example/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": URL, "events": ["message.deleted"]}, "body.events.0"),
        ({"url": URL, "secret": "mine"}, "body.secret"),
        ({}, "body.url"),
    ],
)
async def test_what_is_wrong_is_said_where(front, body, where):
    office = await front.office()
    answer = await office.post("webhooks", json=body)
    assert (answer.status_code, answer.json()["where"]) == (422, where)


async def test_a_website_has_so_many_receivers_and_no_more(front):
    office = await front.office()
    for _ in range(20):
        await add(office)
    answer = await office.post("webhooks", json={"url": URL})
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many")


@pytest.mark.parametrize("role", ["agent", "viewer"])
async def test_who_may_not_manage_sees_no_receiver(front, role):
    office = await front.office(role=role)
    assert (await office.get("webhooks")).status_code == 403
    assert (await office.post("webhooks", json={"url": URL})).status_code == 403

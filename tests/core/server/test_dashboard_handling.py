"""Around a conversation in the dashboard: a colleague, labels, snooze; lists by view, label and member."""

import re
from uuid import uuid4

import pytest
from members_browser import HOSTILE
from omniops.operations.firsts import OPERATOR


async def member_id(front, member):
    found = await front.desk.runtime.members.list(member.domain.scope.account_id, actor=OPERATOR)
    return next(str(one.id) for one in found if one.email == member.email)


async def label_id(mara, name):
    await mara.open(f"{mara.base}/labels")
    assert (await mara.send(f"{mara.base}/labels/add", {"name": name})).status_code == 303
    await mara.open(f"{mara.base}/labels")
    return re.findall(r'name="label" value="([^"]+)"', mara.text)[-1]


async def listed(mara, query):
    await mara.open(f"{mara.base}/inbox?{query}")
    return re.findall(r'class="talk" href="[^"]*/inbox/([^?]+)\?', mara.text)


async def test_a_conversation_is_given_to_a_colleague_by_name(front, mara, join, asks):
    talk, colleague = await asks(), await join(mara.domain, signed_in=True)
    tom = await member_id(front, colleague)
    at = await mara.talk(talk)
    assert await listed(mara, "show=unassigned") == [talk]
    assert (await mara.send(f"{at}/assign", {"member": tom})).status_code == 303
    assert await listed(mara, "show=unassigned") == []
    assert await listed(mara, "show=mine") == []
    assert await listed(mara, f"show=waiting&member={tom}") == [talk]
    assert "Waiting for <bdi>Mara</bdi>" in mara.text
    assert await listed(colleague, "show=mine") == [talk]
    assert "Waiting for you" in colleague.text
    await mara.talk(talk)
    assert (await mara.send(f"{at}/assign", {"member": "nobody"})).status_code == 303
    assert await listed(mara, "show=unassigned&label=&member=") == [talk]


async def test_labels_are_put_on_shown_and_filtered_by_and_stay_words(front, mara, asks):
    talk, _ = await asks(), await asks()
    label = await label_id(mara, HOSTILE[:40])
    at = await mara.talk(talk)
    assert (await mara.send(f"{at}/label", {"label": label})).status_code == 303
    assert await listed(mara, f"show=all&label={label}") == [talk]
    assert '<bdi class="label">&lt;script&gt;alert(1)' in mara.text
    for path in (f"{mara.base}/labels", at):
        await mara.open(path)
        assert "&lt;script&gt;alert(1)" in mara.text
        assert "<script>alert" not in mara.text
    assert (await mara.send(f"{at}/label", {"label": label, "step": "take-off"})).status_code == 303
    assert await listed(mara, f"show=all&label={label}") == []
    await mara.open(f"{mara.base}/labels")
    taken = await mara.send(f"{mara.base}/labels/add", {"name": HOSTILE[:40].upper()})
    assert taken.status_code == 422
    assert 'id="wrong"' in taken.text
    assert (await mara.send(f"{mara.base}/labels/remove", {"label": label})).status_code == 303
    await mara.open(f"{mara.base}/labels")
    assert "There is none yet." in mara.text


async def test_a_conversation_is_put_off_and_taken_up_again(mara, asks):
    talk = await asks()
    at = await mara.talk(talk)
    assert (await mara.send(f"{at}/snooze", {"until": "tomorrow"})).status_code == 303
    assert await listed(mara, "show=waiting") == []
    assert await listed(mara, "show=snoozed") == [talk]
    await mara.talk(talk)
    assert "Snoozed until <time" in mara.text
    assert (await mara.send(f"{at}/snooze", {"until": "now"})).status_code == 303
    assert await listed(mara, "show=waiting") == [talk]
    await mara.talk(talk)
    for own in ("", "2001-01-01T09:00", "yesterday"):
        refused = await mara.send(f"{at}/snooze", {"until": "own", "own": own})
        assert refused.status_code == 422
        assert 'role="alert"' in refused.text
    assert await listed(mara, "show=waiting") == [talk]


@pytest.mark.parametrize(("step", "fields"), [
    ("assign", {"member": "nobody"}), ("label", {"label": "00000000-0000-0000-0000-000000000001"}),
    ("snooze", {"until": "tomorrow"}),
])  # fmt: skip
async def test_what_is_another_accounts_or_not_ones_own_to_do_is_not_done(front, mara, asks, step, fields):
    theirs, ours = await asks(domain=front.desk.other), await asks()
    await mara.open(mara.base)
    assert (await mara.send(f"{mara.base}/inbox/{theirs}/{step}", fields)).status_code == 404
    assert (await mara.send(f"/app/{front.desk.other.id}/inbox/{theirs}/{step}", fields)).status_code == 404
    viewer = await front.office(role="viewer")
    assert (await viewer.post(f"{front.base}{mara.base}/inbox/{ours}/{step}", data=fields)).status_code == 403


async def test_who_makes_no_settings_makes_no_labels(front, mara):
    agent = await front.office(role="agent")
    place = f"{front.base}{mara.base}/labels"
    seen = await agent.get(place)
    assert (seen.status_code, "Add a label" in seen.text) == (200, False)
    assert (await agent.post(f"{place}/add", data={"name": "refund"})).status_code == 403
    assert (await agent.post(f"{place}/remove", data={"label": str(uuid4())})).status_code == 403


async def test_the_same_by_the_api(front, mara, asks):
    talk, office = await asks(), await front.office()
    made = await office.post("labels", json={"name": "refund"})
    assert (made.status_code, made.json()["name"]) == (201, "refund")
    label = made.json()["id"]
    assert (await office.post("labels", json={"name": "Refund"})).json()["code"] == "label_taken"
    assert (await office.put(f"conversations/{talk}/labels/{label}")).status_code == 204
    assert (await office.get(f"conversations/{talk}")).json()["labels"] == [{"id": label, "name": "refund"}]
    assert [row["id"] for row in (await office.get("conversations", params={"label": label})).json()["data"]] == [talk]
    put_off = await office.put(f"conversations/{talk}/snoozed", json={"until": "2999-01-01T00:00:00Z"})
    assert (put_off.status_code, put_off.json()["code"]) == (422, "bad_time")
    later = (await office.get("conversations", params={"snoozed": True})).json()["data"]
    assert later == []
    assert (await office.delete(f"conversations/{talk}/labels/{label}")).status_code == 204
    assert (await office.delete(f"labels/{label}")).status_code == 204
    assert (await office.get("labels")).json()["data"] == []
    seen = (await (await front.page()).get("/v1/visitor/conversation")).text
    assert "label" not in seen

"""The room of integrations: what would be received, connecting by a form, one connection, and its end."""

from uuid import uuid4

import pytest
from desk_plugins import SECRET
from members_browser import HOSTILE
from omniops.contracts.scope import Actor
from omniops.operations.firsts import OPERATOR


def at(member, inner=""):
    return f"{member.base}/integrations{inner}"


async def connections(front, member):
    return await front.desk.runtime.connections.all(member.domain.scope)


async def connected(front, member):
    """Connects by the form, as a member does. Gives the connection."""
    await member.open(at(member, "/new/post"))
    terms = front.desk.runtime.connections.terms("post")
    answer = await member.send(at(member, "/new/post/connect"), {"agreed": terms.version, "field.secret": SECRET})
    assert answer.status_code == 303, answer.text
    (one,) = await connections(front, member)
    assert answer.headers["location"] == at(member, f"/{one.id}")
    return one


async def test_the_catalogue_says_what_would_be_received_before_anything_is_connected(front, mara):
    await mara.open(at(mara))
    assert "Post" in mara.text
    assert at(mara, "/new/post") in mara.text
    await mara.open(at(mara, "/new/post"))
    for one in front.desk.runtime.connections.terms("post").receivers:
        assert one["name"] in mara.text
    assert "Secret of the webhook" in mara.text
    await mara.open(at(mara, "/new/nothing"), 404)


async def test_a_connection_is_made_switched_on_checked_and_ended(front, mara):
    one = await connected(front, mara)
    page = at(mara, f"/{one.id}")
    await mara.open(page)
    assert "Switched off for this website" in mara.text
    assert SECRET not in mara.text
    answer = await mara.send(at(mara, "/plugins/post/switch"), {"on": "yes", "connection": str(one.id)})
    assert answer.headers["location"] == page
    await mara.open(page)
    assert "Working." in mara.text
    assert "Agreed: " in mara.text
    assert (await mara.send(f"{page}/check")).status_code == 303
    assert (await connections(front, mara))[0].checked_at is not None
    refused = await mara.send(f"{page}/end")
    assert refused.status_code == 422
    assert await connections(front, mara) != []
    answer = await mara.send(f"{page}/end", {"sure": "yes"})
    assert answer.headers["location"] == at(mara)
    assert await connections(front, mara) == []
    await mara.open(page, 404)


async def test_what_came_in_and_failed_is_listed_and_worked_through_again(front, mara):
    desk = front.desk
    one = await connected(front, mara)
    await desk.runtime.accounts.switch(mara.domain.scope, "post", on=True, actor=OPERATOR)
    body = b'{"messages": [{"id": "m1", "thread": "t1", "from": "tom", "text": "Where is my parcel?"}]}'
    await desk.take(one, body)
    await mara.open(at(mara, f"/{one.id}"))
    assert 'scope="row">Message<' in mara.text
    assert "Where is my parcel?" not in mara.text
    desk.rows("update omniops.arrival set state = 'failed', problem = 'bad_shape' where connection_id = %s", one.id)
    await mara.open(at(mara, f"/{one.id}"))
    assert "1 thing that came in was not worked through." in mara.text
    assert "failed: bad shape" in mara.text
    assert (await mara.send(at(mara, f"/{one.id}/replay"))).status_code == 303
    assert desk.rows("select state from omniops.arrival where connection_id = %s", one.id) != [("failed",)]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"agreed": ""}, "Agree to what"),
        ({"agreed": "0" * 64}, "Agree to what"),
        ({"field.secret": ""}, "Field required"),
        ({"field.office": "x" * 41}, "at most 40 characters"),
        ({"field.tokens": "{}"}, "no field"),
        ({"actor": "operator"}, "no field"),
    ],
)
async def test_what_does_not_fit_is_said_and_nothing_is_connected(front, mara, fields, said):
    await mara.open(at(mara, "/new/post"))
    terms = front.desk.runtime.connections.terms("post")
    sent = {"agreed": terms.version, "field.secret": SECRET, "field.office": HOSTILE[:30], **fields}
    answer = await mara.send(at(mara, "/new/post/connect"), sent)
    assert answer.status_code in (400, 409, 422), answer.text
    assert said in answer.text
    assert SECRET not in answer.text
    assert "<script>alert" not in answer.text
    assert await connections(front, mara) == []


async def test_who_may_not_manage_connections_reads_and_does_nothing(front, mara, join):
    desk = front.desk
    one = await connected(front, mara)
    agent = await join(signed_in=True)
    desk.rows("update omniops.member set role = 'viewer' where id = (select max(id::text)::uuid from omniops.member)")
    await agent.open(at(agent))
    assert at(agent, f"/{one.id}") in agent.text
    assert at(agent, "/new/post") not in agent.text
    await agent.open(at(agent, f"/{one.id}"))
    assert "/end" not in agent.text
    await agent.open(at(agent, "/new/post"), 403)
    await agent.open(at(agent, f"/{one.id}/values"), 403)
    for path, fields in (
        (f"/{one.id}/end", {"sure": "yes"}),
        (f"/{one.id}/check", {}),
        ("/new/post/connect", {}),
        ("/plugins/post/switch", {"on": "yes"}),
    ):
        assert (await agent.send(at(agent, path), fields)).status_code == 403, path
    assert len(await connections(front, mara)) == 1


async def test_a_connection_of_another_website_is_not_there(front, mara):
    desk = front.desk
    other = await desk.connection(desk.other)
    for path in ("", "/values", "/documents"):
        await mara.open(at(mara, f"/{other.id}{path}"), 404)
    await mara.open(at(mara, f"/{uuid4()}"), 404)
    await mara.open(at(mara))
    answer = await mara.send(at(mara, f"/{other.id}/end"), {"sure": "yes"})
    assert answer.status_code == 404
    assert await desk.runtime.connections.one(desk.other.scope, other.id)
    await desk.runtime.connections.disconnect(desk.other.scope, other.id, actor=Actor("member", "test"))

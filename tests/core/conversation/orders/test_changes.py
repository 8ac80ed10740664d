"""What changes an order waits for a person, who sees the orders that the visitor proved."""

from uuid import uuid4

import httpx2
from customers import ANN, BOB, MEMBER, call, code_of, identified, leaks, said
from desk import serving
from omniops.operations.firsts import OPERATOR


async def test_a_refund_waits_for_a_person_and_is_done_once(desk, stock):
    visitor = await identified(desk, await desk.visitor(), "c-ann")
    await desk.with_model([call("refund_order", number="1001", reason="broken")], "A colleague looks at it.")
    await said(desk, visitor, "It is broken, I want my money back.")
    assert stock.changes == []
    (run,) = await desk.runtime.approvals.all(desk.domain.scope, state="proposed", actor=MEMBER)
    assert (run.tool, run.risk, run.args) == ("refund_order", "significant", {"number": "1001", "reason": "broken"})
    desk.clock.forward(hours=30)
    await desk.runtime.approvals.decide(desk.domain.scope, run.id, approve=True, actor=MEMBER)
    assert stock.changes == [("8209829119461545001", {"kind": "refund", "reason": "broken"})]
    assert list(stock.done) == [desk.rows("select key from omniops.tool_run where id = %s", run.id)[0][0]]
    assert "Order #1001: refund is done." in (await desk.messages(visitor.conversation_id))[-1].text


async def test_what_a_code_showed_can_be_approved_after_its_hour_and_no_other_order(desk, stock):
    visitor = await desk.visitor()
    await said(desk, visitor, f"Where is my order #1002? {BOB}")
    await said(desk, visitor, await code_of(desk, BOB))
    await desk.with_model([call("cancel_order", number="1002"), call("cancel_order", number="1001")], "Asked.")
    await said(desk, visitor, "Please cancel it.")
    (run,) = await desk.runtime.approvals.all(desk.domain.scope, state="proposed", actor=MEMBER)
    assert run.args == {"number": "1002"}
    desk.clock.forward(hours=2)
    await desk.runtime.approvals.decide(desk.domain.scope, run.id, approve=True, actor=MEMBER)
    assert [number for number, _ in stock.changes] == ["8209829119461545002"]


async def test_an_address_is_changed_by_a_person_and_not_when_it_is_too_late(desk, stock):
    visitor = await identified(desk, await desk.visitor(), "c-bob")
    to = {"name": "Bob", "street": "New Road 1", "postal_code": "10115", "city": "Berlin", "country": "DE"}
    await desk.with_model([call("change_order_address", number="1002", **to)], "A colleague looks at it.")
    await said(desk, visitor, "Please send it to New Road 1, 10115 Berlin, Germany, to Bob.")
    scope, approvals = desk.domain.scope, desk.runtime.approvals
    (run,) = await approvals.all(scope, state="proposed", actor=MEMBER)
    assert stock.changes == []
    await approvals.decide(scope, run.id, approve=True, actor=MEMBER)
    ((number, wish),) = stock.changes
    assert (number, wish["kind"], wish["address"]["street"]) == ("8209829119461545002", "change_address", "New Road 1")
    stock.orders[1]["state"] = "delivered"
    await desk.with_model([call("change_order_address", number="1002", **{**to, "city": "Bonn"})], "Asked.")
    await said(desk, visitor, "No, to Bonn.")
    (run,) = await approvals.all(scope, state="proposed", actor=MEMBER)
    done = await approvals.decide(scope, run.id, approve=True, actor=MEMBER)
    assert (done.state, done.result) == ("failed", "The shop does not do that any more.")
    assert len(stock.changes) == 1


async def test_people_see_the_orders_that_the_visitor_proved_on_record_and_none_is_kept(desk, stock):
    scope, orders = desk.domain.scope, desk.runtime.orders
    visitor = await desk.visitor()
    before = await orders.of(scope, visitor.conversation_id, actor=MEMBER)
    assert (before.shop, before.known, list(before.orders)) == ("Corner Shop", False, [])
    await said(desk, visitor, f"Where is my order #1001? {ANN}")
    await said(desk, visitor, await code_of(desk))
    desk.clock.forward(hours=3)
    found = await orders.of(scope, visitor.conversation_id, actor=MEMBER)
    assert [one.number for one in found.orders] == ["#1001"]
    signed = await identified(desk, await desk.visitor(), "c-bob")
    found = await orders.of(scope, signed.conversation_id, actor=MEMBER)
    assert [(one.number, one.id) for one in found.orders] == [("#1002", "8209829119461545002")]
    records = desk.rows(
        "select actor, detail::text from omniops.audit_entry where action = 'order.read' and account_id = %s",
        scope.account_id,
    )
    assert len(records) == 3
    assert not leaks(str(records))
    columns = desk.rows("select column_name from information_schema.columns where table_name = 'order_check'")
    assert not {"lines", "total", "order_id", "status"} & {name for (name,) in columns}


async def test_the_inbox_shows_orders_over_http_to_those_who_may_read_conversations(desk, stock):
    visitor = await identified(desk, await desk.visitor(), "c-ann")
    at = f"/v1/domains/{desk.domain.id}/conversations/{visitor.conversation_id}/orders"

    async def read(permissions, account=None, where=at):
        account_id = account or desk.domain.scope.account_id
        _, secret = await desk.runtime.keys.create(account_id, "k", permissions, actor=OPERATOR)
        return await client.get(where, headers={"Authorization": f"Bearer {secret}"})

    async with serving(desk.runtime) as base, httpx2.AsyncClient(base_url=base, timeout=60) as client:
        seen = await read(["conversation.read"])
        assert seen.status_code == 200
        body = seen.json()
        assert (body["shop"], body["known"]) == ("Corner Shop", True)
        (found,) = body["orders"]
        assert found["id"] == "8209829119461545001"
        assert found["total"] == {"amount": "84.00", "currency": "EUR"}
        assert found["shipments"][0]["tracking_url"] == "https://dhl.example/t"
        assert not {"email", "customer_id", "name", "address"} & found.keys()
        assert "Hidden Street" not in seen.text
        assert (await read(["domain.read"])).status_code == 403
        assert (await read(["conversation.read"], desk.other.scope.account_id)).status_code == 404
        elsewhere = at.replace(str(visitor.conversation_id), str(uuid4()))
        assert (await read(["conversation.read"], where=elsewhere)).status_code == 404
        desk.shop.failing = (500, b"<html>canary")
        away = await read(["conversation.read"])
        assert away.status_code == 503
        assert "canary" not in away.text

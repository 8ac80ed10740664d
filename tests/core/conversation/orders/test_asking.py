"""What everybody may ask of a shop, and orders that are shown to the customer whom the business vouches for."""

from uuid import uuid4

from customers import ANN, call, code_of, connected, identified, leaks, said, told
from desk import collect
from omniops.contracts.knowledge import Found, Hit, Passage
from omniops.operations.firsts import OPERATOR
from shop import Stock


async def test_a_product_is_told_with_price_and_stock_and_its_card_leads_to_the_website_only(desk, stock):
    visitor = await desk.visitor()
    await desk.with_model([call("find_products", words="pot")], "There are pots [T1].")
    events = await collect(await desk.ask(visitor, "Do you have a teapot?"))
    cards = [data["card"] for kind, data in events if kind == "card"]

    assert [card["name"] for card in cards] == ["Teapot"]  # the other one leads elsewhere
    assert cards[0]["price"] == "42.00"
    assert cards[0]["currency"] == "EUR"
    assert cards[0]["stock"] == "in_stock"
    assert cards[0]["url"] == f"{desk.domain.origins[0]}/products/9007199254740993"
    assert "Teapot · 42.00 EUR · 3 in stock" in told(desk)
    assert "9007199254740993" in told(desk)


async def test_one_product_and_the_terms_are_told(desk, stock):
    visitor = await desk.visitor()
    rounds = [call("product_details", product_id="9007199254740993")], [call("shop_terms")], "Blue is sold out [T1]."
    await desk.with_model(*rounds)
    await said(desk, visitor, "Which colours are there, and can I return it?")
    assert "- Blue · sold out" in told(desk)
    assert "- Red · in stock" in told(desk)
    assert "Returns (30 days):\nSend it back unused." in told(desk)


async def test_without_a_shop_or_with_its_plugin_off_no_such_tool_is_offered(desk, stock):
    await desk.with_model("Hello.")
    await said(desk, await desk.visitor(), "Hi")
    names = {spec.name for spec in desk.model.provider.requests[-1].tools}
    assert {"find_products", "shop_terms", "start_order_check", "cancel_order"} <= names
    await desk.runtime.accounts.switch(desk.domain.scope, "shop", on=False, actor=OPERATOR)
    await said(desk, await desk.visitor(), "Hi")
    names = {spec.name for spec in desk.model.provider.requests[-1].tools}
    assert "find_products" not in names
    assert desk.shop.asked == []


async def test_what_the_business_did_not_switch_on_is_not_offered(desk, stock):
    domain = desk.domain = await desk.new_domain()
    await connected(desk, domain, Stock(), orders=False)
    await desk.with_model("Hello.")
    await said(desk, await desk.visitor(), "Hi")
    names = {spec.name for spec in desk.model.provider.requests[-1].tools}
    assert "find_products" in names
    assert not {"start_order_check", "cancel_order"} & names


async def test_a_shop_that_fails_is_told_in_words_that_say_nothing_of_it(desk, stock):
    for failing in ((500, b"<html>canary</html>"), (200, b"<html>canary"), (401, {"error": "canary"})):
        desk.shop.failing = failing
        await desk.with_model([call("find_products", words="pot")], "Sorry.")
        await said(desk, await desk.visitor(), "Do you have a teapot?")
        assert "The shop does not answer at the moment" in told(desk)
        assert not leaks(told(desk))


async def test_a_signed_customer_sees_their_own_orders(desk, stock):
    visitor = await identified(desk, await desk.visitor(), "c-ann")
    await desk.with_model([call("my_orders"), call("order_status", number="1001")], "It is sent [T2].")
    await said(desk, visitor, "Where is my order?")
    assert "#1001 · sent · 2026-11-20 · 84.00 EUR\n2 × Teapot of Ann (Blue)" in told(desk)
    assert "Kettle" not in told(desk)
    assert ANN not in told(desk)
    assert "Hidden Street" not in told(desk)


async def test_a_signed_customer_gets_the_same_words_for_anothers_order_and_for_none(desk, stock):
    visitor = await identified(desk, await desk.visitor(), "c-ann")
    await desk.with_model([call("order_status", number="1002"), call("order_status", number="7777")], "No.")
    await said(desk, visitor, "Where is order 1002?")
    (round_,) = desk.model.provider.requests[-1].rounds
    first, second = [result.text for result in round_.results]
    assert first == second
    assert not leaks(told(desk))
    assert len([path for _, path, query in desk.shop.asked if path == "/orders"]) == 2  # the same work, too


async def test_an_order_without_a_customer_is_nobodys(desk, stock):
    """A guest's order has no customer id; an identity can never be equal to it."""
    visitor = await identified(desk, await desk.visitor(), "None")
    await desk.with_model([call("my_orders"), call("order_status", number="10010")], "No.")
    await said(desk, visitor, "Where is my order?")
    assert not leaks(told(desk))


async def test_without_a_model_an_order_asks_for_what_it_needs_and_is_told(desk, stock):
    visitor = await desk.visitor()
    events = await collect(await desk.ask(visitor, "Where is my parcel?"))
    assert [data["card"]["kind"] for kind, data in events if kind == "card"] == ["form"]
    assert events[-1][1]["text"].startswith("To see an order")
    await said(desk, visitor, f"Order number: 1001\nE-mail address: {ANN}")
    await said(desk, visitor, await code_of(desk))
    assert await said(desk, visitor, "And where is my order now?") == (
        "#1001 · sent · 2026-11-20 · 84.00 EUR\n2 × Teapot of Ann (Blue)\nDHL JD8209829119461545001: on its way"
    )


async def test_without_a_model_stock_is_told_as_the_shop_has_it_now(desk, stock, monkeypatch):
    at = desk.clock.now()
    facts = {"name": "Teapot", "price": "39.00", "currency": "EUR", "availability": "in_stock"}
    page = Passage(
        uuid4(), uuid4(), f"{desk.domain.origins[0]}/pot", "Teapot", "", "A teapot.", "product", at, facts=facts
    )

    async def search(scope, question, *, limit=10):
        return Found((Hit(page, 1.0, None, 1.0),), 1.0)

    monkeypatch.setattr(desk.runtime.knowledge, "search", search)
    visitor = await desk.visitor()
    events = await collect(await desk.ask(visitor, "Is the teapot in stock?"))
    assert events[-1][1]["text"] == "Teapot · 42.00 EUR · in stock (3)\n- Blue · sold out\n- Red · in stock"
    assert [data["card"]["price"] for kind, data in events if kind == "card"] == ["42.00"]
    desk.shop.failing = (500, b"<html>")
    assert (await said(desk, visitor, "Is the teapot in stock?")).startswith("The shop does not answer")


async def test_a_shop_that_refuses_its_key_waits_for_a_person_who_is_told(desk, stock):
    visitor = await identified(desk, await desk.visitor(), "c-ann")
    desk.shop.failing = (401, {"error": "canary"})
    await desk.with_model([call("order_status", number="1001")], "Sorry.")
    await said(desk, visitor, "Where is my order 1001?")
    assert "The shop does not answer at the moment" in told(desk)
    connections = desk.runtime.connections
    (view,) = await connections.all(desk.domain.scope)
    assert view.state == "needs_reauth"
    assert [one.event for one in await connections.events(desk.domain.scope, view.id)][-1] == "needs_reauth"
    asked = len(desk.shop.asked)
    await desk.with_model([], "Sorry.")
    await said(desk, visitor, "And now?")
    assert len(desk.shop.asked) == asked, "nobody knocks at a shut door"


async def test_access_that_a_shop_refuses_is_renewed_at_once(desk, stock, monkeypatch):
    """What a token's refresh brings is asked with: the visitor notices nothing."""
    renewed = []

    async def refused(scope, connection_id, used=None):
        renewed.append(used.key.get_secret_value())
        desk.shop.failing = None
        return True

    monkeypatch.setattr(desk.runtime.connections, "refused", refused)
    desk.shop.failing = (401, {"error": "canary"})
    await desk.with_model([call("find_products", words="pot")], "Here.")
    await said(desk, await desk.visitor(), "Do you have a teapot?")
    assert len(renewed) == 1
    assert "Teapot" in told(desk)

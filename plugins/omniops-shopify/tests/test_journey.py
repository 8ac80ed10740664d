"""A Shopify shop from the first click to the last row: over the real application, and TLS to a shop on loopback."""

from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx2
from in_clear import tables_with
from omniops.operations.firsts import OPERATOR
from omniops.operations.proving import prove
from omniops.testing.upstream import HOST
from omniops_shopify.proof import OnlyShopAndProducts
from omniops_shopify.webhooks import TOPICS
from shopify_stock import ANN, BIG, product
from shopify_world import CANARIES, call


async def test_a_shop_is_connected_answers_with_live_prices_and_goes_without_a_trace(shopping):
    shopify, desk = shopping.shopify, shopping.desk
    terms, begun = await shopping.ask_access()
    assert {one["key"] for one in terms["features"]} == {"products", "policies"}, "the others have terms of their own"
    asked = parse_qs(urlsplit(begun.json()["url"]).query)
    assert asked["scope"] == ["read_products"], "P23: least scopes"
    page = await shopping.back(begun.json()["url"])
    assert "Shopify is connected." in page.text
    await desk.work("connections")
    view = await shopping.view()
    assert {one["key"]: one["on"] for one in view["features"]} == {
        "products": True,
        "policies": False,
        "orders": False,
        "actions": False,
    }
    assert shopify.forms[0].get("expiring") == "1"
    assert {hook["uri"] for hook in shopify.hooks.values()} == {
        f"https://omniops.example/webhooks/shopify/{view['id']}"
    }
    assert {hook["topic"] for hook in shopify.hooks.values()} == set(TOPICS)

    events, told, tools = await shopping.answer(
        "Do you have a teapot?", [call("find_products", words="teapot")], "Yes [T1]."
    )
    (card,) = [data["card"] for kind, data in events if kind == "card"]
    assert [data["source"]["title"] for kind, data in events if kind == "cite"], "live data is cited"
    assert (card["name"], card["price"], card["currency"], card["stock"]) == ("Blue Teapot", "19.90", "EUR", "in_stock")
    assert "19.90 EUR" in told
    assert not {"start_order_check", "cancel_order"} & tools, "orders are off"
    assert "Orders" not in {name for name, _ in shopify.asked}

    # A person takes over, and the AI is silent
    (conversation,) = (await shopping.browser.get(f"{shopping.at}/conversations")).json()["data"]
    talk = f"{shopping.at}/conversations/{conversation['id']}"
    assert (await shopping.browser.post(f"{talk}/take-over")).status_code == 200
    asked = len(desk.model.provider.requests)
    await shopping.say("Are you a person?")
    assert len(desk.model.provider.requests) == asked
    assert (await shopping.browser.post(f"{talk}/messages", json={"text": "Yes, I am Mara."})).status_code == 201

    # The end: here and there
    assert (await shopping.browser.delete(f"{shopping.at}/connections/{view['id']}")).status_code == 204
    await desk.work("connections")
    assert (shopify.hooks, shopify.tokens, shopify.refreshing) == ({}, {}, {}), "the app is gone from the shop"
    for table in ("connection", "connection_task", "arrival"):
        where = "id" if table == "connection" else "connection_id"
        assert desk.rows(f"select count(*) from omniops.{table} where {where} = %s", view["id"]) == [(0,)]
    assert tables_with(desk.rows, *CANARIES) == []


async def learn(desk):
    await desk.runtime.traffic.tasks.due()
    await desk.work("connections")


async def known(desk, words):
    """Passages of products that a search finds, by title."""
    found = await desk.runtime.knowledge.search(desk.domain.scope, words)
    return {hit.passage.title: hit.passage for hit in found.hits if hit.passage.kind == "product"}


async def test_what_the_shop_sells_is_knowledge_with_its_age_and_goes_with_the_connection(shopping):
    shopify, desk = shopping.shopify, shopping.desk
    site, stocked = desk.domain.origins[0], shopify.shops[HOST]
    stocked.products.append(product(BIG + 1, "Red Kettle", onlineStoreUrl=f"{site}/products/kettle"))
    view = await shopping.connect()
    await learn(desk)
    read_at = desk.clock.now()
    pot = (await known(desk, "How much is the blue teapot?"))["Blue Teapot"]
    assert pot.text.startswith("Blue Teapot costs 19.90 EUR and is in stock.")
    assert (pot.url, pot.read_at) == (f"{site}/products/teapot", read_at)
    assert {name: pot.facts[name] for name in ("price", "currency", "availability", "quantity")} == {
        "price": "19.90",
        "currency": "EUR",
        "availability": "in_stock",
        "quantity": 3,
    }
    assert "Red Kettle" in await known(desk, "red kettle")

    # A notice: the product is read anew, whatever the notice says.
    desk.clock.forward(hours=1)
    stocked.products[0] = product(BIG, "Blue Teapot", price="24.5", stock=0, onlineStoreUrl=f"{site}/products/teapot")
    at, told = f"/webhooks/shopify/{view['id']}", {"id": BIG, "title": "canary", "admin_graphql_api_id": "x"}
    headers = {"x-shopify-webhook-id": uuid4().hex}
    assert (await shopping.tell(at, told, "products/update", **headers)).status_code == 200
    await desk.work("connections")
    pot = (await known(desk, "blue teapot"))["Blue Teapot"]
    assert (pot.facts["price"], pot.facts["availability"]) == ("24.50", "out_of_stock")
    assert pot.read_at == desk.clock.now()

    # A notice that was lost: the next reading sees what is gone.
    del stocked.products[1]
    desk.clock.forward(hours=7)
    await learn(desk)
    assert list(await known(desk, "red kettle or blue teapot")) == ["Blue Teapot"]

    # An answer of tomorrow says how old it is, and without the shop no live price is there.
    shopify.fault = httpx2.Response(503)
    desk.clock.forward(days=1)
    price = "Blue Teapot costs 24.50 EUR and is out of stock."
    events, _, _ = await shopping.answer("What does the blue teapot cost?", f"{price} [S1]")
    words = events[-1][1]["text"]
    assert words.startswith("Blue Teapot costs 24.50 EUR"), words
    assert "Price and stock as of 20" in words
    (source,) = events[-1][1]["sources"]
    assert source["url"] == f"{site}/products/teapot"
    shopify.fault = None

    await desk.runtime.accounts.switch(desk.domain.scope, "shopify", on=False, actor=OPERATOR)
    assert await known(desk, "blue teapot") == {}, "of a plugin that is off nothing is said"
    await desk.runtime.accounts.switch(desk.domain.scope, "shopify", on=True, actor=OPERATOR)
    assert await known(desk, "blue teapot") != {}
    assert (await shopping.browser.delete(f"{shopping.at}/connections/{view['id']}")).status_code == 204
    assert await known(desk, "blue teapot") == {}
    assert desk.rows("select count(*) from omniops.page where domain_id = %s", desk.domain.id) == [(0,)]


async def test_orders_take_a_yes_a_scope_and_terms_of_their_own(shopping):
    """P23. Each of the three is taken away, and nothing is read."""
    shopify, desk = shopping.shopify, shopping.desk
    terms, _ = await shopping.ask_access()
    (own,) = [one for one in terms["extras"] if one["feature"] == "orders"]
    (taken,) = own["features"]
    assert "orders of the last 60 days" in taken["taken"]
    assert taken["scopes"] == ["read_customers", "read_orders"]
    view = await shopping.connect()
    switch = f"{shopping.at}/connections/{view['id']}/features/orders"
    for agreed in ({}, {"agreed": terms["version"]}):
        refused = await shopping.browser.put(switch, json={"on": True, **agreed})
        assert refused.status_code in (409, 422), "without a yes to just that"
    agreed = await shopping.browser.put(switch, json={"on": True, "agreed": own["version"]})
    orders = next(one for one in agreed.json()["features"] if one["key"] == "orders")
    assert (orders["wanted"], orders["on"]) == (True, False), "without the scope"
    _, _, tools = await shopping.answer("Where is my order?", "Sorry.")
    assert "start_order_check" not in tools
    assert not {"Order", "Orders"} & {name for name, _ in shopify.asked}

    again = await shopping.browser.post(
        f"{shopping.at}/connections/{view['id']}/begin",
        json={"agreed": terms["version"], "features": {"orders": True}, "agreed_features": {"orders": own["version"]}},
    )
    asked = parse_qs(urlsplit(again.json()["url"]).query)["scope"]
    assert asked == ["read_products,read_orders,read_customers"]
    await shopping.back(again.json()["url"])
    orders = next(one for one in (await shopping.view())["features"] if one["key"] == "orders")
    assert orders["on"]
    _, _, tools = await shopping.answer("Where is my order?", "Sorry.")
    assert "start_order_check" in tools
    assert "cancel_order" not in tools, "changes take a yes of their own"
    assert tables_with(desk.rows, *CANARIES) == []


async def test_a_privacy_notice_opens_a_case_and_a_forged_one_none(shopping):
    desk = shopping.desk
    view = await shopping.connect()
    body = {
        "shop_id": 954889,
        "shop_domain": HOST,
        "customer": {"id": ANN, "email": "ann@customers.example", "phone": "555-625-1199"},
        "orders_to_redact": [299938],
    }
    cases = 'select "right", channel, identity, state from omniops.rights_case where domain_id = %s order by id'
    forged = await shopping.tell("/webhooks/shopify", body, "customers/redact", secret="of-somebody-else")
    assert (forged.status_code, desk.rows(cases, desk.domain.id)) == (401, [])
    for _ in range(2):
        assert (await shopping.tell("/webhooks/shopify", body, "customers/redact")).status_code == 200
    assert desk.rows(cases, desk.domain.id) == [("erasure", "system", "system", "open")]
    more = {"x-shopify-webhook-id": uuid4().hex}
    assert (await shopping.tell("/webhooks/shopify", body, "customers/data_request", **more)).status_code == 200
    assert len(desk.rows(cases, desk.domain.id)) == 2
    gone = {"shop_id": 954889, "shop_domain": HOST}
    assert (await shopping.tell("/webhooks/shopify", gone, "shop/redact", **more)).status_code == 200
    await desk.work("connections")
    assert (await shopping.view())["state"] == "connected", "the app was installed again"
    assert tables_with(desk.rows, "ann@customers.example", "555-625") == []
    assert view["state"] == "connected"


async def test_a_notice_counts_although_the_app_was_removed(shopping):
    """The shop removes the app, and 48 hours later asks for what is held: the connection cannot be used by then."""
    desk, shopify = shopping.desk, shopping.shopify
    view = await shopping.connect()
    shopify.uninstall(HOST)
    removed = {"id": 1, "name": "Teapots", "myshopify_domain": HOST, "email": "owner@canary.example"}
    told = await shopping.tell(f"/webhooks/shopify/{view['id']}", removed, "app/uninstalled")
    assert told.status_code == 200
    await desk.work("connections")
    assert (await shopping.view())["state"] == "needs_reauth"
    body = {"shop_domain": HOST, "customer": {"id": ANN, "email": "ann@customers.example"}}
    headers = {"x-shopify-webhook-id": uuid4().hex}
    assert (await shopping.tell("/webhooks/shopify", body, "customers/redact", **headers)).status_code == 200
    count = "select count(*) from omniops.rights_case where domain_id = %s"
    assert desk.rows(count, desk.domain.id) == [(1,)]
    await desk.runtime.accounts.switch(desk.domain.scope, "shopify", on=False, actor=OPERATOR)
    headers = {"x-shopify-webhook-id": uuid4().hex}
    assert (await shopping.tell("/webhooks/shopify", body, "customers/data_request", **headers)).status_code == 200
    assert desk.rows(count, desk.domain.id) == [(2,)], "a person's right does not hang on our switch"
    redact = {"shop_id": 1, "shop_domain": HOST}
    assert (await shopping.tell("/webhooks/shopify", redact, "shop/redact")).status_code == 200
    await desk.work("connections")
    left = "select count(*) from omniops.connection where domain_id = %s"
    assert desk.rows(left, desk.domain.id) == [(0,)], "48 hours after the removal all of the shop goes"
    assert tables_with(desk.rows, *CANARIES) == []


async def test_the_promise_holds_and_its_proof_can_fail(shopping, postgres):
    run = await prove(shopping.desk.runtime, postgres.root, claim="P23", sabotage=True)
    assert [(outcome.probe, outcome.state) for outcome in run.outcomes] == [("OnlyShopAndProducts", "proved")], (
        run.outcomes
    )
    assert [trial.how for trial in run.trials] == [one.how for one in OnlyShopAndProducts.sabotages]
    assert all(trial.good for trial in run.trials), run.trials

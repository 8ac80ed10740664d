"""A shop on the real application, from its merchant's yes to the last row: asked in the chat, taken over, and ended."""

from urllib.parse import urlsplit

from omniops.contracts.scope import Actor
from woo_fake import CK, CS
from woo_stock import CANARY, product
from woo_world import ADA, BOB, call

MEMBER = Actor("member", "m")
NEVER = (CANARY, CK, CS, ADA)
"""What the shop tells or gives, and nobody may find in a row."""


async def test_a_merchant_connects_a_visitor_asks_a_person_takes_over_and_all_ends(world):
    desk = world.desk
    async with world.browser() as browser, world.visit() as visit:
        row = await world.connected(browser, notices=True, changes=True)
        assert {one["key"] for one in row["features"] if one["on"]} == {"products", "orders", "changes", "notices"}

        # Anybody: what is sold, live, with the product's card and its page as the source
        await desk.with_model([call("find_products", words="chair")], "It costs 49.90 GBP [T1].")
        events = await visit.ask("What does the chair cost?")
        (card,) = [data["card"] for kind, data in events if kind == "card"]
        assert (card["name"], card["price"], card["currency"], card["stock"]) == (
            "Oak Chair",
            "49.90",
            "GBP",
            "in_stock",
        )
        (cited,) = [data["source"] for kind, data in events if kind == "cite"]
        assert events[-1][1]["text"] == "It costs 49.90 GBP."
        assert cited["title"]
        assert {"cancel_order", "refund_order", "change_order_address"} <= world.offered()
        assert "shop_terms" not in world.offered()

        # Whose the order is: number, address, and the code that was mailed there
        asked = len(desk.model.provider.requests)
        assert (await visit.said(f"Where is my order 13? I ordered as {ADA}.")).startswith("If this order number")
        answer = await visit.said(f"My code is {await world.code(ADA)}.")
        assert "2 × Oak Chair" in answer
        assert "99.80 GBP" in answer
        assert len(desk.model.provider.requests) == asked, "neither the address nor the code went to a model"

        # It wants its money back: proposed, and done by a person, once
        await desk.with_model([call("refund_order", number="13", reason="broken")], "A colleague looks at it.")
        await visit.said("It is broken, I want my money back.")
        assert world.fake.changes == 0
        runs = (await browser.get(f"{world.home}/tool-runs")).json()["data"]
        (run,) = [one for one in runs if one["state"] == "proposed"]
        decided = await browser.post(f"{world.home}/tool-runs/{run['id']}/decision", json={"approve": True})
        assert decided.status_code == 200, decided.text
        assert (world.fake.changes, world.fake.orders[0]["status"]) == (1, "refunded")

        # A person takes over, with the order beside the conversation
        (conversation,) = (await browser.get(f"{world.home}/conversations")).json()["data"]
        at = f"{world.home}/conversations/{conversation['id']}"
        beside = (await browser.get(f"{at}/orders")).json()
        assert [(one["number"], one["status"]) for one in beside["orders"]] == [("13", "refunded")]
        assert not {"email", "customer_id"} & beside["orders"][0].keys()
        assert (await browser.post(f"{at}/take-over")).status_code == 200
        asked = len(desk.model.provider.requests)
        await visit.ask("Are you a person?")
        assert len(desk.model.provider.requests) == asked, "the AI is silent"
        assert (await browser.post(f"{at}/messages", json={"text": "Yes, I am Mara."})).status_code == 201

        # The end: here and there
        await desk.work("connections")
        assert len(world.fake.hooks) == 8
        address = urlsplit(world.fake.hooks[0]["delivery_url"]).path
        headers, raw = world.fake.delivery("order.updated", world.fake.orders[1], world.fake.hooks[0]["secret"])
        assert (await browser.post(address, content=raw, headers=headers)).headers["x-messages"] == "1"
        assert world.everywhere(*NEVER, world.fake.hooks[0]["secret"]) == []
        ended = await browser.delete(f"{world.home}/connections/{row['id']}")
        assert ended.status_code == 204
        assert world.fake.hooks == []
        for table in ("connection", "arrival", "connection_task"):
            assert desk.rows(f"select * from omniops.{table} where domain_id = %s", desk.domain.id) == []
        assert (await browser.post(address, content=raw, headers=headers)).status_code == 404
        history = (await browser.get(f"{world.home}/connections/{row['id']}/events")).json()["data"]
        assert history, "who agreed, and when it ended, stays"
    async with world.visit() as another:
        await desk.with_model("No.")
        await another.ask("A chair?")
        assert not {"find_products", "start_order_check", "refund_order"} & world.offered()


async def test_what_is_read_only_offers_no_change_and_says_so(world):
    async with world.browser() as browser:
        row = await world.connected(browser)
        assert {one["key"] for one in row["features"] if one["on"]} == {"products", "orders"}
        (extra,) = (await world.terms(browser))["extras"]
        path = f"{world.home}/connections/{row['id']}/features/changes"
        assert (await browser.put(path, json={"on": True})).status_code >= 400, "without a yes of its own"
        switched = (await browser.put(path, json={"on": True, "agreed": extra["version"]})).json()
        (changes,) = [one for one in switched["features"] if one["key"] == "changes"]
        assert (changes["wanted"], changes["on"], changes["missing"]) == (True, False, ["write"])
        await world.answered(await world.desk.visitor(), "Cancel it.", "No.")
        assert "cancel_order" not in world.offered()
        assert {method for method, *_ in world.fake.asked} == {"GET"}


async def test_notices_come_once_by_webhook_and_by_asking_and_nobody_elses(world):
    desk = world.desk
    async with world.browser() as browser:
        row = await world.connected(browser, notices=True, changes=True)
        await desk.work("connections")
        await desk.runtime.traffic.tasks.due()
        await desk.work("connections")
        hook = world.fake.hooks[0]
        address = urlsplit(hook["delivery_url"]).path

        async def tell(topic, body, secret=hook["secret"], **more):
            headers, raw = world.fake.delivery(topic, body, secret)
            answer = await browser.post(address, content=raw, headers={**headers, **more})
            return answer.status_code, answer.headers.get("x-messages")

        async def log():
            found = (await browser.get(f"{world.home}/connections/{row['id']}/log?limit=100")).json()["data"]
            return sorted(one["name"] for one in found)

        world.fake._touched(world.fake.orders[0])
        notice = {**world.fake.orders[0], "note": CANARY}
        assert [await tell("order.updated", notice) for _ in range(2)] == [(200, "1"), (200, "0")]
        again = {"x-wc-webhook-delivery-id": "another try"}
        assert await tell("order.updated", notice, **again) == (200, "0")
        assert await tell("order.updated", notice, "guessed") == (401, None)
        assert await tell("customer.created", {"id": 2, "email": ADA}) == (200, "0")
        gone = {"code": "wc_user_invalid_id", "message": CANARY, "data": {"status": 404}}
        assert await tell("order.created", gone) == (200, "0")
        form = {"content-type": "application/x-www-form-urlencoded"}
        ping = await browser.post(address, content=b"webhook_id=3", headers=form)
        assert (ping.status_code, ping.headers["x-messages"]) == (200, "0")
        assert (await browser.post(address, content=b"x" * 10_000_000)).status_code == 413
        assert await log() == ["order.changed"]

        # The shop switches its webhooks off and loses what happens meanwhile: both is put right by itself
        for one in world.fake.hooks:
            one["status"] = "disabled"
        world.fake._touched(world.fake.orders[1])
        desk.clock.forward(hours=7)
        await desk.runtime.traffic.tasks.due()
        await desk.work("connections")
        assert {one["status"] for one in world.fake.hooks} == {"active"}
        assert await log() == ["order.changed"] * 2
        assert await tell("order.updated", world.fake.orders[1]) == (200, "0"), "it is known already"
        assert world.everywhere(*NEVER, BOB) == []


async def test_an_order_that_we_changed_is_no_news(world):
    desk = world.desk
    async with world.browser() as browser:
        row = await world.connected(browser, notices=True, changes=True)
        await desk.work("connections")
        visitor = await world.identified(desk.domain, "2")
        await world.answered(visitor, "Cancel it.", [call("cancel_order", number="13")], "A colleague looks at it.")
        (run,) = await desk.runtime.approvals.all(desk.domain.scope, state="proposed", actor=MEMBER)
        await desk.runtime.approvals.decide(desk.domain.scope, run.id, approve=True, actor=MEMBER)
        assert world.fake.orders[0]["status"] == "refunded"
        hook = world.fake.hooks[0]
        headers, raw = world.fake.delivery("order.updated", world.fake.orders[0], hook["secret"])
        told = await browser.post(urlsplit(hook["delivery_url"]).path, content=raw, headers=headers)
        assert (told.status_code, told.headers["x-messages"]) == (200, "0")
        assert (await browser.get(f"{world.home}/connections/{row['id']}/log")).json()["data"] == []


async def test_a_shop_that_is_away_for_a_day_loses_nothing_and_the_business_is_told(world):
    desk = world.desk
    async with world.browser() as browser:
        row = await world.connected(browser, notices=True, changes=True)

        async def hour():
            desk.clock.forward(hours=1, minutes=1)
            await desk.runtime.traffic.tasks.due()
            await desk.work("connections")
            (shown,) = (await browser.get(f"{world.home}/connections")).json()["data"]
            return shown["state"]

        await desk.work("connections")
        assert await hour() == "connected"
        world.fake._touched(world.fake.orders[0])
        world.fake.failing = (503, "<html>Briefly unavailable</html>")
        states = [await hour() for _ in range(24)]
        assert states[-1] == "degraded"
        world.fake.failing = None
        world.fake._touched(world.fake.orders[1])
        for _ in range(3):
            state = await hour()
        assert state == "connected"
        log = (await browser.get(f"{world.home}/connections/{row['id']}/log")).json()["data"]
        assert [one["name"] for one in log] == ["order.changed"] * 2


async def test_what_the_shop_sells_is_knowledge_with_its_age_and_goes_with_the_connection(world):
    desk, fake = world.desk, world.fake
    page = f"{desk.domain.origins[0]}/product/12/"
    fake.products.append(product(15, "Red Kettle", permalink=f"{desk.domain.origins[0]}/product/15/"))

    async def known(words):
        """Passages of products that the domain's search finds, by title."""
        found = await desk.runtime.knowledge.search(desk.domain.scope, words)
        return {hit.passage.title: hit.passage for hit in found.hits if hit.passage.kind == "product"}

    async with world.browser() as browser:
        terms = await world.terms(browser)
        (taken,) = [one["taken"] for one in terms["features"] if one["key"] == "products"]
        assert "kept as knowledge" in taken, "the business agrees to just that"
        row = await world.connected(browser, notices=True, changes=True)
        await desk.work("connections")
        await desk.runtime.traffic.tasks.due()
        await desk.work("connections")
        chair = (await known("How much is the oak chair?"))["Oak Chair"]
        assert (chair.url, chair.read_at) == (page, desk.clock.now())
        facts = ("price", "currency", "availability", "quantity")
        assert [chair.facts[name] for name in facts] == ["49.90", "GBP", "in_stock", 3]
        assert "Red Kettle" in await known("red kettle")

        # A signed notice: the product is read anew, whatever the notice says; a guess changes nothing
        desk.clock.forward(minutes=30)
        hook, at = fake.hooks[0], desk.clock.now()
        address = urlsplit(hook["delivery_url"]).path
        fake.products[0] |= {"price": "59.90", "stock_quantity": 0, "stock_status": "outofstock"}
        fake._touched(fake.products[0])
        for secret, status in (("guessed", 401), (hook["secret"], 200)):
            notice = {**fake.products[0], "name": CANARY, "price": "1.00"}
            headers, raw = fake.delivery("product.updated", notice, secret)
            assert (await browser.post(address, content=raw, headers=headers)).status_code == status
            await desk.work("connections")
            chair = (await known("oak chair"))["Oak Chair"]
            said = (chair.facts["price"], chair.facts["availability"], chair.read_at == at)
            assert said == (("59.90", "out_of_stock", True) if status == 200 else ("49.90", "in_stock", False))

        # What is deleted is told by a webhook as well
        gone = fake.products.pop()
        headers, raw = fake.delivery("product.deleted", {"id": gone["id"]}, hook["secret"])
        assert (await browser.post(address, content=raw, headers=headers)).status_code == 200
        await desk.work("connections")
        assert list(await known("red kettle or oak chair")) == ["Oak Chair"]

        # And the end
        assert world.everywhere(*NEVER) == []
        assert (await browser.delete(f"{world.home}/connections/{row['id']}")).status_code == 204
        assert await known("oak chair") == {}
        assert desk.rows("select count(*) from omniops.page where domain_id = %s", desk.domain.id) == [(0,)]

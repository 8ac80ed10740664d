"""A shop from the first key to the last row by an operator's commands; visitors and members come by the API."""

from commanding import Operator
from woo_fake import CK, CS
from woo_stock import CANARY
from woo_world import ADA, call

NEVER = (CANARY, CK, CS, ADA)


async def test_a_shop_is_connected_asked_looked_after_and_ended_by_commands(world, monkeypatch):
    desk, fake = world.desk, world.fake
    omniops = Operator(desk.runtime, desk.domain, monkeypatch)
    values = ("--set", f"url={fake.url}", "--set", "access=read_write", "--on", "notices")
    made = await omniops("connection", "begin", "woocommerce", "--keys", *values, typed=(CK, CS, ""))
    assert "connected" in made.stderr
    assert not {CK, CS} & set(made.output.split())
    (row,) = await omniops.json("connection", "list")
    assert (row["kind"], row["state"]) == ("woocommerce", "connected")
    assert "may read products and orders" in (await omniops.json("connection", "check", "woocommerce"))["said"]
    await desk.work("connections")
    assert len(fake.hooks) == 8

    # What is sold is knowledge after a sync, and live in an answer, with its source
    await omniops("connection", "sync", "woocommerce", "catalogue")
    await desk.work("connections")
    syncs = {one["name"]: one for one in await omniops.json("connection", "syncs", "woocommerce")}
    assert (syncs["catalogue"]["state"], syncs["catalogue"]["done"]) == ("idle", 1)
    await desk.with_model([call("find_products", words="chair")], "It costs 49.90 GBP [T1].")
    answer = await omniops.json("ask", "What does the chair cost?")
    assert answer["text"] == "It costs 49.90 GBP."
    assert [source["title"] for source in answer["sources"]] == ["WooCommerce"], "live, and said to be"

    # What the shop tells stands in the log, and there are no dead letters
    headers, raw = fake.delivery("product.updated", fake.products[0], fake.hooks[0]["secret"])
    async with world.browser() as browser:
        address = f"/webhooks/woocommerce/{row['id']}"
        assert (await browser.post(address, content=raw, headers=headers)).headers["x-messages"] == "1"
        await desk.work("connections")
        (told,) = await omniops.json("connection", "log", "woocommerce")
        assert (told["name"], told["state"]) == ("product.changed", "done")
        assert await omniops.json("connection", "replay", "woocommerce") == {"count": 0}

        # A person takes over what was asked
        (conversation,) = (await browser.get(f"{world.home}/conversations")).json()["data"]
        at = f"{world.home}/conversations/{conversation['id']}"
        assert (await browser.post(f"{at}/take-over")).status_code == 200
        assert (await browser.post(f"{at}/messages", json={"text": "I am Mara."})).status_code == 201

        assert (await omniops.json("connection", "disconnect", "woocommerce"))["id"] == row["id"]
        assert (await browser.post(address, content=raw, headers=headers)).status_code == 404
    assert fake.hooks == []
    assert await omniops.json("connection", "list") == []
    for table in ("connection", "arrival", "connection_task", "page"):
        assert desk.rows(f"select * from omniops.{table} where domain_id = %s", desk.domain.id) == []
    assert world.everywhere(*NEVER) == []

"""The way to the other side and back: once, within ten minutes, for the member who went."""

from urllib.parse import parse_qs, urlsplit

import httpx2
from omniops.connections.granting import MINUTES
from omniops.operations.firsts import OPERATOR
from trade import CLIENT_SECRET, both


def asked(begun):
    return {name: values[0] for name, values in parse_qs(urlsplit(begun["url"]).query).items()}


async def test_a_member_connects_and_reads_what_happened(trading, mara):
    begun = (await trading.begin(mara)).json()
    sent = asked(begun)
    assert sent["prompt"] == "consent", "the address keeps its own parameters"
    assert sent["scope"] == "read_shop read_products read_stock", "least scopes: orders are off"
    assert sent["redirect_uri"].endswith("/oauth/callback")
    assert sent["code_challenge_method"] == "S256"
    led = await trading.back(mara, trading.market.browse(begun["url"]))
    assert (led.status_code, led.headers["location"]) == (303, f"/oauth/result/{begun['id']}"), "away from the code"
    page = await mara.browser.get(led.headers["location"])
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert "Trade is connected." in page.text
    assert "<script" not in page.text
    view = await trading.only()
    assert (view.kind, view.state, view.said) == ("trade", "connected", "The market answered.")
    assert [one.key for one in view.features if one.on] == ["products", "stock"]
    (given,) = await trading.connections.consents(trading.scope)
    assert (given.event, given.connection_id, given.feature) == ("given", view.id, "")
    assert [one["key"] for one in given.features] == ["products", "stock"]
    assert [one.event for one in await trading.connections.events(trading.scope, view.id)] == ["connected"]


async def test_tokens_lie_sealed_and_stand_in_no_answer(trading, mara, caplog):
    page = await trading.connected(mara)
    view = await trading.only()
    row = await mara.browser.get(f"/v1/domains/{trading.desk.domain.id}/connections/{view.id}")
    settings = await trading.connections.settings(trading.scope, view.id)
    secret = settings.access_token
    refresh = settings.tokens.refresh.get_secret_value()
    for table in ("connection", "connection_grant", "connection_event", "audit_entry"):
        place = trading.kept(table)
        for word in (secret, refresh, CLIENT_SECRET):
            assert word not in place
            assert word.encode().hex() not in place
    for said in (page.text, row.text, repr(settings), str(settings), caplog.text):
        assert secret not in said
        assert refresh not in said
    assert "tokens" not in row.json()


async def test_a_state_counts_once(trading, mara):
    begun = (await trading.begin(mara)).json()
    parameters = trading.market.browse(begun["url"])
    assert (await trading.back(mara, parameters)).status_code == 303
    again = await trading.back(mara, parameters)
    assert (again.status_code, "not valid any more" in again.text) == (404, True)
    assert trading.market.count("authorization_code") == 1
    await trading.only()


async def test_of_two_that_come_at_once_one_goes_on(trading, mara):
    begun = (await trading.begin(mara)).json()
    parameters = trading.market.browse(begun["url"])
    came = await both(trading.back(mara, parameters), trading.back(mara, parameters))
    assert sorted(one.status_code for one in came) == [303, 404]
    assert trading.market.count("authorization_code") == 1
    await trading.only()


async def test_a_state_is_of_the_session_that_began(trading, mara):
    begun = (await trading.begin(mara)).json()
    parameters = trading.market.browse(begun["url"])
    other_account = await trading.desk.new_domain()
    stranger = await trading.person(other_account.scope.account_id)
    for browser in (stranger, await trading.person()):  # of another account, and a colleague
        refused = await trading.back(browser, parameters)
        assert (refused.status_code, "Sign in as the member" in refused.text) == (403, True)
    mara.browser.cookies.clear()
    assert (await trading.back(mara, parameters)).status_code == 403, "nobody"
    assert trading.market.asked == [], "the market was asked nothing"
    mara.browser.cookies.set("omniops_session", mara.session)
    assert (await trading.back(mara, parameters)).status_code == 303, "nobody else used it up"
    assert (await stranger.browser.get(f"/oauth/result/{begun['id']}")).status_code == 404


async def test_what_the_command_line_began_a_member_of_the_account_finishes(trading, mara):
    begun = await trading.desk.runtime.granting.begin(trading.scope, "trade", {}, actor=OPERATOR)
    parameters = trading.market.browse(begun.url)
    other_account = await trading.desk.new_domain()
    stranger = await trading.person(other_account.scope.account_id)
    assert (await trading.back(stranger, parameters)).status_code == 403
    assert (await trading.back(mara, parameters)).status_code == 303
    (given,) = await trading.connections.consents(trading.scope)
    assert given.actor == str(OPERATOR), "who began it agreed to it"


async def test_a_state_ends_after_ten_minutes(trading, mara):
    begun = (await trading.begin(mara)).json()
    trading.desk.clock.forward(minutes=MINUTES)
    late = await trading.back(mara, trading.market.browse(begun["url"]))
    assert (late.status_code, trading.market.asked) == (404, [])
    trading.desk.clock.forward(hours=2)
    await trading.desk.runtime.granting.sweep()
    assert trading.desk.rows("select count(*) from omniops.connection_grant") == [(0,)]
    assert trading.desk.rows("select count(*) from omniops.lookup where kind = 'grant'") == [(0,)]


async def test_who_declines_there_reads_so(trading, mara):
    begun = (await trading.begin(mara)).json()
    led = await trading.back(mara, {"error": "access_denied", "state": asked(begun)["state"]})
    page = await mara.browser.get(led.headers["location"])
    assert "You declined. Nothing was saved." in page.text
    assert await trading.connections.all(trading.scope) == []


async def test_a_doubled_parameter_is_refused_and_uses_nothing_up(trading, mara):
    begun = (await trading.begin(mara)).json()
    parameters = trading.market.browse(begun["url"])
    doubled = [*parameters.items(), ("code", "another")]
    refused = await mara.browser.get("/oauth/callback", params=doubled)
    assert (refused.status_code, trading.market.asked) == (400, [])
    assert (await trading.back(mara, parameters)).status_code == 303


async def test_another_issuer_gets_no_code(trading, mara):
    for issuer in ("https://evil.example", None):
        begun = (await trading.begin(mara)).json()
        parameters = trading.market.browse(begun["url"])
        if issuer is None:
            del parameters["iss"]
        else:
            parameters["iss"] = issuer
        led = await trading.back(mara, parameters)
        page = await mara.browser.get(led.headers["location"])
        assert "another issuer" in page.text
    assert trading.market.asked == [], "the code went nowhere"
    assert await trading.connections.all(trading.scope) == []


async def test_nobody_but_us_is_where_the_browser_is_led(trading, mara):
    begun = (await trading.begin(mara, settings={"shop": "mine"})).json()
    away = trading.market.browse(begun["url"], redirect_uri="https://evil.example", next="//evil.example")
    led = await trading.back(mara, away)
    assert led.headers["location"] == f"/oauth/result/{begun['id']}"
    for given in ({"redirect_uri": "https://evil.example"}, {"tokens": {"access": "mine"}}):
        refused = await trading.begin(mara, settings=given)
        assert (refused.status_code, refused.json()["code"]) == (422, "bad_connection")


async def test_a_code_that_was_used_connects_nothing(trading, mara):
    begun = (await trading.begin(mara)).json()
    parameters = trading.market.browse(begun["url"])
    trading.market.codes.clear()  # somebody was faster
    led = await trading.back(mara, parameters)
    page = await mara.browser.get(led.headers["location"])
    assert "is not connected" in page.text
    assert "refresh-abc" not in page.text, "the other side's words are not repeated"
    assert await trading.connections.all(trading.scope) == []


async def test_a_code_without_its_verifier_is_worth_nothing(trading, mara):
    first, second = (await trading.begin(mara)).json(), (await trading.begin(mara)).json()
    stolen = trading.market.browse(first["url"])["code"]
    led = await trading.back(mara, {"code": stolen, "state": asked(second)["state"], "iss": "https://trade.example"})
    page = await mara.browser.get(led.headers["location"])
    assert "is not connected" in page.text
    assert await trading.connections.all(trading.scope) == []


async def test_what_was_not_granted_is_off_and_shown(trading, mara):
    trading.market.grants = ["read_shop", "read_products"]
    page = await trading.connected(mara)
    assert "in part" in page.text
    assert "Stock" in page.text
    view = await trading.only()
    stock = next(one for one in view.features if one.key == "stock")
    assert (stock.wanted, stock.on, stock.missing) == (True, False, ("read_stock",))
    link = await trading.connections.link(trading.scope, view.id)
    assert link.features == {"products"}
    trading.market.grants = None
    begun = (await trading.begin(mara, f"connections/{view.id}/begin")).json()
    await trading.back(mara, trading.market.browse(begun["url"]))
    again = await trading.only()
    assert (again.id, [one.key for one in again.features if one.on]) == (view.id, ["products", "stock"])


async def test_an_extra_category_needs_a_yes_of_its_own(trading, mara):
    terms = (await mara.browser.get(f"/v1/domains/{trading.desk.domain.id}/plugins/trade/terms")).json()
    (extra,) = terms["extras"]
    assert (extra["feature"], extra["features"][0]["taken"]) == ("orders", "orders of the last 60 days")
    refused = await trading.begin(mara, features={"orders": True})
    assert (refused.status_code, refused.json()["code"]) == (422, "not_agreed")
    refused = await trading.begin(mara, features={"orders": True}, agreed_features={"orders": terms["version"]})
    assert refused.json()["code"] == "not_agreed", "the yes to the whole is none to this"
    await trading.connected(mara)
    view = await trading.only()
    at = f"/v1/domains/{trading.desk.domain.id}/connections/{view.id}"
    refused = await mara.browser.put(f"{at}/features/orders", json={"on": True})
    assert (refused.status_code, refused.json()["code"]) == (422, "not_agreed")
    switched = await mara.browser.put(f"{at}/features/orders", json={"on": True, "agreed": extra["version"]})
    orders = next(one for one in switched.json()["features"] if one["key"] == "orders")
    assert (orders["wanted"], orders["on"], orders["missing"]) == (True, False, ["read_orders"]), "no scope, not on"
    again = {"agreed_features": {"orders": extra["version"]}}
    begun = (await trading.begin(mara, f"connections/{view.id}/begin", **again)).json()
    await trading.back(mara, trading.market.browse(begun["url"]))
    assert "orders" in (await trading.connections.link(trading.scope, view.id)).features
    await mara.browser.put(f"{at}/features/orders", json={"on": False})
    said = [(one.event, one.feature) for one in await trading.connections.consents(trading.scope)]
    assert ("given", "orders") in said
    assert said[-1] == ("withdrawn", "orders")
    assert "orders" not in (await trading.connections.link(trading.scope, view.id)).features


async def test_a_shop_is_connected_once(trading, mara):
    await trading.connected(mara)
    other = await trading.desk.new_domain()
    thief = await trading.person(other.scope.account_id)
    begun = (await trading.begin(thief, domain=other)).json()
    led = await trading.back(thief, trading.market.browse(begun["url"]))
    page = await thief.browser.get(led.headers["location"])
    assert "connected already" in page.text
    assert trading.market.revoked == [], "the access of the one that stands is left alone"
    found = await trading.connections.found("trade", trading.market.shop)
    assert found == (trading.scope, (await trading.only()).id)
    assert await trading.connections.found("trade", "another") is None


async def test_a_second_way_that_fails_ends_no_access_of_the_first(trading, mara):
    """The other side ends all access of an account at once: that of another domain's connection as well."""
    await trading.connected(mara)
    other = await trading.desk.new_domain()
    second = await trading.person(other.scope.account_id)
    trading.market.ill = True
    begun = (await trading.begin(second, domain=other)).json()
    led = await trading.back(second, trading.market.browse(begun["url"]))
    assert "Nothing was saved." in (await second.browser.get(led.headers["location"])).text
    assert trading.market.revoked == []


async def test_another_shop_does_not_take_a_connections_place(trading, mara):
    await trading.connected(mara)
    view = await trading.only()
    trading.market.shop = "shop-elsewhere"
    begun = (await trading.begin(mara, f"connections/{view.id}/begin")).json()
    led = await trading.back(mara, trading.market.browse(begun["url"]))
    assert "another account" in (await mara.browser.get(led.headers["location"])).text
    settings = await trading.connections.settings(trading.scope, view.id)
    assert settings.tokens.extra["shop"] != "shop-elsewhere"


async def test_access_that_does_not_work_is_given_back(trading, mara):
    trading.market.ill = True
    page = await trading.connected(mara)
    assert "The shop is closed. Nothing was saved." in page.text
    assert len(trading.market.revoked) == 1
    assert await trading.connections.all(trading.scope) == []


async def test_without_the_operators_client_nothing_begins(trading, mara, monkeypatch):
    (plugin,) = [one.plugin for one in trading.desk.runtime.seams.loaded if one.name == "trade"]
    monkeypatch.setattr(plugin, "client_id", "")
    refused = await trading.begin(mara)
    assert refused.status_code == 503
    assert "The operator sets it" in refused.json()["detail"]


async def test_a_store_hands_its_key_over_once(trading, mara):
    domain = f"/v1/domains/{trading.desk.domain.id}"
    terms = (await mara.browser.get(f"{domain}/plugins/trade/terms", params={"kind": "trade-keys"})).json()
    asking = {"plugin": "trade", "kind": "trade-keys", "settings": {"store": "mine"}, "agreed": terms["version"]}

    async def begun():
        sent = asked((await mara.browser.post(f"{domain}/connections/begin", json=asking)).json())
        return sent["user_id"], urlsplit(sent["callback"]).path, urlsplit(sent["return"]).path

    async def post(path, **said):
        async with httpx2.AsyncClient(base_url=trading.base, timeout=60) as store:
            return await store.post(path, json=said)

    state, path, page = await begun()
    assert (await post(path, key="good", user_id="oo_state_guessed")).status_code == 404
    assert (await post("/oauth/handover/trade", key="good", user_id=state)).status_code == 404, "not by another kind"
    assert (await post(path, key="good")).status_code == 422
    assert "has not answered yet" in (await mara.browser.get(page)).text
    assert (await post(path, key="good", user_id=state)).status_code == 200
    assert "Trade by keys is connected." in (await mara.browser.get(page)).text
    assert (await post(path, key="evil", user_id=state)).status_code == 404, "a state counts once"
    view = await trading.only()
    settings = await trading.connections.settings(trading.scope, view.id)
    assert (view.kind, settings.store, settings.key.get_secret_value()) == ("trade-keys", "mine", "good")
    state, path, page = await begun()
    await post(path, key="wrong", user_id=state)
    assert "does not know this key. Nothing was saved." in (await mara.browser.get(page)).text
    assert len(await trading.connections.all(trading.scope)) == 1

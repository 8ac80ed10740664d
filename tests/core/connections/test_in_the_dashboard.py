"""The way to the other side from the dashboard: by a link, agreed to as the page showed it, and again."""

import re
from html import unescape

import pytest

PAGE = {"accept": "text/html"}


@pytest.fixture
def desk_member(trading, mara, monkeypatch):
    """A member before the dashboard: gives what sends a form of the page that was opened last."""
    monkeypatch.setitem(trading.desk.runtime.settings.__dict__, "public_url", trading.base)
    place = f"/app/{trading.desk.domain.id}/integrations"

    async def look(path):
        answer = await mara.browser.get(place + path, headers=PAGE)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def send(page, path, **changes):
        fields = dict(re.findall(r'type="hidden" name="([\w.]+)" value="([^"]*)"', page)) | changes
        kept = {name: value for name, value in fields.items() if name in ("token", "way") or "." in name}
        origin = {**PAGE, "origin": trading.base}
        return await mara.browser.post(place + path, data={**kept, "agreed": fields["agreed"]}, headers=origin)

    return look, send


async def test_access_is_given_by_a_link_and_the_page_shows_what_came_of_it(trading, mara, desk_member):
    look, send = desk_member
    page = await look("/new/trade")
    assert "orders of the last 60 days" in page
    answer = await send(page, "/new/trade/connect", **{"feature.products": "yes", "field.shop": "shop-1"})
    assert answer.status_code == 200, answer.text
    link = unescape(re.search(r'class="button primary" href="([^"]+)"', answer.text)[1])
    assert "<form" not in answer.text.split("<main")[1], "a form may lead nowhere else"
    led = await trading.back(mara, trading.market.browse(link))
    result = await mara.browser.get(led.headers["location"])
    view = await trading.only()
    assert [one.key for one in view.features if one.on] == ["products"]
    assert f"/app/{trading.desk.domain.id}/integrations/{view.id}" in result.text
    assert "Working." in await look(f"/{view.id}")


async def test_connecting_again_agrees_to_what_the_page_showed_and_to_nothing_newer(trading, mara, desk_member):
    look, send = desk_member
    (orders,) = trading.connections.feature_terms("trade")
    await trading.connected(mara, features={"orders": True}, agreed_features={"orders": orders.version})
    view = await trading.only()
    page = await look(f"/{view.id}")
    assert f'name="agreed.orders" value="{orders.version}"' in page
    refused = await send(page, f"/{view.id}/again", **{"agreed.orders": "0" * 64})
    assert refused.status_code in (409, 422)
    assert "Agree to what" in refused.text
    assert (await send(page, f"/{view.id}/again", **{"agreed.orders": ""})).status_code in (409, 422)
    way = await send(page, f"/{view.id}/again")
    assert way.status_code == 200, way.text
    link = unescape(re.search(r'class="button primary" href="([^"]+)"', way.text)[1])
    await trading.back(mara, trading.market.browse(link))
    given = [one.feature for one in await trading.connections.consents(trading.scope) if one.event == "given"]
    assert sorted(given) == ["", "", "orders", "orders"]


async def test_what_has_changed_since_is_said_before_one_agrees_again(trading, mara, desk_member):
    look, _ = desk_member
    await trading.connected(mara)
    view = await trading.only()
    assert "has changed since you agreed" not in await look(f"/{view.id}")
    trading.desk.rows(
        "update omniops.connection_consent set version = repeat('0', 64) where connection_id = %s", view.id
    )
    assert "What it receives has changed since you agreed" in await look(f"/{view.id}")

"""The shop of the page, in a real turn: its products are found, and it has no orders to show."""

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest
from omniops.contracts.commerce import ShopUse
from omniops.conversation.orders import checks
from omniops.conversation.orders.shops import Shop
from omniops.conversation.tools.shop import ShopTools
from omniops.errors import NotFound, Rejected
from omniops.testing import context, link_of

PAGE = (Path(__file__).parents[2] / "docs" / "shops.md").read_text()
BLOCK = re.compile(r"^```\w+ title=\"([^\"]+)\"\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """The page's plugin."""
    for title, text in BLOCK.findall(PAGE):
        (tmp_path / title).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / title).write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "src")
    kind = import_module("omniops_pricelist").PriceListPlugin
    yield kind(context("pricelist", kind.Settings(), folder=tmp_path))
    del sys.modules["omniops_pricelist"]


@pytest.fixture
def shop(plugin):
    prices = {"teapot": "42.00", "tea cup": "7.50", "kettle": "64.00"}
    connection = plugin.Connection(site="https://shop.example", prices=prices)
    (found,) = plugin.shops()
    link = link_of(connection, kind="pricelist")

    async def through(work):
        return await work(link)

    return Shop(found, "pricelist", ShopUse(link.scope, connection), through)


async def test_the_shop_of_the_page_keeps_the_contract(shop):
    first = await shop.commerce.search(shop.use, "TEA", limit=1)
    second = await shop.commerce.search(shop.use, "TEA", cursor=first.cursor, limit=1)
    assert [one.id for one in (*first.items, *second.items)] == ["tea cup", "teapot"]
    assert second.cursor is None
    assert str((await shop.product("kettle")).price) == "64.00 EUR"
    with pytest.raises(Rejected):
        await shop.commerce.search(shop.use, "TEA", cursor="next")
    with pytest.raises(NotFound):
        await shop.product("pan")
    assert await shop.order("1001") is None


def test_the_tools_and_figures_of_the_page_are_those_of_the_code(shop):
    every = {name for name, value in vars(ShopTools).items() if not name.startswith("_") and name != "offered"}
    assert set(re.findall(r"`(\w+)`", PAGE.partition("| tool |")[2].partition("\n\n")[0])) == every
    offered = [each.tool.name for each in ShopTools(shop, None, None).offered()]
    assert offered == ["find_products", "product_details"]
    said = (checks.DIGITS, checks.LIFE.total_seconds() / 60, checks.TRIES, checks.SHOWS.total_seconds() / 3600)
    assert said == (8, 10, 5, 1)
    assert (checks.PER_VISITOR, checks.PER_ORDER, checks.PER_ADDRESS, checks.PER_DOMAIN) == (5, 5, 5, 200)

"""The double beside the tests that use it, and journeys need a desk with a real runtime."""

import sys
from pathlib import Path

import pytest
from omniops.contracts.commerce import ShopUse
from omniops.contracts.ids import new_id
from omniops.contracts.scope import Scope
from omniops.testing import AnsweringGate, context
from omniops.testing.scratch import scratch_server
from omniops_shopify import ShopifyPlugin

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3] / "tests" / "core"))
from fake_shopify import FakeShopify
from shopify_stock import ALL, EVERY, SETTINGS, connection, stocked


@pytest.fixture
def shopify():
    return FakeShopify()


@pytest.fixture
def gate(shopify):
    return AnsweringGate(shopify.answer, processors=["shopify"])


@pytest.fixture
def plugin(gate, tmp_path):
    return ShopifyPlugin(context("shopify", SETTINGS, folder=tmp_path, gate=gate))


@pytest.fixture
def integration(plugin):
    return plugin.integrations()[0]


@pytest.fixture
def shop(plugin):
    return plugin.shops()[0]


@pytest.fixture
def use(shopify):
    token = shopify.install("teapots", stocked(), ALL)
    return ShopUse(Scope(new_id(), new_id()), connection(token), EVERY)


@pytest.fixture(scope="session")
def postgres():
    with scratch_server() as server:
        yield server


@pytest.fixture(scope="module")
def links(postgres):
    return postgres.database()


@pytest.fixture(scope="module")
async def opened_world(postgres, links, tmp_path_factory):
    from shopify_world import opened_shop

    async with opened_shop(postgres, links, tmp_path_factory.mktemp("shopify")) as world:
        yield world


@pytest.fixture
async def shopping(opened_world):
    await opened_world.begin_anew()
    yield opened_world
    await opened_world.browser.aclose()

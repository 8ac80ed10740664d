"""The fake shop is a module beside the tests, and journeys need a desk with a real runtime."""

import sys
from pathlib import Path

import pytest
from omniops.testing.scratch import scratch_server

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3] / "tests" / "core"))


@pytest.fixture(scope="session")
def postgres():
    with scratch_server() as server:
        yield server


@pytest.fixture(scope="module")
def links(postgres):
    return postgres.database()


@pytest.fixture
def bench(tmp_path):
    from woo_bench import Bench

    made = Bench(tmp_path)
    yield made
    assert not made.fake.strange, f"outside of the contract: {made.fake.strange}"


@pytest.fixture(scope="module")
async def opened_world(postgres, links, tmp_path_factory):
    from woo_world import opened_world

    async with opened_world(postgres, links, tmp_path_factory.mktemp("woo")) as world:
        yield world


@pytest.fixture
async def world(opened_world):
    """A fresh domain where the plugin is on, and its shop: two customers, a product of the website's."""
    from omniops.operations.firsts import OPERATOR
    from woo_stock import order, product
    from woo_world import ADA, BOB

    desk, fake = opened_world.desk, opened_world.fake
    desk.domain = await desk.new_domain()
    await desk.runtime.accounts.switch(desk.domain.scope, "woocommerce", on=True, actor=OPERATOR)
    desk.model.begin()
    desk.mailer.begin()
    page = f"{desk.domain.origins[0]}/product/12/"
    fake.begin([product(12, "Oak Chair", permalink=page)], [order(13, ADA, 2), order(14, BOB, 3)])
    opened_world.second.begin([], [])
    yield opened_world
    assert not fake.strange + opened_world.second.strange, "outside of the contract"

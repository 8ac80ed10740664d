"""A desk whose domain has a shop with two customers and a guest, and may have an address book."""

import pytest
from customers import ANN, BOB, INJECTION, connected
from desk import opened
from omniops.testing.upstream import write_authority
from rolodex import RolodexPlugin
from shop import ShopPlugin, Stock, order, product, reachable, serving_shop


@pytest.fixture(scope="module")
async def opened_desk(postgres, links, tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    authority = write_authority(folder / "ca.pem")
    async with serving_shop() as server:
        kind = type("Port", (ShopPlugin,), {"__doc__": ShopPlugin.__doc__, "port": server.port})
        async with opened(
            links, postgres.root, folder, beside={"shop": kind, "rolodex": RolodexPlugin}, tls_ca=authority
        ) as desk:
            desk.other = await desk.new_domain()
            desk.shop = server
            await reachable(desk.runtime, server.port)
            yield desk


@pytest.fixture
async def stock(desk):
    """The domain's shop: two customers, and a guest."""
    desk.shop.failing, desk.shop.asked = None, []
    desk.model.begin()
    return await connected(
        desk,
        desk.domain,
        Stock(
            products=[
                product(9007199254740993, "Teapot", site=desk.domain.origins[0], variants=("Blue", "Red")),
                product(9007199254740994, "Cup", 0, text=INJECTION, site=desk.domain.origins[0]),
                product(9007199254740995, "Foreign pot", site="https://elsewhere.example"),
            ],
            orders=[
                order(8209829119461545001, "#1001", ANN, "c-ann", title="Teapot of Ann"),
                order(8209829119461545002, "#1002", BOB, "c-bob", title="Kettle of Bob", state="open"),
                order(8209829119461545003, "#10010", "guest@customers.example", title="Samovar"),
            ],
            terms=[{"kind": "returns", "title": "Returns", "text": "Send it back unused.", "days": 30}],
        ),
    )

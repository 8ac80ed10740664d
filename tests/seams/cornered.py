"""The corner shop of core's tests, as the author of its plugin would try it."""

import sys
from pathlib import Path

import httpx2
import pytest
from omniops.contracts.commerce import Address, Cancel, ChangeAddress, Refund
from omniops.testing import AnsweringGate, Stocked

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))

from shop import ShopCommerce, ShopPlugin, ShopServer, Stock, order, product

ANN = "ann@customers.example"
TO = Address("Ann", "New Road 1", "10115", "Berlin", "DE")


class Cornered:
    """The corner shop behind a gate whose other side is its server."""

    plugin_name = "shop"
    connection_values = {"key": "right"}  # noqa: RUF012
    commerce = ShopCommerce

    @pytest.fixture
    def plugin_class(self):
        return ShopPlugin

    @pytest.fixture
    def server(self):
        made = ShopServer()
        made.stocks["right"] = Stock(
            products=[product(9007199254740993 + n, f"Pot {n}", variants=("Blue", "Red")) for n in range(5)],
            orders=[
                order(8209829119461545001, "#1001", ANN, "c-ann", state="open"),
                order(8209829119461545002, "#1002", ANN, "c-ann", placed="2026-11-22T08:00:00+01:00"),
                order(8209829119461545003, "#10010", "bob@customers.example", "c-bob", state="delivered"),
            ],
            terms=[{"kind": "returns", "title": "Returns", "text": "Unused, please.", "days": 30}],
        )
        return made

    @pytest.fixture
    def gate(self, server):
        def answer(request):
            status, value = server.respond(
                request.method, str(request.url.raw_path, "ascii"), request.headers, request.content
            )
            return httpx2.Response(status, **({"content": value} if isinstance(value, bytes) else {"json": value}))

        return AnsweringGate(answer, processors=["shop"])

    @pytest.fixture
    def plugin(self, plugin_class, context):
        made = plugin_class(context)
        made.commerce.__class__ = self.commerce
        return made

    @pytest.fixture
    def stocked(self):
        return Stocked(
            words="pot",
            product_id="9007199254740993",
            number="#1001",
            customer_id="c-ann",
            email=ANN,
            no_numbers=("100", "10011", "8209829119461545001", "1001 1002"),
            changeable="1001",
            # Done to one order one after the other.
            wishes={"change_address": ChangeAddress(TO), "refund": Refund("late"), "cancel": Cancel("late")},
            settled="10010",
            refused=(Cancel(), ChangeAddress(TO)),
        )

    @pytest.fixture
    def changes(self, server):
        return lambda: len(server.stocks["right"].changes)

    @pytest.fixture
    def unwell(self, server):
        def fail(status, body):
            server.failing = (status, body.encode())

        return fail

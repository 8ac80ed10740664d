"""The plugin of the page, in real turns: who may look, what runs, what waits for a person."""

import hashlib
import hmac
import re
import sys
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from desk import collect
from model_desk import ModelPlugin
from omniops import hookimpl
from omniops.contracts.provider import ToolCall
from omniops.contracts.scope import Actor
from omniops.defaults.hybrid import HybridPlugin
from omniops.defaults.website import WebsitePlugin
from omniops.operations.firsts import OPERATOR
from omniops.plugins.loading import Plugins
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.testing import context
from omniops.testing.signed import sign_all

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial-tools.md").read_text()
BLOCK = re.compile(r"^```\w+ title=\"([^\"]+)\"\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARA = Actor("member", "mara")


class Model(ModelPlugin):
    """A model without tools of its own."""

    @hookimpl
    def tools(self):
        return []


@pytest.fixture
def page(tmp_path, monkeypatch):
    """The page's package and its tests."""
    for title, text in BLOCK.findall(PAGE):
        (tmp_path / title).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / title).write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "src")
    monkeypatch.syspath_prepend(tmp_path / "tests")
    yield import_module("omniops_orders"), import_module("test_orders")
    for name in ("omniops_orders", "test_orders"):
        del sys.modules[name]


@pytest.fixture
def plugin(page, tmp_path):
    kind = page[0].OrdersPlugin
    return kind(context("orders", kind.Settings(), folder=tmp_path))


async def test_the_pages_own_tests_pass(page, plugin):
    tools = {tool.name: tool for tool in plugin.tools()}
    await page[1].test_customers_see_their_own_orders_only(tools)
    page[1].test_arguments_that_do_not_fit_never_arrive(tools)


async def test_in_a_turn_they_keep_to_their_risk(page, plugin, postgres, links, tmp_path):
    kinds = {"website": WebsitePlugin, "hybrid": HybridPlugin, "model": Model}
    made = {name: kind(context(name, kind.Settings(), folder=tmp_path)) for name, kind in kinds.items()}
    made["orders"], model = plugin, made["model"].provider
    orders = page[0].ORDERS["1042"]
    settings = Settings(data_dir=tmp_path, keys_dir=tmp_path / "keys", encoder="none", plugins=list(made))
    async with Runtime.open(settings, links, postgres.root, plugins=Plugins.of(**made)) as runtime:
        await sign_all(runtime)
        account = await runtime.accounts.create("Shop", actor=OPERATOR)
        domain = await runtime.accounts.add_domain(account, "Shop", ["https://shop.example"], actor=OPERATOR)
        for name in ("model", "orders"):
            await runtime.accounts.switch(domain.scope, name, on=True, actor=OPERATOR)
        _, visitor = await runtime.visitors.open(domain, "en")

        async def told(name, **args):
            """What the model is told of its call."""
            model.begin([ToolCall(uuid4().hex, name, args)], "That is all.")
            await collect(await runtime.conversations.ask(visitor, domain, "Please.", uuid4().hex, "en"))
            return model.requests[1].rounds[0].results[0].text

        assert "not signed in" in await told("order_status", number="1042")
        identities = runtime.visiting.identities
        _, secret = await identities.new_secret(domain.scope, overlap=timedelta(0), actor=OPERATOR)
        visitor = await identities.identify(
            visitor, domain, ("c-7", hmac.new(secret.encode(), b"c-7", hashlib.sha256).hexdigest())
        )
        assert "Order 1042 left on Monday." in await told("order_status", number="1042")
        assert "There is no order 1043 of yours." in await told("order_status", number="1043")
        assert "New Road 2 now" in await told("change_address", number="1042", street="New Road 2")
        assert orders["street"] == "New Road 2"
        assert "approve" in await told("refund", number="1042", amount=20)
        assert "refunded" not in orders
        (run,) = await runtime.approvals.all(domain.scope, state="proposed", actor=MARA)
        await runtime.approvals.decide(domain.scope, run.id, approve=True, actor=MARA)
        assert orders["refunded"] == 20

"""The channel of the tutorial, taken from the page, in a whole runtime: settings, register, conversation, delivery."""

import asyncio
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest
from omniops.contracts.scope import Actor
from omniops.defaults.hybrid import HybridPlugin
from omniops.defaults.quoting import QuotingPlugin
from omniops.defaults.website import WebsitePlugin
from omniops.errors import EgressRefused, Rejected
from omniops.gate.grants import Grant
from omniops.inbox.queue import Wanted
from omniops.jobs.service import LISTENING, QUEUES
from omniops.operations.firsts import OPERATOR
from omniops.plugins.loading import Plugins
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.testing import AnsweringGate, context

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial-channel.md").read_text()
BLOCK = re.compile(r"^```\w+ title=\"([^\"]+)\"\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def page(tmp_path, monkeypatch):
    """The page's package and the page's own double of the messenger."""
    for title, text in BLOCK.findall(PAGE):
        (tmp_path / title).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / title).write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "src")
    monkeypatch.syspath_prepend(tmp_path / "tests")
    yield import_module("omniops_line"), import_module("test_line").Messenger()
    for name in [name for name in sys.modules if name.split(".")[0] in ("omniops_line", "test_line")]:
        del sys.modules[name]


async def test_people_on_line_are_answered(page, postgres, links, tmp_path):
    package, messenger = page
    kinds = {"website": WebsitePlugin, "hybrid": HybridPlugin, "quoting": QuotingPlugin}
    made = {name: kind(context(name, kind.Settings(), folder=tmp_path)) for name, kind in kinds.items()}
    moved = asyncio.Event()

    async def answer(request):
        """As the messenger does: with nothing new, it waits."""
        while request.method == "GET" and int(request.url.params.get("after", -1)) >= len(messenger.events):
            moved.clear()
            await moved.wait()
        found = messenger.answer(request)
        moved.set()
        return found

    gate = AnsweringGate(answer, processors=["line"])
    settings = package.LineSettings()
    made["line"] = package.LinePlugin(context("line", settings, folder=tmp_path, gate=gate))
    settings = Settings(data_dir=tmp_path, keys_dir=tmp_path / "keys", encoder="none", plugins=list(made))
    async with Runtime.open(settings, links, postgres.root, plugins=Plugins.of(**made)) as runtime:
        row = runtime.register.get("line")
        assert (row.plugin, row.processor.name, row.processor.hosts) == ("line", "Line Ltd", ("api.line.example",))
        assert runtime.register.admit(Grant("line", "chat.respond"), "api.line.example", 443).tls == "1.3"
        with pytest.raises(EgressRefused):
            runtime.register.admit(Grant("line", "chat.respond"), "elsewhere.example", 443)

        account = await runtime.accounts.create("Shop", actor=OPERATOR)
        domain = await runtime.accounts.add_domain(account, "Shop", ["https://shop.example"], actor=OPERATOR)
        scope = domain.scope
        await runtime.accounts.switch(scope, "line", on=True, actor=OPERATOR)
        with pytest.raises(Rejected, match="token"):
            await runtime.connections.connect(scope, "line", {}, actor=OPERATOR)
        await runtime.connections.connect(scope, "line", {"token": "good"}, actor=OPERATOR)

        async def deliveries():
            """Of the AI's messages, once it has one."""
            found = await runtime.inbox.queue.page(scope, Wanted())
            read = [await runtime.inbox.read(scope, one.id, actor=Actor("member", "m")) for one in found]
            return [
                (message.text, message.delivery) for messages in read for message in messages if message.author == "ai"
            ]

        working = asyncio.create_task(runtime.jobs.work([*QUEUES, LISTENING]))
        async with asyncio.timeout(60):
            while [one.heard_at for one in await runtime.connections.all(scope)] == [None]:
                await asyncio.to_thread(lambda: None)
            messenger.write("t1", "How long does it take?")
            moved.set()
            while [state for _, state in await deliveries()] != ["delivered"]:
                await asyncio.to_thread(lambda: None)
        assert [one.listening for one in await runtime.connections.all(scope)] == ["listening"]
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    (said,) = messenger.sent
    assert said.index("You are writing to an AI") < said.index("I found nothing about that")

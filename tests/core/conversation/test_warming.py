"""Providers are warmed beside the work of a process, which waits for none of them."""

import asyncio
import sys

import httpx2
import psycopg
import pytest
from omniops.bootstrap import Prepared
from omniops.conversation.warming import warming
from omniops.server.serving import _serve, bind
from omniops.settings import Settings
from omniops.worker import _work

PLUGIN = """
import asyncio
from omniops import Info, Plugin, hookimpl
from omniops.contracts.provider import Deployment, Provider

WARMED, GIVEN_UP = [], []


class Warmed(Provider):
    def __init__(self, name, keyed=True):
        self.name, self.keyed = name, keyed

    def deployments(self):
        return [Deployment(f"{self.name}/m", self.name, "m", "eu", None, keyed=self.keyed)]

    def stream(self, request, deployment, *, limits, connection=None):
        raise NotImplementedError

    async def warm(self):
        WARMED.append(self.name)
        if self.name == "failing":
            raise OSError("no such SDK")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            GIVEN_UP.append(self.name)
            raise


class WarmPlugin(Plugin):
    '''Warms slowly, or not at all.'''

    info = Info(title="Warm", version="1.0", omniops=">=0.1,<0.2")

    @hookimpl
    def providers(self):
        return [Warmed("failing"), Warmed("slow"), Warmed("keyless", keyed=False)]
"""


class Log:
    """Keeps what is logged."""

    def __init__(self):
        self.said = []

    def error(self, event, **fields):
        self.said.append((event, fields["provider"], fields["error"]))


@pytest.fixture
def warm(tmp_path, monkeypatch):
    """The plugin, installed. Gives its module."""
    (tmp_path / "warm_plugin.py").write_text(PLUGIN)
    info = tmp_path / "omniops_warm-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: omniops-warm\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[omniops.plugins]\nwarm = warm_plugin:WarmPlugin\n")
    monkeypatch.syspath_prepend(tmp_path)
    import warm_plugin

    yield warm_plugin
    del sys.modules["warm_plugin"]


@pytest.fixture
def process(tmp_path, postgres, links):
    """What a process with the plugin is started with."""
    plugins = ["website", "hybrid", "quoting", "warm"]
    return Settings(data_dir=tmp_path, keys_dir=tmp_path / "keys", encoder="none", plugins=plugins), Prepared(
        links, postgres.root
    )


async def until(true):
    async with asyncio.timeout(30):
        while not true():
            await asyncio.to_thread(lambda: None)


async def ended(task):
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_web_process_serves_while_a_provider_warms_and_another_fails(warm, process):
    settings, ready = process
    listener = bind("127.0.0.1", 0)
    serving = asyncio.create_task(_serve(settings, ready, listener))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/healthz"
    async with asyncio.timeout(30), httpx2.AsyncClient() as http:
        assert (await http.get(url, timeout=30)).status_code < 500
    assert not serving.done()
    assert warm.WARMED == ["failing", "slow"]
    await ended(serving)
    assert warm.GIVEN_UP == ["slow"]


async def test_the_worker_works_while_a_provider_warms_and_another_fails(warm, process):
    settings, ready = process

    def at_work():
        with psycopg.connect(ready.links.admin.conninfo()) as connection:
            return connection.execute("select 1 from jobs.procrastinate_workers").fetchall() != []

    working = asyncio.create_task(_work(settings, ready, ["default"], 1))
    await until(lambda: warm.WARMED == ["failing", "slow"])
    await until(at_work)
    await ended(working)
    assert warm.GIVEN_UP == ["slow"]


async def test_what_cannot_be_warmed_is_logged_and_nothing_else(warm):
    log = Log()
    async with warming([warm.Warmed("failing"), warm.Warmed("keyless", keyed=False)], log):
        await until(lambda: log.said)
    assert log.said == [("provider.not_warmed", "failing", "OSError")]
    assert warm.WARMED == ["failing"]

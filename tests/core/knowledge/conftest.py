"""A website on loopback whose pages a test writes, and a runtime that may read it."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from omniops.contracts.ids import SystemClock
from omniops.gate.grants import Allow
from omniops.operations.firsts import Firsts
from omniops.runtime import Runtime
from omniops.settings import Settings

PLUGINS = ["website", "site", "quoting", "hybrid"]


@dataclass
class Site:
    """Routes by path: text, bytes, a (status, headers, body) triple, or a handler. Counts visits."""

    routes: dict = field(default_factory=dict)
    visits: list = field(default_factory=list)
    port: int = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    async def answer(self, request):
        self.visits.append(request.path_qs)
        found = self.routes.get(request.path_qs, self.routes.get(request.path, self.routes.get("*")))
        if callable(found):
            found = await found(request)
        if isinstance(found, web.StreamResponse):
            return found
        if found is None:
            return web.Response(status=404, text="not here")
        if isinstance(found, tuple):
            status, headers, body = found
            return web.Response(status=status, headers=headers, body=body)
        if isinstance(found, bytes):
            return web.Response(body=found, content_type="text/html")
        return web.Response(text=found, content_type="text/html")

    @asynccontextmanager
    async def serving(self):
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.port = site._server.sockets[0].getsockname()[1]
            yield self
        finally:
            await runner.cleanup()


@pytest.fixture
async def site():
    async with Site().serving() as site:
        yield site


@pytest.fixture(scope="module")
async def runtime(postgres, links, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    settings = Settings(data_dir=folder, keys_dir=folder / "keys", plugins=PLUGINS, encoder="none")
    async with Runtime.open(settings, links, postgres.root, clock=SystemClock(), migrate=True) as runtime:
        yield runtime


@pytest.fixture
async def crawl(runtime, site):
    """Crawls the site as a fresh domain and returns the report as `omniops crawl --json` prints it."""
    firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
    account = (await firsts.ensure("Test")).account_id
    await runtime.allows.add(Allow("127.0.0.1", site.port, "the site of this test", plaintext=True))

    async def run(path=""):
        domain, source = await firsts.ensure_site(account, site.url + path)
        run.domain = domain
        report = await runtime.knowledge.crawl(domain.scope, source.id)
        found = report.to_json()
        found["by_path"] = {p["url"].removeprefix(site.url.rstrip("/")): p["code"] for p in found["problems"]}
        return found

    return run

"""A real Chromium, a site on loopback, and everything that a page may try to reach beside it."""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from omniops.contracts.ids import SystemClock
from omniops.errors import NotReachable, NotReady
from omniops.gate.grants import Allow
from omniops.operations.firsts import OPERATOR, Firsts
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.testing import PluginSuite
from omniops.testing.scratch import scratch_server
from omniops_browser.fetcher import BrowserFetcher
from omniops_browser.settings import BrowserSettings

SANDBOX = os.geteuid() != 0
PLUGINS = ["website", "site", "quoting", "hybrid", "browser"]
SHELL = (
    "<html lang=en><head><title>Boats</title></head><body><div id=app></div><script src=/app.js></script></body></html>"
)
DATA = {"text": "Hire of a rowing boat costs eleven pounds an hour."}
APP = """
fetch('/data.json').then(answer => answer.json()).then(data => {
  document.getElementById('app').innerHTML = '<main><p>' + data.text + '</p><a href="/more">more</a></main>';
});
"""
PRYING = """
const put = text => document.getElementById('app').insertAdjacentHTML('beforeend', '<p>' + text + '</p>');
document.getElementById('app').innerHTML = '<main><h1>Prying</h1></main>';
const tries = ['http://127.0.0.1:%(canary)d/secret', 'http://localhost:%(canary)d/secret', 'http://169.254.169.254/latest',
  'https://tracker.example/p', 'http://[::1]:%(canary)d/', 'http://10.0.0.1/'];
Promise.all(tries.map(url => fetch(url, {mode: 'no-cors'}).catch(() => put('not reached'))))
  .then(() => fetch('/order', {method: 'POST', body: 'x'})).then(() => put('posted'), () => put('nothing was posted'));
new Image().src = 'http://127.0.0.1:%(canary)d/pixel';
try { new WebSocket('ws://127.0.0.1:%(canary)d/socket'); } catch (error) {}
document.cookie = 'seen=yes';
put('cookies: ' + document.cookie);
"""


class TestBrowser(PluginSuite):
    plugin_name = "browser"


@asynccontextmanager
async def serving(routes):
    """A website on loopback. Gives its port and the requests that came."""
    visits = []

    async def answer(request):
        visits.append((request.method, request.path))
        found = routes.get(request.path)
        if found is None:
            return web.Response(status=404)
        kind = {"js": "text/javascript", "json": "application/json"}.get(request.path.rpartition(".")[2], "text/html")
        return web.Response(text=found, content_type=kind)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield site._server.sockets[0].getsockname()[1], visits
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
async def runtime(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    settings = Settings(
        data_dir=folder,
        keys_dir=folder / "keys",
        plugins=PLUGINS,
        plugin_mode="strict",
        encoder="none",
        plugin_settings={"browser": {"sandbox": SANDBOX}},
    )
    with scratch_server() as server:
        async with Runtime.open(settings, server.database(), server.root, clock=SystemClock(), migrate=True) as runtime:
            yield runtime


@pytest.fixture
def crawl(runtime):
    """Reads a site as a domain of its own for which the plugin is on."""

    async def read(port, *, on=True):
        firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
        await runtime.allows.add(Allow("127.0.0.1", port, "the site of this test", plaintext=True))
        account = (await firsts.ensure("Test")).account_id
        domain, source = await firsts.ensure_site(account, f"http://127.0.0.1:{port}/")
        await runtime.accounts.switch(domain.scope, "browser", on=on, actor=OPERATOR)
        read.scope = domain.scope
        return await runtime.knowledge.crawl(domain.scope, source.id)

    return read


async def said(runtime, scope, question="What does the hire of a rowing boat cost?"):
    return " ".join(hit.passage.text for hit in (await runtime.index.search(scope, question)).hits)


def outcomes(runtime, entries):
    return {(entry.host, entry.port): entry.outcome for entry in entries}


async def test_a_page_that_scripts_build_is_answerable_and_so_is_what_it_links_to(runtime, crawl):
    routes = {"/": SHELL, "/more": SHELL.replace("app.js", "more.js"), "/app.js": APP, "/data.json": json.dumps(DATA)}
    routes["/more.js"] = "document.getElementById('app').innerHTML = '<p>The boats lie at the pier of Oban.</p>'"
    async with serving(routes) as (port, visits):
        assert (await crawl(port, on=False)).state == "done"
        assert await said(runtime, crawl.scope) == ""
        assert ("GET", "/data.json") not in visits, "no browser where the domain has it off"
        report = await crawl(port)
        assert report.counts == {"read": 2}
        assert "eleven pounds" in await said(runtime, crawl.scope)
        assert "pier of Oban" in await said(runtime, crawl.scope, "Where do the boats lie?")
        entries = await runtime.ledger.entries(crawl.scope)
        assert {entry.processor for entry in entries} == {"own-site"}
        assert sum(entry.outcome == "ok" for entry in entries) == len(visits), "every request is in the ledger"
        again = await crawl(port)
        assert again.counts == {"unchanged": 2}
        routes["/data.json"] = json.dumps({"text": "Hire of a rowing boat costs twelve pounds an hour."})
        assert (await crawl(port)).counts == {"read": 1, "unchanged": 1}, "the shell did not change, its data did"
        assert "twelve pounds" in await said(runtime, crawl.scope)


async def test_a_page_with_text_is_read_without_the_browser(runtime, crawl):
    text = "<p>" + "Hire of a rowing boat costs eleven pounds an hour. " * 8 + "</p>"
    page = SHELL.replace("<div id=app></div>", f"<div id=app><main>{text}</main></div>")
    async with serving({"/": page, "/app.js": APP}) as (port, visits):
        assert (await crawl(port)).state == "done"
        assert ("GET", "/app.js") not in visits


async def test_a_page_reaches_nothing_but_its_own_site_and_what_it_tried_is_recorded(runtime, crawl):
    routes = {"/": SHELL, "/order": "ordered"}
    async with serving({"/secret": "the till's password"}) as (canary, intruders), serving(routes) as (port, visits):
        routes["/app.js"] = PRYING % {"canary": canary}
        assert (await crawl(port)).state == "done"
        found = await said(runtime, crawl.scope, "Was something posted?")
        assert intruders == []
        assert "nothing was posted" in found
        assert ("POST", "/order") not in visits
        refused = outcomes(runtime, await runtime.ledger.entries(crawl.scope))
        assert refused["127.0.0.1", canary] in ("plaintext", "bad_address")
        assert refused["169.254.169.254", 80] == "unknown_host"
        assert refused["tracker.example", 443] == "unknown_host"
        assert refused["10.0.0.1", 80] == "unknown_host"


async def test_without_a_chromium_the_page_is_read_as_it_is_sent(runtime, crawl, monkeypatch):
    monkeypatch.setattr(BrowserFetcher, "chromium", lambda self: None)
    thin = SHELL.replace("<div id=app></div>", "<p>Please wait for the boats.</p>" + "<script src=/x.js></script>" * 4)
    async with serving({"/": thin}) as (port, _):
        report = await crawl(port)
    assert report.counts == {"read": 1}
    assert [(code, "no Chromium" in words) for _, _, code, words in report.problems] == [("not_rendered", True)]


async def test_a_page_that_breaks_later_keeps_what_was_read(runtime, crawl):
    routes = {"/": SHELL, "/app.js": APP, "/data.json": json.dumps(DATA)}
    async with serving(routes) as (port, _):
        await crawl(port)
        routes["/app.js"] = "while (true) {}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("omniops.knowledge.rendering.LONGEST", 6.0)
            report = await crawl(port)
        assert report.counts.get("failed") == 1
        assert "eleven pounds" in await said(runtime, crawl.scope)


GUARDED = """
import asyncio, sys
from omniops.gate.guard import Guard, install, loop_factory
from omniops_browser.fetcher import BrowserFetcher
from omniops_browser.settings import BrowserSettings
guard = Guard()
install(guard)
async def read():
    fetcher = BrowserFetcher(BrowserSettings(sandbox=sys.argv[2] == "True"))
    async with fetcher.open(sys.argv[1], "Test") as pages:
        return await pages.page("http://shop.example/")
with asyncio.Runner(loop_factory=loop_factory()) as runner:
    print("from the proxy" in runner.run(read()), guard.refused)
"""


async def test_a_workers_guard_lets_the_browser_start_and_its_names_are_the_proxys():
    async def proxy(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<p>from the proxy</p>")
        await writer.drain()
        writer.close()

    heads = []
    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    command = [sys.executable, "-c", GUARDED, url, str(SANDBOX)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=120)
    server.close()
    await server.wait_closed()
    assert done.stdout == "True 0\n", done.stderr
    lines = {head.split(b"\r\n")[0] for head in heads}
    assert b"GET http://shop.example/ HTTP/1.1" in lines
    assert not any(b"google" in line for line in lines), "Chromium asks nothing of its maker"


async def test_what_is_missing_is_said(tmp_path):
    fetcher = BrowserFetcher(BrowserSettings(path=tmp_path / "none", sandbox=SANDBOX))
    with pytest.raises(NotReady, match="no Chromium"):
        async with fetcher.open("http://127.0.0.1:9", "Test"):
            pass


async def test_a_page_that_is_not_there_is_not_reachable():
    fetcher = BrowserFetcher(BrowserSettings(sandbox=SANDBOX, seconds=5))
    async with fetcher.open("http://127.0.0.1:9", "Test") as pages:
        with pytest.raises(NotReachable):
            await pages.page("http://127.0.0.1:9/")

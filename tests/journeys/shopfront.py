"""A business's website under the strictest policy, with a banner, a chat and tags that wait, and the server of them."""

import asyncio
import contextlib
import socket
import threading
from dataclasses import dataclass, field

import psycopg
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from omniops.contracts.ids import SystemClock
from omniops.operations.firsts import OPERATOR
from omniops.runtime import Runtime
from omniops.server.app import create_app
from omniops.settings import Settings
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from waiting import until

TAG = "omniops-consent"
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
BANNER = '<script src="{base}/consent.js" data-domain="{key}" data-purposes="{purposes}"{source}></script>'
MANAGER = """
window.said = [];
window.__tcfapi = (command, version, heard) => {
  if (command !== "addEventListener" || version !== 2) return;
  window.decide = (tcString, eventStatus, gdprApplies = true) => heard({ tcString, eventStatus, gdprApplies }, true);
};
"""
PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/hostile.css">
{banner}
<script type="text/plain" data-omniops-purpose="analytics" src="/tag.js"></script>
</head><body><main><h1>Shop</h1><a href="/tents">Tents</a></main>
<script async src="{base}/widget.js" data-domain="{key}" data-mode="{mode}"></script></body></html>"""
HOSTILE = "* { font-size: 40px; } body > * + * { margin-top: 90px; } button { display: none; } section { color: red; }"


@dataclass
class Website:
    """A business's website and the server of its chat, both on this machine."""

    base: str = ""
    origin: str = ""
    key: str = ""
    domain: object = None
    links: object = None

    def rows(self, statement):
        with psycopg.connect(self.links.admin.conninfo()) as connection:
            return connection.execute(statement).fetchall()

    def ledger(self):
        return self.rows("select purpose, answer, signal from omniops.consent_event order by id")

    def counted(self):
        return self.rows("select kind from omniops.analytics_event order by id")

    def forget(self):
        with psycopg.connect(self.links.admin.conninfo()) as connection:
            for table in ("consent_event", "analytics_event", "consent_browser"):
                connection.execute(f"delete from omniops.{table}")


def site(website):
    async def page(request):
        policy = (
            f"default-src 'none'; script-src 'self' {website.base}; connect-src 'self' {website.base};"
            " style-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
        )
        mode = request.query_params.get("mode", "")
        if mode:
            policy += f"; frame-src {website.base}"
        values = {
            "mode": mode,
            "lang": request.query_params.get("lang", "en"),
            "base": website.base,
            "key": website.key,
        }
        purposes = request.query_params.get("purposes", "analytics advertising")
        named = request.query_params.get("source")
        source = f' data-source="{named}"' if named else ""
        banner = BANNER.format(**values, purposes=purposes, source=source) if purposes else ""
        if source:
            banner += '<script src="/manager.js"></script>'
        body = PAGE.format(**values, banner=banner)
        return Response(body, media_type="text/html", headers={"content-security-policy": policy})

    def file(body, media_type):
        async def sent(_request):
            return Response(body, media_type=media_type)

        return sent

    return Starlette(
        routes=[
            Route("/hostile.css", file(HOSTILE, "text/css")),
            Route("/tag.js", file("window.tags = (window.tags || 0) + 1;", "text/javascript")),
            Route("/manager.js", file(MANAGER, "text/javascript")),
            Route("/favicon.ico", file("", "image/x-icon")),
            Route("/{path:path}", page),
        ]
    )


def opened(postgres, links, folder):
    """The website and its server while they run, in a thread of their own."""
    website, ready, stops = Website(links=links), threading.Event(), []

    async def run():
        with socket.socket() as first, socket.socket() as second:
            for listener in (first, second):
                listener.bind(("127.0.0.1", 0))
                listener.listen()
            port, other = first.getsockname()[1], second.getsockname()[1]
            settings = Settings(
                data_dir=folder, keys_dir=folder / "keys", plugins=["website", "site", "quoting", "hybrid", "tcf"],
                encoder="none", port=port,
            )  # fmt: skip
            async with Runtime.open(settings, links, postgres.root, clock=SystemClock(), migrate=True) as runtime:
                account = await runtime.accounts.create("Shop", actor=OPERATOR)
                website.base, website.origin = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{other}"
                website.domain = await runtime.accounts.add_domain(account, "Shop", [website.origin], actor=OPERATOR)
                website.key = website.domain.widget_key
                asking = {"settings": {"count_visits": True}}
                await runtime.accounts.configure(website.domain.scope, asking, actor=OPERATOR)
                scope = website.domain.scope
                await runtime.accounts.switch(scope, "tcf", on=True, actor=OPERATOR)
                mapped = {"names": {"analytics": ["stats"], "advertising": ["ads"]}}
                await runtime.connections.connect(scope, "tcf", mapped, actor=OPERATOR)
                app = create_app(runtime)
                servers = [
                    uvicorn.Server(uvicorn.Config(one, log_config=None, lifespan="off")) for one in (app, site(website))
                ]
                loop = asyncio.get_running_loop()

                def stop():
                    app.state.stopping.set()
                    for server in servers:
                        server.should_exit = True

                stops.append(lambda: loop.call_soon_threadsafe(stop))
                ready.set()
                await asyncio.gather(servers[0].serve(sockets=[first]), servers[1].serve(sockets=[second]))

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(60)
    yield website
    stops[0]()
    thread.join(30)


@dataclass
class Shopping:
    page: object
    website: Website
    sent: list = field(default_factory=list)
    wrong: list = field(default_factory=list)
    expected: tuple = ()

    def part(self, selector):
        return self.page.locator(f"{TAG} >> {selector}")

    def answered(self, act):
        """Does something that answers, and waits until the server has kept it."""
        with self.page.expect_response(lambda r: r.url.endswith("/v1/visitor/choices") and r.request.method == "POST"):
            act()

    def seen(self, act):
        """Does something that is counted, and waits until it was."""
        with self.page.expect_response(
            lambda r: r.url.endswith("/v1/visitor/analytics") and r.request.method == "POST" and r.ok
        ):
            act()

    def yes(self):
        self.seen(lambda: self.part(".all button").last.click())

    def no(self):
        self.answered(lambda: self.part(".all button").first.click())

    def stored(self):
        """Everything that this browser keeps: local, session, cookies."""
        local, session = self.page.evaluate("[Object.values(localStorage).map(JSON.parse), {...sessionStorage}]")
        return local, session, self.page.context.cookies()

    def until(self, holds):
        """Waits until it holds of what is kept."""
        until(self.page, lambda: holds(self.page.evaluate("Object.values(localStorage).join()")))

    def google(self):
        return self.page.evaluate("window.dataLayer.map(([command, what, state]) => [command, what, state])")

    def violations(self):
        found = Axe().run(self.page).response["violations"]
        return [f"{v['id']}: {v['help']} at {[n['target'] for n in v['nodes']][:3]}" for v in found]


@pytest.fixture
def visit(browser, website):
    """Opens the website as a fresh visitor. A console error or a request to another host fails the test."""
    website.forget()
    contexts, visits = [], []

    def go(query="", *, scheme="light", size=(1280, 800), before="", storage=None):
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale="en-GB",
            reduced_motion="reduce", user_agent=AGENT, storage_state=storage,
        )  # fmt: skip
        contexts.append(context)
        if before:
            context.add_init_script(before)
        visit = Shopping(context.new_page(), website)
        visits.append(visit)

        def watch(request):
            visit.sent.append((request.method, request.url))
            if not request.url.startswith((website.base, website.origin)):
                visit.wrong.append(f"a request to {request.url}")

        visit.page.on("request", watch)
        visit.page.on("console", lambda m: visit.wrong.append(m.text) if m.type in ("error", "warning") else None)
        visit.page.on("pageerror", lambda error: visit.wrong.append(str(error)))
        visit.page.goto(f"{website.origin}/?{query}")
        return visit

    yield go
    for context in contexts:
        with contextlib.suppress(Exception):
            context.close()
    for visit in visits:
        wrong = [text for text in visit.wrong if not any(known in text for known in visit.expected)]
        assert not wrong, wrong

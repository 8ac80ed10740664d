"""The consent banner on a website under the strictest policy, in a real browser: what each answer stores, sends, and
leaves on the server.
"""

import asyncio
import contextlib
import os
import re
import socket
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from omniops.contracts.ids import SystemClock
from omniops.operations.firsts import OPERATOR
from omniops.runtime import Runtime
from omniops.server.app import create_app
from omniops.settings import Settings
from playwright.sync_api import expect
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from waiting import until

sys.path.insert(0, str(Path(__file__).parents[2] / "plugins" / "omniops-tcf" / "tests"))
from strings import tc

ALL = range(1, 12)
RECENT = SystemClock().now()

TAG = "omniops-consent"
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
GPC = "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})"
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
<script async src="{base}/widget.js" data-domain="{key}"></script></body></html>"""
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
        values = {"lang": request.query_params.get("lang", "en"), "base": website.base, "key": website.key}
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


@pytest.fixture(scope="module")
def website(postgres, links, tmp_path_factory):
    folder = tmp_path_factory.mktemp("website")
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
class Visit:
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
        visit = Visit(context.new_page(), website)
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
        assert [text for text in visit.wrong if not any(known in text for known in visit.expected)] == []


def test_before_an_answer_nothing_is_stored_and_nobody_is_told(visit, website):
    shop = visit()
    shop.part(".all").wait_for()
    assert shop.stored() == ([], {}, [])
    to_us = [(method, url.removeprefix(website.base)) for method, url in shop.sent if url.startswith(website.base)]
    assert {method for method, _ in to_us} == {"GET"}
    assert [re.sub(r"-[0-9a-f]{12}", "", url) for _, url in sorted(to_us)] == [
        "/consent.js",
        "/consent/words-en.js",
        "/widget.js",
    ]
    assert website.ledger() == website.counted() == []
    assert shop.google() == [
        [
            "consent",
            "default",
            {
                "wait_for_update": 500,
                "analytics_storage": "denied",
                "ad_storage": "denied",
                "ad_user_data": "denied",
                "ad_personalization": "denied",
            },
        ]
    ]
    assert shop.page.evaluate("[window.tags, omniopsConsent.state()]") == [
        None,
        {"analytics": False, "advertising": False},
    ]
    no, yes = (shop.part(".all button").nth(n).bounding_box() for n in (0, 1))
    assert (no["width"], no["height"]) == (yes["width"], yes["height"])
    style = "e => ['color', 'backgroundColor', 'fontWeight', 'fontSize'].map(p => getComputedStyle(e)[p]).join()"
    assert shop.part(".all button").first.evaluate(style) == shop.part(".all button").last.evaluate(style)
    assert shop.page.locator("h1").bounding_box()["y"] < 90, "the page lies where it lay"


def test_a_no_is_kept_without_any_number_and_is_not_asked_again(visit, website):
    shop = visit()
    shop.no()
    expect(shop.part(".card")).to_be_hidden()
    ((kept,), session, cookies) = shop.stored()
    assert (kept["answers"], session, cookies) == ({"analytics": False, "advertising": False}, {}, [])
    assert set(kept) == {"answers", "at"}
    assert website.ledger() == [("analytics", "refused", "none"), ("advertising", "refused", "none")]
    shop.page.reload()
    expect(shop.part(".pill button")).to_have_text("Privacy choices")
    expect(shop.part(".card")).to_be_hidden()
    assert website.counted() == []
    assert shop.page.evaluate("window.tags") is None
    assert not any("collect" in url or "analytics" in url for _, url in shop.sent)


def test_a_yes_counts_the_visit_and_lets_waiting_tags_run(visit, website):
    shop = visit()
    shop.yes()
    ((kept,), _, cookies) = shop.stored()
    assert kept["answers"] == {"analytics": True, "advertising": True}
    assert kept["id"].startswith("oo_consent_")
    assert cookies == []
    assert website.ledger() == [("analytics", "given", "none"), ("advertising", "given", "none")]
    assert shop.page.evaluate("window.tags") == 1, "a tag that waited runs, under trusted types too"
    command, what, state = shop.google()[-1]
    assert (command, what, set(state.values())) == ("consent", "update", {"granted"})
    shop.seen(lambda: shop.page.locator("omniops-chat >> button.launcher").click())
    assert website.counted() == [("page",), ("chat_opened",)]
    shop.seen(lambda: shop.page.evaluate("history.pushState(null, '', '/tents/ridge'); void 0"))
    shop.seen(lambda: shop.page.reload())
    assert [kind for (kind,) in website.counted()] == ["page", "chat_opened", "page", "page"]
    assert shop.page.evaluate("window.tags") == 1
    pages = website.rows("select value, count from omniops.analytics_count where what = 'page' order by value")
    assert pages == [("/", 1), ("/tents/ridge", 2)]
    assert website.rows("select distinct value from omniops.analytics_count where what in ('browser', 'system')") != []


def test_one_click_takes_a_yes_back_and_nothing_of_it_is_left(visit, website):
    shop = visit()
    shop.yes()
    expect(shop.part(".card")).to_be_hidden()
    stop = shop.part(".pill button").last
    expect(stop).to_have_text("Take back my yes")
    shop.answered(lambda: stop.press("Enter"))
    expect(stop).to_have_text("Privacy choices")
    expect(stop).to_be_focused()
    assert website.counted() == []
    assert website.ledger()[2:] == [("analytics", "withdrawn", "none"), ("advertising", "withdrawn", "none")]
    shop.until(lambda kept: "oo_consent_" not in kept)
    assert shop.google()[-1][2]["analytics_storage"] == "denied"
    sent = len(shop.sent)
    shop.page.locator("omniops-chat >> button.launcher").click()
    shop.page.reload()
    shop.part(".pill button").wait_for()
    assert not any("analytics" in url for _, url in shop.sent[sent:])
    assert shop.page.evaluate("window.tags") is None
    assert website.counted() == []


def test_a_browser_that_asks_not_to_be_tracked_is_not_asked_and_sees_that_it_counts(visit, website):
    shop = visit(before=GPC)
    expect(shop.part(".pill")).to_contain_text("Off: your browser asks not to be tracked")
    expect(shop.part(".card")).to_be_hidden()
    shop.part(".pill button").click()
    expect(shop.part(".choice").first).to_contain_text("Off: your browser asks not to be tracked")
    expect(shop.part(".choice button, .all button")).to_have_count(0)
    assert shop.violations() == []
    assert shop.stored() == ([], {}, [])
    assert website.ledger() == []


def test_a_signal_that_comes_later_takes_an_earlier_yes_back(visit, website):
    first = visit()
    first.yes()
    storage = first.page.context.storage_state()
    with_signal = visit(before=GPC, storage=storage)
    expect(with_signal.part(".pill")).to_contain_text("Off")
    with_signal.until(lambda kept: "oo_consent_" not in kept)
    assert website.ledger()[2:] == [("analytics", "withdrawn", "gpc"), ("advertising", "withdrawn", "gpc")]
    assert website.counted() == []
    assert with_signal.page.evaluate("window.tags") is None


def test_a_yes_that_does_not_reach_the_server_is_no_yes_and_a_no_is_told_later(visit, website):
    shop = visit()
    shop.expected = ("Failed to load", "Failed to fetch")
    shop.page.route("**/v1/visitor/choices", lambda route: route.abort())
    shop.part(".pair button").nth(1).click()
    expect(shop.part(".said")).to_contain_text("Not saved")
    assert shop.stored()[0] == []
    assert shop.page.evaluate("[window.tags, omniopsConsent.state().analytics]") == [None, False]
    shop.page.unroute("**/v1/visitor/choices")
    shop.yes()
    shop.page.route("**/v1/visitor/choices", lambda route: route.abort())
    shop.part(".pill button").last.click()
    shop.until(lambda kept: "late" in kept)
    assert shop.page.evaluate("omniopsConsent.state().analytics") is False, "here a no counts at once"
    shop.page.unroute("**/v1/visitor/choices")
    shop.answered(shop.page.reload)
    shop.until(lambda kept: "oo_consent_" not in kept)
    assert website.counted() == []


def test_it_works_with_the_keyboard_and_from_the_pages_own_link(visit):
    shop = visit("purposes=analytics")
    shop.part(".pair").wait_for()
    expect(shop.part(".all")).to_have_count(0)
    shop.page.keyboard.press("Tab")
    expect(shop.part(".close")).to_be_focused()
    shop.page.keyboard.press("Tab")
    expect(shop.part(".pair button").first).to_be_focused()
    shop.page.evaluate("window.told = []; omniopsConsent.on((state) => told.push(state.analytics)); void 0")
    shop.page.evaluate("document.addEventListener('omniops:consent', (e) => told.push(e.detail.analytics))")
    shop.answered(lambda: shop.page.keyboard.press("Enter"))
    expect(shop.part(".card")).to_be_hidden()
    expect(shop.part(".pill button")).to_be_focused()
    assert set(shop.page.evaluate("told")) == {False}
    shop.page.evaluate("omniopsConsent.open()")
    expect(shop.part(".close")).to_be_focused()
    expect(shop.part(".pair button").first).to_have_attribute("aria-pressed", "true")
    shop.part(".pair button").last.focus()
    shop.seen(lambda: shop.page.keyboard.press("Space"))
    expect(shop.part(".said")).to_have_text("Saved")
    expect(shop.part(".pair button").last).to_be_focused()
    assert True in shop.page.evaluate("told")
    shop.page.keyboard.press("Escape")
    expect(shop.part(".card")).to_be_hidden()


def test_the_chat_alone_asks_as_well_and_counts_after_a_yes_only(visit, website):
    shop = visit("purposes=")
    chat = shop.page.locator("omniops-chat")
    chat.locator("button.launcher").click()
    expect(chat.locator(".choice")).to_have_count(2)
    yes = chat.locator(".choice").last.locator("button").last
    yes.click()
    assert website.ledger() == website.counted() == [], "nobody is told before the visitor writes"
    chat.locator("textarea").fill("Do you have tents?")
    shop.seen(lambda: chat.locator("textarea").press("Enter"))
    assert website.ledger() == [("analytics", "given", "none")]
    assert ("page",) in website.counted()
    chat.locator(".head button").first.click()
    with shop.page.expect_response(lambda r: r.url.endswith("/v1/visitor/consent") and r.ok):
        chat.locator(".choice").last.locator("button").first.click()
    assert website.counted() == []
    assert website.ledger()[1:] == [("analytics", "withdrawn", "none")]


def test_everything_that_is_kept_stands_on_the_page_of_what_can_be_stored(visit, website):
    shop = visit()
    shop.yes()
    chat = shop.page.locator("omniops-chat")
    chat.locator("button.launcher").click()
    chat.locator(".choice button").last.click()
    with shop.page.expect_response(lambda r: r.url.endswith("/v1/visitor/consent") and r.ok):
        chat.locator("textarea").press_sequentially("Tents?")
        chat.locator("textarea").press("Enter")
    shop.until(lambda kept: "oo_visitor_" in kept)
    until(shop.page, lambda: shop.page.evaluate("Object.keys(sessionStorage).length") == 1)
    local, session = shop.page.evaluate("[Object.keys(localStorage), Object.keys(sessionStorage)]")
    assert (len(local), len(session), shop.page.context.cookies()) == (2, 1, [])
    listed = shop.page.request.get(f"{website.base}/cookies").text().replace("&lt;", "<").replace("&gt;", ">")
    for name, place in [*((name, "this browser") for name in local), (session[0], "this tab")]:
        assert re.search(rf"<code>{re.escape(name.replace(website.key, '<key>'))}</code> · storage of {place}", listed)


def test_where_a_banner_asks_the_chat_does_not(visit):
    shop = visit()
    chat = shop.page.locator("omniops-chat")
    chat.locator("button.launcher").click()
    expect(chat.locator(".choice")).to_have_count(1)


def decide(shop, string, status="useractioncomplete"):
    """The person decides in the website's own consent manager; waits until the server has read it."""
    with shop.page.expect_response(lambda r: r.url.endswith("/v1/visitor/choices/tcf") and r.request.method == "POST"):
        shop.page.evaluate("([string, status]) => decide(string, status)", [string, status])


def test_a_websites_own_consent_manager_is_heard_and_no_banner_asks(visit, website):
    shop = visit("source=tcf")
    until(shop.page, lambda: shop.page.evaluate("Boolean(window.decide)"))
    assert shop.part(".card").is_hidden()
    assert shop.stored() == ([], {}, [])
    shop.page.evaluate("decide('x', 'cmpuishown')")
    shop.page.evaluate("([string]) => decide(string, 'tcloaded', false)", [tc(ALL, created=RECENT)])
    assert website.ledger() == [], "before a decision, and where no law applies, nothing is said"
    decide(shop, tc((1, 8), created=RECENT))
    shop.until(lambda kept: "oo_consent_" in kept)
    assert website.ledger() == [("analytics", "given", "none"), ("advertising", "refused", "none")]
    assert shop.page.evaluate("omniopsConsent.state()") == {"analytics": True, "advertising": False}
    until(shop.page, lambda: website.counted() == [("page",)])
    shop.seen(shop.page.reload)
    until(shop.page, lambda: shop.page.evaluate("Boolean(window.decide)"))
    shop.page.evaluate("([string]) => decide(string, 'tcloaded')", [tc((1, 8), created=RECENT)])
    assert len(website.ledger()) == 2, "the same string is told once"
    decide(shop, tc((), created=RECENT))
    shop.until(lambda kept: "oo_consent_" not in kept)
    assert website.ledger()[2:] == [("analytics", "withdrawn", "none"), ("advertising", "refused", "none")]
    assert website.counted() == []
    shop.expected = ("422", "was not kept")
    decide(shop, "no TC string")
    assert shop.page.evaluate("omniopsConsent.state()") == {"analytics": False, "advertising": False}


def test_another_manager_calls_one_function(visit, website):
    shop = visit("source=callback")
    until(shop.page, lambda: shop.page.evaluate("Boolean(omniopsConsent.tell)"))
    shop.page.evaluate("void omniopsConsent.tell({ stats: false, ads: true })")
    shop.until(lambda kept: "oo_consent_" in kept)
    assert website.ledger() == [("analytics", "refused", "none"), ("advertising", "given", "none")]
    assert shop.page.evaluate("window.tags") is None


def centre(shop):
    """The preference centre, from the banner's own link."""
    if shop.part(".card").is_hidden():
        shop.part(".pill button").first.click()
    with shop.page.context.expect_page() as opened:
        shop.part("a").last.click()
    page = opened.value
    page.on("console", lambda m: shop.wrong.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None)
    page.locator(".choice .pair").first.wait_for()
    return page


def test_what_is_taken_back_in_the_preference_centre_is_gone_from_the_website(visit, website):
    shop = visit()
    shop.yes()
    page = centre(shop)
    assert "oo_consent_" not in page.url, "the token is out of sight"
    assert [page.locator(f"#{purpose} ~ .state").inner_text()[:13] for purpose in ("analytics", "advertising")] == [
        "You said yes."
    ] * 2
    expect(page.locator(".history li")).to_have_count(2)
    no, yes = (page.locator("[data-purpose=analytics] .pair button").nth(n).bounding_box() for n in (0, 1))
    assert (no["width"], no["height"]) == (yes["width"], yes["height"])
    with page.expect_download() as kept:
        page.locator(".history button").first.click()
    assert kept.value.suggested_filename.endswith(".jws")
    page.locator("[data-purpose=analytics] .pair button").first.click()
    expect(page.locator(".said")).to_have_text("Saved. It holds at once.")
    expect(page.locator("#analytics ~ .state")).to_have_text("You took your yes back.")
    assert website.counted() == [], "what was counted goes with the yes"
    page.reload()
    expect(page.locator("#advertising ~ .state")).to_contain_text("You said yes."), "a reload keeps who one is"
    page.locator(".all").click()
    expect(page.locator("#advertising ~ .state")).to_have_text("You took your yes back.")
    assert website.ledger()[2:] == [("analytics", "withdrawn", "none"), ("advertising", "withdrawn", "none")]
    assert page.evaluate("[Object.keys(localStorage), Object.keys(sessionStorage)]") == [[], []]
    page.close()
    shop.page.reload()
    shop.until(lambda kept: "oo_consent_" not in kept)
    assert shop.stored()[0][0]["answers"] == {"analytics": False, "advertising": False}
    assert shop.page.evaluate("omniopsConsent.state()") == {"analytics": False, "advertising": False}


def test_a_tab_that_comes_back_hears_of_it_without_a_reload(visit):
    shop = visit()
    shop.yes()
    page = centre(shop)
    page.locator(".all").click()
    expect(page.locator("#analytics ~ .state")).to_have_text("You took your yes back.")
    page.close()
    shop.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    shop.until(lambda kept: "oo_consent_" not in kept)


@pytest.mark.parametrize(
    ("query", "scheme", "size"),
    [("", "light", (1280, 800)), ("lang=de-AT", "dark", (390, 844)), ("lang=ar", "light", (320, 640))],
    ids=["light", "phone", "right-to-left"],
)
def test_the_preference_centre_is_accessible(visit, query, scheme, size, tmp_path):
    shop = visit(query, scheme=scheme, size=size)
    shop.yes()
    page = centre(shop)
    found = Axe().run(page).response["violations"]
    assert [violation["id"] for violation in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture = os.environ.get("OMNIOPS_PICTURES")
    if picture:
        page.screenshot(path=f"{picture}/centre-{scheme}-{size[0]}.png", full_page=True)


@pytest.mark.parametrize(
    ("query", "scheme", "size"),
    [("", "light", (1280, 800)), ("lang=de-AT", "dark", (390, 844)), ("lang=ar", "dark", (320, 640))],
    ids=["light", "phone", "right-to-left"],
)
def test_every_state_is_accessible(visit, query, scheme, size):
    shop = visit(query, scheme=scheme, size=size)
    shop.part(".all").wait_for()
    assert shop.violations() == []
    assert shop.part(".card").evaluate("e => e.scrollWidth <= e.clientWidth")
    shop.yes()
    shop.part(".pill button").last.wait_for()
    assert shop.violations() == []
    shop.part(".pill button").first.click()
    assert shop.violations() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_what_can_be_stored_is_accessible(visit, website, scheme):
    shop = visit(scheme=scheme, size=(390, 844))
    with shop.page.context.expect_page() as opened:
        shop.part("a").first.click()
    listed = opened.value
    listed.wait_for_load_state()
    assert listed.url == f"{website.base}/cookies"
    found = Axe().run(listed).response["violations"]
    assert [violation["id"] for violation in found] == []
    assert listed.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(listed.locator("li")).to_have_count(5)

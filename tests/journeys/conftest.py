"""The product as a stranger starts it: `omniops demo` in processes of its own, and a real browser before it."""

import contextlib
import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Page, expect, sync_playwright

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "core")]
PICTURES = HERE.parent / "output"
"""Screenshots, kept beside the tests and out of git."""
CHAT = "omniops-chat"
expect.set_options(timeout=30_000)  # how long a slow machine may take to show what is expected
STARTS = 120
"""Seconds that a start may take on a slow machine before it counts as failed."""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@dataclass
class Demo:
    """A running `omniops demo`."""

    process: subprocess.Popen
    port: int
    shop_port: int

    @property
    def shop(self):
        return f"http://127.0.0.1:{self.shop_port}"

    def web(self):
        """The process that serves visitors."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(child for child in children if "serve" in child.cmdline())


@pytest.fixture(scope="module")
def demo():
    with tempfile.TemporaryDirectory(prefix="omniops-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the database's own user passes through
        yield from running(folder)


def running(folder):
    port, shop_port = free_port(), free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OMNIOPS_")}
    environment |= {"OMNIOPS_DATA_DIR": str(folder / "data"), "OMNIOPS_KEYS_DIR": str(folder / "keys")}
    command = [sys.executable, "-m", "omniops", "demo", "--no-browser", "--port", str(port), "--shop-port"]
    log = (folder / "log").open("wb")
    process = subprocess.Popen([*command, str(shop_port)], env=environment, stderr=log, stdout=log)
    try:
        until = time.monotonic() + STARTS
        while b"The demo shop is open" not in (folder / "log").read_bytes():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.1)
        wait_for(port)
        yield Demo(process, port, shop_port)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        log.close()


def wait_for(port):
    until = time.monotonic() + STARTS
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")


@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "Chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Visit:
    """A visitor's page with the chat, and everything that went wrong on it."""

    page: Page
    demo: Demo | None = None
    wrong: list = field(default_factory=list)
    expected: tuple = ()
    """Texts of console errors that a test brings about itself."""

    def part(self, selector, **options):
        return self.page.locator(f"{CHAT} >> {selector}", **options)

    def open(self):
        self.part("button.launcher").click()
        self.part(".panel").wait_for()

    def ask(self, question):
        answers = self.part(".proof").count()
        self.part("textarea").fill(question)
        self.part("textarea").press("Enter")
        self.part(".proof").nth(answers).wait_for(timeout=30_000)
        return self.part("article.entry").last

    def picture(self, name):
        PICTURES.mkdir(exist_ok=True)
        self.page.screenshot(path=PICTURES / f"widget-{name}.png")

    def stored(self):
        return self.page.evaluate("[{...localStorage}, {...sessionStorage}, document.cookie]")

    def violations(self):
        found = Axe().run(self.page, context=CHAT).response["violations"]
        return [f"{v['id']}: {v['help']} at {[n['target'] for n in v['nodes']][:3]}" for v in found]


@contextlib.contextmanager
def visits(browser, hosts):
    """Opens pages as fresh visitors. A console error or a request to another host fails the test."""
    contexts, opened = [], []

    def go(url, *, scheme="light", size=(1440, 900), before="", context=None, **options):
        known = context
        context = known or browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            locale="en-GB",
            reduced_motion=options.pop("reduced_motion", "reduce"),
            **options,
        )
        if known is None:
            contexts.append(context)
        page = context.new_page()
        visit = Visit(page)
        opened.append(visit)

        def watch(request):
            if "://" in request.url and not re.match(rf"http://({'|'.join(hosts)})/", request.url):
                visit.wrong.append(f"a request to {request.url}")

        page.on("request", watch)
        page.on("console", lambda m: visit.wrong.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: visit.wrong.append(str(error)))
        if before:
            page.add_init_script(before)
        page.goto(url)
        return visit

    yield go
    for context in contexts:
        with contextlib.suppress(Error):
            context.close()
    for visit in opened:
        assert [text for text in visit.wrong if not any(known in text for known in visit.expected)] == []


@pytest.fixture
def visiting(browser):
    """`visits` in this browser, for a test with a stage of its own."""
    return functools.partial(visits, browser)


@pytest.fixture(scope="session")
def stage(postgres, tmp_path_factory):
    from stage import Stage

    stage = Stage(postgres.database(), postgres.root, tmp_path_factory.mktemp("stage"))
    yield stage
    stage.stop()


@pytest.fixture(scope="session")
def website(postgres, tmp_path_factory):
    from shopfront import opened

    yield from opened(postgres, postgres.database(), tmp_path_factory.mktemp("website"))


@pytest.fixture
def show(browser, stage):
    """Opens the page of a stage's domain as a fresh visitor, with the script that its AI follows."""
    stage.line.clear()
    with visits(browser, [url.removeprefix("http://") for url in (stage.api, stage.site, stage.proxy)]) as go:

        def page(domain, *, script=(), browser_options=None, **where):
            stage.script(*script)
            chat = go(stage.page(domain, **where), **(browser_options or {}))
            chat.part("button.launcher").wait_for(state="attached")
            return chat

        page.go = go
        yield page


@pytest.fixture
def visit(browser, demo):
    """Opens pages of the demo shop as fresh visitors."""
    with visits(browser, [f"127.0.0.1:{demo.port}", f"127.0.0.1:{demo.shop_port}"]) as go:

        def page(path="/tents/ridge-2", **options):
            visit = go(demo.shop + path, **options)
            visit.demo = demo
            visit.part("button.launcher").wait_for()
            return visit

        yield page


@pytest.fixture
def office(stage, monkeypatch):
    """A website with a member: gives the domain and the member's address."""
    monkeypatch.setitem(stage.desk.runtime.settings.__dict__, "public_url", stage.api)
    from members import PASSWORD

    domain, email = stage.domain(), f"{uuid4().hex[:8]}@shop.example"

    async def join():
        members = stage.desk.runtime.members
        link = await members.setup_link(domain.scope.account_id)
        await members.finish_setup(link, email=email, name="Mara", password=PASSWORD)

    stage.run(join())
    return domain, email

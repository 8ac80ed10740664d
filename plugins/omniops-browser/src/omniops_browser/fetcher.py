"""Chromium through playwright: started so that the given proxy is its only way out.

playwright speaks to Chromium over pipes. Its own download of a browser is never used.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, ClassVar

from omniops.contracts.knowledge import Fetcher, Rendering
from omniops.errors import NotReachable, NotReady

from omniops_browser.settings import BrowserSettings

if TYPE_CHECKING:
    from playwright.async_api import Browser, Route

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
READING = frozenset({"GET", "HEAD"})
UNREAD = frozenset({"image", "media", "font", "websocket", "eventsource", "manifest"})
"""Kinds of requests that bring no text."""
ONLY_THE_PROXY = (
    "--proxy-bypass-list=<-loopback>",  # without it Chromium reaches loopback past every proxy
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # names are looked up by the proxy alone
    "--disable-quic",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--dns-prefetch-disable",
    "--no-pings",
    "--ssl-version-min=tls1.3",
    # What Chromium would ask of its maker is refused by the proxy; it need not try.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-browser-signin=false",
    "--gaia-url=http://127.0.0.1:1/",
    "--component-updater=url-source=http://127.0.0.1:1/",
    "--blink-settings=imagesEnabled=false",
)


class BrowserFetcher(Fetcher):
    """One Chromium per crawl, one fresh profile per page."""

    name: ClassVar[str] = "browser"
    title: ClassVar[str] = "Chromium"

    def __init__(self, settings: BrowserSettings) -> None:
        self._settings = settings

    def chromium(self) -> str | None:
        """The Chromium that would be started."""
        if self._settings.path is not None:
            return str(self._settings.path) if os.access(self._settings.path, os.X_OK) else None
        return next(filter(None, map(shutil.which, NAMES)), None)

    def missing(self) -> str | None:
        """What stands in the way, in a sentence; None where nothing does."""
        if self.chromium() is None:
            return f"There is no Chromium {self._settings.path or 'on PATH'}."
        if self._settings.sandbox and hasattr(os, "geteuid") and os.geteuid() == 0:
            return "Chromium has no sandbox for root (OMNIOPS_BROWSER__SANDBOX=false does without it)."
        return None

    @asynccontextmanager
    async def open(self, proxy: str, user_agent: str) -> AsyncIterator[Rendering]:
        from playwright.async_api import async_playwright

        if (missing := self.missing()) is not None:
            raise NotReady(missing)
        with tempfile.TemporaryDirectory(prefix="omniops-browser-") as home:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=self.chromium(),
                    proxy={"server": proxy, "bypass": "<-loopback>"},
                    args=list(ONLY_THE_PROXY),
                    chromium_sandbox=self._settings.sandbox,
                    # What a stranger's script could find in its environment is nobody's secret.
                    env={"HOME": home, "TMPDIR": home, "PATH": os.defpath, "LANG": "C.UTF-8"},
                )
                try:
                    yield _Pages(browser, user_agent, self._settings)
                finally:
                    await browser.close()


class _Pages(Rendering):
    def __init__(self, browser: Browser, user_agent: str, settings: BrowserSettings) -> None:
        self._browser = browser
        self._user_agent = user_agent
        self._settings = settings

    async def page(self, url: str) -> str:
        from playwright.async_api import Error
        from playwright.async_api import TimeoutError as Late

        profile = await self._browser.new_context(
            user_agent=self._user_agent, service_workers="block", accept_downloads=False
        )
        try:
            await profile.route("**/*", _only_reading)
            page = await profile.new_page()
            answer = await page.goto(url, wait_until="domcontentloaded", timeout=self._settings.seconds * 1000)
            if answer is None or answer.status >= 400:
                raise NotReachable(f"The site answers {answer.status if answer else 'nothing'}.")
            with suppress(Late):  # a page that never rests is taken as it is
                await page.wait_for_load_state("networkidle", timeout=self._settings.quiet * 1000)
            return await page.content()
        except Error as error:
            raise NotReachable(error.message.partition("\n")[0]) from error
        finally:
            await profile.close()


async def _only_reading(route: Route) -> None:
    if route.request.method in READING and route.request.resource_type not in UNREAD:
        await route.continue_()
    else:
        await route.abort()

"""The plugin's hooks."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Health, Info, Plugin, hookimpl
from omniops.contracts.knowledge import Fetcher

from omniops_browser.fetcher import BrowserFetcher
from omniops_browser.settings import BrowserSettings


class BrowserPlugin(Plugin):
    """Reads pages that are built by JavaScript, with your machine's Chromium."""

    info = Info(title="Browser for JavaScript pages", version="0.1.0", omniops=">=0.1,<0.2")
    Settings = BrowserSettings

    @hookimpl
    def fetchers(self) -> Sequence[Fetcher]:
        return [BrowserFetcher(self.context.settings)]

    @hookimpl
    async def health(self) -> Health | None:
        fetcher = BrowserFetcher(self.context.settings)
        missing = fetcher.missing()
        return Health(missing is None, missing or f"Chromium is {fetcher.chromium()}.")

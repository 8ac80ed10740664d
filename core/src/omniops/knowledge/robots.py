"""robots.txt (RFC 9309): what a site allows our crawler to read, and how fast."""

from __future__ import annotations

from collections.abc import Sequence

from protego import Protego

AGENT = "OmniOpsBot"
USER_AGENT = f"{AGENT}/1.0 (+https://github.com/omniops/omniops/blob/main/docs/how-to/crawler.md)"
LONGEST = 512 * 1024
"""RFC 9309 section 2.5: at least 500 KiB must be parsed; the rest may be left."""
SLOWEST = 30.0
"""A longer Crawl-delay is taken as this many seconds."""


class Robots:
    """The rules of one host."""

    def __init__(self, text: str) -> None:
        self._rules = Protego.parse(text)

    @classmethod
    def parse(cls, body: bytes) -> Robots:
        return cls(body[:LONGEST].decode("utf-8", "replace").lstrip("\ufeff"))

    @classmethod
    def allow_all(cls) -> Robots:
        """For a site without the file (4xx, RFC 9309 section 2.3.1.3)."""
        return cls("")

    @classmethod
    def forbid_all(cls) -> Robots:
        """For a site whose file cannot be had (5xx or no answer, section 2.3.1.4): nothing may be read."""
        return cls("User-agent: *\nDisallow: /")

    def allows(self, url: str) -> bool:
        return bool(self._rules.can_fetch(url, AGENT))

    @property
    def forbids_everything(self) -> bool:
        return not self.allows("/") and not self.allows("/index.html")

    @property
    def delay(self) -> float:
        """Seconds between two visits that the site asks for, 0 for none."""
        asked = self._rules.crawl_delay(AGENT)
        return min(SLOWEST, float(asked)) if asked else 0.0

    @property
    def sitemaps(self) -> Sequence[str]:
        return tuple(self._rules.sitemaps)

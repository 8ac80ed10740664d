"""robots.txt (RFC 9309): what a site allows our crawler to read, and how fast. protego reads the rules."""

from __future__ import annotations

from protego import Protego

AGENT = "OmniOpsBot"
LONGEST = 512 * 1024
"""RFC 9309 section 2.5: at least 500 KiB are read; what comes after is left."""
SLOWEST = 30.0
"""A longer Crawl-delay is taken as this many seconds: a page every half minute is as slow as a crawl may get."""
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


class Robots:
    """The rules of one host for `OmniOpsBot`."""

    def __init__(self, text: str, *, reached: bool = True) -> None:
        self._rules = Protego.parse(text)
        self.reached = reached
        """Whether the server answered at all; where not, nothing may be read now."""

    @classmethod
    def parse(cls, body: bytes) -> Robots:
        """Reads the file. Whatever is no rule is passed over; a file cut at `LONGEST` ends at its last whole line,
        since half a path would forbid more than was meant."""
        if len(body) > LONGEST:
            body = body[:LONGEST].rpartition(b"\n")[0]
        for mark, encoding in _MARKS:
            if body.startswith(mark):
                return cls(body[len(mark) :].decode(encoding, "replace"))
        return cls(body.decode("utf-8", "replace"))

    @classmethod
    def unavailable(cls) -> Robots:
        """The server answers that there is no such file (4xx): everything may be read (section 2.3.1.3)."""
        return cls("")

    @classmethod
    def unreachable(cls) -> Robots:
        """The server fails or does not answer (5xx, network): nothing may be read (section 2.3.1.4)."""
        return cls("User-agent: *\nDisallow: /", reached=False)

    @classmethod
    def answered(cls, status: int, body: bytes) -> Robots:
        """The rules that follow from an answer, redirects already followed. 429 says that the server wants fewer
        requests, so it counts as a failure although RFC 9309 has it among the 4xx."""
        if 200 <= status < 300:
            return cls.parse(body)
        return cls.unavailable() if 300 <= status < 500 and status != 429 else cls.unreachable()

    def allowed(self, url: str) -> bool:
        """Whether the URL may be read."""
        return bool(self._rules.can_fetch(url, AGENT))

    @property
    def delay(self) -> float:
        """Seconds between two visits that the site asks for (`Crawl-delay`, `Request-rate`), 0 for none."""
        asked = self._rules.crawl_delay(AGENT) or 0.0
        if rate := self._rules.request_rate(AGENT):
            asked = max(asked, rate.seconds / max(rate.requests, 1))
        return min(SLOWEST, max(0.0, asked))

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """The sitemaps that the file names, as written."""
        return tuple(self._rules.sitemaps)

"""A download that the operator asked for on the command line, through the gate, before any database exists."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit
from uuid import UUID, uuid4

from omniops.errors import EgressRefused, NotReachable
from omniops.gate.crawl import Crawler
from omniops.gate.grants import Admission, Allow, Call, Closing, Grant
from omniops.gate.service import Gate

MOST_BYTES = 200 * 1024 * 1024
_HOSTS = ("huggingface.co",)


class _Register:
    """The model hub and its own stores, for nothing but a model."""

    async def traced(self, grant: Grant) -> Grant:
        return grant

    def admit(self, grant: Grant, host: str, port: int) -> Admission:
        if port != 443 or not any(host == known or host.endswith((f".{known}", ".hf.co")) for known in _HOSTS):
            raise EgressRefused(f"{host} is no model hub.", reason="unknown_host")
        return Admission()

    async def allowed(self, host: str, port: int) -> Allow | None:
        return None


class _Ledger:
    """There is no database yet; the operator sees the command that was typed."""

    async def opened(self, call: Call) -> UUID:
        return uuid4()

    def closed(self, entry: UUID, call: Call, closing: Closing) -> None:
        return None


async def fetch(url: str) -> bytes:
    """The bytes at a URL. Raises `NotReachable` or `EgressRefused`."""
    gate = Gate(_Register(), _Ledger())
    crawler = Crawler(gate, Grant("model-hub", "models.install"), user_agent="OmniOps", timeout=60)
    try:
        for _ in range(6):
            async with crawler.get(url, {}) as answer:
                if answer.status in (301, 302, 303, 307, 308):
                    url = urljoin(url, answer.headers.get("Location", ""))
                    continue
                if answer.status != 200:
                    raise NotReachable(f"{urlsplit(url).hostname} answers {answer.status}.")
                body = bytearray()
                async for chunk in answer.stream.content.iter_chunked(1 << 20):
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise NotReachable("The file is larger than any model of ours.")
                return bytes(body)
        raise NotReachable("The hub redirects without an end.")
    finally:
        await crawler.close()

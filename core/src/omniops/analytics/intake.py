"""What is left of a visit before anything of it is stored: classes instead of a user agent, a network instead of an
address, a page's path without what could name a person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from ua_parser import Parser

LONGEST_PATH = 200
_NAMES_SOMEBODY = re.compile(r"@|\d{5,}|[0-9a-f]{16,}|[0-9a-f]{8}-[0-9a-f]{4}-|[a-z0-9_]{32,}", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNKNOWN = "Other"
_BROWSERS = frozenset(
    "Brave|Chrome|Chrome Mobile|Chrome Mobile WebView|Chrome Mobile iOS|DuckDuckGo Mobile|Edge|Edge Mobile|Facebook|"
    "Firefox|Firefox Mobile|Firefox iOS|Google|HeadlessChrome|IE|Instagram|Mobile Safari|Mobile Safari UI/WKWebView|"
    "Opera|Opera Mini|Opera Mobile|QQ Browser|Safari|Samsung Internet|UC Browser|Vivaldi|Yandex Browser".split("|")
)
_SYSTEMS = frozenset("Android|Chrome OS|Debian|Fedora|iOS|KaiOS|Linux|Mac OS X|Ubuntu|Windows|Windows Phone".split("|"))
"""What is stored is one of these names and never a word of the user agent itself."""


@dataclass(frozen=True, slots=True)
class Device:
    """`kind` is desktop, phone, tablet, bot or other; the others are families without a version."""

    kind: str
    browser: str
    system: str


def device_of(user_agent: str) -> Device:
    """The classes of a user agent. Slow at the first call, which loads the patterns: call it in a thread."""
    found = _parser().parse(user_agent[:1000]).with_defaults()
    system, family, brand = found.os.family, found.device.family or "", found.device.brand or ""
    if family == "Spider":
        kind = "bot"
    elif "iPad" in family or "Tablet" in brand or "Tablet" in family:
        kind = "tablet"
    elif system in ("iOS", "Android", "Windows Phone", "KaiOS"):
        kind = "phone"
    elif system == _UNKNOWN:
        kind = "other"
    else:
        kind = "desktop"
    browser = found.user_agent.family
    return Device(kind, browser if browser in _BROWSERS else _UNKNOWN, system if system in _SYSTEMS else _UNKNOWN)


def network_of(address: str) -> str:
    """An address cut to its network: /24 of IPv4, /48 of IPv6; empty for what is no address."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return str(ip_network((ip, 24 if isinstance(ip, IPv4Address) else 48), strict=False))


def page_of(address: str) -> str:
    """The path of a page, without query and fragment. A part that could name a person is a star."""
    try:
        path = _CONTROLS.sub("", urlsplit(address).path)
    except ValueError:
        return "/"
    parts = ("*" if _NAMES_SOMEBODY.search(unquote(part)) else part for part in path.split("/"))
    return ("/".join(parts) or "/")[:LONGEST_PATH]


@lru_cache(1)
def _parser() -> Parser:
    """Without a cache of its own: no user agent outlives its request."""
    from ua_parser import Parser
    from ua_parser.loaders import load_lazy_builtins
    from ua_parser.regex import Resolver

    return Parser(Resolver(load_lazy_builtins()))

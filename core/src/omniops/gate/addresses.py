"""Which addresses and host names nothing may be sent to, whoever asks.

`ipaddress.is_global` alone is not enough: it calls some of these global (Python 3.11). The rule is: global, and not
multicast, and not in the table below, and the same for an IPv4 address that hides inside an IPv6 one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from omniops.errors import EgressRefused

Address = IPv4Address | IPv6Address

BAD: dict[IPv4Network | IPv6Network, str] = {
    ip_network(network): kind
    for kind, networks in {
        "this machine": ("0.0.0.0/8", "127.0.0.0/8", "::/128", "::1/128"),
        "private": (
            "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10",
        ),
        "link-local or cloud metadata": ("169.254.0.0/16", "fe80::/10", "168.63.129.16/32"),
        "reserved": (
            "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "192.88.99.0/24",
            "240.0.0.0/4", "2001:db8::/32", "100::/64", "2001::/23",
        ),
        "multicast": ("224.0.0.0/4", "ff00::/8"),
    }.items()
    for network in networks
}  # fmt: skip

_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = IPv6Network("::/96")
_LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa")
_NUMBERS = re.compile(r"(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+)){0,3}")
_DOTS = str.maketrans("。．｡", "...")
"""What IDNA (RFC 3490, section 3.1) reads as a full stop."""
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def judge(address: Address) -> str | None:
    """Why an address is bad, in words, or None."""
    for candidate in _faces(address):
        for network, kind in BAD.items():
            if candidate.version == network.version and candidate in network:
                return kind
        if candidate.is_multicast or not candidate.is_global:
            return "not global"
    return None


def _faces(address: Address) -> Iterator[Address]:
    """The address and every IPv4 address that it carries inside."""
    yield address
    if isinstance(address, IPv4Address):
        return
    inner = address.ipv4_mapped or address.sixtofour
    if inner is not None:
        yield inner
    if address.teredo is not None:
        yield from address.teredo
    if any(address in network for network in _NAT64) or (address in _COMPATIBLE and int(address) > 1):
        yield IPv4Address(int(address) & 0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: a host name in ASCII lower case, or a literal address; a port."""

    host: str
    port: int
    address: Address | None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_target(host: str, port: int) -> Target:
    """One reading of a host, before anything else looks at it. Raises `EgressRefused` for spellings that two parsers
    could read differently: numbers that are no dotted address, zone ids, odd characters."""
    name = unicodedata.normalize("NFKC", host).translate(_DOTS).strip().lower()
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    if "%" in name or "@" in name or "\\" in name or "/" in name:
        raise _bad(host, "has characters that no host name has")
    try:
        return Target(name, _checked_port(host, port), ip_address(name))
    except ValueError:
        pass
    name = name.removesuffix(".")
    if not name or _NUMBERS.fullmatch(name):
        raise _bad(host, "is a number in an unusual spelling")
    try:
        ascii_name = name.encode("idna").decode() if not name.isascii() else name
    except UnicodeError:
        raise _bad(host, "is no host name") from None
    labels = ascii_name.split(".")
    if len(ascii_name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _bad(host, "is no host name")
    return Target(ascii_name, _checked_port(host, port), None)


def check_name(target: Target) -> None:
    """Raises `EgressRefused` for a name that only this machine or its network knows."""
    if any(target.host == local or target.host.endswith(f".{local}") for local in _LOCAL_NAMES):
        raise EgressRefused(
            f"Host {target.host!r} is a local name.",
            reason="local_name",
            do="If it is meant, let the operator make an exception with `omniops config allow`.",
        )


def parse_url(url: str) -> tuple[str, Target]:
    """Scheme and target of an http(s) URL. Raises `EgressRefused` for other schemes and for user info in it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise EgressRefused("This is no URL.", reason="bad_url") from None
    if parts.scheme not in ("http", "https"):
        raise EgressRefused(f"Scheme {parts.scheme!r} is not allowed.", reason="bad_scheme")
    if parts.username is not None or parts.password is not None or not parts.hostname:
        raise EgressRefused("A URL with user info, or without a host, is not allowed.", reason="bad_url")
    return parts.scheme, parse_target(parts.hostname, port or (443 if parts.scheme == "https" else 80))


def _checked_port(host: str, port: int) -> int:
    if not 0 < port < 65536:
        raise _bad(host, f"with port {port} is no target")
    return port


def _bad(host: str, why: str) -> EgressRefused:
    return EgressRefused(f"Host {host!r} {why}.", reason="bad_host")

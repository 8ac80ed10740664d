"""The third ring: what a deployment's firewall or proxy should let out, generated from the register."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from omniops.gate.addresses import Address


@dataclass(frozen=True, slots=True)
class Way:
    """A way out: who, to which host and port. `addresses` are the ones that it resolves to now."""

    processor: str
    host: str
    port: int
    addresses: tuple[Address, ...] = ()


def nftables(ways: Iterable[Way], *, resolvers: Sequence[Address] = ()) -> str:
    """A ruleset for nftables: output is dropped except loopback, answers, look-ups and the ways out.

    Load it with `nft -f`. Addresses change: generate it anew from a timer, or use `proxy` where names matter.
    """
    lines = [
        "table inet omniops_egress",
        "delete table inet omniops_egress",
        "table inet omniops_egress {",
        "  chain output {",
        "    type filter hook output priority 0; policy drop;",
        '    oifname "lo" accept',
        "    ct state established,related accept",
        "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept",
    ]
    for resolver in resolvers:
        lines += [f"    {_family(resolver)} daddr {resolver} {proto} dport 53 accept" for proto in ("udp", "tcp")]
    for way in sorted(ways, key=lambda w: (w.processor, w.host, w.port)):
        lines.append(f"    # {way.processor}: {way.host}")
        lines += [f"    {_family(a)} daddr {a} tcp dport {way.port} accept" for a in way.addresses]
    lines += ["    counter reject", "  }", "}"]
    return "\n".join(lines) + "\n"


def proxy(ways: Iterable[Way]) -> str:
    """Access rules for a squid proxy: CONNECT to the register's hosts and ports, everything else denied."""
    lines = ["acl CONNECT method CONNECT"]
    ports: dict[int, list[str]] = {}
    for way in sorted(ways, key=lambda w: (w.host, w.port)):
        ports.setdefault(way.port, []).append(way.host.replace("*.", ".", 1))
    for port, hosts in sorted(ports.items()):
        lines.append(f"acl omniops_port_{port} port {port}")
        lines += [f"acl omniops_hosts_{port} dstdomain {host}" for host in dict.fromkeys(hosts)]
        lines.append(f"http_access allow CONNECT omniops_port_{port} omniops_hosts_{port}")
    lines.append("http_access deny all")
    return "\n".join(lines) + "\n"


def _family(address: IPv4Address | IPv6Address) -> str:
    return "ip" if address.version == 4 else "ip6"

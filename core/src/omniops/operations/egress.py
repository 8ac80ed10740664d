"""`omniops config egress`: the deployment's outbound list, from the register and the addresses of today."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from omniops.contracts.declaration import Processor
from omniops.gate.addresses import Address
from omniops.gate.egress import Way, nftables, proxy
from omniops.gate.service import resolve
from omniops.operations.firsts import Firsts
from omniops.runtime import Runtime


async def rules(runtime: Runtime, style: str) -> str:
    """The list in the language of nftables or of a proxy. Own sites are part of it: the crawler reads them."""
    ways = [
        Way(registered.processor.key, host, port)
        for registered in runtime.register.all()
        for host, port in _targets(registered.processor)
    ]
    firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
    for account_id in await firsts.account_ids():
        for domain in await runtime.accounts.domains(account_id):
            ways += [Way("own-site", host, port) for host in sorted(domain.hosts) for port in (443,)]
    ways += [Way("exception", allow.host, allow.port) for allow in await runtime.allows.all()]
    database = runtime.database.links.app
    if not database.local:
        ways.append(Way("database", database.host, int(database.parameters.get("port", "5432"))))
    if style == "proxy":
        return proxy(ways)
    resolved = [Way(w.processor, w.host, w.port, tuple(await _addresses(w))) for w in ways if "*" not in w.host]
    return nftables(resolved, resolvers=_resolvers())


def _targets(processor: Processor) -> Sequence[tuple[str, int]]:
    return [(host, port) for host in processor.hosts for port in processor.ports]


async def _addresses(way: Way) -> Sequence[Address]:
    try:
        return [ip_address(way.host)]
    except ValueError:
        pass
    try:
        return await resolve(way.host, way.port)
    except OSError:
        return ()


def _resolvers(file: Path = Path("/etc/resolv.conf")) -> list[Address]:
    try:
        text = file.read_text()
    except OSError:
        return []
    found = []
    for match in re.finditer(r"^\s*nameserver\s+(\S+)", text, re.MULTILINE):
        try:
            found.append(ip_address(match[1].partition("%")[0]))
        except ValueError:
            continue
    return found

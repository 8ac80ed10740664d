"""`omniops config egress`: the deployment's outbound list, from the register and the addresses of today."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from omniops.contracts.declaration import Processor
from omniops.gate.addresses import Address, parse_url
from omniops.gate.egress import Way, nftables, proxy
from omniops.gate.names import nameservers
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
            for receiver in await runtime.webhooks.endpoints.all(domain.scope):
                target = parse_url(receiver.url)[1]
                ways.append(Way("own-webhook", target.host, target.port))
    ways += [Way("exception", allow.host, allow.port) for allow in await runtime.allows.all()]
    database = runtime.database.links.app
    if not database.local:
        ways.append(Way("database", database.host, int(database.parameters.get("port", "5432"))))
    if style == "proxy":
        return proxy(ways)
    resolved = [Way(w.processor, w.host, w.port, tuple(await _addresses(w))) for w in ways if "*" not in w.host]
    return nftables(resolved, resolvers=nameservers())


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

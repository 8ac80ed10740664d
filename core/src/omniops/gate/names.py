"""TXT records, asked of the machine's own resolvers, as every look-up of the gate is.

Over TCP, for two reasons: the process guard lets the gate's stream sockets out and no datagram, and nobody who cannot
read the traffic can forge an answer, which matters where a record proves something. Every resolver must speak TCP
(RFC 7766).
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from omniops.errors import NotReachable
from omniops.gate.addresses import Address
from omniops.gate.permits import permitted_socket

SECONDS = 5.0
"""For one resolver."""
Server = tuple[Address, int]
"""Address and port of a resolver."""


def nameservers(file: Path = Path("/etc/resolv.conf")) -> list[Address]:
    """The resolvers of this machine."""
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


async def txt(name: str, servers: Sequence[Server]) -> list[str]:
    """The TXT records of a name, each with its strings joined; none where there is no such name. Raises `NotReachable`
    when no resolver answers."""
    failure: Exception | None = None
    for address, port in servers:
        try:
            async with asyncio.timeout(SECONDS):
                return await _ask(name, address, port)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            failure = error
    raise NotReachable(f"No resolver says what TXT records {name!r} has.") from failure


async def _ask(name: str, address: Address, port: int) -> list[str]:
    import dns.exception
    import dns.message
    import dns.rcode
    import dns.rdatatype

    query = dns.message.make_query(name, dns.rdatatype.TXT, id=secrets.randbelow(65536))
    wire = query.to_wire()
    made = permitted_socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)
    try:
        await asyncio.get_running_loop().sock_connect(made, (str(address), port))
        reader, writer = await asyncio.open_connection(sock=made)
    except BaseException:
        made.close()
        raise
    try:
        writer.write(len(wire).to_bytes(2, "big") + wire)
        await writer.drain()
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = dns.message.from_wire(await reader.readexactly(size))
    except dns.exception.DNSException as error:
        raise ValueError(f"{address} gives no answer that can be read.") from error
    finally:
        writer.close()
    if not query.is_response(answer) or answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise ValueError(f"{address} answers {dns.rcode.to_text(answer.rcode())}.")
    return [
        b"".join(record.strings).decode("utf-8", "replace")
        for found in answer.answer
        if found.rdtype == dns.rdatatype.TXT
        for record in found
    ]

"""The one way out: register, address, ledger, TLS; then a socket, and not before."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from omniops.errors import EgressRefused, NotReachable
from omniops.gate.addresses import Address, Target, check_name, judge, parse_target
from omniops.gate.grants import TLS, Grant, Ledger, Register
from omniops.gate.names import Server, nameservers, txt
from omniops.gate.permits import permitted_socket, resolving

if TYPE_CHECKING:
    import httpcore2

CONNECT_SECONDS = 5.0
RESOLVE_SECONDS = 5.0

Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]
"""All addresses of a name, in the order to try them. Raises `OSError` when there are none."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A target that may be dialled: the addresses that were judged (and no others), the least TLS, or plaintext."""

    target: Target
    addresses: tuple[Address, ...]
    tls: TLS
    plaintext: bool


class Gate:
    """Admits, dials, and hands out clients that can do nothing else."""

    def __init__(
        self,
        register: Register,
        ledger: Ledger,
        *,
        ca: Path | None = None,
        resolver: Resolver | None = None,
        servers: Sequence[Server] | None = None,
    ) -> None:
        self.register = register
        self.ledger = ledger
        self._resolver = resolver or resolve
        self._servers = servers
        self._contexts: dict[TLS, ssl.SSLContext] = {}
        self._ca = ca
        self.pools: dict[Hashable, httpcore2.AsyncConnectionPool] = {}
        """Connections that wait for the next request, by processor and how they are made."""

    async def close(self) -> None:
        """Closes the connections that wait."""
        for pool in self.pools.values():
            await pool.aclose()
        self.pools.clear()

    async def admit(self, host: str, port: int, grant: Grant, *, plaintext: bool = False) -> Admitted:
        """Decides about one target. Raises `EgressRefused` with the reason; nothing has left by then but the look-up of
        a name that the register admits.

        The name is resolved once, every address must be good, and exactly these are dialled: another answer at a second
        look-up changes nothing.
        """
        target = parse_target(host, port)
        admission = self.register.admit(await self.register.traced(grant), target.host, target.port)
        allow = await self.register.allowed(target.host, target.port)
        if allow is None:
            check_name(target)
        if plaintext and not (allow is not None and allow.plaintext):
            raise EgressRefused(
                f"{target} would be reached without TLS.",
                reason="plaintext",
                do="Use https, or let the operator make an exception with `omniops config allow`.",
            )
        if target.address is not None:
            addresses: tuple[Address, ...] = (target.address,)
        else:
            addresses = await self._resolved(target)
        if allow is None:
            for address in addresses:
                if kind := judge(address):
                    raise EgressRefused(f"{target} leads to {address}, which is {kind}.", reason="bad_address")
        return Admitted(target, addresses, admission.tls, plaintext)

    async def _resolved(self, target: Target) -> tuple[Address, ...]:
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = tuple(await self._resolver(target.host, target.port))
        except (OSError, TimeoutError) as error:
            raise NotReachable(f"The name {target.host!r} cannot be resolved.") from error
        if not found:
            raise NotReachable(f"The name {target.host!r} has no address.")
        return found

    async def txt(self, label: str, host: str, grant: Grant) -> list[str]:
        """The TXT records of `label.host`, for a host that the grant admits.

        Raises `EgressRefused` or `NotReachable`.
        """
        target = parse_target(host, 443)
        check_name(target)
        self.register.admit(await self.register.traced(grant), target.host, target.port)
        if target.address is not None:
            raise NotReachable(f"{host} is an address; it has no records.")
        servers = self._servers if self._servers is not None else [(address, 53) for address in nameservers()]
        return await txt(f"{label}.{target.host}", servers)

    async def dial(self, host: str, port: int, grant: Grant, *, plaintext: bool = False) -> socket.socket:
        """A connected, non-blocking TCP socket to an admitted target. TLS is the caller's next step (`context`).

        Raises `EgressRefused` or `NotReachable`.
        """
        return await self.connect(await self.admit(host, port, grant, plaintext=plaintext))

    async def connect(self, admitted: Admitted) -> socket.socket:
        """Connects to the first of the admitted addresses that answers."""
        loop = asyncio.get_running_loop()
        failure: OSError | TimeoutError | None = None
        for address in admitted.addresses:
            made = permitted_socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await loop.sock_connect(made, (str(address), admitted.target.port))
            except (OSError, TimeoutError) as error:
                made.close()
                failure = error
            except BaseException:
                made.close()
                raise
            else:
                return made
        raise NotReachable(f"{admitted.target} does not answer.") from failure

    def context(self, tls: TLS) -> ssl.SSLContext:
        """A client context that verifies certificate and name and speaks no TLS below `tls`."""
        if tls not in self._contexts:
            self._contexts[tls] = self.new_context(tls)
        return self._contexts[tls]

    def new_context(self, tls: TLS) -> ssl.SSLContext:
        """A context of one's own, to be set up further."""
        context = ssl.create_default_context(cafile=str(self._ca) if self._ca else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_3 if tls == "1.3" else ssl.TLSVersion.TLSv1_2
        return context

    async def least_tls(self, grant: Grant, host: str, port: int) -> TLS:
        """The least version that the register demands for a target. Raises `EgressRefused` like `admit`."""
        target = parse_target(host, port)
        return self.register.admit(await self.register.traced(grant), target.host, target.port).tls


async def resolve(host: str, port: int) -> Sequence[Address]:
    """The system's resolver, in a thread that the process guard lets look names up."""

    def look() -> list[Address]:
        with resolving():
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))

    return await asyncio.to_thread(look)

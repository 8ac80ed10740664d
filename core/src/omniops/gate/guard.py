"""The process guard: a connection that did not come from the gate is refused where it is made.

Two mechanisms, because neither sees everything: an audit hook of the interpreter (plain sockets, asyncio, urllib,
threads, name look-ups, look-ups of C functions through ctypes), and an event loop for uvloop, whose `create_connection`
raises no audit event. A library in C that opens sockets by itself is seen by neither; libpq is the one that OmniOps
uses, and for everything else there is the deployment's outbound list (`egress.py`).

An audit hook cannot be removed: `install` is once per process, after the server's own sockets are listening.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from omniops.errors import EgressRefused
from omniops.gate.permits import is_permitted, may_resolve

_C_NETWORK = frozenset(
    {"connect", "sendto", "sendmsg", "sendmmsg", "getaddrinfo", "gethostbyname", "gethostbyname_r", "res_query"}
)
_RESOLVERS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
OnRefused = Callable[[str, str], None]


@dataclass(slots=True)
class Guard:
    """What is let through besides the gate: look-ups of these names (the database's host), and nothing else."""

    names: frozenset[str] = frozenset()
    on_refused: OnRefused | None = None
    refused: int = 0
    _reporting: bool = field(default=False, repr=False)

    def refuse(self, event: str, target: object) -> EgressRefused:
        """Counts and reports a refusal; returns the error to raise."""
        self.refused += 1
        if self.on_refused is not None and not self._reporting:
            self._reporting = True
            try:
                self.on_refused(event, str(target))
            finally:
                self._reporting = False
        return EgressRefused(f"{event} to {target} did not come from the gate.", reason="not_from_gate")

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """The audit hook. Fast for everything that is not about the network."""
        if event == "socket.connect":
            sock, address = arguments
            if getattr(sock, "family", None) != socket.AF_UNIX and not is_permitted(sock):
                raise self.refuse("A connection", address)
        elif event in ("socket.sendto", "socket.sendmsg"):
            sock, address = arguments[0], arguments[-1]
            if address is not None and getattr(sock, "family", None) != socket.AF_UNIX and not is_permitted(sock):
                raise self.refuse("A datagram", address)
        elif event in _RESOLVERS:
            name = arguments[0]
            if not (may_resolve() or name in self.names or _is_literal(name)):
                raise self.refuse("A look-up", name)
        elif event == "ctypes.dlsym":
            name = arguments[1]
            if (name.decode() if isinstance(name, bytes) else name) in _C_NETWORK:
                raise self.refuse("A C function", name)


def _is_literal(name: object) -> bool:
    """An address in digits, which `getaddrinfo` only parses: nothing is asked of anybody."""
    if name is None or name in ("", b""):
        return True
    text = name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text)
        except OSError:
            continue
        return True
    return False


_installed: Guard | None = None


def install(guard: Guard) -> None:
    """Guards this process from now on. A second call is an error: the first hook would stay."""
    global _installed
    if _installed is not None:
        raise RuntimeError("The process guard is installed already.")
    _installed = guard
    sys.addaudithook(guard.audit)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """The event loop for servers: uvloop with the guard inside, or asyncio's own where uvloop is not available."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop

    class GuardedLoop(uvloop.Loop):
        """uvloop, whose connections raise no audit events, asking the guard itself."""

        async def create_connection(
            self, protocol_factory: Any, host: Any = None, port: Any = None, *, sock: Any = None, **options: Any
        ) -> Any:
            if _installed is not None and not is_permitted(sock):
                raise _installed.refuse("A connection", f"{host}:{port}")
            return await super().create_connection(protocol_factory, host, port, sock=sock, **options)

        async def sock_connect(self, sock: Any, address: Any) -> None:
            if _installed is not None and sock.family != socket.AF_UNIX and not is_permitted(sock):
                raise _installed.refuse("A connection", address)
            await super().sock_connect(sock, address)

        async def create_datagram_endpoint(self, protocol_factory: Any, *arguments: Any, **options: Any) -> Any:
            if _installed is not None:
                raise _installed.refuse("A datagram", options.get("remote_addr"))
            return await super().create_datagram_endpoint(protocol_factory, *arguments, **options)

        async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
            if _installed is not None and not (host in _installed.names or _is_literal(host)):
                raise _installed.refuse("A look-up", host)
            return await super().getaddrinfo(host, port, **options)

    return GuardedLoop

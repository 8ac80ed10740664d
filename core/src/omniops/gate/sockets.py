"""Connections through the gate that speak no HTTP: a socket with TLS done, for libraries such as mail clients.

Nothing but the few words that ask a mail server for TLS is ever sent in clear, and those are said here.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

from omniops.errors import EgressRefused, NotReachable, OmniOpsError
from omniops.gate.grants import TLS, Call, Closing, Grant
from omniops.gate.service import Gate

SECONDS = 15.0
"""For the handshake, and for each call on the socket."""
LONGEST_REPLY = 8192

StartTLS = Literal["smtp"]


class CountedSocket(ssl.SSLSocket):
    """Counts its bytes. `SSLSocket` reads and writes through these two, whatever its user calls."""

    bytes_in = 0
    bytes_out = 0

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002  (SSLSocket's own name)
        found = super().read(len, buffer)
        self.bytes_in += found if isinstance(found, int) else memoryview(found).nbytes
        return found

    def send(self, data: Any, flags: int = 0) -> int:
        sent = super().send(data, flags)
        self.bytes_out += sent
        return sent


@asynccontextmanager
async def dialled(
    gate: Gate, grant: Grant, host: str, port: int, *, starttls: StartTLS | None = None
) -> AsyncIterator[CountedSocket]:
    """A connected socket with TLS, closed at the end. Register, address, ledger, TLS, as for every other way out.

    Raises `EgressRefused`, also where the server has no TLS that the register accepts, and `NotReachable`.
    """
    admitted = await gate.admit(host, port, grant)
    call, closing = Call(grant, host, port), Closing()
    try:
        entry = await gate.ledger.opened(call)
    except OmniOpsError as error:
        raise EgressRefused("The ledger cannot be written, so nothing is sent.", reason="no_ledger") from error
    made: CountedSocket | None = None
    try:
        raw = await gate.connect(admitted)
        made = await asyncio.to_thread(_secured, gate, raw, admitted.target.host, admitted.tls, starttls)
        closing.tls = made.version()
        yield made
    except BaseException as error:
        closing.outcome = type(error).__name__
        raise
    finally:
        if made is not None:
            closing.bytes_in, closing.bytes_out = made.bytes_in, made.bytes_out
            with suppress(OSError):
                made.shutdown(socket.SHUT_RDWR)  # also where a library's file holds the socket open, or a thread reads
            made.close()
        gate.ledger.closed(entry, call, closing)


def _secured(gate: Gate, raw: socket.socket, host: str, tls: TLS, starttls: StartTLS | None) -> CountedSocket:
    try:
        raw.settimeout(SECONDS)
        if starttls == "smtp":
            _ask_for_tls(raw)
        made = _context(gate, tls).wrap_socket(raw, server_hostname=host)
    except ssl.SSLError as error:
        raw.close()
        raise EgressRefused(
            f"{host} offers no TLS {tls} with a good certificate: {error.reason or error}.",
            reason="tls",
            do="Its operator must switch TLS 1.3 on, or renew its certificate.",
        ) from error
    except OSError as error:
        raw.close()
        raise NotReachable(f"{host} did not answer.") from error
    except BaseException:
        raw.close()
        raise
    assert isinstance(made, CountedSocket)
    return made


def _context(gate: Gate, tls: TLS) -> ssl.SSLContext:
    context = gate.new_context(tls)
    context.sslsocket_class = CountedSocket
    return context


def _ask_for_tls(raw: socket.socket) -> None:
    """RFC 3207. What the server sends behind its yes would be read as if it had come under TLS, so it is refused."""
    for words, expected in ((b"", b"220"), (b"EHLO omniops.invalid\r\n", b"250"), (b"STARTTLS\r\n", b"220")):
        raw.sendall(words)
        reply = _reply(raw)
        if not reply.startswith(expected):
            raise EgressRefused("The mail server offers no TLS.", reason="tls")


def _reply(raw: socket.socket) -> bytes:
    """One reply of one or more lines, and not a byte more."""
    found = b""
    while not (found.endswith(b"\r\n") and found.splitlines()[-1][3:4] != b"-"):
        more = raw.recv(LONGEST_REPLY)
        if not more or len(found) > LONGEST_REPLY:
            raise NotReachable("The mail server broke off.")
        found += more
    lines = found.splitlines()
    if any(line[3:4] != b"-" for line in lines[:-1]):
        raise EgressRefused("The mail server said more than it was asked.", reason="tls")
    return found

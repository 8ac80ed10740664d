"""What the process guard lets through: sockets that the gate made, and look-ups in the gate's own resolver.

A permit is the socket object itself, not a flag in a context that other code could inherit.
"""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

_sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
_resolving = threading.local()


def permitted_socket(family: int) -> socket.socket:
    """A non-blocking TCP socket that may connect."""
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setblocking(False)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _sockets.add(made)
    return made


def is_permitted(sock: object) -> bool:
    return isinstance(sock, socket.socket) and sock in _sockets


@contextmanager
def resolving() -> Iterator[None]:
    """In this thread, names may be looked up."""
    _resolving.active = True
    try:
        yield
    finally:
        _resolving.active = False


def may_resolve() -> bool:
    return bool(getattr(_resolving, "active", False))

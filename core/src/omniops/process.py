"""What every server process does first: end with its supervisor, and let nothing out but through the gate."""

from __future__ import annotations

import os
import sys
import threading

from omniops import logs
from omniops.bootstrap import Prepared
from omniops.errors import ConfigError
from omniops.gate.guard import Guard, install
from omniops.settings import Settings


def guarded(ready: Prepared) -> None:
    """Guards this process; only the database's host may be looked up besides what the gate does."""
    log = logs.logger("gate")
    links = (ready.links.app, ready.links.pooled)
    names = frozenset(link.host for link in links if link is not None and not link.host.startswith("/"))
    install(Guard(names, lambda event, target: log.error("guard.refused", what=event, target=target)))


def handed_over() -> Settings:
    """The settings of the supervisor, from its end of the pipe. They need not be those of the environment."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(sys.stdin.fileno(), 1)  # byte by byte: what follows is not ours to buffer
        if not piece:
            raise ConfigError("The supervisor ended before it said how to run.")
        line += piece
    return Settings.model_validate_json(line)


def end_with_parent() -> None:
    """Ends this process when its supervisor's end of the pipe closes, however that came about."""

    def wait() -> None:
        # Unbuffered: a thread that holds the buffer's lock would be fatal to the interpreter's end.
        while os.read(sys.stdin.fileno(), 64):
            pass
        # The supervisor did not stop us, so it died. Nothing is lost by ending at once: what was acknowledged is on
        # disk, and turns have leases. Going on for a while would keep the port from the next start.
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="parent").start()

"""What every server process does first: end with its supervisor, and let nothing out but through the gate."""

from __future__ import annotations

import os
import signal
import sys
import threading

from omniops import logs
from omniops.bootstrap import Prepared
from omniops.gate.guard import Guard, install


def guarded(ready: Prepared) -> None:
    """Guards this process; only the database's host may be looked up besides what the gate does."""
    log = logs.logger("gate")
    links = (ready.links.app, ready.links.pooled)
    names = frozenset(link.host for link in links if link is not None and not link.host.startswith("/"))
    install(Guard(names, lambda event, target: log.error("guard.refused", what=event, target=target)))


def end_with_parent() -> None:
    """Asks this process to stop when its supervisor's end of the pipe closes, however that came about."""

    def wait() -> None:
        # Unbuffered: a thread that holds the buffer's lock would be fatal to the interpreter's end.
        while os.read(sys.stdin.fileno(), 64):
            pass
        signal.raise_signal(signal.SIGTERM)

    threading.Thread(target=wait, daemon=True, name="parent").start()

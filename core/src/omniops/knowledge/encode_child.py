"""The process that encodes: one line of JSON in, int8 rows out. Run by `encoding.encode_in_child`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from importlib import import_module

from omniops.knowledge.encoding import BATCH, to_int8


def main() -> None:
    work = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    os.nice(5)
    module, _, name = work["encoder"].partition(":")
    encoder = getattr(import_module(module), name).load(work["settings"])
    for start in range(0, len(work["texts"]), BATCH):
        rows = to_int8(encoder.encode(work["texts"][start : start + BATCH]), encoder.scale)
        sys.stdout.buffer.write(rows.tobytes())
        sys.stdout.buffer.flush()


def _end_with_parent() -> None:
    """The input stays open as long as the parent lives; its end is the end."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()

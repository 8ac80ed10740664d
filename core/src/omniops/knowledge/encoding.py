"""Encoding many passages in a child process that ends with its job, so that its memory goes with it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from omniops.contracts.knowledge import Encoder
from omniops.errors import NotReady

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 64
Progress = Callable[[int, int], None]
"""Called with passages done and passages in all."""


@dataclass(frozen=True, slots=True)
class _Work:
    encoder: type[Encoder]
    settings: dict[str, Any]
    texts: list[str]


def to_int8(vectors: NDArray[np.float32], scale: float) -> NDArray[np.int8]:
    """Vectors as they are stored."""
    import numpy as np

    rounded: NDArray[np.int8] = np.clip(np.rint(vectors * scale), -127, 127).astype(np.int8)
    return rounded


async def encode_in_child(
    encoder: Encoder, texts: Sequence[str], *, progress: Progress | None = None
) -> NDArray[np.int8]:
    """int8 vectors of all texts, one row each. The child dies with this process, and with a cancellation.

    Raises `NotReady` when the child ends before its work: killed, out of memory, or the encoder failed.
    """
    import numpy as np

    if not texts:
        return np.empty((0, encoder.dimensions), dtype=np.int8)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    work = _Work(type(encoder), dict(encoder.settings()), list(texts))
    child = context.Process(target=_encode, args=(work, theirs, os.getpid()), daemon=True, name="omniops-encode")
    child.start()
    theirs.close()
    rows: list[NDArray[np.int8]] = []
    done = 0
    try:
        while done < len(texts):
            batch = await asyncio.to_thread(_receive, ours)
            if not isinstance(batch, np.ndarray):
                raise NotReady(f"The encoder's process failed: {batch}.")
            rows.append(batch)
            done += len(batch)
            if progress is not None:
                progress(done, len(texts))
    finally:
        if done < len(texts):
            child.kill()
        ours.close()
        await asyncio.to_thread(child.join)
    return np.concatenate(rows)


def _receive(connection: Connection) -> Any:
    try:
        return connection.recv()
    except (EOFError, OSError):
        return "it ended before its work was done"


def _encode(work: _Work, out: Connection, parent: int) -> None:
    """The child: builds the encoder again and sends batch after batch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    os.nice(5)
    try:
        encoder = work.encoder.load(work.settings)
        for start in range(0, len(work.texts), BATCH):
            out.send(to_int8(encoder.encode(work.texts[start : start + BATCH]), encoder.scale))
    except Exception as error:
        out.send(f"{type(error).__name__}: {error}")


def _die_with(parent: int) -> None:
    """Ends this process when its parent is gone, however that ended."""
    while os.getppid() == parent:
        threading.Event().wait(0.5)
    os._exit(1)

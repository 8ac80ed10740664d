"""Encoding many passages in a child process that ends with its job, so that its memory goes with it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from omniops.contracts.knowledge import Encoder
from omniops.contracts.scope import Scope
from omniops.errors import NotReady

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from omniops.knowledge.store import PassageRows

BATCH = 64
AT_ONCE = 2000
Progress = Callable[[int, int], None]
"""Called with passages done and passages in all."""


def to_int8(vectors: NDArray[np.float32], scale: float) -> NDArray[np.int8]:
    """Vectors as they are stored."""
    import numpy as np

    rounded: NDArray[np.int8] = np.clip(np.rint(vectors * scale), -127, 127).astype(np.int8)
    return rounded


async def encode_waiting(rows: PassageRows, scope: Scope, encoder: Encoder, progress: Progress | None = None) -> int:
    """Makes and stores vectors for every passage of a domain that has none of this encoder. Returns how many."""
    waiting = await rows.unencoded(scope, encoder.id)
    for start in range(0, len(waiting), AT_ONCE):
        part = waiting[start : start + AT_ONCE]
        texts = [text for _, text, _ in part] + [question for _, _, question in part if question]

        def report(done: int, of: int, start: int = start, part_size: int = len(part)) -> None:
            if progress is not None:
                progress(start + min(part_size, done * part_size // max(1, of)), len(waiting))

        vectors = await encode_in_child(encoder, texts, progress=report)
        questions = iter(vectors[len(part) :])
        stored = [
            (row, vectors[i].tobytes(), next(questions).tobytes() if question else None)
            for i, (row, _, question) in enumerate(part)
        ]
        await rows.store_vectors(scope, encoder.id, stored)
    return len(waiting)


async def encode_in_child(
    encoder: Encoder, texts: Sequence[str], *, progress: Progress | None = None
) -> NDArray[np.int8]:
    """int8 vectors of all texts, one row each.

    The child ends with a cancellation, and when this process is gone, however that ended: it watches its input, which
    the kernel closes. Raises `NotReady` when the child ends before its work (killed, out of memory, encoder failed).
    """
    import numpy as np

    vectors = np.empty((len(texts), encoder.dimensions), dtype=np.int8)
    if not texts:
        return vectors
    kind = type(encoder)
    work = {
        "encoder": f"{kind.__module__}:{kind.__qualname__}",
        "settings": dict(encoder.settings()),
        "texts": list(texts),
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "omniops.knowledge.encode_child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(json.dumps(work).encode() + b"\n")
        await child.stdin.drain()
        for start in range(0, len(texts), BATCH):
            rows = vectors[start : start + BATCH]
            rows[:] = np.frombuffer(await child.stdout.readexactly(rows.nbytes), np.int8).reshape(rows.shape)
            if progress is not None:
                progress(start + len(rows), len(texts))
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise NotReady(f"The encoder's process ended early: {await _last_words(child)}.") from error
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
    return vectors


async def _last_words(child: asyncio.subprocess.Process) -> str:
    assert child.stderr is not None
    said = (await child.stderr.read()).decode("utf-8", "replace").strip().splitlines()
    code = await child.wait()
    return said[-1] if said else f"exit code {code}"

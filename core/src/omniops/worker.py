"""One worker process: runtime, guard, queue, until a signal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

from omniops import logs
from omniops.bootstrap import Prepared, prepared
from omniops.conversation.warming import warming
from omniops.errors import NotReady
from omniops.gate.guard import loop_factory
from omniops.operations.backup import daily
from omniops.operations.nightly_proof import nightly
from omniops.process import end_with_parent, guarded
from omniops.runtime import Runtime
from omniops.settings import Settings


def work(settings: Settings, queues: Sequence[str], concurrency: int, *, supervised: bool) -> None:
    """Works until a signal, or until the supervisor is gone. Raises `NotReady` when the queue's connection is lost."""
    logs.configure(settings.log_level, settings.log_format)
    if supervised:
        end_with_parent()
    with prepared(settings, create=False) as ready:
        guarded(ready)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_work(settings, ready, queues, concurrency))


async def _work(settings: Settings, ready: Prepared, queues: Sequence[str], concurrency: int) -> None:
    async with (
        Runtime.open(settings, ready.links, ready.root) as runtime,
        warming(runtime.seams.providers(), runtime.log),
    ):
        runtime.jobs.register(*daily(runtime, ready), *nightly(runtime))
        task = asyncio.create_task(runtime.jobs.work(queues, concurrency))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return
        raise NotReady("The worker lost its connection to the queue.", do="It is started again.")

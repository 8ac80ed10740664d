"""A worker for the kill test: the whole runtime as a process has it, listening and answering until it is killed."""

import asyncio
import json
import sys
from pathlib import Path

from omniops.database.links import Link, Links
from omniops.jobs.service import LISTENING, QUEUES, Timing
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.vault.roots import FolderRoot


async def main(given: dict[str, object]) -> None:
    links = Links(**{role: Link.parse(url) if url else None for role, url in given["links"].items()})
    settings = Settings(**given["settings"])
    timing = Timing(heartbeat=0.2, stalled=0.6, rescue="* * * * * *")
    async with Runtime.open(settings, links, FolderRoot(Path(given["keys"])), timing=timing) as runtime:
        print("working", flush=True)
        await runtime.jobs.work([*QUEUES, LISTENING])


asyncio.run(main(json.loads(sys.stdin.read())))

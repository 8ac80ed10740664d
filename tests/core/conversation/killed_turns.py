"""A process for the kill test: visitors of the website and of a channel ask a slow model, which calls a tool.

It reads on standard input where the database and the keys are, and says on standard output what was acknowledged. What
the tool does is one line in a file, on disk when the tool returns.
"""

import asyncio
import json
import random
import sys
from pathlib import Path
from uuid import uuid4

from desk import opened
from desk_plugins import letter
from omniops.contracts.provider import ToolCall
from omniops.database.links import Link, Links
from omniops.vault.roots import FolderRoot

ASKING = 20


def answer(request):
    if not request.rounds:
        call = ToolCall(uuid4().hex, "change_address", {"number": "1042", "street": request.messages[-1].text}, None)
        return ["Let me ", "see. ", call]
    return ["It ", "goes ", "there ", "now. ", "The end."]


def unhurried(provider):
    """The provider's events, with pauses between them."""
    told = provider._events

    async def events(said):
        async for event in told(said):
            await asyncio.sleep(random.uniform(0, 0.03))
            print("step", flush=True)
            yield event

    provider._events = events


async def main() -> None:
    spec = json.loads(sys.stdin.readline())
    links = Links(**{name: Link.parse(value) if value else None for name, value in spec["links"].items()})
    async with opened(links, FolderRoot(Path(spec["keys"])), Path(spec["folder"])) as desk:
        desk.domain = await desk.new_domain()
        await desk.with_model(answer)
        unhurried(desk.model.provider)
        desk.model.effects = Path(spec["effects"])
        print("ready", flush=True)

        async def visitor(number):
            visitor = await desk.visitor()
            await asyncio.sleep(random.uniform(0, 0.8))
            text = f"Website {number} {uuid4().hex}"
            async for event in await desk.ask(visitor, text):
                if event.kind == "message":
                    print("ack", visitor.conversation_id, text, flush=True)

        async def channel(number):
            connection = await desk.connection()
            await asyncio.sleep(random.uniform(0, 0.8))
            text = f"Channel {number} {uuid4().hex}"
            await desk.take(connection, letter(text, thread=uuid4().hex))
            print("ack", "-", text, flush=True)

        work = asyncio.create_task(desk.runtime.jobs.work(concurrency=10))
        await asyncio.gather(*(visitor(n) if n % 3 else channel(n) for n in range(ASKING)))
        await work


asyncio.run(main())

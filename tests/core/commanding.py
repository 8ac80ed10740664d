"""Commands over a runtime that is open already: what a process of its own costs is not what a journey tries."""

import asyncio
import json

from omniops.audit.service import acting
from omniops.cli import session
from omniops.cli.app import app
from omniops.contracts.scope import Actor
from typer.testing import CliRunner


class Operator:
    """Somebody at a terminal, who types `omniops` and its arguments; `domain` is added to them."""

    def __init__(self, runtime, domain, monkeypatch):
        self.domain, loop = domain, asyncio.get_running_loop()

        async def as_operator(work):
            with acting(Actor.operator()):
                return await work(runtime, None)

        def with_prepared(work, chosen=None, *, quiet=True):
            return asyncio.run_coroutine_threadsafe(as_operator(work), loop).result()

        monkeypatch.setattr(session, "with_prepared", with_prepared)

    async def __call__(self, *arguments, typed=()):
        """What a command says, which must succeed. `typed` are the lines that it asks for."""
        line = [*map(str, arguments), "--domain", str(self.domain.id)]
        asked = "".join(f"{one}\n" for one in typed)
        done = await asyncio.to_thread(CliRunner().invoke, app, line, input=asked)
        assert done.exit_code == 0, (line, done.output, done.exception)
        return done

    async def json(self, *arguments, typed=()):
        """The same, as the JSON that it prints."""
        return json.loads((await self(*arguments, "--json", typed=typed)).stdout)

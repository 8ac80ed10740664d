"""Commands over a real database: what they do, print and exit with."""

import asyncio

from omniops.contracts.ids import SystemClock
from omniops.operations.firsts import Firsts
from omniops.runtime import Runtime
from omniops.settings import Settings


def over_shop(links, root, folder, plugins):
    """What stands in for `with_runtime` of a module of commands: each call opens a runtime of its own over a database
    with one account and its shop."""
    settings = Settings(data_dir=folder, keys_dir=folder / "keys", plugins=plugins, encoder="none")

    def with_runtime(work):
        async def run():
            async with Runtime.open(settings, links, root, clock=SystemClock(), migrate=True) as runtime:
                return await work(runtime)

        return asyncio.run(run())

    async def shop(runtime):
        firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
        await firsts.ensure_site((await firsts.ensure("Shop")).account_id, "https://shop.example")

    with_runtime(shop)
    return with_runtime

"""What commands work with: settings, and a runtime over the deployment's own database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from omniops.bootstrap import Prepared
    from omniops.operations.firsts import Firsts
    from omniops.runtime import Runtime
    from omniops.settings import Settings

T = TypeVar("T")


def settings(**override: Any) -> Settings:
    """The settings of this invocation. Raises `ConfigError`."""
    from omniops.settings import load

    return load(**override).settings


def with_runtime(work: Callable[[Runtime], Awaitable[T]], chosen: Settings | None = None, *, quiet: bool = True) -> T:
    """Runs `work` over the deployment's database; the embedded server is started if it does not run, and left as it
    was found. Logs stay away from the terminal unless something is wrong."""
    return with_prepared(lambda runtime, _: work(runtime), chosen, quiet=quiet)


def with_prepared(
    work: Callable[[Runtime, Prepared], Awaitable[T]], chosen: Settings | None = None, *, quiet: bool = True
) -> T:
    """`with_runtime` for who needs the links and the root as well."""
    from omniops import logs
    from omniops.bootstrap import prepared
    from omniops.runtime import Runtime

    found = chosen or settings()
    logs.configure("error" if quiet else found.log_level, found.log_format)

    async def run(ready: Prepared) -> T:
        async with Runtime.open(found, ready.links, ready.root) as runtime:
            return await work(runtime, ready)

    with prepared(found, create=False) as ready:
        return asyncio.run(run(ready))


def firsts(runtime: Runtime) -> Firsts:
    """The operator's acts over a runtime."""
    from omniops.operations.firsts import Firsts

    return Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)

"""What commands work with: settings, and a runtime over the deployment's own database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from omniops.bootstrap import Prepared
    from omniops.contracts.scope import Actor, Scope
    from omniops.operations.firsts import Firsts
    from omniops.runtime import Runtime
    from omniops.settings import Settings

T = TypeVar("T")


def settings(**override: Any) -> Settings:
    """The settings of this invocation. Raises `ConfigError`. From here on logs stay away from the terminal unless
    something is wrong, and from standard output altogether: `--json` prints JSON and nothing else."""
    from omniops import logs
    from omniops.settings import load

    found = load(**override).settings
    logs.configure("error", found.log_format)
    return found


def with_runtime(work: Callable[[Runtime], Awaitable[T]], chosen: Settings | None = None, *, quiet: bool = True) -> T:
    """Runs `work` over the deployment's database; the embedded server is started if it does not run, and left as it
    was found. Logs are written as the settings say where it is not `quiet`."""
    return with_prepared(lambda runtime, _: work(runtime), chosen, quiet=quiet)


def with_prepared(
    work: Callable[[Runtime, Prepared], Awaitable[T]], chosen: Settings | None = None, *, quiet: bool = True
) -> T:
    """`with_runtime` for who needs the links and the root as well."""
    from omniops import logs
    from omniops.audit.service import acting
    from omniops.bootstrap import prepared
    from omniops.contracts.scope import Actor
    from omniops.runtime import Runtime

    found = chosen or settings()
    if not quiet:
        logs.configure(found.log_level, found.log_format)

    async def run(ready: Prepared) -> T:
        async with Runtime.open(found, ready.links, ready.root) as runtime:
            with acting(Actor.operator()):
                return await work(runtime, ready)

    with prepared(found, create=False) as ready:
        return asyncio.run(run(ready))


def firsts(runtime: Runtime) -> Firsts:
    """The operator's acts over a runtime."""
    from omniops.operations.firsts import Firsts

    return Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)


async def member_named(runtime: Runtime, scope: Scope, named: str) -> Actor:
    """The member who decided; the operator only types it in."""
    from omniops.contracts.scope import Actor
    from omniops.errors import NotFound
    from omniops.operations.firsts import OPERATOR

    for member in await runtime.members.list(scope.account_id, actor=OPERATOR):
        if named.strip().lower() in (str(member.id), member.email.lower()):
            return Actor("member", str(member.id))
    raise NotFound(f"There is no member {named!r} in this account.", do="See `omniops member list`.")
